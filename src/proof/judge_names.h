/* SPDX-License-Identifier: Apache-2.0
 * judge_names.h - one event against its row of the registry. For judge.c; which event it is,
 * and whether a word is one of the run, for closed_*.c and names_policy.c, too. */
#ifndef ONUS_PROOF_JUDGE_NAMES_H
#define ONUS_PROOF_JUDGE_NAMES_H
#include "proof/scope.h"

/* Which event it is among its like. */
typedef struct {
    const onus_event_row *row;
    int64_t label; /* of several labels; -1 */
    int64_t set;   /* of attributes; -1 */
    int64_t k;     /* <k>: number of the file or the demand; 0: none */
} onus_occurrence;

/* In place of a set or a k: any that the run has. */
enum { ONUS_ANY_OF_THEM = -2 };
/* Are the words in the pattern's places words of this run? wrong: the first that is none. */
bool onus_judge_words(const onus_scope *s, const onus_occurrence *of, const char *pattern,
                      const char *name, char wrong[128]);

/* ONUS_TAMPER says what is wrong, without number and type. scratch is reset. */
onus_status onus_judge_names(const onus_scope *s, const onus_occurrence *of,
                             const onus_event *e, onus_arena *scratch,
                             onus_err *err) ONUS_CHECKED;
#endif
