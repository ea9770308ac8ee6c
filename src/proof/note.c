/* SPDX-License-Identifier: Apache-2.0
 * note.c - C2SP signed-note and tlog-checkpoint with Ed25519, and key files.
 *
 * A note is its text (ending in a newline), an empty line, and signature lines: em dash, space,
 * key name, space, base64 of the key's id (4 bytes, big-endian) and the signature over the
 * text. The id is the start of SHA-256(name || LF || 0x01 || public key). A checkpoint's text
 * is three lines: origin, size in decimal, root in base64. */
#include "proof/note.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"

enum { ALG_ED25519 = 1, NOTE_MAX = 1 << 16 };
static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

/* ---- keys -------------------------------------------------------------------------------- */

static uint32_t key_id(const char *name, const uint8_t pub[32])
{
    const uint8_t mid[2] = {'\n', ALG_ED25519};
    uint8_t sha[32];
    onus_sha256 h;
    onus_sha256_init(&h);
    onus_sha256_add(&h, name, strlen(name));
    onus_sha256_add(&h, mid, 2);
    onus_sha256_add(&h, pub, 32);
    onus_sha256_end(&h, sha);
    return (uint32_t)sha[0] << 24 | (uint32_t)sha[1] << 16 | (uint32_t)sha[2] << 8 | sha[3];
}

/* UTF-8 without control characters, plus signs and what Unicode calls a space, so that a note
 * and a terminal show one name as one name. */
