/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.h - text into the ids that a model reads, and ids back into text.
 *
 * A tokenizer is trained here on the training part's texts, or read from a Hugging Face
 * tokenizer.json; it is written in that form, so that the `tokenizers` library gives the same
 * ids. Kinds:
 *
 *   character  one id a Unicode code point; the vocabulary is the code points of the training
 *              text in ascending order, after the special tokens.
 *   word       one id a run of letters, marks and digits, or a single other character; white
 *              space separates and is lost. The most frequent words, ties by bytes; the rest
 *              is "[UNK]".
 *   bpe        byte-level pairs as GPT-2 has them (Sennrich et al. 2016, arXiv:1508.07909;
 *              Radford et al. 2019): any text has ids and comes back as it was.
 *   wordpiece  as BERT has them (Devlin et al. 2019, arXiv:1810.04805); read, not trained.
 *
 * Texts are UTF-8 of at most 2^30 bytes; one that is not is refused, with the place. Special
 * tokens ("<|endoftext|>", "[MASK]") are found in a text before anything else, the leftmost and
 * of these the longest, as in Hugging Face's library; a stranger's text may hold them, too.
 * Classes of characters are a table of ours, so that ids do not change with a system's Unicode.
 *
 * A tokenizer never changes once it is there: any number of threads may use it, each with a
 * worker of its own. Ids do not depend on threads or on what a worker has read before. */
#ifndef ONUS_DATA_TOKENIZER_H
#define ONUS_DATA_TOKENIZER_H
#include "base/buf.h"

typedef enum {
    ONUS_TOKENIZER_CHARACTER,
    ONUS_TOKENIZER_WORD,
    ONUS_TOKENIZER_BPE,
    ONUS_TOKENIZER_WORDPIECE,
} onus_tokenizer_kind;
/* As recipes say them: "character", "word", "bpe", "wordpiece". */
extern const char *const onus_tokenizer_kinds[ONUS_TOKENIZER_WORDPIECE + 1];

typedef struct onus_tokenizer onus_tokenizer;
typedef struct onus_tokenizer_worker onus_tokenizer_worker;

/* A text where it stands; it needs no NUL behind it. */
typedef struct {
    const char *data;
    size_t len;
} onus_tokenizer_text;

/* Zero means the default. */
typedef struct {
    onus_tokenizer_kind kind;
    /* most ids, special tokens included. character: 0 is no limit, and a text with more is
     * refused. word: default 30,000. bpe: default 8,192, at least 256 and the specials. */
    int64_t vocabulary;
    bool lower; /* word: lower-case first; refused for other kinds */
    /* ids 0, 1, ... in this order; "[UNK]" among them is what stands for what is not known
     * (word: added in front where it is missing) */
    const char *const *specials;
    int64_t n_specials;
} onus_tokenizer_spec;

/* Limits of what is trained or read. */
enum {
    ONUS_TOKENIZER_IDS_MAX = 1 << 20,   /* also of merges */
    ONUS_TOKENIZER_TOKEN_MAX = 4096,    /* bytes of a token */
    ONUS_TOKENIZER_SPECIALS_MAX = 4096, /* tokens that are looked for in texts */
    ONUS_TOKENIZER_JSON_MAX = 256 << 20 /* bytes of a tokenizer.json */
};

/* Trains on texts[n], read only, not kept. Special tokens are ordinary text here. The texts are
 * apart: no word or pair reaches from one into the next. Errors: BAD_ARG for a spec that cannot
 * be, BAD_INPUT for a text that is not UTF-8 (names text and byte, both from 0) or more
 * characters than `vocabulary`. */
onus_status onus_tokenizer_train(onus_tokenizer **out, const onus_tokenizer_spec *spec,
                                 const onus_tokenizer_text *texts, int64_t n,
                                 const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* Reads a tokenizer.json of Hugging Face's, json[len], called `what` in messages. What is known
 * are the forms that onus_tokenizer_write writes; byte-level BPE with GPT-2's pattern, merges
 * as texts or as pairs; BERT's WordPiece; template, BERT and RoBERTa post-processors.
 * Truncation and padding are the caller's affair and not read. BAD_INPUT for anything else,
 * naming it and what was expected: other patterns, normalizers and models (ids would differ),
 * ids that are not 0 .. n-1 each once, merges of tokens that are not there. */
onus_status onus_tokenizer_read(onus_tokenizer **out, const char *json, size_t len,
                                const char *what, const onus_allocator *mem,
                                onus_err *err) ONUS_CHECKED;
/* Appends the tokenizer as a tokenizer.json; the same tokenizer gives the same bytes. */
onus_status onus_tokenizer_write(const onus_tokenizer *t, onus_buf *out,
                                 onus_err *err) ONUS_CHECKED;

void onus_tokenizer_destroy(onus_tokenizer *t);

onus_tokenizer_kind onus_tokenizer_kind_of(const onus_tokenizer *t);
/* How many ids: 0 .. size-1. */
int64_t onus_tokenizer_size(const onus_tokenizer *t);
/* The id of a token as tokenizer.json spells it ("[MASK]"; bpe: "\xc4\xa0the" for " the"), -1
 * if there is none. */
int32_t onus_tokenizer_id(const onus_tokenizer *t, const char *token);
/* The id that stands for what has no token, -1 where every text has one. */
int32_t onus_tokenizer_unknown(const onus_tokenizer *t);
/* The token of an id as tokenizer.json spells it, NULL if there is none; it lives as long as
 * t. */
const char *onus_tokenizer_token(const onus_tokenizer *t, int64_t id);
/* Whether an id is a special token; false for ids that are none. */
bool onus_tokenizer_is_special(const onus_tokenizer *t, int64_t id);

/* What the model wants around a text ("[CLS]" and "[SEP]" in BERT's tokenizer.json, nothing for
 * what is trained here): ids before and after it, which live as long as t. */
void onus_tokenizer_frame(const onus_tokenizer *t, const int32_t **before, int64_t *n_before,
                          const int32_t **after, int64_t *n_after);

/* A thread's scratch space and, for bpe, its cache of pre-tokens (4 MB). t must outlive it. */
onus_status onus_tokenizer_worker_create(onus_tokenizer_worker **out, const onus_tokenizer *t,
                                         const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
void onus_tokenizer_worker_destroy(onus_tokenizer_worker *w);

/* The ids of text[len]. *n is how many there are; the first `max` of them are written to ids,
 * so that a smaller room truncates (max 0: ids may be NULL). A text has at most len ids. What
 * a model wants around a text (onus_tokenizer_frame) is not added. Allocates nothing per token.
 * Errors: BAD_INPUT for a text that is not UTF-8 or holds what the vocabulary has no id for,
 * naming byte, character and tokenizer; ids and *n are then undefined. */
onus_status onus_tokenizer_encode(onus_tokenizer_worker *w, const char *text, size_t len,
                                  int32_t *ids, int64_t max, int64_t *n,
                                  onus_err *err) ONUS_CHECKED;

/* Appends the text of ids[n] to out. character and bpe give the text that was encoded; words
 * are joined by blanks; word pieces are joined and tidied as Hugging Face's decoder does. Bytes
 * that are not UTF-8 (bpe: a character cut at the end) become U+FFFD. skip_specials leaves
 * special tokens out. BAD_ARG for an id that is none. */
onus_status onus_tokenizer_decode(const onus_tokenizer *t, const int32_t *ids, int64_t n,
                                  bool skip_specials, onus_buf *out,
                                  onus_err *err) ONUS_CHECKED;
#endif
