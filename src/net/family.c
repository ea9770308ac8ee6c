/* SPDX-License-Identifier: Apache-2.0
 * family.c - see family.h. Settings are checked here, attributes by the operations' own rows
 * when the net is made (net.c).
 *
 * CHECKLIST: a new family is a file in families/; nothing else asks for its name. */
#include "net/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "families.h" /* made by the build: onus_family_texts */
#include "net/expression.h"
#include "net/graph.h"

enum { DEPTH_MAX = 12, ALIASES_MAX = 64, REPEAT_MAX = 1024 };

typedef struct {
    const char *name, *node;
} alias;

typedef struct {
    onus_scope scope;
    const json_t *settings; /* the description's */
    const json_t *given;    /* the recipe's */
    onus_layers *out;
    alias aliases[ALIASES_MAX];
    int n_aliases, depth;
    onus_arena *arena;
    onus_err *err;
} expansion;

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ---- settings ---------------------------------------------------------------------------- */

static onus_status fail_setting(const expansion *x, const char *key, const char *fmt, ...)
    ONUS_PRINTF(3, 4);
static onus_status fail_setting(const expansion *x, const char *key, const char *fmt, ...)
{
    char why[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return onus_fail(x->err, ONUS_BAD_INPUT, "model.%.40s: %s", key, why);
}

/* A number within a setting's range. */
static onus_status check_number(const expansion *x, const char *key, const json_t *def,
                                const json_t *value)
{
    const double lower = json_number_value(json_object_get(def, "lower")),
                 upper = json_number_value(json_object_get(def, "upper"));
    const bool real = json_is_true(json_object_get(def, "real"));
    const char *const kind = real ? "number" : "whole number";
    if (json_is_string(value))
        return fail_setting(x, key, "'%.60s' is not a %s from %.15g to %.15g",
                            json_string_value(value), kind, lower, upper);
    const double v = json_number_value(value);
    if (!json_is_number(value) || !(v >= lower && v <= upper) ||
        (!real && !json_is_integer(value)))
        return fail_setting(x, key, "'%.15g' is not a %s from %.15g to %.15g", v, kind, lower,
                            upper);
    return ONUS_OK;
}

static onus_status check_word(const expansion *x, const char *key, const json_t *words,
                              const char *word)
{
    char known[160] = "";
    size_t i;
    const json_t *w;
    json_array_foreach(words, i, w)
    {
        const size_t n = strlen(known);
        if (word && strcmp(json_string_value(w), word) == 0) return ONUS_OK;
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", json_string_value(w));
    }
    return fail_setting(x, key, "'%.40s' is not one of %s", word ? word : "(no word)", known);
}

static onus_status check_list(const expansion *x, const char *key, const json_t *def,
                              const json_t *value)
{
    const size_t most = (size_t)json_integer_value(json_object_get(def, "most"));
    if (!json_is_array(value)) return check_number(x, key, def, value);
    if (json_array_size(value) > most)
        return fail_setting(x, key, "%d numbers, at most %d", (int)json_array_size(value),
                            (int)most);
    size_t i;
    const json_t *v;
    json_array_foreach(value, i, v)
    {
        const onus_status st = check_number(x, key, def, v);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* Words and numbers become bindings; lists are looked up where they are repeated over. */
static onus_status bind_setting(expansion *x, const char *key, const json_t *def)
{
    const json_t *value = json_object_get(x->given, key),
                 *words = json_object_get(def, "words");
    const json_t *standard = json_object_get(def, "standard");
    if (words) {
        const char *word =
            value ? json_string_value(value) : json_string_value(json_array_get(words, 0));
        if (json_is_true(value)) word = "true";
        if (json_is_false(value)) word = "false";
        const onus_status st = check_word(x, key, words, word);
        return st == ONUS_OK ? onus_scope_word(&x->scope, key, word, x->err) : st;
    }
    if (json_is_true(json_object_get(def, "list")))
        return value ? check_list(x, key, def, value) : ONUS_OK;
    double v = json_number_value(value ? value : standard);
    onus_status st = value ? check_number(x, key, def, value) : ONUS_OK;
    if (st == ONUS_OK && !value && json_is_string(standard))
        st = onus_expression(&x->scope, json_string_value(standard), &v, x->err);
    return st == ONUS_OK ? onus_scope_number(&x->scope, key, v, x->err) : st;
}

static onus_status check_known(const expansion *x, const char *kind)
{
    const char *key, *known_key;
    json_t *value, *def;
    json_object_foreach((json_t *)x->given, key, value)
    {
        char known[200] = "";
        if (json_object_get(x->settings, key)) continue;
        json_object_foreach((json_t *)x->settings, known_key, def)
        {
            const size_t n = strlen(known);
            snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", known_key);
        }
        return fail_setting(x, key, "%s has no such setting%s%s", kind,
                            *known ? ", it has " : "", known);
    }
    return ONUS_OK;
}

/* heads: {divides: "width"} */
static onus_status check_divides(const expansion *x, const char *key, const json_t *def)
{
    const char *whole = text_of(def, "divides");
    if (!whole) return ONUS_OK;
    const double part = onus_scope_find(&x->scope, key)->number,
                 all = onus_scope_find(&x->scope, whole)->number;
    if (all == part * floor(all / part)) return ONUS_OK;
    return fail_setting(x, key, "%.15g does not divide model.%s, which is %.15g", part, whole,
                        all);
}

static onus_status bind_settings(expansion *x, const char *kind)
{
    const char *key;
    json_t *def;
    onus_status st = check_known(x, kind);
    json_object_foreach((json_t *)x->settings, key, def)
    {
        if (st == ONUS_OK) st = bind_setting(x, key, def);
    }
    json_object_foreach((json_t *)x->settings, key, def)
    {
        if (st == ONUS_OK) st = check_divides(x, key, def);
    }
    return st;
}

static onus_status bind_io(expansion *x, const onus_model_io *io)
{
    onus_status st = ONUS_OK;
    const onus_shape *s = &io->input;
    const struct {
        const char *name;
        double number;
    } all[] = {
        {"outputs", (double)onus_model_outputs_of(io)},
        {"vocabulary", (double)io->vocabulary},
        {"context", s->n == 1 ? (double)s->d[0] : 0},
        {"features", (double)onus_shape_numel(s)},
        {"image_channels", s->n == 3 ? (double)s->d[0] : 0},
        {"image_height", s->n == 3 ? (double)s->d[1] : 0},
        {"image_width", s->n == 3 ? (double)s->d[2] : 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ONUS_TRY(onus_scope_number(&x->scope, all[i].name, all[i].number, x->err));
    ONUS_TRY(onus_scope_word(&x->scope, "head", onus_head_name(io->head), x->err));
done:
    return st;
}

/* ---- layers ------------------------------------------------------------------------------ */

static onus_status set_alias(expansion *x, const char *name, const char *node)
{
    int i = 0;
    while (i < x->n_aliases && strcmp(x->aliases[i].name, name) != 0) i++;
    if (i == ALIASES_MAX)
        return onus_fail(x->err, ONUS_BAD_INPUT, "model.layers: more than %d names of `out`",
                         ALIASES_MAX);
    if (i == x->n_aliases) x->n_aliases++;
    x->aliases[i] = (alias){name, node};
    return ONUS_OK;
}

/* The node that a text of `in` names; whether there is one is net.c's to say. */
static const char *resolve(const expansion *x, const char *text)
{
    if (strcmp(text, "@") == 0) return x->out->last;
    for (int i = x->n_aliases - 1; i >= 0; i--)
        if (strcmp(x->aliases[i].name, text) == 0) return x->aliases[i].node;
    return text;
}

/* A list of one may be written as the single name, as everywhere in a recipe. */
static onus_status read_in(expansion *x, const json_t *item, onus_layer *l)
{
    const json_t *in = json_object_get(item, "in");
    const bool single = json_is_string(in);
    const size_t n = single ? 1 : json_array_size(in);
    if (!in) {
        l->in[l->n_in++] = x->out->last;
        return ONUS_OK;
    }
    if (n < 1 || n > ONUS_IN_MAX)
        return onus_fail(x->err, ONUS_BAD_INPUT,
                         "model.layers: %s: `in` is a name or a list of 1 to %d names", l->name,
                         ONUS_IN_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = single ? in : json_array_get(in, i);
        const char *text = NULL;
        if (!json_is_string(one))
            return onus_fail(x->err, ONUS_BAD_INPUT, "model.layers: %s: `in` holds no name",
                             l->name);
        const onus_status st =
            onus_interpolate(&x->scope, json_string_value(one), &text, x->err);
        if (st != ONUS_OK) return st;
        l->in[l->n_in++] = resolve(x, text);
    }
    return ONUS_OK;
}

/* params: {weight: name}, tie: {weight: node} */
static onus_status read_names(expansion *x, const json_t *item, onus_layer *l)
{
    static const char *const keys[] = {"params", "tie"};
    for (int k = 0; k < 2; k++) {
        const char *param;
        json_t *value;
        json_object_foreach(json_object_get(item, keys[k]), param, value)
        {
            const char *text = NULL;
            if (l->n_names == ONUS_PARAM_MAX || !json_is_string(value))
                return onus_fail(x->err, ONUS_BAD_INPUT,
                                 "model.layers: %s: `%s` maps up to %d parameters to names",
                                 l->name, keys[k], ONUS_PARAM_MAX);
            onus_status st =
                onus_interpolate(&x->scope, json_string_value(value), &text, x->err);
            if (st != ONUS_OK) return st;
            l->names[l->n_names].param = onus_arena_strdup(x->arena, param);
            if (!l->names[l->n_names].param) return onus_fail_mem(x->err, "model");
            *(k ? &l->names[l->n_names].owner : &l->names[l->n_names].name) = text;
            l->n_names++;
        }
    }
    return ONUS_OK;
}

static bool is_reserved(const char *key)
{
    static const char *const words[] = {"op",     "name", "in",   "out",
                                        "params", "tie",  "when", NULL};
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], key) == 0) return true;
    return false;
}

static bool has_attr(const char *op_name, const char *attr, size_t len)
{
    const onus_op *op = onus_op_find(op_name);
    for (int k = 0; op && k < op->n_attrs; k++)
        if (strlen(op->attrs[k].name) == len && strncmp(op->attrs[k].name, attr, len) == 0)
            return true;
    return false;
}

static onus_status read_attrs(expansion *x, const json_t *item, onus_layer *l)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)item, key, value)
    {
        const size_t len = strcspn(key, "?");
        double v = json_is_true(value) ? 1 : json_number_value(value);
        onus_status st = ONUS_OK;
        if (is_reserved(key) || (key[len] == '?' && !has_attr(l->op, key, len))) continue;
        if (l->n_attrs == ONUS_ATTR_MAX || json_is_object(value) || json_is_array(value))
            return onus_fail(x->err, ONUS_BAD_INPUT,
                             "model.layers: %s: '%.40s' is no attribute of %s", l->name, key,
                             l->op);
        if (json_is_string(value))
            st = onus_expression(&x->scope, json_string_value(value), &v, x->err);
        if (st != ONUS_OK) return st;
        char *name = onus_arena_strdup(x->arena, key);
        if (!name) return onus_fail_mem(x->err, "model");
        name[len] = '\0';
        l->attrs[l->n_attrs++] = (onus_attr_value){name, v};
    }
    return ONUS_OK;
}

