/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_words.c - characters as tokens, and words. */
#include <stdio.h>
#include <stdlib.h>

#include "data/tokenizer_parts.h"

/* ---- characters -------------------------------------------------------------------------- */

enum { VOCABULARY = 30000 };

/* Marks the characters of a text in seen, which has a bit for each that there is. */
static onus_status mark_characters(uint64_t *seen, onus_tokenizer_text text, const char *name,
                                   onus_err *err)
{
    onus_status st = onus_text_check(text.data, text.len, name, err);
    int n = 0;
    for (size_t i = 0; st == ONUS_OK && i < text.len; i += (size_t)n) {
        const uint32_t code = onus_utf8_next(text.data + i, &n);
        seen[code / 64] |= UINT64_C(1) << code % 64;
        /* tokenizer.json could not be read again: JSON readers here take no NUL */
        if (code == 0)
            st = onus_fail(err, ONUS_BAD_INPUT, "%s, byte %zu: NUL, which is no text", name, i);
    }
    return st;
}

onus_status onus_characters_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                                  const onus_tokenizer_text *texts, int64_t n, onus_err *err)
{
    onus_status st = ONUS_OK;
    uint64_t *seen = onus_alloc(t->mem, UNICODE_MAX / 64, sizeof *seen);
    if (!seen) st = onus_fail_mem(err, t->name);
    for (int64_t i = 0; st == ONUS_OK && i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "text %lld", (long long)i);
        st = mark_characters(seen, texts[i], name, err);
    }
    for (uint32_t code = 0; st == ONUS_OK && code < UNICODE_MAX; code++) {
        char text[4];
        if (!(seen[code / 64] >> code % 64 & 1)) continue;
        if (onus_vocab_add(&t->vocab, text, (size_t)onus_utf8_put(text, code)) < 0)
            st = onus_fail_mem(err, t->name);
    }
    const int64_t most = spec->vocabulary ? spec->vocabulary : ONUS_TOKENIZER_IDS_MAX;
    if (st == ONUS_OK && t->vocab.n == t->n_added)
        st = onus_fail(err, ONUS_BAD_INPUT, "the %lld texts hold no character", (long long)n);
    if (st == ONUS_OK && t->vocab.n > most)
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "the texts hold %lld characters and special tokens, the vocabulary %lld",
                       (long long)t->vocab.n, (long long)most);
    onus_free(t->mem, seen);
    return st;
}

onus_status onus_characters_end(onus_tokenizer *t, onus_err *err)
{
    size_t len;
    int n;
    for (int64_t i = 0; i < t->vocab.n; i++) {
        const char *text = onus_vocab_text(&t->vocab, i, &len);
        const uint32_t code = onus_utf8_next(text, &n);
        if ((size_t)n == len && code >= t->n_codes) t->n_codes = code + 1;
    }
    t->code_id = onus_alloc(t->mem, t->n_codes, sizeof *t->code_id);
    if (!t->code_id) return onus_fail_mem(err, t->name);
    memset(t->code_id, 0xff, t->n_codes * sizeof *t->code_id);
    for (int64_t i = 0; i < t->vocab.n; i++) {
        const char *text = onus_vocab_text(&t->vocab, i, &len);
        const uint32_t code = onus_utf8_next(text, &n);
        if ((size_t)n == len) t->code_id[code] = (int32_t)i;
    }
    return ONUS_OK;
}

onus_status onus_characters_encode(const onus_tokenizer *t, const char *text, size_t from,
                                   size_t to, onus_ids *ids, onus_err *err)
{
    int n = 0;
    for (size_t i = from; i < to; i += (size_t)n) {
        const uint32_t code = onus_utf8_next(text + i, &n);
        const int32_t id = code < t->n_codes ? t->code_id[code] : -1;
        if (id < 0 && t->unknown < 0) return onus_tokenizer_lacks(t, text, i, err);
        onus_ids_put(ids, id < 0 ? t->unknown : id);
    }
    return ONUS_OK;
}

/* ---- words ------------------------------------------------------------------------------- */

/* The end of the word at text[from]: a run of letters, marks and digits, or one other
 * character; from itself where white space stands. */
static size_t word_end(const uint8_t *classes, const char *text, size_t from, size_t to)
{
    enum { RUN = ONUS_LETTER | ONUS_DIGIT | ONUS_MARK };
    int n;
    const uint8_t class = onus_class_at(classes, text + from, &n);
    if (class & ONUS_WHITE) return from;
    size_t end = from + (size_t)n;
    while (class & RUN && end < to && onus_class_at(classes, text + end, &n) & RUN)
        end += (size_t)n;
    return end;
}

/* Lower case of text[len] into out, which has room for 2 len bytes; returns its bytes. */
static size_t lower_of(const char *text, size_t len, char *out)
{
    size_t used = 0;
    int n = 0;
    for (size_t i = 0; i < len; i += (size_t)n) {
        uint32_t low[2];
        const int k = onus_lower(onus_utf8_next(text + i, &n), low);
        for (int j = 0; j < k; j++) used += (size_t)onus_utf8_put(out + used, low[j]);
    }
    return used;
}

