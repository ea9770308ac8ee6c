/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_pairs.c - byte-level pairs: training.
 *
 * The pair of neighbours that is most frequent becomes a token, again and again (Sennrich et
 * al. 2016, arXiv:1508.07909, algorithm 1). Equally frequent pairs go by the smaller first id,
 * then the smaller second. What makes it quick: neighbours are counted in the distinct pieces
 * of the corpus, not in the corpus; a pair knows the pieces that it may stand in, so a merge
 * visits only these; and a heap holds the pairs with the counts that they had when they were
 * put in, which are brought up to date when they come out.
 *
 * The order of merges is that of Hugging Face's trainer. A pair gets its places once, in the
 * step that makes the later of its two tokens: no token comes about in two ways, since as long
 * as no merge reaches over the ends of a stretch of bytes, what happens in it is the same
 * everywhere. Later steps only take from a count.
 *
 * Work for 10 MB of code and prose: 2.6 million pieces, 61,000 distinct ones of 8 bytes. */
#include <stdio.h>

#include "data/tokenizer_parts.h"

enum { VOCABULARY = 8192 };

/* A pair of neighbours. */
typedef struct {
    uint64_t key; /* onus_pair_of */
    int64_t count;
    int32_t word, step; /* the last word that was noted to hold it, and in which step */
    int32_t grown;      /* its place in that step's list */
} pair;

/* Of the heap: a pair, its count when it was put in, and words[first, first + n). */
typedef struct {
    int64_t count;
    uint64_t key;
    size_t first;
    int32_t n, pair;
} entry;

/* A pair that a step made more frequent, and a word where it did. */
typedef struct {
    size_t first;
    int32_t n, pair;
} grown;
typedef struct {
    int32_t grown, word;
} note;

typedef struct {
    const onus_allocator *mem;
    onus_tokenizer *t;
    onus_vocab pieces;
    int64_t *count; /* (pieces) how often */
    int64_t cap_count;
    int32_t *symbols; /* piece w is symbols[start[w] .. start[w] + len[w]) */
    size_t *start;
    int32_t *len;

    pair *pairs;
    int32_t *slots; /* pair + 1; open addressing, at most half full */
    int64_t n_pairs, cap_pairs;
    uint32_t mask;

    int32_t
        *words; /* of all entries; nothing is taken back: a merge adds two a place at most */
    size_t n_words, cap_words;
    note *notes; /* of this step */
    size_t n_notes, cap_notes;
    grown *grown; /* pairs of these notes */
    size_t n_grown, cap_grown;
    entry *heap;
    size_t n_heap, cap_heap;
    int32_t step;
} trainer;

static void release(trainer *r)
{
    onus_vocab_release(&r->pieces);
    void *blocks[] = {r->count, r->symbols, r->start, r->len,   r->pairs,
                      r->slots, r->words,   r->notes, r->grown, r->heap};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) onus_free(r->mem, blocks[i]);
}

/* Room for n items of that size in *block; what is new is not cleared. */
static bool room(const onus_allocator *mem, void *block, size_t *cap, size_t n, size_t size)
{
    if (n <= *cap) return true;
    void *old, *more;
    memcpy(&old, block, sizeof old);
    const size_t wanted = n < 512 ? 1024 : 2 * n;
    more = onus_resize(mem, old, wanted, size);
    if (!more) return false;
    memcpy(block, &more, sizeof more);
    *cap = wanted;
    return true;
}

/* ---- the distinct pieces ----------------------------------------------------------------- */

static onus_status count_pieces(trainer *r, onus_tokenizer_text text, const char *name,
                                onus_err *err)
{
    const onus_status st = onus_text_check(text.data, text.len, name, err);
    if (st != ONUS_OK) return st;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = onus_gpt2_piece(r->t->classes, text.data + i, text.len - i);
        const int32_t w = onus_vocab_add(&r->pieces, text.data + i, n);
        size_t cap = (size_t)r->cap_count;
        if (w < 0 || !room(r->mem, &r->count, &cap, (size_t)w + 1, sizeof *r->count))
            return onus_fail_mem(err, r->t->name);
        for (; (size_t)r->cap_count < cap; r->cap_count++) r->count[r->cap_count] = 0;
        r->count[w]++;
    }
    return ONUS_OK;
}

static bool spell_pieces(trainer *r)
{
    const onus_vocab *v = &r->pieces;
    const size_t n_bytes = v->n ? v->at[v->n] : 0;
    r->symbols = onus_alloc(r->mem, n_bytes, sizeof *r->symbols);
    r->start = onus_alloc(r->mem, (size_t)v->n, sizeof *r->start);
    r->len = onus_alloc(r->mem, (size_t)v->n, sizeof *r->len);
    if (!r->symbols || !r->start || !r->len) return false;
    size_t used = 0;
    for (int64_t w = 0; w < v->n; w++) {
        size_t n;
        const char *text = onus_vocab_text(v, w, &n);
        r->start[w] = used;
        r->len[w] = (int32_t)n;
        for (size_t i = 0; i < n; i++)
            r->symbols[used++] = r->t->byte_id[(unsigned char)text[i]];
    }
    return true;
}