static onus_status add_node(expansion *x, const json_t *item)
{
    onus_layers *o = x->out;
    onus_status st = ONUS_OK;
    if (o->n == o->max)
        return onus_fail(x->err, ONUS_BAD_INPUT, "model.layers: more than %d layers", o->max);
    onus_layer *l = &o->list[o->n];
    *l = (onus_layer){0};
    ONUS_TRY(onus_interpolate(&x->scope, text_of(item, "op"), &l->op, x->err));
    if (text_of(item, "name"))
        ONUS_TRY(onus_interpolate(&x->scope, text_of(item, "name"), &l->name, x->err));
    else
        l->name = onus_arena_printf(x->arena, "%s_%d", l->op, o->n);
    if (!l->name) return onus_fail_mem(x->err, "model");
    ONUS_TRY(read_in(x, item, l));
    ONUS_TRY(read_names(x, item, l));
    ONUS_TRY(read_attrs(x, item, l));
    o->n++;
    o->last = l->name;
    if (text_of(item, "out")) ONUS_TRY(set_alias(x, text_of(item, "out"), l->name));
done:
    return st;
}

static onus_status expand_list(expansion *x, const json_t *list);

static onus_status expand_repeat(expansion *x, const json_t *item, const char *over)
{
    const char *as = text_of(item, "as"), *each = text_of(item, "each");
    const json_t *def = json_object_get(x->settings, over),
                 *list = json_object_get(x->given, over);
    double n = 0, v = 0;
    onus_status st = ONUS_OK;
    const bool is_list = def && json_is_true(json_object_get(def, "list"));
    if (is_list && !list) list = json_object_get(def, "standard");
    if (is_list)
        n = json_is_array(list) ? (double)json_array_size(list) : 1;
    else
        ONUS_TRY(onus_expression(&x->scope, over, &n, x->err));
    if (!as || n < 0 || n > REPEAT_MAX || n != rint(n))
        return onus_fail(
            x->err, ONUS_BAD_INPUT,
            "model.layers: repeat '%.40s' is %.15g, expected 0 to %d, counted `as` "
            "a name",
            over, n, REPEAT_MAX);
    for (int i = 0; i < (int)n; i++) {
        const json_t *one = json_is_array(list) ? json_array_get(list, (size_t)i) : list;
        ONUS_TRY(onus_scope_number(&x->scope, as, i, x->err));
        v = json_number_value(one);
        if (each) ONUS_TRY(onus_scope_number(&x->scope, each, v, x->err));
        ONUS_TRY(expand_list(x, json_object_get(item, "layers")));
    }
    ONUS_TRY(onus_scope_number(&x->scope, as, n, x->err));
done:
    return st;
}

