/* SPDX-License-Identifier: Apache-2.0
 * schema.h - what a recipe may hold: the fields of its outermost mapping, into an
 * onus_recipe. */
#ifndef ONUS_RUN_SCHEMA_H
#define ONUS_RUN_SCHEMA_H
#include "run/recipe.h"
#include "run/yaml.h"
extern const onus_yaml_field onus_recipe_fields[];
#endif