static bool good_name(const char *name)
{
    static const char *const blanks[] = {
        "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
        "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
        "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
        "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    const size_t n = strlen(name);
    for (size_t i = 0; i < n;) {
        const unsigned char c = (unsigned char)name[i];
        const int len = onus_utf8_len(name + i);
        if (len == 0 || c <= ' ' || c == '+' || c == 0x7f) return false;
        if (c == 0xc2 && (unsigned char)name[i + 1] < 0xa0) return false; /* controls */
        for (size_t k = 0; k < sizeof blanks / sizeof *blanks; k++) {
            if (strncmp(name + i, blanks[k], strlen(blanks[k])) == 0) return false;
        }
        i += (size_t)len;
    }
    return n > 0 && n < sizeof((onus_key *)0)->name;
}

onus_status onus_key_new(onus_key *out, const char *name, onus_err *err)
{
    if (!good_name(name))
        return onus_fail(
            err, ONUS_BAD_ARG,
            "key name '%.60s': expected 1 to 127 bytes of UTF-8 without blanks and plus signs",
            name);
    *out = (onus_key){.has_secret = true};
    snprintf(out->name, sizeof out->name, "%s", name);
    crypto_sign_keypair(out->pub, out->secret);
    out->id = key_id(out->name, out->pub);
    return ONUS_OK;
}

void onus_key_wipe(onus_key *k)
{
    onus_wipe(k, sizeof *k);
}

/* base64 of the algorithm's byte and 32 bytes */
static void encode_key(const uint8_t bytes[32], char out[48])
{
    uint8_t tagged[33] = {ALG_ED25519};
    memcpy(tagged + 1, bytes, 32);
    sodium_bin2base64(out, 48, tagged, sizeof tagged, sodium_base64_VARIANT_ORIGINAL);
    onus_wipe(tagged, sizeof tagged);
}

void onus_key_public_text(const onus_key *k, char out[256])
{
    char base64[48];
    encode_key(k->pub, base64);
    snprintf(out, 256, "%s+%08x+%s", k->name, k->id, base64);
}

/* Exactly one spelling of the bytes is accepted: the text must be what encoding gives back. */
static bool decode_exact(const char *text, size_t len, uint8_t *out, size_t n)
{
    size_t got = 0;
    char again[512];
    if (len >= sizeof again ||
        sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL) != len + 1)
        return false;
    if (sodium_base642bin(out, n, text, len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        got != n)
        return false;
    sodium_bin2base64(again, sizeof again, out, n, sodium_base64_VARIANT_ORIGINAL);
    const bool same = memcmp(again, text, len) == 0;
    onus_wipe(again, sizeof again); /* of a private key, maybe */
    return same;
}

/* name+hash+base64, from text[len]; bytes receives the 32 of the key. */
static bool parse_key_text(const char *text, size_t len, onus_key *k, uint8_t bytes[32])
{
    const char *plus = memchr(text, '+', len);
    if (!plus || plus == text || (size_t)(plus - text) >= sizeof k->name) return false;
    const size_t name = (size_t)(plus - text);
    memcpy(k->name, text, name);
    k->name[name] = '\0';
    uint8_t id[4], tagged[33];
    char hex[9] = "";
    if (len < name + 10 || text[name + 9] != '+' || memchr(k->name, 0, name)) return false;
    memcpy(hex, plus + 1, 8);
    const bool fits = onus_unhex(hex, id, 4) &&
                      decode_exact(text + name + 10, len - name - 10, tagged, 33) &&
                      tagged[0] == ALG_ED25519;
    if (fits) memcpy(bytes, tagged + 1, 32);
    onus_wipe(tagged, sizeof tagged);
    if (!fits) return false;
    k->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    return good_name(k->name);
}

onus_status onus_key_public_parse(onus_key *out, const char *text, const char *what,
                                  onus_err *err)
{
    onus_key k = {.has_secret = false};
    if (!parse_key_text(text, strlen(text), &k, k.pub) || key_id(k.name, k.pub) != k.id)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: not a public key of a signed note (name+hash+base64)", what);
    *out = k;
    return ONUS_OK;
}

onus_status onus_key_save(const onus_key *k, const char *path, onus_err *err)
{
    char text[320], pub_path[ONUS_PATH_MAX], base64[48];
    if (!k->has_secret)
        return onus_fail(err, ONUS_BAD_ARG, "key '%s' has no private half to save", k->name);
    if (snprintf(pub_path, sizeof pub_path, "%s.pub", path) >= (int)sizeof pub_path)
        return onus_fail(err, ONUS_BAD_ARG, "path longer than %d bytes", ONUS_PATH_MAX);
    if (onus_file_exists(pub_path)) /* before the private half is made */
        return onus_fail(err, ONUS_IO, "cannot create '%s': it exists", pub_path);
    encode_key(k->secret, base64); /* libsodium's secret key begins with the seed */
    snprintf(text, sizeof text, "PRIVATE+KEY+%s+%08x+%s\n", k->name, k->id, base64);
    onus_status st = onus_file_create(path, text, strlen(text), 0600, err);
    onus_wipe(text, sizeof text);
    onus_wipe(base64, sizeof base64);
    if (st != ONUS_OK) return st;
    onus_key_public_text(k, text);
    strcat(text, "\n");
    st = onus_file_create(pub_path, text, strlen(text), 0644, err);
    if (st != ONUS_OK) (void)unlink(path);
    return st;
}

static onus_status load_private(onus_key *k, const char *text, size_t len, const char *path,
                                onus_err *err)
{
    uint8_t seed[32];
    bool good = parse_key_text(text, len, k, seed);
    if (good) {
        crypto_sign_seed_keypair(k->pub, k->secret, seed);
        k->has_secret = true;
        good = key_id(k->name, k->pub) == k->id;
    }
    onus_wipe(seed, sizeof seed);
    return good
               ? ONUS_OK
               : onus_fail(err, ONUS_BAD_INPUT, "%s: not a private key of a signed note", path);
}

onus_status onus_key_load(onus_key *out, const char *path, onus_err *err)
{
    static const char start[] = "PRIVATE+KEY+";
    onus_buf text;
    onus_key k = {.has_secret = false};
    onus_buf_init(&text, NULL, 1024);
    onus_status st = onus_file_read(path, &text, err);
    if (st == ONUS_OK &&
        (text.len < 2 || text.data[text.len - 1] != '\n' ||
         memchr(text.data, '\n', text.len - 1) || memchr(text.data, 0, text.len)))
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: expected one line, a key of a signed note",
                       path);
    if (st == ONUS_OK) {
        text.data[text.len - 1] = '\0';
        const size_t n = sizeof start - 1;
        st = strncmp(text.data, start, n) == 0
                 ? load_private(&k, text.data + n, text.len - 1 - n, path, err)
                 : onus_key_public_parse(&k, text.data, path, err);
    }
    if (st == ONUS_OK) *out = k;
    onus_key_wipe(&k);
    if (text.data) onus_wipe(text.data, text.cap);
    onus_buf_release(&text);
    return st;
}

/* ---- notes ------------------------------------------------------------------------------- */

onus_status onus_note_sign(onus_buf *out, const onus_key *k, const char *origin, uint64_t n,
                           const uint8_t root[32], onus_err *err)
{
    char base64[64], sig_text[128];
    uint8_t sig[4 + crypto_sign_BYTES];
    if (!k->has_secret)
        return onus_fail(err, ONUS_BAD_ARG, "note: key '%s' cannot sign", k->name);
    if (!*origin || strpbrk(origin, "\n\r"))
        return onus_fail(err, ONUS_BAD_ARG, "note: origin '%.40s' is not one line", origin);
    sodium_bin2base64(base64, sizeof base64, root, 32, sodium_base64_VARIANT_ORIGINAL);
    const size_t begin = out->len;
    onus_buf_printf(out, "%s\n%llu\n%s\n", origin, (unsigned long long)n, base64);
    onus_status st = onus_buf_status(out, "note", err);
    if (st != ONUS_OK) return st;
    for (int i = 0; i < 4; i++) sig[i] = (uint8_t)(k->id >> (24 - 8 * i));
    crypto_sign_detached(sig + 4, NULL, (const unsigned char *)out->data + begin,
                         out->len - begin, k->secret);
    sodium_bin2base64(sig_text, sizeof sig_text, sig, sizeof sig,
                      sodium_base64_VARIANT_ORIGINAL);
    onus_buf_printf(out, "\n%s%s %s\n", dash, k->name, sig_text);
    return onus_buf_status(out, "note", err);
}

