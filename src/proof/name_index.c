/* SPDX-License-Identifier: Apache-2.0
 * name_index.c - see name_index.h. */
#include "proof/name_index.h"

#include <string.h>

#include "base/mem.h"

void onus_index_init(onus_name_index *x, const onus_allocator *mem)
{
    *x = (onus_name_index){.mem = mem};
    onus_buf_init(&x->texts, mem, UINT32_MAX);
}

void onus_index_release(onus_name_index *x)
{
    onus_buf_release(&x->texts);
    onus_free(x->mem, x->names);
    onus_free(x->mem, x->links);
    onus_free(x->mem, x->slots);
    *x = (onus_name_index){.mem = x->mem};
}

/* FNV-1a, folded: a ledger has few enough names, and nobody gains by making them collide. */
static uint32_t hash_of(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        h = (h ^ *c) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

/* The slot that holds the name, or the free one where it would go. */
static size_t slot_of(const onus_name_index *x, const char *name, uint32_t hash)
{
    size_t s = hash & (x->n_slots - 1);
    for (; x->slots[s]; s = (s + 1) & (x->n_slots - 1)) {
        const onus_name_slot *n = &x->names[x->slots[s] - 1];
        if (n->hash == hash && strcmp(x->texts.data + n->text, name) == 0) break;
    }
    return s;
}

/* Room for one name more. */
static bool grow_names(onus_name_index *x)
{
    if (x->n_names < x->cap_names) return true;
    const size_t cap = x->cap_names ? 2 * x->cap_names : 256;
    onus_name_slot *names = onus_resize(x->mem, x->names, cap, sizeof *names);
    if (!names) return false;
    x->names = names;
    uint32_t *slots = onus_alloc(x->mem, 2 * cap, sizeof *slots);
    if (!slots) return false;
    onus_free(x->mem, x->slots);
    x->slots = slots;
    x->n_slots = 2 * cap;
    x->cap_names = cap;
    for (size_t i = 0; i < x->n_names; i++) {
        size_t s = x->names[i].hash & (x->n_slots - 1);
        while (x->slots[s]) s = (s + 1) & (x->n_slots - 1);
        x->slots[s] = (uint32_t)i + 1;
    }
    return true;
}

bool onus_index_put(onus_name_index *x, const char *name, uint32_t *id)
{
    const uint32_t hash = hash_of(name);
    if (!grow_names(x)) return false;
    const size_t s = slot_of(x, name, hash);
    if (!x->slots[s]) {
        const onus_name_slot new_name = {.hash = hash, .text = (uint32_t)x->texts.len};
        onus_buf_add(&x->texts, name, strlen(name) + 1);
        if (x->texts.st != ONUS_OK) return false;
        x->names[x->n_names++] = new_name;
        x->slots[s] = (uint32_t)x->n_names;
    }
    *id = x->slots[s] - 1;
    return true;
}

bool onus_index_get(const onus_name_index *x, const char *name, uint32_t *id)
{
    if (x->n_slots == 0) return false;
    const size_t s = slot_of(x, name, hash_of(name));
    if (!x->slots[s]) return false;
    *id = x->slots[s] - 1;
    return true;
}

const char *onus_index_text(const onus_name_index *x, uint32_t id)
{
    return x->texts.data + x->names[id].text;
}

bool onus_index_add(onus_name_index *x, const char *name, uint32_t entry)
{
    uint32_t id;
    if (!onus_index_put(x, name, &id)) return false;
    onus_name_slot *n = &x->names[id];
    if (n->newest && x->links[n->newest - 1].entry == entry) return true;
    if (x->n_links ==
        x->cap_links) { /* by a half: it is most of what a log has beside its text */
        const size_t cap = x->cap_links ? x->cap_links + x->cap_links / 2 : 1024;
        onus_name_link *links = onus_resize(x->mem, x->links, cap, sizeof *links);
        if (!links) return false;
        x->links = links;
        x->cap_links = cap;
    }
    x->links[x->n_links++] = (onus_name_link){.entry = entry, .older = n->newest};
    n->newest = (uint32_t)x->n_links;
    return true;
}

int64_t onus_index_newest(const onus_name_index *x, const char *name, int64_t before)
{
    uint32_t id;
    if (!onus_index_get(x, name, &id)) return -1;
    uint32_t k = x->names[id].newest;
    while (k && x->links[k - 1].entry >= before) k = x->links[k - 1].older;
    return k ? (int64_t)x->links[k - 1].entry : -1;
}