/* ---- pairs ------------------------------------------------------------------------------- */

static inline uint32_t hash_of(uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

static bool grow_slots(trainer *r)
{
    const uint32_t n = r->slots ? 2 * (r->mask + 1) : 1 << 14;
    int32_t *slots = onus_alloc(r->mem, n, sizeof *slots);
    if (!slots) return false;
    for (int64_t i = 0; i < r->n_pairs; i++) {
        uint32_t s = hash_of(r->pairs[i].key) & (n - 1);
        while (slots[s]) s = (s + 1) & (n - 1);
        slots[s] = (int32_t)i + 1;
    }
    onus_free(r->mem, r->slots);
    r->slots = slots;
    r->mask = n - 1;
    return true;
}

/* The pair, a new one if it was not there; -1 when memory ends. */
static int32_t pair_at(trainer *r, int32_t a, int32_t b)
{
    const uint64_t key = onus_pair_of(a, b);
    if (!r->slots || 2 * r->n_pairs > r->mask) {
        if (r->n_pairs >= INT32_MAX / 4 || !grow_slots(r)) return -1;
    }
    uint32_t s = hash_of(key) & r->mask;
    for (; r->slots[s]; s = (s + 1) & r->mask) {
        if (r->pairs[r->slots[s] - 1].key == key) return r->slots[s] - 1;
    }
    size_t cap = (size_t)r->cap_pairs;
    if (!room(r->mem, &r->pairs, &cap, (size_t)r->n_pairs + 1, sizeof *r->pairs)) return -1;
    r->cap_pairs = (int64_t)cap;
    r->pairs[r->n_pairs] = (pair){.key = key, .word = -1, .step = -1};
    r->slots[s] = (int32_t)++r->n_pairs;
    return (int32_t)r->n_pairs - 1;
}

/* The pair (a, b) is count times more (or less) in word w; where it is more, the word is noted
 * once a step. */
static bool change(trainer *r, int32_t a, int32_t b, int64_t count, int32_t w)
{
    const int32_t i = pair_at(r, a, b);
    if (i < 0) return false;
    pair *p = &r->pairs[i];
    p->count += count;
    if (count < 0 || (p->step == r->step && p->word == w)) return true;
    if (p->step != r->step) {
        if (!room(r->mem, &r->grown, &r->cap_grown, r->n_grown + 1, sizeof *r->grown))
            return false;
        p->step = r->step;
        p->grown = (int32_t)r->n_grown;
        r->grown[r->n_grown++] = (grown){.pair = i};
    }
    if (!room(r->mem, &r->notes, &r->cap_notes, r->n_notes + 1, sizeof *r->notes)) return false;
    p->word = w;
    r->grown[p->grown].n++;
    r->notes[r->n_notes++] = (note){p->grown, w};
    return true;
}

/* ---- the heap: the largest count, then the smaller pair ---------------------------------- */

static inline bool before(const entry *x, const entry *y)
{
    return x->count != y->count ? x->count > y->count : x->key < y->key;
}

static void sink(trainer *r, size_t i, entry e)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= r->n_heap) break;
        if (child + 1 < r->n_heap && before(&r->heap[child + 1], &r->heap[child])) child++;
        if (!before(&r->heap[child], &e)) break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = e;
}

