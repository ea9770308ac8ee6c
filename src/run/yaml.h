/* SPDX-License-Identifier: Apache-2.0
 * yaml.h - a YAML file walked by tables. libyaml reads it and knows line and column of every
 * node; what may stand where is said by one table a mapping. Unknown and repeated keys,
 * aliases, tags, second documents and values of another kind are errors of one line: file,
 * line, column, value, what was expected. */
#ifndef ONUS_RUN_YAML_H
#define ONUS_RUN_YAML_H
#include <yaml.h>
#include "base/json.h"
#include "base/mem.h"

typedef struct {
    const char *path; /* for messages */
    yaml_document_t doc;
    bool loaded;
    onus_arena *arena; /* where texts and arrays go */
} onus_yaml;

typedef enum {
    ONUS_YAML_TEXT,  /* const char * */
    ONUS_YAML_CHAR,  /* char: one byte */
    ONUS_YAML_INT,   /* int64_t within [lower, upper] */
    ONUS_YAML_SEED,  /* uint64_t */
    ONUS_YAML_REAL,  /* double within [lower, upper] */
    ONUS_YAML_BOOL,  /* bool: true, false, yes, no, on, off */
    ONUS_YAML_ENUM,  /* int: place in words[] */
    ONUS_YAML_TEXTS, /* const char *const * and int64_t count, no two the same, lower > 0: none
                        empty; one scalar is a list of one */
    ONUS_YAML_INTS,  /* const int64_t * and count */
    ONUS_YAML_REALS, /* const double * and count */
    ONUS_YAML_MAP,   /* a nested mapping: sub */
    ONUS_YAML_CUSTOM /* read(y, node, base + offset, err) */
} onus_yaml_kind;

typedef struct onus_yaml_field onus_yaml_field;
typedef onus_status (*onus_yaml_read)(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                      void *at, onus_err *err);
struct onus_yaml_field {
    const char *key;
    onus_yaml_kind kind;
    size_t offset, count_offset; /* where in the struct; count of lists (int64_t) */
    double lower, upper;
    const char *const
        *words; /* ENUM: NULL-terminated; the index is the value, "-" entries can't be said */
    const onus_yaml_field *sub; /* MAP: its fields, ending with key NULL; CUSTOM: those of its
                                   mapping form, for who describes the schema */
    onus_yaml_read read;        /* CUSTOM */
    bool required;
};

/* text[len] (at most 1 MiB) is read from path, which messages name; both must outlive y. */
onus_status onus_yaml_parse(onus_yaml *y, const char *path, const char *text, size_t len,
                            onus_arena *arena, onus_err *err) ONUS_CHECKED;
void onus_yaml_release(onus_yaml *y);
yaml_node_t *onus_yaml_root(onus_yaml *y);
/* Fills *base from mapping `node`; where names the mapping in messages ("data.split"). */
onus_status onus_yaml_fill(onus_yaml *y, yaml_node_t *node, const char *where,
                           const onus_yaml_field *fields, void *base,
                           onus_err *err) ONUS_CHECKED;
/* Calls fn for every pair of a mapping, in order; keys are texts, each once. */
typedef onus_status (*onus_yaml_pair_fn)(onus_yaml *y, void *ctx, yaml_node_t *key,
                                         yaml_node_t *value, onus_err *err);
onus_status onus_yaml_pairs(onus_yaml *y, yaml_node_t *node, const char *where,
                            onus_yaml_pair_fn fn, void *ctx, onus_err *err) ONUS_CHECKED;
/* The value at a dotted path ("data.split"), or NULL; for messages about what was read
 * before. */
yaml_node_t *onus_yaml_find(onus_yaml *y, const char *path);
/* One value of a field's kind. */
onus_status onus_yaml_value(onus_yaml *y, const onus_yaml_field *f, const char *where,
                            yaml_node_t *node, void *base, onus_err *err) ONUS_CHECKED;
/* "FILE:LINE:COLUMN: WHERE: got 'x', expected ..." */
onus_status onus_yaml_fail(const onus_yaml *y, const yaml_node_t *node, onus_err *err,
                           const char *fmt, ...) ONUS_PRINTF(4, 5);
/* A node and what is under it as JSON: plain scalars that look like numbers are numbers, true
 * and false are truth values, everything else is text. where names it in messages. Caller:
 * json_decref. */
onus_status onus_yaml_json(onus_yaml *y, yaml_node_t *node, const char *where, json_t **out,
                           onus_err *err) ONUS_CHECKED;
const char *onus_yaml_scalar(const yaml_node_t *node); /* NULL if it is none */
int onus_yaml_line(const yaml_node_t *node);           /* from 1 */
#endif
