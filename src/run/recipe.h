/* SPDX-License-Identifier: Apache-2.0
 * recipe.h - what a person asks for, read from YAML into the layers' own settings. */
#ifndef ONUS_RUN_RECIPE_H
#define ONUS_RUN_RECIPE_H
#include "audit/explain.h"
#include "data/spec.h"
#include "net/model.h"
#include "proof/policy.h"
#include "train/train.h"

typedef struct {
    onus_arena arena;
    onus_buf bytes;         /* the file as it is */
    const char *path, *dir; /* dir: what its relative paths are relative to */
    const char *name;       /* letters, digits, '-', '_', '.' */
    const char *purpose;    /* what the model is for; NULL: not said */
    uint64_t seed;
    onus_data_spec data;
    onus_model_spec model;
    onus_train_spec train;
    onus_privacy_spec privacy;
    onus_explain_spec explain;
    const char *region; /* energy.region; "WORLD" where not said */
    const onus_policy *policies;
    int64_t n_policies;
} onus_recipe;

/* Reads and checks a recipe. dir NULL: the recipe's own directory. */
onus_status onus_recipe_open(onus_recipe **out, const char *path, const char *dir,
                             const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
onus_status onus_recipe_parse(onus_recipe **out, const char *path, const char *dir,
                              const char *text, size_t len, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
void onus_recipe_close(onus_recipe *r);
#endif