static bool push(trainer *r, entry e)
{
    if (!room(r->mem, &r->heap, &r->cap_heap, r->n_heap + 1, sizeof *r->heap)) return false;
    size_t i = r->n_heap++;
    for (; i > 0 && before(&e, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
        r->heap[i] = r->heap[(i - 1) / 2];
    r->heap[i] = e;
    return true;
}

/* Takes the entry of the pair that is most frequent now; false where there is none left. */
static bool pop(trainer *r, entry *out)
{
    while (r->n_heap) {
        entry top = r->heap[0];
        const int64_t count = r->pairs[top.pair].count;
        if (top.count == count) {
            const entry last = r->heap[--r->n_heap];
            if (r->n_heap) sink(r, 0, last);
            *out = top;
            return count > 0;
        }
        top.count = count;
        sink(r, 0, top);
    }
    return false;
}

/* The step is over: an entry for each pair that it made more frequent. */
static bool enter_notes(trainer *r)
{
    if (!room(r->mem, &r->words, &r->cap_words, r->n_words + r->n_notes, sizeof *r->words))
        return false;
    for (size_t i = 0; i < r->n_grown; i++) {
        r->grown[i].first = r->n_words;
        r->n_words += (size_t)r->grown[i].n;
        r->grown[i].n = 0;
    }
    for (size_t i = 0; i < r->n_notes; i++) {
        grown *g = &r->grown[r->notes[i].grown];
        r->words[g->first + (size_t)g->n++] = r->notes[i].word;
    }
    for (size_t i = 0; i < r->n_grown; i++) {
        const grown *g = &r->grown[i];
        const pair *p = &r->pairs[g->pair];
        if (p->count > 0 && !push(r, (entry){p->count, p->key, g->first, g->n, g->pair}))
            return false;
    }
    r->n_notes = r->n_grown = 0;
    r->step++;
    return true;
}

/* ---- merging ----------------------------------------------------------------------------- */

static bool count_pairs(trainer *r)
{
    for (int64_t w = 0; w < r->pieces.n; w++) {
        const int32_t *s = r->symbols + r->start[w];
        for (int32_t i = 0; i + 1 < r->len[w]; i++) {
            if (!change(r, s[i], s[i + 1], r->count[w], (int32_t)w)) return false;
        }
    }
    return enter_notes(r);
}

/* Every (a, b) of word w becomes id, from the left; its neighbours' pairs change. The count of
 * (a, b) itself does not matter any more. */
static bool merge_word(trainer *r, int32_t w, int32_t a, int32_t b, int32_t id)
{
    int32_t *s = r->symbols + r->start[w];
    const int32_t n = r->len[w];
    const int64_t c = r->count[w];
    int32_t to = 0;
    for (int32_t i = 0; i < n; to++) {
        if (s[i] != a || i + 1 == n || s[i + 1] != b) {
            s[to] = s[i++];
            continue;
        }
        if (to > 0 && !(change(r, s[to - 1], a, -c, w) && change(r, s[to - 1], id, c, w)))
            return false;
        i += 2;
        s[to] = id;
        if (i < n && !(change(r, b, s[i], -c, w) && change(r, id, s[i], c, w))) return false;
    }
    r->len[w] = to;
    return true;
}

/* The token of a pair, as tokenizer.json spells it; -1 when memory ends, -2 where it would be
 * too long. */
static int32_t joined(onus_tokenizer *t, int32_t a, int32_t b)
{
    char text[2 * ONUS_TOKENIZER_TOKEN_MAX];
    size_t n_a, n_b;
    const char *x = onus_vocab_text(&t->vocab, a, &n_a);
    memcpy(text, x, n_a);
    x = onus_vocab_text(&t->vocab, b, &n_b);
    memcpy(text + n_a, x, n_b);
    return n_a + n_b > ONUS_TOKENIZER_TOKEN_MAX ? -2
                                                : onus_vocab_add(&t->vocab, text, n_a + n_b);
}

static bool merge_until(trainer *r, int64_t vocabulary)
{
    onus_tokenizer *t = r->t;
    entry e;
    while (t->vocab.n < vocabulary && t->n_merges < ONUS_TOKENIZER_IDS_MAX && pop(r, &e)) {
        const int32_t a = (int32_t)(e.key >> 32), b = (int32_t)(uint32_t)e.key;
        const int32_t id = joined(t, a, b);
        if (id == -2) continue;
        if (id < 0 || !onus_bpe_merge(t, a, b, id)) return false;
        for (int32_t i = 0; i < e.n; i++) {
            if (!merge_word(r, r->words[e.first + (size_t)i], a, b, id)) return false;
        }
        if (!enter_notes(r)) return false;
    }
    return true;
}

/* All bytes, in the order of the characters that spell them. */
static bool add_bytes(onus_tokenizer *t)
{
    int byte[0x144];
    memset(byte, 0xff, sizeof byte);
    for (int b = 0; b < 256; b++) byte[onus_byte_spelled((uint8_t)b)] = b;
    for (uint32_t code = 0; code < 0x144; code++) {
        char text[4];
        if (byte[code] < 0) continue;
        const int32_t id = onus_vocab_add(&t->vocab, text, (size_t)onus_utf8_put(text, code));
        if (id < 0) return false;
        t->byte_id[byte[code]] = id;
    }
    return true;
}

onus_status onus_bpe_train(onus_tokenizer *t, const onus_tokenizer_spec *spec,
                           const onus_tokenizer_text *texts, int64_t n, onus_err *err)
{
    const int64_t vocabulary = spec->vocabulary ? spec->vocabulary : VOCABULARY;
    trainer r = {.mem = t->mem, .t = t};
    onus_vocab_init(&r.pieces, t->mem);
    onus_status st = ONUS_OK;
    if (!add_bytes(t)) {
        st = onus_fail_mem(err, t->name);
    } else if (t->vocab.n > vocabulary) {
        st = onus_fail(err, ONUS_BAD_ARG,
                       "tokenizer: a vocabulary of %lld, less than the %lld bytes and special "
                       "tokens",
                       (long long)vocabulary, (long long)t->vocab.n);
    }
    for (int64_t i = 0; st == ONUS_OK && i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "text %lld", (long long)i);
        st = count_pieces(&r, texts[i], name, err);
    }
    if (st == ONUS_OK && !(spell_pieces(&r) && count_pairs(&r) && merge_until(&r, vocabulary)))
        st = onus_fail_mem(err, t->name);
    release(&r);
    return st;
}
