/* SPDX-License-Identifier: Apache-2.0
 * verify_recipe.h - the recipe of a run folder against what the ledger says was asked. */
#ifndef ONUS_RUN_VERIFY_RECIPE_H
#define ONUS_RUN_VERIFY_RECIPE_H
#include "proof/ledger.h"

/* Claims of event 1, demands, and the owner's own words are those of recipe.yaml, whose hash
 * has been checked. ONUS_TAMPER names the first that is not. */
onus_status onus_verify_recipe(const char *run, const onus_log *log, const onus_allocator *mem,
                               onus_err *err) ONUS_CHECKED;
#endif
