/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.c - what all kinds of tokenizers share: special tokens, encoding, decoding.
 *
 * A text is checked once to be UTF-8; what follows relies on it. Then it is cut at special
 * tokens, and each stretch between them is encoded by its kind as if it were a text of its
 * own. */
#include "data/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

#include "data/tokenizer_parts.h"

const char *const onus_tokenizer_kinds[ONUS_TOKENIZER_WORDPIECE + 1] = {"character", "word",
                                                                        "bpe", "wordpiece"};

/* ---- from nothing to a tokenizer that never changes -------------------------------------- */

onus_status onus_tokenizer_begin(onus_tokenizer **out, onus_tokenizer_kind kind,
                                 const char *name, const onus_allocator *mem, onus_err *err)
{
    onus_tokenizer *t = onus_alloc(mem, 1, sizeof *t);
    if (!t) return onus_fail_mem(err, "tokenizer");
    t->mem = mem;
    t->kind = kind;
    t->unknown = -1;
    snprintf(t->name, sizeof t->name, "%s", name);
    onus_vocab_init(&t->vocab, mem);
    if (kind != ONUS_TOKENIZER_CHARACTER) {
        t->classes = onus_classes_create(mem);
        if (!t->classes) {
            onus_free(mem, t);
            return onus_fail_mem(err, "tokenizer");
        }
    }
    *out = t;
    return ONUS_OK;
}

void onus_tokenizer_destroy(onus_tokenizer *t)
{
    if (!t) return;
    onus_vocab_release(&t->vocab);
    void *blocks[] = {t->added,  t->special,     t->is_added, t->code_id, t->classes,
                      t->merges, t->merge_slots, t->raw,      t->raw_at};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) onus_free(t->mem, blocks[i]);
    onus_free(t->mem, t);
}

onus_status onus_tokenizer_add(onus_tokenizer *t, int32_t id, bool special, onus_err *err)
{
    if (t->n_added == ONUS_TOKENIZER_SPECIALS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: more than %d special tokens", t->name,
                         ONUS_TOKENIZER_SPECIALS_MAX);
    onus_added_token *added =
        onus_resize(t->mem, t->added, (size_t)t->n_added + 1, sizeof *added);
    if (!added) return onus_fail_mem(err, t->name);
    t->added = added;
    added[t->n_added++] = (onus_added_token){id, special};
    return ONUS_OK;
}

/* By first byte; the longest first, so that the first that fits is the one. */
static int added_order(const onus_vocab *v, onus_added_token a, onus_added_token b)
{
    size_t n_a, n_b;
    const unsigned char *x = (const unsigned char *)onus_vocab_text(v, a.id, &n_a),
                        *y = (const unsigned char *)onus_vocab_text(v, b.id, &n_b);
    if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
    return n_a > n_b ? -1 : n_a < n_b;
}

/* There are a handful of them, thousands at most, and once. */
static onus_status order_added(onus_tokenizer *t, onus_err *err)
{
    onus_added_token *a = t->added;
    for (int64_t i = 1; i < t->n_added; i++) {
        const onus_added_token moved = a[i];
        int64_t k = i;
        for (; k > 0 && added_order(&t->vocab, moved, a[k - 1]) < 0; k--) a[k] = a[k - 1];
        a[k] = moved;
    }
    t->special = onus_alloc(t->mem, (size_t)t->vocab.n, 1);
    t->is_added = onus_alloc(t->mem, (size_t)t->vocab.n, 1);
    if (!t->special || !t->is_added) return onus_fail_mem(err, t->name);
    for (int64_t i = 0, b = 0; b <= 256; b++) {
        size_t n;
        while (b > 0 && i < t->n_added &&
               (unsigned char)*onus_vocab_text(&t->vocab, a[i].id, &n) < b)
            i++;
        t->added_first[b] = (int32_t)i;
    }
    for (int64_t i = 0; i < t->n_added; i++) {
        t->is_added[a[i].id] = true;
        t->special[a[i].id] = a[i].special;
    }
    return ONUS_OK;
}

