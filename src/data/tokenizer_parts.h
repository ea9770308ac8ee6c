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
/* Bytes at text[0 .. left), which begin no character, for which one U+FFFD stands: the longest
 * beginning of one (Unicode 15, 3.9, "maximal subparts"), or 1. */
size_t onus_utf8_broken(const char *text, size_t left);

enum { UNICODE_MAX = 0x110000, TEXT_LEN_MAX = 1 << 30 /* bytes */ };

/* Classes of characters, as bits. */
enum {
    ONUS_LETTER = 1,      /* general categories L*, */
    ONUS_DIGIT = 2,       /* N*, */
    ONUS_MARK = 4,        /* M* of Unicode 16 */
    ONUS_PUNCTUATION = 8, /* BERT's: P* of Unicode 8, and all of ASCII's signs */
    ONUS_ACCENT = 16,     /* BERT's: Mn of Unicode 8 */
    ONUS_CONTROL = 32,    /* BERT's: what cleaning drops, Cc, Cf, Co of Unicode 8 */
    ONUS_WHITE = 64       /* White_Space */
};
/* (UNICODE_MAX) bits; NULL when memory ends. Caller: onus_free. */
uint8_t *onus_classes_create(const onus_allocator *mem);
static inline uint8_t onus_class_at(const uint8_t *classes, const char *text, int *len)
{
    const unsigned char c = (unsigned char)*text;
    if (c < 0x80) {
        *len = 1;
        return classes[c];
    }
    return classes[onus_utf8_next(text, len)];
}
/* Bytes of text[len]'s first piece as GPT-2's pattern cuts it; len > 0. */
size_t onus_gpt2_piece(const uint8_t *classes, const char *text, size_t len);
/* Lower case of a character: one, or for U+0130 two code points. Returns how many. */
int onus_lower(uint32_t code, uint32_t out[2]);

/* ---- the tokenizer ----------------------------------------------------------------------- */

#define ONUS_UNKNOWN "[UNK]"
enum { ONUS_FRAME_MAX = 8, ONUS_PREFIX_MAX = 16 };
/* A token that is looked for in texts before anything else. */
typedef struct {
    int32_t id;
    bool special; /* leaves with skip_specials */
} onus_added_token;

/* Two neighbours that become one token. */
typedef struct {
    int32_t a, b, id;
} onus_merge;
typedef struct {
    uint64_t pair; /* onus_pair_of(a, b) + 1; 0: nothing here */
    int32_t rank, id;
} onus_merge_slot;
static inline uint64_t onus_pair_of(int32_t a, int32_t b)
{
    return (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
}

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
    uint8_t *special, *is_added; /* (ids) */

    int32_t before[ONUS_FRAME_MAX], after[ONUS_FRAME_MAX]; /* what stands around a text */
    int64_t n_before, n_after;

    int32_t *code_id; /* character: (n_codes) id of a code point, -1 if it has none */
    uint32_t n_codes;

    uint8_t *classes; /* all others: onus_classes_create */

    /* bpe */
    int32_t byte_id[256]; /* -1: the vocabulary lacks it */
    onus_merge *merges;   /* (n_merges) by rank */
    int64_t n_merges, cap_merges;
    onus_merge_slot *merge_slots; /* open addressing by pair, at most half full */
    uint32_t merge_mask;
    char *raw;      /* tokens as the bytes that they stand for, one after another */
    size_t *raw_at; /* (ids + 1) */

    /* wordpiece */
    bool clean, chinese, strip, cleanup; /* lower above; cleanup: of what is decoded */
    int32_t n_chars_max;                 /* a longer word is unknown */
    char prefix[ONUS_PREFIX_MAX + 1];    /* of what continues a word */
    size_t n_prefix, longest;            /* bytes; of the longest token */
};

typedef struct onus_piece_ids onus_piece_ids;
struct onus_tokenizer_worker {
    const onus_tokenizer *t;
    const onus_allocator *mem;
    onus_piece_ids *cache; /* bpe: (CACHE_N), in */
    void *cache_block;
    void *scratch; /* what a long piece or word needs */
    size_t scratch_bytes;
};
/* At least so many bytes of scratch space, whose content is lost; NULL when memory ends. */
void *onus_scratch(onus_tokenizer_worker *w, size_t bytes);

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

/* ---- the kinds: train the vocabulary, build what encoding needs, encode ------------------
 * encode: text[from, to), which is UTF-8, from < to; places in messages count from text. */

/* ---- tokenizer_words.c ------------------------------------------------------------------- */

onus_status onus_characters_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                                  const onus_tokenizer_text *texts, int64_t n, onus_err *err);
onus_status onus_characters_end(onus_tokenizer *t, onus_err *err);
onus_status onus_characters_encode(const onus_tokenizer *t, const char *text, size_t from,
                                   size_t to, onus_ids *ids, onus_err *err);
onus_status onus_words_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                             const onus_tokenizer_text *texts, int64_t n, onus_err *err);
onus_status onus_words_encode(onus_tokenizer_worker *w, const char *text, size_t from,
                              size_t to, onus_ids *ids, onus_err *err);

/* ---- tokenizer_pairs.c, tokenizer_bpe.c -------------------------------------------------- */

onus_status onus_bpe_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                           const onus_tokenizer_text *texts, int64_t n, onus_err *err);
/* The character that spells a byte in tokenizer.json. */
uint32_t onus_byte_spelled(uint8_t byte);
/* Appends a merge, the next rank; false when memory ends. */
bool onus_bpe_merge(onus_tokenizer *t, int32_t a, int32_t b, int32_t id);
onus_status onus_bpe_end(onus_tokenizer *t, onus_err *err);
bool onus_bpe_worker(onus_tokenizer_worker *w);
onus_status onus_bpe_encode(onus_tokenizer_worker *w, const char *text, size_t from, size_t to,
                            onus_ids *out, onus_err *err);

/* ---- tokenizer_wordpiece.c --------------------------------------------------------------- */

onus_status onus_wordpiece_encode(onus_tokenizer_worker *w, const char *text, size_t from,
                                  size_t to, onus_ids *ids, onus_err *err);
/* Appends a word piece as the decoder shows it; first: nothing stands before it. */
void onus_wordpiece_show(const onus_tokenizer *t, int32_t id, bool first, onus_buf *out);
#endif