/* The next line of text[*at .. len), without its end; false if there is none. */
static bool next_line(const char *text, size_t len, size_t *at, const char **line,
                      size_t *line_len)
{
    if (*at >= len) return false;
    const char *end = memchr(text + *at, '\n', len - *at);
    if (!end) return false;
    *line = text + *at;
    *line_len = (size_t)(end - *line);
    *at += *line_len + 1;
    return true;
}

static onus_status bad_note(const char *what, const char *expected, onus_err *err)
{
    return onus_fail(err, ONUS_TAMPER, "%s: not a signed note: expected %s", what, expected);
}

/* Origin, size, root: exactly three lines. */
static onus_status read_checkpoint(onus_note *out, const char *text, size_t len, size_t *at,
                                   const char *what, onus_err *err)
{
    const char *line;
    size_t n;
    if (!next_line(text, len, at, &line, &n) || n == 0 || n >= sizeof out->origin)
        return bad_note(what, "an origin", err);
    memcpy(out->origin, line, n);
    if (!next_line(text, len, at, &line, &n) || n == 0 || n > 19 || (n > 1 && line[0] == '0'))
        return bad_note(what, "a size", err);
    for (size_t i = 0; i < n; i++) {
        if (line[i] < '0' || line[i] > '9') return bad_note(what, "a size in digits", err);
        out->n = out->n * 10 + (uint64_t)(line[i] - '0');
    }
    if (!next_line(text, len, at, &line, &n) || !decode_exact(line, n, out->root, 32))
        return bad_note(what, "a root in base64", err);
    return ONUS_OK;
}

/* One signature line: ours is checked, those of others are counted. */
static onus_status read_signature(onus_note *out, const char *line, size_t n, const char *text,
                                  size_t text_len, const char *what, const onus_key *k,
                                  bool *signed_, onus_err *err)
{
    const size_t d = sizeof dash - 1;
    const char *space = n > d ? memchr(line + d, ' ', n - d) : NULL;
    if (!space || memcmp(line, dash, d) != 0 || space == line + d)
        return bad_note(what, "a signature line", err);
    const size_t name = (size_t)(space - line) - d, left = n - d - name - 1;
    uint8_t sig[4 + 256];
    const size_t bytes =
        left / 4 * 3 - (left && space[left] == '=') - (left > 1 && space[left - 1] == '=');
    if (left % 4 || bytes < 5 || bytes > sizeof sig ||
        !decode_exact(space + 1, left, sig, bytes))
        return bad_note(what, "a signature in base64", err);
    out->n_signatures++;
    const uint32_t id =
        (uint32_t)sig[0] << 24 | (uint32_t)sig[1] << 16 | (uint32_t)sig[2] << 8 | sig[3];
    const bool mine =
        name == strlen(k->name) && memcmp(line + d, k->name, name) == 0 && id == k->id;
    if (!mine) {
        out->n_witnesses++;
        return ONUS_OK;
    }
    if (bytes != 4 + crypto_sign_BYTES ||
        crypto_sign_verify_detached(sig + 4, (const unsigned char *)text, text_len, k->pub) !=
            0)
        return onus_fail(err, ONUS_TAMPER, "%s: the signature of '%s' is wrong", what, k->name);
    *signed_ = true;
    return ONUS_OK;
}

onus_status onus_note_verify(onus_note *out, const char *text, size_t len, const char *what,
                             const onus_key *k, onus_err *err)
{
    onus_note note = {.n = 0};
    const char *line;
    size_t at = 0, n;
    bool is_signed = false;
    if (len > NOTE_MAX || len == 0 || text[len - 1] != '\n' || memchr(text, 0, len))
        return bad_note(what, "text that ends in a line end", err);
    onus_status st = read_checkpoint(&note, text, len, &at, what, err);
    if (st != ONUS_OK) return st;
    const size_t text_len = at;
    if (!next_line(text, len, &at, &line, &n) || n != 0)
        return bad_note(what, "an empty line after the root", err);
    while (st == ONUS_OK && next_line(text, len, &at, &line, &n))
        st = read_signature(&note, line, n, text, text_len, what, k, &is_signed, err);
    if (st != ONUS_OK) return st;
    if (!is_signed)
        return onus_fail(err, ONUS_TAMPER, "%s: no signature of '%s'", what, k->name);
    snprintf(note.signer, sizeof note.signer, "%s", k->name);
    *out = note;
    return ONUS_OK;
}