onus_status onus_tokenizer_end(onus_tokenizer *t, onus_err *err)
{
    onus_status st = order_added(t, err);
    if (st == ONUS_OK && t->kind == ONUS_TOKENIZER_CHARACTER) st = onus_characters_end(t, err);
    if (st == ONUS_OK && t->kind == ONUS_TOKENIZER_BPE) st = onus_bpe_end(t, err);
    return st;
}

/* ---- questions --------------------------------------------------------------------------- */

onus_tokenizer_kind onus_tokenizer_kind_of(const onus_tokenizer *t)
{
    return t->kind;
}

int64_t onus_tokenizer_size(const onus_tokenizer *t)
{
    return t->vocab.n;
}

int32_t onus_tokenizer_id(const onus_tokenizer *t, const char *token)
{
    return onus_vocab_find(&t->vocab, token, strlen(token));
}

int32_t onus_tokenizer_unknown(const onus_tokenizer *t)
{
    return t->unknown;
}

const char *onus_tokenizer_token(const onus_tokenizer *t, int64_t id)
{
    size_t n;
    return id >= 0 && id < t->vocab.n ? onus_vocab_text(&t->vocab, id, &n) : NULL;
}

bool onus_tokenizer_is_special(const onus_tokenizer *t, int64_t id)
{
    return id >= 0 && id < t->vocab.n && t->special[id];
}

void onus_tokenizer_frame(const onus_tokenizer *t, const int32_t **before, int64_t *n_before,
                          const int32_t **after, int64_t *n_after)
{
    *before = t->before;
    *n_before = t->n_before;
    *after = t->after;
    *n_after = t->n_after;
}

/* ---- encoding ---------------------------------------------------------------------------- */

onus_status onus_tokenizer_worker_create(onus_tokenizer_worker **out, const onus_tokenizer *t,
                                         const onus_allocator *mem, onus_err *err)
{
    onus_tokenizer_worker *w = onus_alloc(mem, 1, sizeof *w);
    if (!w) return onus_fail_mem(err, "tokenizer");
    w->t = t;
    w->mem = mem;
    if (t->kind == ONUS_TOKENIZER_BPE && !onus_bpe_worker(w)) {
        onus_tokenizer_worker_destroy(w);
        return onus_fail_mem(err, "tokenizer");
    }
    *out = w;
    return ONUS_OK;
}

void onus_tokenizer_worker_destroy(onus_tokenizer_worker *w)
{
    if (!w) return;
    onus_free(w->mem, w->cache_block);
    onus_free(w->mem, w->scratch);
    onus_free(w->mem, w);
}

void *onus_scratch(onus_tokenizer_worker *w, size_t bytes)
{
    if (bytes <= w->scratch_bytes) return w->scratch;
    onus_free(w->mem, w->scratch);
    w->scratch = onus_resize(w->mem, NULL, bytes, 2); /* twice, so that growing ends soon */
    w->scratch_bytes = w->scratch ? 2 * bytes : 0;
    return w->scratch;
}

onus_status onus_tokenizer_lacks(const onus_tokenizer *t, const char *text, size_t at,
                                 onus_err *err)
{
    int n;
    const uint32_t code = onus_utf8_next(text + at, &n);
    return onus_fail(err, ONUS_BAD_INPUT,
                     "byte %zu: '%.*s' (U+%04X) has no token in the %s tokenizer '%s' of %lld "
                     "tokens, and there is no \"[UNK]\"",
                     at, n, text + at, (unsigned)code, onus_tokenizer_kinds[t->kind], t->name,
                     (long long)t->vocab.n);
}

/* The first added token at or after text[from]: where it begins, its bytes and id; len if there
 * is none. */
static size_t find_added(const onus_tokenizer *t, const char *text, size_t len, size_t from,
                         size_t *n_bytes, int32_t *id)
{
    for (size_t i = from; t->n_added && i < len; i++) {
        const unsigned char b = (unsigned char)text[i];
        for (int32_t a = t->added_first[b]; a < t->added_first[b + 1]; a++) {
            size_t n;
            const char *token = onus_vocab_text(&t->vocab, t->added[a].id, &n);
            if (n > len - i || memcmp(token, text + i, n) != 0) continue;
            *n_bytes = n;
            *id = t->added[a].id;
            return i;
        }
    }
    return len;
}

