/* SPDX-License-Identifier: Apache-2.0
 * tlog_proof.c - C2SP tlog-proof, written and read. Numbers have no leading zeroes and base64
 * no slack, so that a proof has one spelling. */
#include "proof/tlog_proof.h"

#include <sodium.h>
#include <string.h>

#include "base/fail.h"

static const char head[] = "c2sp.org/tlog-proof@v1\n", extra[] = "extra ", index_[] = "index ";

/* bytes in base64, and a line end */
static onus_status add_base64(onus_buf *out, const void *bytes, size_t n,
                              const onus_allocator *mem, onus_err *err)
{
    const size_t size = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
    char *text = onus_alloc(mem, size, 1);
    if (!text) return onus_fail_mem(err, "proof");
    sodium_bin2base64(text, size, bytes, n, sodium_base64_VARIANT_ORIGINAL);
    onus_buf_add(out, text, size - 1);
    onus_buf_str(out, "\n");
    onus_free(mem, text);
    return ONUS_OK;
}

onus_status onus_tlog_proof_write(onus_buf *out, const onus_log *log, int64_t i,
                                  const char *note, size_t note_len, const onus_allocator *mem,
                                  onus_err *err)
{
    onus_status st = ONUS_OK;
    const int64_t n = onus_log_count(log);
    size_t len;
    uint8_t path[ONUS_MERKLE_PATH_MAX][32];
    uint8_t(*hashes)[32] = onus_alloc(mem, (size_t)n, sizeof *hashes);
    if (!hashes) return onus_fail_mem(err, "proof");
    for (int64_t k = 0; k < n; k++) {
        const char *line = onus_log_line(log, k, &len);
        onus_merkle_leaf(line, len, hashes[k]);
    }
    const int n_path = onus_merkle_path(hashes, (uint64_t)n, (uint64_t)i, path);
    onus_buf_printf(out, "%s%s", head, extra);
    const char *line = onus_log_line(log, i, &len);
    ONUS_TRY(add_base64(out, line, len, mem, err));
    onus_buf_printf(out, "%s%lld\n", index_, (long long)i);
    for (int k = 0; k < n_path; k++) ONUS_TRY(add_base64(out, path[k], 32, mem, err));
    onus_buf_str(out, "\n");
    onus_buf_add(out, note, note_len);
    st = onus_buf_status(out, "proof", err);
done:
    onus_free(mem, hashes);
    return st;
}

static onus_status bad_proof(const char *what, const char *expected, onus_err *err)
{
    return onus_fail(err, ONUS_TAMPER, "%s: not a tlog-proof of a line: expected %s", what,
                     expected);
}

/* What follows `start` on the line at *at, which is passed; false if it is another line. */
static bool take_line(const char *text, size_t len, size_t *at, const char *start,
                      const char **rest, size_t *n)
{
    const size_t skip = strlen(start);
    const char *end = *at < len ? memchr(text + *at, '\n', len - *at) : NULL;
    if (!end || (size_t)(end - text) - *at < skip || memcmp(text + *at, start, skip) != 0)
        return false;
    *rest = text + *at + skip;
    *n = (size_t)(end - *rest);
    *at = (size_t)(end - text) + 1;
    return true;
}

/* Appends what the base64 says; libsodium takes one spelling of it, padded and without slack.
 */
static bool add_decoded(onus_buf *out, const char *text, size_t n)
{
    uint8_t bytes[48];
    if (n % 4) return false;
    for (size_t i = 0; i < n; i += 64) { /* 64 letters are 48 bytes */
        const size_t some = n - i < 64 ? n - i : 64;
        size_t got = 0;
        if (sodium_base642bin(bytes, sizeof bytes, text + i, some, NULL, &got, NULL,
                              sodium_base64_VARIANT_ORIGINAL) != 0)
            return false;
        if (got < 48 && some == 64) return false; /* padding, and then more */
        onus_buf_add(out, bytes, got);
    }
    return true;
}

static bool read_index(const char *text, size_t n, uint64_t *out)
{
    *out = 0;
    if (n == 0 || n > 18 || (n > 1 && text[0] == '0')) return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

onus_status onus_tlog_proof_read(onus_tlog_proof *out, onus_buf *line, const char *text,
                                 size_t len, const char *what, onus_err *err)
{
    onus_tlog_proof p = {.n_path = 0};
    onus_buf hash;
    size_t at = sizeof head - 1, n;
    const char *rest;
    bool good = true, ended = false;
    if (len < sizeof head - 1 || memcmp(text, head, sizeof head - 1) != 0)
        return bad_proof(what, "c2sp.org/tlog-proof@v1", err);
    if (!take_line(text, len, &at, extra, &rest, &n) || !add_decoded(line, rest, n))
        return bad_proof(what, "extra, and the line in base64", err);
    onus_status st = onus_buf_status(line, what, err);
    if (st != ONUS_OK) return st;
    if (!take_line(text, len, &at, index_, &rest, &n) || !read_index(rest, n, &p.index))
        return bad_proof(what, "index, and a number", err);
    onus_buf_init(&hash, NULL, 64);
    while (good && !ended) {
        good = take_line(text, len, &at, "", &rest, &n);
        ended = good && n == 0;
        if (!good || ended) break;
        onus_buf_clear(&hash);
        good = p.n_path < ONUS_MERKLE_PATH_MAX && n == 44 && add_decoded(&hash, rest, n) &&
               hash.st == ONUS_OK && hash.len == 32;
        if (good) memcpy(p.path[p.n_path++], hash.data, 32);
    }
    onus_buf_release(&hash);
    if (!good) return bad_proof(what, "hashes in base64, and an empty line", err);
    p.note = text + at;
    p.note_len = len - at;
    *out = p;
    return ONUS_OK;
}

onus_status onus_tlog_proof_verify(onus_tlog_proof *out, onus_note *note, onus_buf *line,
                                   const char *text, size_t len, const char *what,
                                   const onus_key *k, onus_err *err)
{
    uint8_t leaf[32];
    onus_status st = onus_tlog_proof_read(out, line, text, len, what, err);
    if (st == ONUS_OK) st = onus_note_verify(note, out->note, out->note_len, what, k, err);
    if (st != ONUS_OK) return st;
    onus_merkle_leaf(line->data, line->len, leaf);
    if (!onus_merkle_included(leaf, out->index, note->n, (const uint8_t(*)[32])out->path,
                              out->n_path, note->root))
        return onus_fail(err, ONUS_TAMPER,
                         "%s: its line is not number %llu of the %llu under the signed head",
                         what, (unsigned long long)out->index + 1, (unsigned long long)note->n);
    return ONUS_OK;
}
