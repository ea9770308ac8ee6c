/* SPDX-License-Identifier: Apache-2.0
 * names_rows.h - the registry's rows, by chapter: names_run.c, names_data.c, names_train.c,
 * names_audit.c. For names.c alone. */
#ifndef ONUS_PROOF_NAMES_ROWS_H
#define ONUS_PROOF_NAMES_ROWS_H
#include "proof/names.h"

/* short names for the columns of the tables */
#define CLAIM    ONUS_BODY_CLAIM
#define OBSERVED ONUS_BODY_OBSERVED
#define SAID     ONUS_BODY_SAID
#define JUDGED   ONUS_BODY_JUDGED
#define WHOLE    ONUS_NAME_WHOLE
#define NUMBER   ONUS_NAME_NUMBER
#define TEXT     ONUS_NAME_TEXT
#define HASH     ONUS_NAME_HASH
#define TEXTS    ONUS_NAME_TEXTS
#define NUMBERS  ONUS_NAME_NUMBERS
#define MEASURED ONUS_NAME_MEASURED

#define ONUS_ROWS(list) .names = list, .n_names = sizeof list / sizeof *(list)
/* the ranges that most rows have */
#define ONUS_COUNT   .ranged = true, .lo = 0, .hi = 0x1p53
#define ONUS_FROM_1  .ranged = true, .lo = 1, .hi = 0x1p53
#define ONUS_SHARE   .ranged = true, .lo = 0, .hi = 1
#define ONUS_SIGNED  .ranged = true, .lo = -1, .hi = 1
#define ONUS_AT_0    .ranged = true, .lo = 0, .hi = 0x1.fffffffffffffp1023

extern const onus_event_row onus_names_run_begin, onus_names_run_place, onus_names_run_resume,
    onus_names_run_stop, onus_names_model, onus_names_data_test, onus_names_samples,
    onus_names_mistakes, onus_names_explanations, onus_names_energy, onus_names_policy,
    onus_names_policy_result, onus_names_signer, onus_names_report, onus_names_run_end;
extern const onus_event_row onus_names_data_read, onus_names_data_clean, onus_names_data_split,
    onus_names_data_sheet;
extern const onus_event_row onus_names_train_from, onus_names_train_frozen,
    onus_names_train_begin, onus_names_privacy_noise, onus_names_train_epoch,
    onus_names_checkpoint, onus_names_train_end, onus_names_budget;
extern const onus_event_row onus_names_tokens, onus_names_values, onus_names_labels,
    onus_names_decisions, onus_names_scores, onus_names_fairness, onus_names_explain,
    onus_names_relevance;
#endif