/* text[from, to) by the tokenizer's kind. */
static onus_status encode_stretch(onus_tokenizer_worker *w, const char *text, size_t from,
                                  size_t to, onus_ids *ids, onus_err *err)
{
    if (from == to) return ONUS_OK;
    switch (w->t->kind) {
    case ONUS_TOKENIZER_CHARACTER:
        return onus_characters_encode(w->t, text, from, to, ids, err);
    case ONUS_TOKENIZER_WORD: return onus_words_encode(w, text, from, to, ids, err);
    case ONUS_TOKENIZER_BPE: return onus_bpe_encode(w, text, from, to, ids, err);
    default: return onus_wordpiece_encode(w, text, from, to, ids, err);
    }
}

onus_status onus_tokenizer_encode(onus_tokenizer_worker *w, const char *text, size_t len,
                                  int32_t *ids, int64_t max, int64_t *n, onus_err *err)
{
    onus_status st = onus_text_check(text, len, "text", err);
    onus_ids out = {.ids = ids, .max = max};
    size_t from = 0;
    while (st == ONUS_OK && from < len) {
        size_t n_bytes = 0;
        int32_t id = -1;
        const size_t to = find_added(w->t, text, len, from, &n_bytes, &id);
        st = encode_stretch(w, text, from, to, &out, err);
        if (to < len) onus_ids_put(&out, id);
        from = to + n_bytes;
    }
    *n = out.n;
    return st;
}

/* ---- decoding ---------------------------------------------------------------------------- */

/* Appends text[len]; U+FFFD stands for what is not UTF-8. */
static void add_lossy(onus_buf *out, const char *text, size_t len)
{
    while (len > 0) {
        const size_t good = onus_utf8_bad(text, len);
        onus_buf_add(out, text, good);
        if (good == len) return;
        onus_buf_str(out, "\xef\xbf\xbd");
        const size_t bad = onus_utf8_broken(text + good, len - good);
        text += good + bad;
        len -= good + bad;
    }
}

static void add_token(const onus_tokenizer *t, int32_t id, bool first, onus_buf *out)
{
    size_t len;
    const char *text = onus_vocab_text(&t->vocab, id, &len);
    if (t->kind == ONUS_TOKENIZER_BPE) {
        onus_buf_add(out, t->raw + t->raw_at[id], t->raw_at[id + 1] - t->raw_at[id]);
    } else if (t->kind == ONUS_TOKENIZER_WORDPIECE) {
        onus_wordpiece_show(t, id, first, out);
    } else {
        if (t->kind == ONUS_TOKENIZER_WORD && !first) onus_buf_add(out, " ", 1);
        onus_buf_add(out, text, len);
    }
}

onus_status onus_tokenizer_decode(const onus_tokenizer *t, const int32_t *ids, int64_t n,
                                  bool skip_specials, onus_buf *out, onus_err *err)
{
    for (int64_t i = 0; i < n; i++) {
        if (ids[i] >= 0 && ids[i] < t->vocab.n) continue;
        return onus_fail(err, ONUS_BAD_ARG, "id %d: the tokenizer '%s' has 0 to %lld",
                         (int)ids[i], t->name, (long long)t->vocab.n - 1);
    }
    onus_buf bytes; /* a character may be spread over several tokens */
    onus_buf_init(&bytes, out->mem, SIZE_MAX / 2);
    bool first = true;
    for (int64_t i = 0; i < n; i++) {
        if (skip_specials && t->special[ids[i]]) continue;
        add_token(t, ids[i], first, &bytes);
        first = false;
    }
    onus_status st = onus_buf_status(&bytes, "decoded text", err);
    if (st == ONUS_OK && bytes.len) {
        add_lossy(out, bytes.data, bytes.len);
        st = onus_buf_status(out, "decoded text", err);
    }
    onus_buf_release(&bytes);
    return st;
}
