/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_parts.h - what the files of the tokenizer share. Not for anybody else. */
#ifndef ONUS_DATA_TOKENIZER_PARTS_H
#define ONUS_DATA_TOKENIZER_PARTS_H
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "data/tokenizer.h"

/* ---- tokenizer_vocab.c: texts numbered in the order in which they came ------------------- */

typedef struct {
    uint32_t hash;
    int32_t next_id; /* id + 1; 0: nothing here */
} onus_vocab_slot;

typedef struct {
    const onus_allocator *mem;
    char *pool; /* texts one after another, a NUL behind each */
    size_t pool_cap;
    size_t *at; /* (cap + 1): text i is pool[at[i] .. at[i + 1] - 1) */
    int64_t n, cap;
    onus_vocab_slot *slots; /* open addressing, a power of two, at most half full */
    uint32_t mask;
} onus_vocab;

void onus_vocab_init(onus_vocab *v, const onus_allocator *mem);
void onus_vocab_release(onus_vocab *v); /* a zeroed one is fine */
/* The number of a text, a new one if it was not there; -1 when memory ends (or at 2^31). */
int32_t onus_vocab_add(onus_vocab *v, const char *text, size_t len);
int32_t onus_vocab_find(const onus_vocab *v, const char *text, size_t len); /* -1: absent */
static inline const char *onus_vocab_text(const onus_vocab *v, int64_t i, size_t *len)
{
    *len = v->at[i + 1] - v->at[i] - 1;
    return v->pool + v->at[i];
}

/* ---- tokenizer_unicode.c ----------------------------------------------------------------- */

/* Where the first byte stands that is not UTF-8 (RFC 3629); len if there is none. */
size_t onus_utf8_bad(const char *text, size_t len);
/* The character at text, which is UTF-8, and its bytes. */
static inline uint32_t onus_utf8_next(const char *text, int *len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) {
        *len = 1;
        return s[0];
    }
    if (s[0] < 0xe0) {
        *len = 2;
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    }
    if (s[0] < 0xf0) {
        *len = 3;
        return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *len = 4;
    return (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}
/* UTF-8 of at most TEXT_LEN_MAX bytes, or an error that names it and the byte. */
onus_status onus_text_check(const char *text, size_t len, const char *name, onus_err *err);
/* Writes a code point that is a character; returns its bytes, 1 to 4. */
int onus_utf8_put(char *out, uint32_t code);

/* ---- the tokenizer ----------------------------------------------------------------------- */

#define ONUS_UNKNOWN "[UNK]"
enum { ONUS_FRAME_MAX = 8 };
enum { UNICODE_MAX = 0x110000, TEXT_LEN_MAX = 1 << 30 /* bytes */ };

/* A token that is looked for in texts before anything else. */
typedef struct {
    int32_t id;
    bool special; /* leaves with skip_specials */
} onus_added_token;

struct onus_tokenizer {
    const onus_allocator *mem;
    onus_tokenizer_kind kind;
    char name[160];   /* for messages */
    onus_vocab vocab; /* tokens as tokenizer.json spells them, by id */
    int32_t unknown;  /* what stands for what has no token; -1: nothing does */
    bool lower;

    onus_added_token *added; /* by first byte, the longest first */
    int64_t n_added;
    int32_t added_first[257]; /* of first byte b: added[added_first[b] .. added_first[b + 1]) */
    uint8_t *special;         /* (ids) */

    int32_t before[ONUS_FRAME_MAX], after[ONUS_FRAME_MAX]; /* what stands around a text */
    int64_t n_before, n_after;

    int32_t *code_id; /* character: (n_codes) id of a code point, -1 if it has none */
    uint32_t n_codes;
};

struct onus_tokenizer_worker {
    const onus_tokenizer *t;
    const onus_allocator *mem;
};

/* Where ids go: counted, written as long as there is room. */
typedef struct {
    int32_t *ids;
    int64_t max, n;
} onus_ids;
static inline void onus_ids_put(onus_ids *o, int32_t id)
{
    if (o->n < o->max) o->ids[o->n] = id;
    o->n++;
}

/* An empty tokenizer with its special tokens; vocabulary and kind's tables are still to come.
 */
onus_status onus_tokenizer_begin(onus_tokenizer **out, onus_tokenizer_kind kind,
                                 const char *name, const onus_allocator *mem, onus_err *err);
/* Notes that a token of the vocabulary is looked for in texts. */
onus_status onus_tokenizer_add(onus_tokenizer *t, int32_t id, bool special, onus_err *err);
/* The vocabulary is whole: orders added tokens, builds the kind's tables. */
onus_status onus_tokenizer_end(onus_tokenizer *t, onus_err *err);
/* "text has no token": the character at text[at], named with its place. */
onus_status onus_tokenizer_lacks(const onus_tokenizer *t, const char *text, size_t at,
                                 onus_err *err);

/* ---- tokenizer_words.c ------------------------------------------------------------------- */

onus_status onus_characters_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                                  const onus_tokenizer_text *texts, int64_t n, onus_err *err);
onus_status onus_characters_end(onus_tokenizer *t, onus_err *err);
/* text[from, to), which is UTF-8; places in messages count from text. */
onus_status onus_characters_encode(const onus_tokenizer *t, const char *text, size_t from,
                                   size_t to, onus_ids *ids, onus_err *err);
#endif
