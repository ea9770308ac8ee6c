/* SPDX-License-Identifier: Apache-2.0
 * name_index.h - which entries of a ledger hold a name: every different name once, and for each
 * the chain of its entries, the newest first, 8 bytes a link. For log.c. */
#ifndef ONUS_PROOF_NAME_INDEX_H
#define ONUS_PROOF_NAME_INDEX_H
#include "base/buf.h"
typedef struct {
    uint32_t hash, text; /* text: where in texts it begins */
    uint32_t newest;     /* link + 1; 0: no entry */
} onus_name_slot;
typedef struct {
    uint32_t entry, older; /* older: link + 1; 0 at the end */
} onus_name_link;
typedef struct {
    const onus_allocator *mem;
    onus_buf texts; /* each ended by a NUL */
    onus_name_slot *names;
    onus_name_link *links;
    uint32_t *slots; /* (n_slots), open addressing: name + 1, 0 free; at most half full */
    size_t n_names, cap_names, n_links, cap_links, n_slots;
} onus_name_index;
void onus_index_init(onus_name_index *x, const onus_allocator *mem);
void onus_index_release(onus_name_index *x);
/* The number of a name, a new one where there is none; false when memory ends. */
bool onus_index_put(onus_name_index *x, const char *name, uint32_t *id) ONUS_CHECKED;
bool onus_index_get(const onus_name_index *x, const char *name, uint32_t *id) ONUS_CHECKED;
const char *onus_index_text(const onus_name_index *x, uint32_t id); /* until the next put */
/* Entries must ascend; a name that an entry holds twice counts once. */
bool onus_index_add(onus_name_index *x, const char *name, uint32_t entry) ONUS_CHECKED;
/* The newest entry below `before` that holds the name; -1: none. */
int64_t onus_index_newest(const onus_name_index *x, const char *name, int64_t before);
#endif