typedef struct {
    onus_vocab found;
    int64_t *count; /* (cap) */
    int64_t cap;
    char *low;
    size_t n_low;
} word_counts;

static bool count_word(word_counts *c, const onus_tokenizer *t, const char *text, size_t len)
{
    if (t->lower) {
        if (2 * len > c->n_low) {
            char *more = onus_resize(t->mem, c->low, 4 * len, 1);
            if (!more) return false;
            c->low = more;
            c->n_low = 4 * len;
        }
        len = lower_of(text, len, c->low);
        text = c->low;
    }
    if (len > ONUS_TOKENIZER_TOKEN_MAX) return true; /* never a token */
    const int32_t w = onus_vocab_add(&c->found, text, len);
    if (w >= c->cap) {
        const int64_t cap = c->found.cap;
        int64_t *more = onus_resize(t->mem, c->count, (size_t)cap, sizeof *more);
        if (!more) return false;
        memset(more + c->cap, 0, (size_t)(cap - c->cap) * sizeof *more);
        c->count = more;
        c->cap = cap;
    }
    if (w >= 0) c->count[w]++;
    return w >= 0;
}

static onus_status count_words(word_counts *c, const onus_tokenizer *t,
                               onus_tokenizer_text text, const char *name, onus_err *err)
{
    onus_status st = onus_text_check(text.data, text.len, name, err);
    size_t end;
    for (size_t i = 0; st == ONUS_OK && i < text.len; i = end) {
        int n;
        end = word_end(t->classes, text.data, i, text.len);
        if (text.data[i] == '\0')
            st = onus_fail(err, ONUS_BAD_INPUT, "%s, byte %zu: NUL, which is no text", name, i);
        else if (end > i && !count_word(c, t, text.data + i, end - i))
            st = onus_fail_mem(err, t->name);
        if (end > i) continue;
        (void)onus_utf8_next(text.data + i, &n);
        end = i + (size_t)n;
    }
    return st;
}

/* A word and how often it was found. */
typedef struct {
    const char *text;
    size_t len;
    int64_t count;
} counted;

static int by_count(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    const size_t n = x->len < y->len ? x->len : y->len;
    const int order = memcmp(x->text, y->text, n);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static onus_status keep_frequent(onus_tokenizer *t, const word_counts *c, int64_t most,
                                 onus_err *err)
{
    const int64_t n = c->found.n;
    counted *list = onus_alloc(t->mem, (size_t)n, sizeof *list);
    if (!list) return onus_fail_mem(err, t->name);
    for (int64_t i = 0; i < n; i++) {
        list[i].text = onus_vocab_text(&c->found, i, &list[i].len);
        list[i].count = c->count[i];
    }
    qsort(list, (size_t)n, sizeof *list, by_count);
    onus_status st = ONUS_OK;
    for (int64_t i = 0; i < n && t->vocab.n < most && st == ONUS_OK; i++) {
        if (onus_vocab_add(&t->vocab, list[i].text, list[i].len) < 0)
            st = onus_fail_mem(err, t->name);
    }
    onus_free(t->mem, list);
    return st;
}

onus_status onus_words_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                             const onus_tokenizer_text *texts, int64_t n, onus_err *err)
{
    const int64_t most = spec->vocabulary ? spec->vocabulary : VOCABULARY;
    word_counts c = {.cap = 0};
    onus_status st = ONUS_OK;
    onus_vocab_init(&c.found, t->mem);
    if (t->vocab.n > most)
        st = onus_fail(err, ONUS_BAD_ARG,
                       "tokenizer: a vocabulary of %lld, less than the %lld special tokens",
                       (long long)most, (long long)t->vocab.n);
    for (int64_t i = 0; st == ONUS_OK && i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "text %lld", (long long)i);
        st = count_words(&c, t, texts[i], name, err);
    }
    if (st == ONUS_OK) st = keep_frequent(t, &c, most, err);
    onus_vocab_release(&c.found);
    onus_free(t->mem, c.count);
    onus_free(t->mem, c.low);
    return st;
}

onus_status onus_words_encode(onus_tokenizer_worker *w, const char *text, size_t from,
                              size_t to, onus_ids *ids, onus_err *err)
{
    const onus_tokenizer *t = w->t;
    size_t end;
    for (size_t i = from; i < to; i = end) {
        end = word_end(t->classes, text, i, to);
        if (end == i) {
            int n;
            (void)onus_utf8_next(text + i, &n);
            end = i + (size_t)n;
            continue;
        }
        const char *word = text + i;
        size_t len = end - i;
        if (t->lower) {
            char *low = onus_scratch(w, 2 * len);
            if (!low) return onus_fail_mem(err, t->name);
            len = lower_of(word, len, low);
            word = low;
        }
        const int32_t id = onus_vocab_find(&t->vocab, word, len);
        onus_ids_put(ids, id < 0 ? t->unknown : id);
    }
    return ONUS_OK;
}
