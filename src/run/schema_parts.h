/* SPDX-License-Identifier: Apache-2.0
 * schema_parts.h - what the files of a recipe's schema share; nobody else includes this. A row
 * of a table is {.key = "batch", INT(onus_train_spec, batch, 1, 1 << 24)}. */
#ifndef ONUS_RUN_SCHEMA_PARTS_H
#define ONUS_RUN_SCHEMA_PARTS_H
#include <stddef.h>

#include "run/schema.h"

#define AT(type, member)    .offset = offsetof(type, member)
#define COUNT(type, member) .count_offset = offsetof(type, member)
#define REAL(type, member, lo, hi) \
    .kind = ONUS_YAML_REAL, AT(type, member), .lower = (lo), .upper = (hi)
#define INT(type, member, lo, hi) \
    .kind = ONUS_YAML_INT, AT(type, member), .lower = (lo), .upper = (hi)
#define TEXT(type, member)       .kind = ONUS_YAML_TEXT, AT(type, member), .lower = 1
#define ENUM(type, member, list) .kind = ONUS_YAML_ENUM, AT(type, member), .words = (list)
#define BOOL(type, member)       .kind = ONUS_YAML_BOOL, AT(type, member)

extern const onus_yaml_field onus_recipe_data_fields[]; /* `data`, into an onus_data_spec */
#endif