static onus_status expand_item(expansion *x, const json_t *item)
{
    bool wanted = true;
    double v;
    onus_status st = ONUS_OK;
    const char *when = text_of(item, "when"), *over = text_of(item, "repeat"),
               *set = text_of(item, "set"), *from = text_of(item, "alias");
    char number[24];
    if (json_is_integer(json_object_get(item, "repeat"))) {
        snprintf(number, sizeof number, "%lld",
                 (long long)json_integer_value(json_object_get(item, "repeat")));
        over = number;
    }
    if (when) ONUS_TRY(onus_condition(&x->scope, when, &wanted, x->err));
    if (!wanted) return ONUS_OK;
    if (over) return expand_repeat(x, item, over);
    if (set && text_of(item, "to")) {
        ONUS_TRY(onus_expression(&x->scope, text_of(item, "to"), &v, x->err));
        return onus_scope_number(&x->scope, set, v, x->err);
    }
    if (from && text_of(item, "out"))
        return set_alias(x, text_of(item, "out"), resolve(x, from));
    if (text_of(item, "op")) return add_node(x, item);
    if (json_object_get(item, "layers")) return expand_list(x, json_object_get(item, "layers"));
    st = onus_fail(x->err, ONUS_BAD_INPUT,
                   "model.layers: a layer is a mapping with `op`, `repeat`, `set` and `to`, "
                   "`alias` and `out`, or `layers`");
done:
    return st;
}

