/* SPDX-License-Identifier: Apache-2.0
 * expression.h - the little that descriptions of families need beside JSON: arithmetic over
 * settings ("3*width"), texts with settings in them ("h.{i}.attn"), conditions ("norm=rms,i").
 * Only net/ includes this. */
#ifndef ONUS_NET_EXPRESSION_H
#define ONUS_NET_EXPRESSION_H
#include "base/mem.h"

/* A setting: a number or a word. */
typedef struct {
    const char *name, *word; /* word NULL: the number */
    double number;
} onus_binding;

enum { ONUS_BINDINGS_MAX = 64 };
typedef struct {
    onus_binding list[ONUS_BINDINGS_MAX];
    int n;
    onus_arena *arena; /* where texts go */
} onus_scope;

/* Sets or changes a setting; names and words must outlive the scope. */
onus_status onus_scope_number(onus_scope *s, const char *name, double number,
                              onus_err *err) ONUS_CHECKED;
onus_status onus_scope_word(onus_scope *s, const char *name, const char *word,
                            onus_err *err) ONUS_CHECKED;
const onus_binding *onus_scope_find(const onus_scope *s, const char *name); /* NULL: none */

/* sum = product {+|- product}; product = factor {*|/ factor}; factor = number | setting | sqrt
 * (sum) | (sum). The value must be finite. */
onus_status onus_expression(const onus_scope *s, const char *text, double *out,
                            onus_err *err) ONUS_CHECKED;
/* Text with every {expression} replaced by its whole number, or {setting} by its word. */
onus_status onus_interpolate(const onus_scope *s, const char *text, const char **out,
                             onus_err *err) ONUS_CHECKED;
/* Terms joined by commas, all of which must hold: "setting=word", "setting=3", "setting" (a
 * number that is not 0, a word other than none and false), each of them negated by "!". */
onus_status onus_condition(const onus_scope *s, const char *text, bool *out,
                           onus_err *err) ONUS_CHECKED;
#endif
