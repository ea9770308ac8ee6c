/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_train.c - a tokenizer from texts: what is asked for, and the special tokens. */
#include "data/tokenizer_parts.h"

static onus_status check_spec(const onus_tokenizer_spec *s, onus_err *err)
{
    if (s->kind < ONUS_TOKENIZER_CHARACTER || s->kind > ONUS_TOKENIZER_BPE)
        return onus_fail(err, ONUS_BAD_ARG,
                         "tokenizer: character, word or bpe can be trained, not kind %d",
                         (int)s->kind);
    const char *kind = onus_tokenizer_kinds[s->kind];
    if (s->lower && s->kind != ONUS_TOKENIZER_WORD)
        return onus_fail(err, ONUS_BAD_ARG, "tokenizer: lower is for words, not for %s", kind);
    if (s->vocabulary < 0 || s->vocabulary > ONUS_TOKENIZER_IDS_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "tokenizer: a vocabulary of %lld, not of 1 to %d",
                         (long long)s->vocabulary, ONUS_TOKENIZER_IDS_MAX);
    if (s->n_specials < 0 || s->n_specials > ONUS_TOKENIZER_SPECIALS_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "tokenizer: %lld special tokens, not 0 to %d",
                         (long long)s->n_specials, ONUS_TOKENIZER_SPECIALS_MAX);
    return ONUS_OK;
}

static onus_status add_special(onus_tokenizer *t, const char *text, onus_err *err)
{
    const size_t len = strlen(text);
    if (len == 0 || len > ONUS_TOKENIZER_TOKEN_MAX || onus_utf8_bad(text, len) < len)
        return onus_fail(err, ONUS_BAD_ARG,
                         "special token '%.80s': 1 to %d bytes of UTF-8 are asked for", text,
                         ONUS_TOKENIZER_TOKEN_MAX);
    if (onus_vocab_find(&t->vocab, text, len) >= 0)
        return onus_fail(err, ONUS_BAD_ARG, "special token '%.80s' stands there twice", text);
    const int32_t id = onus_vocab_add(&t->vocab, text, len);
    if (id < 0) return onus_fail_mem(err, t->name);
    if (strcmp(text, ONUS_UNKNOWN) == 0) t->unknown = id;
    return onus_tokenizer_add(t, id, true, err);
}

static onus_status add_specials(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                                onus_err *err)
{
    onus_status st = ONUS_OK;
    bool unknown = spec->kind != ONUS_TOKENIZER_WORD; /* words cannot do without */
    for (int64_t i = 0; i < spec->n_specials; i++)
        unknown = unknown || strcmp(spec->specials[i], ONUS_UNKNOWN) == 0;
    if (!unknown) st = add_special(t, ONUS_UNKNOWN, err);
    for (int64_t i = 0; st == ONUS_OK && i < spec->n_specials; i++)
        st = add_special(t, spec->specials[i], err);
    if (spec->kind == ONUS_TOKENIZER_BPE) t->unknown = -1; /* every byte is known */
    return st;
}

static onus_status train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                         const onus_tokenizer_text *texts, int64_t n, onus_err *err)
{
    switch (spec->kind) {
    case ONUS_TOKENIZER_CHARACTER: return onus_characters_train(t, spec, texts, n, err);
    case ONUS_TOKENIZER_WORD: return onus_words_train(t, spec, texts, n, err);
    default: return onus_bpe_train(t, spec, texts, n, err);
    }
}

onus_status onus_tokenizer_train(onus_tokenizer **out, const onus_tokenizer_spec *spec,
                                 const onus_tokenizer_text *texts, int64_t n,
                                 const onus_allocator *mem, onus_err *err)
{
    onus_tokenizer *t = NULL;
    onus_status st = check_spec(spec, err);
    if (st == ONUS_OK) st = onus_tokenizer_begin(&t, spec->kind, "trained here", mem, err);
    if (st == ONUS_OK) t->lower = spec->lower;
    if (st == ONUS_OK) st = add_specials(t, spec, err);
    if (st == ONUS_OK) st = train(t, spec, texts, n, err);
    if (st == ONUS_OK) st = onus_tokenizer_end(t, err);
    if (st == ONUS_OK) {
        *out = t;
        t = NULL;
    }
    onus_tokenizer_destroy(t);
    return st;
}
