/* SPDX-License-Identifier: Apache-2.0
 * explained.h - rows explained in the ways that a recipe asks for: by the stage of a run, and
 * by `onus explain` afterwards. */
#ifndef ONUS_RUN_EXPLAINED_H
#define ONUS_RUN_EXPLAINED_H
#include "run/session.h"

typedef struct {
    onus_explanation shapley, relevance; /* empty where they were not asked for */
    const onus_explanation *main;        /* the Shapley values where they are there */
    const onus_explanation *other;       /* relevance beside them, or NULL */
} onus_explained;

/* By the session's net, data and recipe; of explanation l of onus_explain_count. What was made
 * must be released, come what may. */
onus_status onus_explained_make(onus_explained *e, const onus_session *s, int64_t l,
                                const int64_t *rows, int64_t n, const int64_t *background,
                                int64_t n_background, onus_err *err) ONUS_CHECKED;
onus_status onus_explained_emit(const onus_explained *e, const onus_dataset *d,
                                const onus_sink *sink, onus_err *err) ONUS_CHECKED;
void onus_explained_release(onus_explained *e);
#endif
