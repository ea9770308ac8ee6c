/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_words.c - characters as tokens. */
#include <stdio.h>

#include "data/tokenizer_parts.h"

/* ---- characters -------------------------------------------------------------------------- */

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
