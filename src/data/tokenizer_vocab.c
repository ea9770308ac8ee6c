/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_vocab.c - texts numbered in the order in which they came, and found by their bytes.
 *
 * It holds the vocabularies of all kinds and, in training, the distinct words of the corpus: up
 * to some hundred thousand texts of a few bytes. So texts stand in one pool, and the table that
 * finds them holds their hashes: nearly every probe that misses costs one cache line. */
#include "data/tokenizer_parts.h"

enum { SLOTS_LEAST = 1024 };

void onus_vocab_init(onus_vocab *v, const onus_allocator *mem)
{
    *v = (onus_vocab){.mem = mem};
}

void onus_vocab_release(onus_vocab *v)
{
    onus_free(v->mem, v->pool);
    onus_free(v->mem, v->at);
    onus_free(v->mem, v->slots);
    *v = (onus_vocab){.mem = v->mem};
}

/* Eight bytes at a time through a multiplication whose halves are folded together. */
static uint32_t hash_of(const char *text, size_t len)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ len;
    while (len > 0) {
        uint64_t word = 0;
        const size_t n = len < 8 ? len : 8;
        memcpy(&word, text, n);
        h = (h ^ word) * 0xd6e8feb86659fd93u;
        h ^= h >> 32;
        text += n;
        len -= n;
    }
    h *= 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}

static bool grow_slots(onus_vocab *v)
{
    const uint32_t n = v->slots ? 2 * (v->mask + 1) : SLOTS_LEAST;
    onus_vocab_slot *slots = onus_alloc(v->mem, n, sizeof *slots);
    if (!slots) return false;
    for (uint32_t i = 0; v->slots && i <= v->mask; i++) {
        if (!v->slots[i].next_id) continue;
        uint32_t s = v->slots[i].hash & (n - 1);
        while (slots[s].next_id) s = (s + 1) & (n - 1);
        slots[s] = v->slots[i];
    }
    onus_free(v->mem, v->slots);
    v->slots = slots;
    v->mask = n - 1;
    return true;
}

/* Room for one more text of len bytes. */
static bool grow(onus_vocab *v, size_t len)
{
    const size_t used = v->at ? v->at[v->n] : 0;
    if (v->n + 1 > v->cap) {
        const int64_t cap = v->cap ? 2 * v->cap : SLOTS_LEAST / 2;
        size_t *at = onus_resize(v->mem, v->at, (size_t)cap + 1, sizeof *at);
        if (!at) return false;
        if (!v->at) at[0] = 0;
        v->at = at;
        v->cap = cap;
    }
    if (used + len + 1 > v->pool_cap) {
        const size_t cap = 2 * (used + len + 1) + 4096;
        char *pool = onus_resize(v->mem, v->pool, cap, 1);
        if (!pool) return false;
        v->pool = pool;
        v->pool_cap = cap;
    }
    return v->slots && 2 * v->n <= (int64_t)v->mask ? true : grow_slots(v);
}

/* The slot of a text, or the empty one where it would stand. */
static uint32_t slot_of(const onus_vocab *v, const char *text, size_t len, uint32_t hash)
{
    uint32_t s = hash & v->mask;
    for (; v->slots[s].next_id; s = (s + 1) & v->mask) {
        if (v->slots[s].hash != hash) continue;
        size_t n;
        const char *found = onus_vocab_text(v, v->slots[s].next_id - 1, &n);
        if (n == len && memcmp(found, text, len) == 0) break;
    }
    return s;
}

int32_t onus_vocab_find(const onus_vocab *v, const char *text, size_t len)
{
    return v->slots ? v->slots[slot_of(v, text, len, hash_of(text, len))].next_id - 1 : -1;
}

int32_t onus_vocab_add(onus_vocab *v, const char *text, size_t len)
{
    const uint32_t hash = hash_of(text, len);
    if (v->slots) {
        const uint32_t s = slot_of(v, text, len, hash);
        if (v->slots[s].next_id) return v->slots[s].next_id - 1;
    }
    if (v->n >= INT32_MAX / 4 || !grow(v, len)) return -1;
    char *to = v->pool + v->at[v->n];
    memcpy(to, text, len);
    to[len] = '\0';
    v->at[v->n + 1] = v->at[v->n] + len + 1;
    v->slots[slot_of(v, text, len, hash)] =
        (onus_vocab_slot){.hash = hash, .next_id = (int32_t)v->n + 1};
    return (int32_t)v->n++;
}
