/* SPDX-License-Identifier: Apache-2.0
 * names.h - which entries of a ledger hold a name: every different name once, and for each the
 * chain of its entries, the newest first, 8 bytes a link. For log.c. */
#ifndef ONUS_PROOF_NAMES_H
#define ONUS_PROOF_NAMES_H
#include "base/buf.h"
typedef struct {
    uint32_t hash, text; /* text: where in texts it begins */
    uint32_t newest;     /* link + 1; 0: no entry */
} onus_name;
typedef struct {
    uint32_t entry, older; /* older: link + 1; 0 at the end */
} onus_name_link;
typedef struct {
    const onus_allocator *mem;
    onus_buf texts; /* each ended by a NUL */
    onus_name *names;
    onus_name_link *links;
    uint32_t *slots; /* (n_slots), open addressing: name + 1, 0 free; at most half full */
    size_t n_names, cap_names, n_links, cap_links, n_slots;
} onus_names;
void onus_names_init(onus_names *x, const onus_allocator *mem);
void onus_names_release(onus_names *x);
/* The number of a name, a new one where there is none; false when memory ends. */
bool onus_names_put(onus_names *x, const char *name, uint32_t *id) ONUS_CHECKED;
bool onus_names_get(const onus_names *x, const char *name, uint32_t *id) ONUS_CHECKED;
const char *onus_names_text(const onus_names *x, uint32_t id); /* until the next put */
/* Entries must ascend; a name that an entry holds twice counts once. */
bool onus_names_add(onus_names *x, const char *name, uint32_t entry) ONUS_CHECKED;
/* The newest entry below `before` that holds the name; -1: none. */
int64_t onus_names_newest(const onus_names *x, const char *name, int64_t before);
#endif