static onus_status expand_list(expansion *x, const json_t *list)
{
    size_t i;
    const json_t *item;
    onus_status st = ONUS_OK;
    if (!json_is_array(list) || x->depth == DEPTH_MAX)
        return onus_fail(x->err, ONUS_BAD_INPUT,
                         "model.layers: expected a list of layers, at most %d deep", DEPTH_MAX);
    x->depth++;
    json_array_foreach(list, i, item)
    {
        if (st == ONUS_OK) st = expand_item(x, item);
    }
    x->depth--;
    return st;
}

/* ---- families ---------------------------------------------------------------------------- */

/* "decoder gpt2" */
static void call(const json_t *family, char *out, size_t size)
{
    const char *name = text_of(family, "name");
    snprintf(out, size, "%s%s%s", text_of(family, "kind"), name ? " " : "", name ? name : "");
}

/* The first family of the kind, where no name is said. */
static onus_status find_family(const onus_model_spec *s, json_t **out, onus_err *err)
{
    char known[400] = "", title[80];
    *out = NULL;
    for (size_t i = 0; onus_family_texts[i]; i++) {
        json_t *family = NULL;
        const char *text = onus_family_texts[i];
        const onus_status st = onus_json_parse(&family, text, strlen(text), "a family", err);
        if (st != ONUS_OK) return st;
        const char *name = text_of(family, "name");
        const bool fits = strcmp(text_of(family, "kind"), s->kind) == 0 &&
                          (!s->name || (name && strcmp(name, s->name) == 0));
        call(family, title, sizeof title);
        const size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", title);
        if (fits) {
            *out = family;
            return ONUS_OK;
        }
        json_decref(family);
    }
    return onus_fail(err, ONUS_BAD_INPUT,
                     "model.kind: '%.40s%s%.40s' is not in this version, which has %s, and "
                     "layers",
                     s->kind, s->name ? " " : "", s->name ? s->name : "", known);
}

