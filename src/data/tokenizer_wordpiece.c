/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_wordpiece.c - BERT's word pieces (Devlin et al. 2019, arXiv:1810.04805), as Hugging
 * Face's library has them.
 *
 * Three passes over a stretch of text, each of which needs the whole of what the one before
 * made, since combining marks are put in order across characters: controls are dropped, white
 * space becomes a blank and Chinese characters get blanks around them; the rest is decomposed
 * (NFD); accents are dropped, letters made small, words cut at white space and around
 * punctuation, and each word is taken apart greedily, the longest piece first. */
#include <utf8proc.h>

#include "data/tokenizer_parts.h"

/* The blocks that BERT's authors took for Chinese (the released tokenization.py), with one
 * limit as Hugging Face's library has it: 0x2b920, not 0x2b820. */
static bool is_chinese(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f) ||
           (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x2f800 && c <= 0x2fa1f);
}

/* First pass: text[len] into out, which has room for 2 len bytes; returns its bytes. */
static size_t clean(const onus_tokenizer *t, const char *text, size_t len, char *out)
{
    size_t used = 0;
    int n = 0;
    for (size_t i = 0; i < len; i += (size_t)n) {
        const uint32_t c = onus_utf8_next(text + i, &n);
        const uint8_t class = t->classes[c];
        if (t->clean && class & ONUS_CONTROL) continue;
        const bool chinese = t->chinese && is_chinese(c);
        if (t->clean && class & ONUS_WHITE) {
            out[used++] = ' ';
            continue;
        }
        if (chinese) out[used++] = ' ';
        memcpy(out + used, text + i, (size_t)n);
        used += (size_t)n;
        if (chinese) out[used++] = ' ';
    }
    return used;
}

/* ---- words ------------------------------------------------------------------------------- */

/* A word that grows by characters; bytes stand behind room for the prefix. One longer than
 * what a vocabulary may know only counts them. */
typedef struct {
    const onus_tokenizer *t;
    onus_ids *ids;
    char *bytes; /* (n_prefix + 4 n_chars_max) */
    size_t n_bytes;
    int64_t n_chars;
} word;

/* The word is whole: its pieces, or the unknown token where some part has none. */
static void end_word(word *w)
{
    const onus_tokenizer *t = w->t;
    const int64_t n_before = w->ids->n;
    char *const text = w->bytes + t->n_prefix;
    bool known = w->n_chars <= t->n_chars_max;
    for (size_t from = 0, to; known && from < w->n_bytes; from = to) {
        int32_t id = -1;
        char *piece = text + from;
        if (from > 0) { /* over bytes that are done with */
            piece -= t->n_prefix;
            memcpy(piece, t->prefix, t->n_prefix);
        }
        to = w->n_bytes - from > t->longest ? from + t->longest : w->n_bytes;
        for (; to > from; to--) {
            const bool inside = to < w->n_bytes && ((unsigned char)text[to] & 0xc0) == 0x80;
            if (inside) continue;
            id = onus_vocab_find(&t->vocab, piece, (size_t)(text + to - piece));
            if (id >= 0) break;
        }
        known = id >= 0;
        if (known) onus_ids_put(w->ids, id);
    }
    if (!known) {
        w->ids->n = n_before;
        onus_ids_put(w->ids, t->unknown);
    }
    w->n_chars = 0;
    w->n_bytes = 0;
}

static void add_code(word *w, uint32_t code)
{
    const uint8_t class = w->t->classes[code];
    const bool alone = class & ONUS_PUNCTUATION;
    if (w->n_chars && (class & ONUS_WHITE || alone)) end_word(w);
    if (class & ONUS_WHITE) return;
    if (w->n_chars++ < w->t->n_chars_max)
        w->n_bytes += (size_t)onus_utf8_put(w->bytes + w->t->n_prefix + w->n_bytes, code);
    if (alone) end_word(w);
}

/* ---- encoding ---------------------------------------------------------------------------- */

/* Third pass. */
static void add_codes(word *w, const utf8proc_int32_t *codes, utf8proc_ssize_t n)
{
    const onus_tokenizer *t = w->t;
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        uint32_t low[2] = {(uint32_t)codes[i]};
        if (t->strip && t->classes[low[0]] & ONUS_ACCENT) continue;
        const int k = t->lower ? onus_lower(low[0], low) : 1;
        for (int j = 0; j < k; j++) add_code(w, low[j]);
    }
    if (w->n_chars) end_word(w);
}

static bool is_ascii(const char *text, size_t len)
{
    unsigned char all = 0;
    for (size_t i = 0; i < len; i++) all |= (unsigned char)text[i];
    return all < 0x80;
}

/* Second pass: how many code points text[len] has, decomposed if accents are to be dropped;
 * codes has room for max, and with max 0 they are only counted. Fewer than 0: memory ended. */
static utf8proc_ssize_t decompose(const onus_tokenizer *t, const char *text, size_t len,
                                  utf8proc_int32_t *codes, size_t max)
{
    if (t->strip && !is_ascii(text, len))
        return utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, codes,
                                  (utf8proc_ssize_t)max, UTF8PROC_DECOMPOSE);
    utf8proc_ssize_t used = 0;
    int n = 0;
    for (size_t i = 0; i < len; i += (size_t)n) {
        const uint32_t code = onus_utf8_next(text + i, &n);
        if (max) codes[used] = (utf8proc_int32_t)code;
        used++;
    }
    return used;
}

onus_status onus_wordpiece_encode(onus_tokenizer_worker *w, const char *text, size_t from,
                                  size_t to, onus_ids *ids, onus_err *err)
{
    /* Decomposed, a byte gives less than two code points (U+1F82 gives four of its three);
     * chunks would not do, since marks are ordered over any distance. */
    enum { CODES_A_BYTE = 2 };
    const onus_tokenizer *t = w->t;
    const size_t len = to - from, n_word = t->n_prefix + 4 * (size_t)t->n_chars_max + 4;
    const size_t n_codes = 2 * len * CODES_A_BYTE;
    utf8proc_int32_t *codes = onus_scratch(w, n_codes * sizeof *codes + 2 * len + n_word);
    if (!codes) return onus_fail_mem(err, t->name);
    char *cleaned = (char *)(codes + n_codes);
    word made = {.t = t, .ids = ids, .bytes = cleaned + 2 * len};
    const size_t n_cleaned = clean(t, text + from, len, cleaned);
    const utf8proc_ssize_t n = decompose(t, cleaned, n_cleaned, codes, n_codes);
    if (n < 0 || (size_t)n > n_codes)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: a text of %zu bytes cannot be decomposed",
                         t->name, len);
    add_codes(&made, codes, n);
    return ONUS_OK;
}

/* ---- decoding ---------------------------------------------------------------------------- */

/* What Hugging Face's decoder tidies: no blank before these. */
static bool leans_left(const char *text)
{
    static const char *const begins[] = {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        if (strncmp(text, begins[i], strlen(begins[i])) == 0) return true;
    }
    return false;
}

void onus_wordpiece_show(const onus_tokenizer *t, int32_t id, bool first, onus_buf *out)
{
    size_t len;
    const char *text = onus_vocab_text(&t->vocab, id, &len);
    const bool continues = t->n_prefix && strncmp(text, t->prefix, t->n_prefix) == 0;
    if (!first && continues) {
        text += t->n_prefix;
        len -= t->n_prefix;
    } else if (!first && !(t->cleanup && leans_left(text))) {
        onus_buf_add(out, " ", 1);
    }
    onus_buf_add(out, text, len);
}
