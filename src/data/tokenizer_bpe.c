/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_bpe.c - byte-level pairs: from a text to ids.
 *
 * A text is cut into pieces (" the", "'s", ",": onus_gpt2_piece); a piece begins as its bytes,
 * and as long as two neighbours are a merge, those of the lowest rank, the leftmost first,
 * become one. Texts repeat pieces: nearly all are found in the worker's cache, which holds
 * pieces of up to 15 bytes with their ids, a cache line each. A slot belongs to whoever came
 * last, so the cache is bounded, and being exact it changes no id. What is not there and short
 * is merged on the stack; what is long (a line of "=", a word of a hostile text) through a heap
 * in n log n. */
#include "data/tokenizer_parts.h"

enum { CACHE_N = 1 << 16, KEY_MAX = 15, CACHED_IDS_MAX = 11, SHORT_MAX = 64 };

struct onus_piece_ids {
    uint64_t key[2]; /* the bytes, then zeros, the length in the last byte; 0: nothing */
    int32_t n, ids[CACHED_IDS_MAX];
};

/* ---- bytes as characters ----------------------------------------------------------------- */

/* Bytes that Latin-1 shows spell themselves; the others take U+0100 and on, in order (Radford
 * et al. 2019, the released encoder). */
uint32_t onus_byte_spelled(uint8_t byte)
{
    if ((byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad)) return byte;
    return 0x100u + (byte <= 0x20 ? byte : byte < 0xa1 ? byte - 0x7fu + 0x21u : 0x43u);
}

/* The byte that a character spells, -1 if it is none. */
static int spelled_byte(uint32_t code)
{
    if (code < 0x100) return onus_byte_spelled((uint8_t)code) == code ? (int)code : -1;
    if (code > 0x143) return -1;
    const uint32_t i = code - 0x100;
    return (int)(i <= 0x20 ? i : i < 0x43 ? i - 0x21u + 0x7fu : 0xadu);
}

/* ---- tables ------------------------------------------------------------------------------ */

bool onus_bpe_merge(onus_tokenizer *t, int32_t a, int32_t b, int32_t id)
{
    if (t->n_merges == t->cap_merges) {
        const int64_t cap = t->cap_merges ? 2 * t->cap_merges : 1024;
        onus_merge *merges = onus_resize(t->mem, t->merges, (size_t)cap, sizeof *merges);
        if (!merges) return false;
        t->merges = merges;
        t->cap_merges = cap;
    }
    t->merges[t->n_merges++] = (onus_merge){a, b, id};
    return true;
}

static inline uint32_t merge_hash(uint64_t pair)
{
    return (uint32_t)((pair * 0x9e3779b97f4a7c15u) >> 32);
}

/* The merge of two neighbours, NULL if they are none. */
static inline const onus_merge_slot *find_merge(const onus_tokenizer *t, int32_t a, int32_t b)
{
    const uint64_t pair = onus_pair_of(a, b) + 1;
    uint32_t s = merge_hash(pair) & t->merge_mask;
    for (; t->merge_slots[s].pair; s = (s + 1) & t->merge_mask) {
        if (t->merge_slots[s].pair == pair) return &t->merge_slots[s];
    }
    return NULL;
}

static onus_status index_merges(onus_tokenizer *t, onus_err *err)
{
    uint32_t n = 64;
    while (n < 2 * t->n_merges) n *= 2;
    t->merge_slots = onus_alloc(t->mem, n, sizeof *t->merge_slots);
    if (!t->merge_slots) return onus_fail_mem(err, t->name);
    t->merge_mask = n - 1;
    for (int64_t i = 0; i < t->n_merges; i++) {
        const onus_merge m = t->merges[i];
        const onus_merge_slot *twice = find_merge(t, m.a, m.b);
        if (twice)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: merges %d and %lld are both '%s %s'",
                             t->name, (int)twice->rank, (long long)i,
                             onus_tokenizer_token(t, m.a), onus_tokenizer_token(t, m.b));
        const uint64_t pair = onus_pair_of(m.a, m.b) + 1;
        uint32_t s = merge_hash(pair) & t->merge_mask;
        while (t->merge_slots[s].pair) s = (s + 1) & t->merge_mask;
        t->merge_slots[s] = (onus_merge_slot){pair, (int32_t)i, m.id};
    }
    return ONUS_OK;
}

/* The bytes of a token: those that its characters spell, or where one spells none (an added
 * token with a blank in it) its own. to has room for len bytes. */
static size_t unspell(const char *text, size_t len, char *to)
{
    size_t n_bytes = 0;
    int n = 0;
    for (size_t i = 0; i < len; i += (size_t)n) {
        const int byte = spelled_byte(onus_utf8_next(text + i, &n));
        if (byte < 0) {
            memcpy(to, text, len);
            return len;
        }
        to[n_bytes++] = (char)byte;
    }
    return n_bytes;
}

