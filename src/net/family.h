/* SPDX-License-Identifier: Apache-2.0
 * family.h - families of models as data. A description (families/NAME.json, or the recipe's own
 * list of layers) and settings become a flat list of nodes; model.c makes a net of the list and
 * keeps it in the model file, so that a file needs no family. Only net/ includes this.
 *
 * A description: {kind, name, title, input: flat | image | tokens, heads: [...], settings:
 * {...}, layers: [...]}. A setting: {standard, lower, upper, real, list, most, words, divides,
 * help}; a text as standard is an expression, words have the first as standard. A layer is one of
 *
 *   {op, name, in, out, params, tie, ATTRIBUTE: value ..}   a node
 *   {repeat: count or list, as: i, each: value, layers}      i counts from 0, and stays
 *   {set: name, to: expression}, {alias: from, out: to}
 *   {layers}                                                 a group
 *
 * each of which may have `when`, a condition (expression.h). `in` names nodes, or what an `out`
 * named last, or "@", the node before, or "input"; without it the node before is read. params
 * gives parameters names of their own, tie makes one of them that of an earlier node. An
 * attribute is a number or an expression; "NAME?" is for operations that have it. */
#ifndef ONUS_NET_FAMILY_H
#define ONUS_NET_FAMILY_H
#include "base/json.h"
#include "net/model.h"

/* A node of the flat list. */
typedef struct {
    const char *op, *name;
    const char *in[ONUS_IN_MAX]; /* names of nodes, "input" */
    int n_in;
    onus_attr_value attrs[ONUS_ATTR_MAX];
    int n_attrs;
    struct {
        const char *param, *name, *owner; /* one of name and owner */
    } names[ONUS_PARAM_MAX + 1];
    int n_names;
} onus_layer;

typedef struct {
    onus_layer *list;
    int n, max;
    const char *last; /* whose output are the logits */
    const char *title;
    bool flat; /* the net reads its input as one row of numbers */
} onus_layers;

/* Everything lives in the arena. io NULL: settings are checked as far as they can be before the
 * data is known. */
onus_status onus_family_expand(const onus_model_spec *spec, const onus_model_io *io,
                               onus_arena *arena, onus_layers *out, onus_err *err) ONUS_CHECKED;
#endif
