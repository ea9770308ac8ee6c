/* SPDX-License-Identifier: Apache-2.0
 * note.c - C2SP signed-note, tlog-checkpoint and tlog-cosignature with Ed25519, and key files.
 *
 * A note is its text (ending in a newline), an empty line, and signature lines: em dash, space,
 * key name, space, base64 of the key's id (4 bytes, big-endian) and the signature. The id is
 * the start of SHA-256(name || LF || type || public key). A checkpoint's text is origin, size
 * in decimal, root in base64, and extension lines that mean nothing here. Type 0x01 signs the
 * text; a cosignature (0x04) is 8 bytes of Unix time, big-endian, and a signature over
 * "cosignature/v1" LF "time " time LF and the text. */
#include "proof/note.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/json.h"

/* post-quantum signatures of others have up to 5 kB */
enum { SIGNATURE_MAX = 8192, COSIGNED_MAX = ONUS_NOTE_MAX + 64 };
static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

/* ---- keys -------------------------------------------------------------------------------- */

static uint32_t key_id(const char *name, onus_key_type type, const uint8_t pub[32])
{
    const uint8_t mid[2] = {'\n', (uint8_t)type};
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
static bool good_name(const char *name, size_t n)
{
    static const char *const blanks[] = {
        "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
        "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
        "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
        "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    for (size_t i = 0; i < n;) {
        const unsigned char c = (unsigned char)name[i];
        const int len = onus_utf8_len(name + i); /* a NUL or line end stands after name */
        if (len == 0 || c <= ' ' || c == '+' || c == 0x7f) return false;
        if (c == 0xc2 && (unsigned char)name[i + 1] < 0xa0) return false; /* controls */
        for (size_t k = 0; k < sizeof blanks / sizeof *blanks; k++) {
            if (strncmp(name + i, blanks[k], strlen(blanks[k])) == 0) return false;
        }
        i += (size_t)len;
    }
    return n > 0;
}

onus_status onus_key_new(onus_key *out, const char *name, onus_key_type type, onus_err *err)
{
    if (strlen(name) >= sizeof out->name || !good_name(name, strlen(name)))
        return onus_fail(
            err, ONUS_BAD_ARG,
            "key name '%.60s': expected 1 to 127 bytes of UTF-8 without blanks and plus signs",
            name);
    *out = (onus_key){.type = type, .has_secret = true};
    snprintf(out->name, sizeof out->name, "%s", name);
    crypto_sign_keypair(out->pub, out->secret);
    out->id = key_id(out->name, type, out->pub);
    return ONUS_OK;
}

void onus_key_wipe(onus_key *k)
{
    onus_wipe(k, sizeof *k);
}

/* base64 of the type's byte and 32 bytes */
static void encode_key(onus_key_type type, const uint8_t bytes[32], char out[48])
{
    uint8_t tagged[33] = {(uint8_t)type};
    memcpy(tagged + 1, bytes, 32);
    sodium_bin2base64(out, 48, tagged, sizeof tagged, sodium_base64_VARIANT_ORIGINAL);
    onus_wipe(tagged, sizeof tagged);
}

void onus_key_public_text(const onus_key *k, char out[256])
{
    char base64[48];
    encode_key(k->type, k->pub, base64);
    snprintf(out, 256, "%s+%08x+%s", k->name, k->id, base64);
}

/* Exactly one spelling of the bytes is accepted: the text must be what encoding gives back. */
static bool decode_exact(const char *text, size_t len, uint8_t *out, size_t n)
{
    size_t got = 0;
    char again[65];
    if (sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL) != len + 1) return false;
    if (sodium_base642bin(out, n, text, len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        got != n)
        return false;
    bool same = true;
    for (size_t i = 0; i < n && same; i += 48) { /* 48 bytes are 64 letters */
        const size_t some = n - i < 48 ? n - i : 48;
        sodium_bin2base64(again, sizeof again, out + i, some, sodium_base64_VARIANT_ORIGINAL);
        same = memcmp(again, text + i / 3 * 4, strlen(again)) == 0;
    }
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
                      (tagged[0] == ONUS_KEY_SIGNS || tagged[0] == ONUS_KEY_COSIGNS);
    if (fits) {
        k->type = (onus_key_type)tagged[0];
        memcpy(bytes, tagged + 1, 32);
    }
    onus_wipe(tagged, sizeof tagged);
    if (!fits) return false;
    k->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    return good_name(k->name, name);
}

onus_status onus_key_public_parse(onus_key *out, const char *text, const char *what,
                                  onus_err *err)
{
    onus_key k = {.has_secret = false};
    if (!parse_key_text(text, strlen(text), &k, k.pub) || key_id(k.name, k.type, k.pub) != k.id)
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
    encode_key(k->type, k->secret, base64); /* libsodium's secret key begins with the seed */
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
        good = key_id(k->name, k->type, k->pub) == k->id;
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

static void put_be(uint8_t *out, uint64_t v, int n)
{
    for (int i = 0; i < n; i++) out[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static uint64_t get_be(const uint8_t *in, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | in[i];
    return v;
}

/* sig[n] after the key's id, as a line. */
static onus_status add_signature(onus_buf *out, const onus_key *k, uint8_t *sig, size_t n,
                                 onus_err *err)
{
    char base64[128];
    put_be(sig, k->id, 4);
    sodium_bin2base64(base64, sizeof base64, sig, 4 + n, sodium_base64_VARIANT_ORIGINAL);
    onus_buf_printf(out, "%s%s %s\n", dash, k->name, base64);
    return onus_buf_status(out, "note", err);
}

onus_status onus_note_sign(onus_buf *out, const onus_key *k, const char *origin, uint64_t n,
                           const uint8_t root[32], onus_err *err)
{
    char base64[64];
    uint8_t sig[4 + crypto_sign_BYTES];
    if (!k->has_secret || k->type != ONUS_KEY_SIGNS)
        return onus_fail(err, ONUS_BAD_ARG, "note: key '%s' cannot sign", k->name);
    if (!*origin || strpbrk(origin, "\n\r"))
        return onus_fail(err, ONUS_BAD_ARG, "note: origin '%.40s' is not one line", origin);
    sodium_bin2base64(base64, sizeof base64, root, 32, sodium_base64_VARIANT_ORIGINAL);
    const size_t begin = out->len;
    onus_buf_printf(out, "%s\n%llu\n%s\n", origin, (unsigned long long)n, base64);
    onus_status st = onus_buf_status(out, "note", err);
    if (st != ONUS_OK) return st;
    crypto_sign_detached(sig + 4, NULL, (const unsigned char *)out->data + begin,
                         out->len - begin, k->secret);
    onus_buf_str(out, "\n");
    return add_signature(out, k, sig, crypto_sign_BYTES, err);
}

/* What a witness signs at that time. */
static onus_status cosigned_text(onus_buf *out, const onus_note *note, uint64_t time,
                                 onus_err *err)
{
    onus_buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time);
    onus_buf_add(out, note->text, note->text_len);
    return onus_buf_status(out, "cosignature", err);
}

onus_status onus_note_cosign(onus_buf *out, const onus_note *note, const onus_key *k,
                             int64_t time, onus_err *err)
{
    onus_buf text;
    uint8_t sig[4 + 8 + crypto_sign_BYTES];
    if (!k->has_secret || k->type != ONUS_KEY_COSIGNS || time < 0)
        return onus_fail(err, ONUS_BAD_ARG, "note: key '%s' cannot cosign", k->name);
    onus_buf_init(&text, out->mem, COSIGNED_MAX);
    onus_status st = cosigned_text(&text, note, (uint64_t)time, err);
    if (st == ONUS_OK) {
        put_be(sig + 4, (uint64_t)time, 8);
        crypto_sign_detached(sig + 12, NULL, (const unsigned char *)text.data, text.len,
                             k->secret);
        onus_buf_add(out, note->text, note->len);
        st = add_signature(out, k, sig, 8 + crypto_sign_BYTES, err);
    }
    onus_buf_release(&text);
    return st;
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

/* Origin, size, root, extension lines, and the empty line that ends them. */
static onus_status read_checkpoint(onus_note *out, size_t *at, const char *what, onus_err *err)
{
    const char *line;
    size_t n;
    if (!next_line(out->text, out->len, at, &line, &n) || n == 0 || n >= sizeof out->origin)
        return bad_note(what, "an origin", err);
    memcpy(out->origin, line, n);
    if (!next_line(out->text, out->len, at, &line, &n) || n == 0 || n > 19 ||
        (n > 1 && line[0] == '0'))
        return bad_note(what, "a size", err);
    for (size_t i = 0; i < n; i++) {
        if (line[i] < '0' || line[i] > '9') return bad_note(what, "a size in digits", err);
        out->n = out->n * 10 + (uint64_t)(line[i] - '0');
    }
    if (!next_line(out->text, out->len, at, &line, &n) || !decode_exact(line, n, out->root, 32))
        return bad_note(what, "a root in base64", err);
    for (;;) {
        out->text_len = *at;
        if (!next_line(out->text, out->len, at, &line, &n))
            return bad_note(what, "an empty line after the root", err);
        if (n == 0) return ONUS_OK;
        out->n_extensions++;
    }
}

typedef struct {
    const char *name;
    size_t name_len;
    uint32_t id;
    const uint8_t *sig; /* after the id */
    size_t sig_len;
} signature;

/* One signature line; bytes keeps what sig points to. */
static bool read_signature(signature *out, const char *line, size_t n,
                           uint8_t bytes[4 + SIGNATURE_MAX])
{
    const size_t d = sizeof dash - 1;
    const char *space = n > d ? memchr(line + d, ' ', n - d) : NULL;
    if (!space || memcmp(line, dash, d) != 0) return false;
    const size_t name = (size_t)(space - line) - d, left = n - d - name - 1;
    const size_t size =
        left / 4 * 3 - (left && space[left] == '=') - (left > 1 && space[left - 1] == '=');
    if (!good_name(line + d, name) || left % 4 || size < 5 || size > 4 + SIGNATURE_MAX ||
        !decode_exact(space + 1, left, bytes, size))
        return false;
    *out = (signature){.name = line + d,
                       .name_len = name,
                       .id = (uint32_t)get_be(bytes, 4),
                       .sig = bytes + 4,
                       .sig_len = size - 4};
    return true;
}

/* UTF-8 without control characters but line ends. */
static bool is_note_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) { /* the last byte is a line end, so nothing is read behind */
        const unsigned char c = (unsigned char)text[i];
        const int n = onus_utf8_len(text + i);
        if (n == 0 || (c < ' ' && c != '\n')) return false;
        i += (size_t)n;
    }
    return true;
}

onus_status onus_note_parse(onus_note *out, const char *text, size_t len, const char *what,
                            onus_err *err)
{
    onus_note note = {.text = text, .len = len};
    signature s;
    uint8_t bytes[4 + SIGNATURE_MAX];
    const char *line;
    size_t at = 0, n;
    if (len > ONUS_NOTE_MAX || len == 0 || text[len - 1] != '\n' || !is_note_text(text, len))
        return bad_note(what, "text that ends in a line end", err);
    onus_status st = read_checkpoint(&note, &at, what, err);
    if (st != ONUS_OK) return st;
    while (next_line(text, len, &at, &line, &n)) {
        if (!read_signature(&s, line, n, bytes))
            return bad_note(what, "a signature line (name, base64)", err);
        note.n_signatures++;
    }
    *out = note;
    return ONUS_OK;
}

void onus_note_extension(const onus_note *note, int64_t i, const char **line, size_t *len)
{
    size_t at = 0;
    for (int64_t k = 0; k < 4 + i; k++) {
        if (!next_line(note->text, note->text_len, &at, line, len)) *len = 0;
    }
}

/* A signature over the text, or over text and time, which goes to *time. */
static onus_status is_valid(const onus_note *note, const signature *s, const onus_key *k,
                            int64_t *time, bool *valid, onus_err *err)
{
    onus_buf text;
    onus_status st = ONUS_OK;
    *valid = false;
    *time = 0;
    if (k->type == ONUS_KEY_SIGNS) {
        *valid = s->sig_len == crypto_sign_BYTES &&
                 crypto_sign_verify_detached(s->sig, (const unsigned char *)note->text,
                                             note->text_len, k->pub) == 0;
        return ONUS_OK;
    }
    if (s->sig_len != 8 + crypto_sign_BYTES || s->sig[0] > 0x7f) return ONUS_OK;
    *time = (int64_t)get_be(s->sig, 8);
    onus_buf_init(&text, NULL, COSIGNED_MAX);
    st = cosigned_text(&text, note, (uint64_t)*time, err);
    if (st == ONUS_OK)
        *valid = crypto_sign_verify_detached(s->sig + 8, (const unsigned char *)text.data,
                                             text.len, k->pub) == 0;
    onus_buf_release(&text);
    return st;
}

onus_status onus_note_check(const onus_note *note, const char *what, const onus_key *k,
                            onus_seal *out, onus_err *err)
{
    onus_seal seal = {.n_lines = 0};
    signature s;
    uint8_t bytes[4 + SIGNATURE_MAX];
    const char *line;
    size_t at = note->text_len + 1, n;
    while (next_line(note->text, note->len, &at, &line, &n)) {
        int64_t time;
        bool valid;
        if (!read_signature(&s, line, n, bytes) || s.id != k->id ||
            s.name_len != strlen(k->name) || memcmp(s.name, k->name, s.name_len) != 0)
            continue;
        onus_status st = is_valid(note, &s, k, &time, &valid, err);
        if (st != ONUS_OK) return st;
        if (!valid)
            return onus_fail(err, ONUS_TAMPER, "%s: the signature of '%s' is wrong", what,
                             k->name);
        if (!seal.n_lines || time < seal.time) seal.time = time;
        seal.n_lines++;
    }
    if (!seal.n_lines)
        return onus_fail(err, ONUS_TAMPER, "%s: no signature of '%s'", what, k->name);
    if (out) *out = seal;
    return ONUS_OK;
}

onus_status onus_note_verify(onus_note *out, const char *text, size_t len, const char *what,
                             const onus_key *k, onus_err *err)
{
    onus_note note;
    onus_status st = onus_note_parse(&note, text, len, what, err);
    if (st == ONUS_OK) st = onus_note_check(&note, what, k, NULL, err);
    if (st == ONUS_OK) *out = note;
    return st;
}