onus_status onus_bpe_end(onus_tokenizer *t, onus_err *err)
{
    const onus_vocab *v = &t->vocab;
    size_t used = 0, len;
    t->raw = onus_alloc(t->mem, v->at[v->n], 1);
    t->raw_at = onus_alloc(t->mem, (size_t)v->n + 1, sizeof *t->raw_at);
    if (!t->raw || !t->raw_at) return onus_fail_mem(err, t->name);
    for (int64_t i = 0; i < v->n; i++) {
        const char *text = onus_vocab_text(v, i, &len);
        used += unspell(text, len, t->raw + used);
        t->raw_at[i + 1] = used;
    }
    for (int b = 0; b < 256; b++) {
        char spelled[4];
        const int n = onus_utf8_put(spelled, onus_byte_spelled((uint8_t)b));
        t->byte_id[b] = onus_vocab_find(v, spelled, (size_t)n);
    }
    return index_merges(t, err);
}

bool onus_bpe_worker(onus_tokenizer_worker *w)
{
    w->cache_block = onus_alloc(w->mem, CACHE_N + 1, sizeof *w->cache);
    if (!w->cache_block) return false;
    /* each slot is one cache line */
    const size_t past = (uintptr_t)w->cache_block % ONUS_ALIGN;
    w->cache = (onus_piece_ids *)((char *)w->cache_block + (past ? ONUS_ALIGN - past : 0));
    return true;
}

/* ---- merging a piece --------------------------------------------------------------------- */

/* Ranks of neighbours beside ids; the least is found by looking at all. */
static int merge_short(const onus_tokenizer *t, int32_t *ids, int n)
{
    int32_t rank[SHORT_MAX], merged[SHORT_MAX];
    for (int i = 0; i < n; i++) {
        const onus_merge_slot *m = i + 1 < n ? find_merge(t, ids[i], ids[i + 1]) : NULL;
        rank[i] = m ? m->rank : INT32_MAX;
        merged[i] = m ? m->id : 0;
    }
    while (n > 1) {
        int least = 0;
        for (int i = 1; i + 1 < n; i++) least = rank[i] < rank[least] ? i : least;
        if (rank[least] == INT32_MAX) break;
        ids[least] = merged[least];
        for (int i = least + 1; i + 1 < n; i++) {
            ids[i] = ids[i + 1];
            rank[i] = rank[i + 1];
            merged[i] = merged[i + 1];
        }
        n--;
        for (int i = least > 0 ? least - 1 : 0; i <= least && i + 1 < n; i++) {
            const onus_merge_slot *m = find_merge(t, ids[i], ids[i + 1]);
            rank[i] = m ? m->rank : INT32_MAX;
            merged[i] = m ? m->id : 0;
        }
    }
    return n;
}

/* A heap of places where neighbours may merge; an entry whose place has changed is stale. */
typedef struct {
    int32_t rank, at;
} candidate;
typedef struct {
    const onus_tokenizer *t;
    int32_t *id, *prev, *next; /* (n) a list; id -1: gone */
    candidate *heap;           /* (3n): each merge makes at most two */
    int32_t n_heap;
} long_piece;