/* The recipe's own layers: {"input": .., "layers": [..]}. */
static onus_status own_layers(const onus_model_spec *s, json_t *given, json_t **out,
                              onus_err *err)
{
    json_t *layers = json_object_get(given, "layers");
    if (!json_is_array(layers) || s->name)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "model.layers: kind: layers wants a list of layers, and no name");
    *out = json_pack("{s:s, s:s, s:s, s:{}, s:O}", "kind", "layers", "title", "layers {dense}",
                     "input", "any", "settings", "layers", layers);
    if (!*out) return onus_fail_mem(err, "model");
    json_object_del(given, "layers");
    return ONUS_OK;
}

static onus_status check_io(const json_t *family, const onus_model_io *io, onus_err *err)
{
    const char *input = text_of(family, "input"), *wants = NULL;
    const bool tokens = io->vocabulary > 0;
    char title[80];
    call(family, title, sizeof title);
    if (strcmp(input, "tokens") == 0 && !tokens) wants = "text";
    if (strcmp(input, "image") == 0 && io->input.n != 3) wants = "images";
    if (strcmp(input, "flat") == 0 && tokens) wants = "columns or images";
    if (wants)
        return onus_fail(err, ONUS_BAD_INPUT, "model.kind: %s reads %s, the data holds %s",
                         title, wants,
                         tokens             ? "text"
                         : io->input.n == 3 ? "images"
                                            : "columns");
    size_t i;
    const json_t *head, *heads = json_object_get(family, "heads");
    json_array_foreach(heads, i, head)
    {
        if (strcmp(json_string_value(head), onus_head_name(io->head)) == 0) return ONUS_OK;
    }
    if (!heads) return ONUS_OK;
    static const char *const labels[] = {"two classes", "several classes", "numbers",
                                         "several labels", "tokens"};
    return onus_fail(err, ONUS_BAD_INPUT, "model.kind: %s does not fit a label of %s", title,
                     labels[io->head]);
}

static onus_status expand(expansion *x, const json_t *family, const onus_model_io *io)
{
    onus_status st = ONUS_OK;
    char title[80];
    x->settings = json_object_get(family, "settings");
    call(family, title, sizeof title);
    if (!io) { /* a stand-in: every kind of input has a few of everything */
        const onus_model_io any = {.input = {.n = 1, .d = {64}}, .vocabulary = 64};
        ONUS_TRY(bind_io(x, &any));
        return bind_settings(x, title);
    }
    ONUS_TRY(check_io(family, io, x->err));
    ONUS_TRY(bind_io(x, io));
    ONUS_TRY(bind_settings(x, title));
    x->out->flat = strcmp(text_of(family, "input"), "flat") == 0;
    ONUS_TRY(expand_list(x, json_object_get(family, "layers")));
    if (x->out->n == 0)
        return onus_fail(x->err, ONUS_BAD_INPUT, "model.layers: there are none");
    /* the title names settings; {dense} is for model.c, which knows the widths */
    ONUS_TRY(onus_scope_word(&x->scope, "dense", "{dense}", x->err));
    ONUS_TRY(onus_interpolate(&x->scope, text_of(family, "title"), &x->out->title, x->err));
done:
    return st;
}

onus_status onus_family_expand(const onus_model_spec *spec, const onus_model_io *io,
                               onus_arena *arena, onus_layers *out, onus_err *err)
{
    onus_status st = ONUS_OK;
    json_t *family = NULL, *given = NULL;
    const char *text = spec->settings ? spec->settings : "{}";
    expansion *x = onus_arena_alloc(arena, 1, sizeof *x);
    out->max = ONUS_NODES_MAX - 3; /* input, prediction, loss */
    out->list = onus_arena_alloc(arena, (size_t)out->max, sizeof *out->list);
    if (!x || !out->list) return onus_fail_mem(err, "model");
    out->last = "input";
    *x = (expansion){.scope.arena = arena, .out = out, .arena = arena, .err = err};
    ONUS_TRY(onus_json_parse(&given, text, strlen(text), "model", err));
    if (strcmp(spec->kind, "layers") == 0)
        ONUS_TRY(own_layers(spec, given, &family, err));
    else
        ONUS_TRY(find_family(spec, &family, err));
    x->given = given;
    ONUS_TRY(expand(x, family, io));
done:
    json_decref(family);
    json_decref(given);
    return st;
}
