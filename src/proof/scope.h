/* SPDX-License-Identifier: Apache-2.0
 * scope.h - what a run is, as the first events of its ledger tell: which rows of the registry
 * apply to it, and the words that its names are made of (docs: names.h). */
#ifndef ONUS_PROOF_SCOPE_H
#define ONUS_PROOF_SCOPE_H
#include "base/mem.h"
#include "proof/names.h"

/* Words as names have them (escaped), in the order of the ledger. */
typedef struct {
    const char *word;
    int64_t place; /* in `order` */
} onus_placed_word;
typedef struct {
    const char **order;       /* (n) */
    onus_placed_word *sorted; /* (n) by word */
    int64_t n;
    bool known; /* false: the ledger does not list them */
} onus_vocabulary;

typedef struct {
    onus_arena arena;
    unsigned is; /* ONUS_IF_* */
    onus_vocabulary attributes, labels, columns;
    onus_vocabulary *groups;  /* (attributes) */
    onus_vocabulary *classes; /* (labels, at least 1) */
    const char **sets;        /* "sex", "age", "sex+age"; (n_sets) */
    int64_t n_sets;
    int64_t n_policies, n_test;
    bool test_file, place_said;
} onus_scope;

void onus_scope_init(onus_scope *s, const onus_allocator *mem);
void onus_scope_release(onus_scope *s);
/* Takes what run.begin, data.split and data.sheet tell; other events are passed over. Values
 * are not checked here: what is no text or list is not there. But names of sets and groups are
 * made before anything has judged the event, so ONUS_TAMPER where attributes or labels are more
 * than a recipe can name. */
onus_status onus_scope_add(onus_scope *s, const onus_event *e, onus_err *err) ONUS_CHECKED;
/* Place in v->order, -1 if absent; len bytes of word. */
int64_t onus_vocabulary_find(const onus_vocabulary *v, const char *word, size_t len);
/* A list of texts as a vocabulary; escape: they are the user's words, not parts of names yet.
 */
onus_status onus_vocabulary_fill(onus_vocabulary *v, const onus_field *list, bool escape,
                                 onus_arena *arena, onus_err *err) ONUS_CHECKED;
/* The field of that name, or NULL. */
const onus_field *onus_event_find(const onus_event *e, const char *name);
#endif