static bool earlier(candidate a, candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push(long_piece *p, int32_t at)
{
    if (at < 0 || p->next[at] < 0) return;
    const onus_merge_slot *m = find_merge(p->t, p->id[at], p->id[p->next[at]]);
    if (!m) return;
    const candidate c = {m->rank, at};
    int32_t i = p->n_heap++;
    for (; i > 0 && earlier(c, p->heap[(i - 1) / 2]); i = (i - 1) / 2)
        p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = c;
}

static candidate pop(long_piece *p)
{
    const candidate top = p->heap[0], last = p->heap[--p->n_heap];
    int32_t i = 0;
    for (;;) {
        int32_t child = 2 * i + 1;
        if (child >= p->n_heap) break;
        if (child + 1 < p->n_heap && earlier(p->heap[child + 1], p->heap[child])) child++;
        if (!earlier(p->heap[child], last)) break;
        p->heap[i] = p->heap[child];
        i = child;
    }
    p->heap[i] = last;
    return top;
}

static onus_status merge_long(onus_tokenizer_worker *w, const int32_t *bytes_id,
                              const char *text, size_t len, onus_ids *out, onus_err *err)
{
    const int32_t n = (int32_t)len;
    long_piece p = {.t = w->t};
    p.heap = onus_scratch(w, len * (3 * sizeof *p.heap + 3 * sizeof *p.id));
    if (!p.heap) return onus_fail_mem(err, w->t->name);
    p.id = (int32_t *)(p.heap + 3 * len);
    p.prev = p.id + len;
    p.next = p.prev + len;
    for (int32_t i = 0; i < n; i++) {
        p.id[i] = bytes_id[(unsigned char)text[i]];
        p.prev[i] = i - 1;
        p.next[i] = i + 1 < n ? i + 1 : -1;
    }
    for (int32_t i = 0; i < n; i++) push(&p, i);
    while (p.n_heap) {
        const candidate c = pop(&p);
        const int32_t right = p.id[c.at] < 0 ? -1 : p.next[c.at];
        const onus_merge_slot *m = right < 0 ? NULL : find_merge(w->t, p.id[c.at], p.id[right]);
        if (!m || m->rank != c.rank) continue;
        p.id[c.at] = m->id;
        p.id[right] = -1;
        p.next[c.at] = p.next[right];
        if (p.next[right] >= 0) p.prev[p.next[right]] = c.at;
        push(&p, p.prev[c.at]);
        push(&p, c.at);
    }
    for (int32_t i = 0; i >= 0; i = p.next[i]) onus_ids_put(out, p.id[i]);
    return ONUS_OK;
}

/* ---- pieces ------------------------------------------------------------------------------ */

/* Where a byte of text[from, to) has no token of its own. */
static onus_status check_bytes(const onus_tokenizer *t, const char *text, size_t from,
                               size_t to, onus_err *err)
{
    for (size_t i = from; i < to; i++) {
        if (t->byte_id[(unsigned char)text[i]] >= 0) continue;
        while (i > from && ((unsigned char)text[i] & 0xc0) == 0x80) i--;
        return onus_tokenizer_lacks(t, text, i, err);
    }
    return ONUS_OK;
}

/* A piece of at most KEY_MAX bytes as two words; readable: bytes that may be read from text. */
static inline void key_of(const char *text, size_t len, size_t readable, uint64_t key[2])
{
    if (readable >= 16) {
        memcpy(key, text, 16);
        if (len < 8) {
            key[0] &= (UINT64_C(1) << 8 * len) - 1;
            key[1] = 0;
        } else {
            key[1] &= (UINT64_C(1) << 8 * (len - 8)) - 1;
        }
    } else {
        key[0] = key[1] = 0;
        memcpy(key, text, len);
    }
    key[1] |= (uint64_t)len << 56;
}

/* Ids of a piece that is not cached; those of a short one into ids. */
static onus_status merge_piece(onus_tokenizer_worker *w, const char *text, size_t from,
                               size_t len, onus_piece_ids *slot, const uint64_t key[2],
                               onus_ids *out, onus_err *err)
{
    const onus_tokenizer *t = w->t;
    onus_status st = check_bytes(t, text, from, from + len, err);
    if (st != ONUS_OK) return st;
    if (len > SHORT_MAX) return merge_long(w, t->byte_id, text + from, len, out, err);
    int32_t ids[SHORT_MAX];
    for (size_t i = 0; i < len; i++) ids[i] = t->byte_id[(unsigned char)text[from + i]];
    const int n = merge_short(t, ids, (int)len);
    for (int i = 0; i < n; i++) onus_ids_put(out, ids[i]);
    if (slot && n <= CACHED_IDS_MAX) {
        slot->key[0] = key[0];
        slot->key[1] = key[1];
        slot->n = n;
        memcpy(slot->ids, ids, (size_t)n * sizeof *ids);
    }
    return ONUS_OK;
}

static inline uint32_t cache_slot(const uint64_t key[2])
{
    const uint64_t h = (key[0] ^ (key[1] << 23 | key[1] >> 41)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)((h ^ h >> 29) * 0xd6e8feb86659fd93u >> 48);
}

onus_status onus_bpe_encode(onus_tokenizer_worker *w, const char *text, size_t from, size_t to,
                            onus_ids *out, onus_err *err)
{
    onus_status st = ONUS_OK;
    size_t len = 0;
    for (size_t i = from; i < to && st == ONUS_OK; i += len) {
        len = onus_gpt2_piece(w->t->classes, text + i, to - i);
        onus_piece_ids *slot = NULL;
        uint64_t key[2] = {0, 0};
        if (len <= KEY_MAX) {
            key_of(text + i, len, to - i, key);
            slot = &w->cache[cache_slot(key)];
            if (slot->key[0] == key[0] && slot->key[1] == key[1]) {
                for (int32_t k = 0; k < slot->n; k++) onus_ids_put(out, slot->ids[k]);
                continue;
            }
        }
        st = merge_piece(w, text, i, len, slot, key, out, err);
    }
    return st;
}
