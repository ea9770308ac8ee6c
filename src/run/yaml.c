/* SPDX-License-Identifier: Apache-2.0
 * yaml.c - libyaml's document, walked by tables of fields.
 *
 * Why two passes: libyaml resolves aliases while it builds a document, so they can only be
 * refused on the stream of events before. A recipe without aliases, tags and repeated keys
 * means one thing only, to people and to programs. */
#include "run/yaml.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/words.h"
#include "data/csv.h"

enum { YAML_BYTES_MAX = 1 << 20, YAML_DEPTH_MAX = 16, YAML_PAIRS_MAX = 70000 };

const char *onus_yaml_scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                  : NULL;
}

int onus_yaml_line(const yaml_node_t *node)
{
    return node ? (int)node->start_mark.line + 1 : 0;
}

onus_status onus_yaml_fail(const onus_yaml *y, const yaml_node_t *node, onus_err *err,
                           const char *fmt, ...)
{
    char text[800];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return onus_fail(err, ONUS_BAD_INPUT, "%s:%d:%d: %s", y->path, onus_yaml_line(node),
                     node ? (int)node->start_mark.column + 1 : 0, text);
}

/* What libyaml found wrong, as one line. */
static onus_status parser_fail(const onus_yaml *y, const yaml_parser_t *p, onus_err *err)
{
    if (p->error == YAML_MEMORY_ERROR) return onus_fail_mem(err, y->path);
    const yaml_mark_t at = p->error == YAML_READER_ERROR ? p->mark : p->problem_mark;
    return onus_fail(err, ONUS_BAD_INPUT, "%s:%d:%d: not YAML: %s", y->path, (int)at.line + 1,
                     (int)at.column + 1, p->problem ? p->problem : "unreadable");
}

/* An event that a recipe may not hold: returns what it is, or NULL. */
static const char *refused_event(const yaml_event_t *e, int depth, int documents)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_ALIAS_EVENT: return "an alias (*name); write the value out";
    case YAML_DOCUMENT_START_EVENT:
        return documents > 1 ? "a second document; one recipe is one" : NULL;
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        if (memchr(e->data.scalar.value, 0, e->data.scalar.length)) return "a NUL character";
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    default: break;
    }
    if (anchor) return "an anchor (&name); write the value out";
    if (tag) return "a tag (!name)";
    return depth > YAML_DEPTH_MAX ? "nesting deeper than 16 levels" : NULL;
}

/* First pass: only what a recipe may be made of. */
static onus_status check_events(const onus_yaml *y, const char *text, size_t len, onus_err *err)
{
    onus_status st = ONUS_OK;
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p)) return onus_fail_mem(err, y->path);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
    int depth = 0, documents = 0;
    for (bool end = false; !end && st == ONUS_OK;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&p, &e)) {
            st = parser_fail(y, &p, err);
            break;
        }
        documents += e.type == YAML_DOCUMENT_START_EVENT;
        depth += e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT;
        depth -= e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT;
        const char *what = refused_event(&e, depth, documents);
        if (what)
            st = onus_fail(err, ONUS_BAD_INPUT, "%s:%d:%d: a recipe may not hold %s", y->path,
                           (int)e.start_mark.line + 1, (int)e.start_mark.column + 1, what);
        end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    return st;
}

onus_status onus_yaml_parse(onus_yaml *y, const char *path, const char *text, size_t len,
                            onus_arena *arena, onus_err *err)
{
    *y = (onus_yaml){.path = path, .arena = arena};
    if (len > YAML_BYTES_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes, a recipe has at most %d", path,
                         len, YAML_BYTES_MAX);
    onus_status st = check_events(y, text, len, err);
    if (st != ONUS_OK) return st;
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p)) return onus_fail_mem(err, path);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
    if (!yaml_parser_load(&p, &y->doc))
        st = parser_fail(y, &p, err);
    else
        y->loaded = true;
    yaml_parser_delete(&p);
    if (st == ONUS_OK && !yaml_document_get_root_node(&y->doc))
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s: empty, expected a recipe (onus: 1, name, data, ...)", path);
    return st;
}

void onus_yaml_release(onus_yaml *y)
{
    if (!y || !y->loaded) return;
    yaml_document_delete(&y->doc);
    y->loaded = false;
}

yaml_node_t *onus_yaml_root(onus_yaml *y)
{
    return yaml_document_get_root_node(&y->doc);
}

/* ---- single values ----------------------------------------------------------------------- */

static onus_status wrong_kind(const onus_yaml *y, const onus_yaml_field *f, const char *where,
                              const yaml_node_t *node, const char *expected, onus_err *err)
{
    const char *text = onus_yaml_scalar(node);
    const char *dot = where[0] ? "." : "";
    if (text)
        return onus_yaml_fail(y, node, err, "%s%s%s: '%.80s' is not %s", where, dot, f->key,
                              text, expected);
    return onus_yaml_fail(y, node, err, "%s%s%s: a %s, expected %s", where, dot, f->key,
                          node->type == YAML_MAPPING_NODE ? "mapping" : "list", expected);
}

static onus_status read_real(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, double *out, onus_err *err)
{
    const char *text = onus_yaml_scalar(node);
    double v;
    if (!text || !onus_parse_number(text, &v))
        return wrong_kind(y, f, where, node, "a number", err);
    if (!(v >= f->lower && v <= f->upper)) {
        char expected[96];
        snprintf(expected, sizeof expected, "a number from %g to %g", f->lower, f->upper);
        return wrong_kind(y, f, where, node, expected, err);
    }
    *out = v;
    return ONUS_OK;
}

static onus_status read_int(onus_yaml *y, const onus_yaml_field *f, const char *where,
                            yaml_node_t *node, int64_t *out, onus_err *err)
{
    const char *text = onus_yaml_scalar(node);
    char *end = NULL;
    char expected[96];
    snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", f->lower, f->upper);
    if (!text || !(text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) || strlen(text) > 18)
        return wrong_kind(y, f, where, node, expected, err);
    const int64_t v = strtoll(text, &end, 10);
    if (end == text || *end || (double)v < f->lower || (double)v > f->upper)
        return wrong_kind(y, f, where, node, expected, err);
    *out = v;
    return ONUS_OK;
}

static onus_status read_seed(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, uint64_t *out, onus_err *err)
{
    const char *text = onus_yaml_scalar(node);
    uint64_t v = 0;
    bool good = text && *text && strlen(text) <= 20;
    for (const char *c = text; good && *c; c++) {
        good = *c >= '0' && *c <= '9' && !__builtin_mul_overflow(v, 10u, &v) &&
               !__builtin_add_overflow(v, (uint64_t)(*c - '0'), &v);
    }
    if (!good) return wrong_kind(y, f, where, node, "a whole number from 0 to 2^64 - 1", err);
    *out = v;
    return ONUS_OK;
}

static onus_status read_bool(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, bool *out, onus_err *err)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
                                                                           "off"};
    const char *text = onus_yaml_scalar(node);
    for (int i = 0; text && i < 3; i++) {
        if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
            *out = !strcmp(text, yes[i]);
            return ONUS_OK;
        }
    }
    return wrong_kind(y, f, where, node, "true or false", err);
}

static onus_status read_enum(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, int *out, onus_err *err)
{
    const char *text = onus_yaml_scalar(node);
    char expected[256] = "one of";
    for (int i = 0; f->words[i]; i++) {
        if (text && !strcmp(text, f->words[i]) && strcmp(text, "-") != 0) {
            *out = i;
            return ONUS_OK;
        }
        const size_t n = strlen(expected);
        if (strcmp(f->words[i], "-") != 0)
            snprintf(expected + n, sizeof expected - n, "%s%s", n > 6 ? ", " : " ",
                     f->words[i]);
    }
    return wrong_kind(y, f, where, node, expected, err);
}

static onus_status read_text(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, const char **out, onus_err *err)
{
    const char *text = onus_yaml_scalar(node);
    if (!text || (!*text && f->lower > 0)) return wrong_kind(y, f, where, node, "a text", err);
    *out = onus_arena_strdup(y->arena, text);
    return *out ? ONUS_OK : onus_fail_mem(err, y->path);
}

/* ---- lists ------------------------------------------------------------------------------- */

static onus_status read_item(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, void *array, int64_t i, onus_err *err)
{
    if (f->kind == ONUS_YAML_TEXTS)
        return read_text(y, f, where, node, (const char **)array + i, err);
    if (f->kind == ONUS_YAML_INTS)
        return read_int(y, f, where, node, (int64_t *)array + i, err);
    return read_real(y, f, where, node, (double *)array + i, err);
}

typedef struct {
    const char *text;
    int64_t place;
} placed;

static int by_text(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    const int order = strcmp(x->text, y->text);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* The first text of texts[n] that stands before, too; -1 if there is none, -2 without
 * memory. */
static int64_t first_repeated(const onus_yaml *y, const char *const *texts, int64_t n)
{
    placed *list = onus_alloc(y->arena->mem, (size_t)n + 1, sizeof *list);
    if (!list) return -2;
    int64_t first = -1;
    for (int64_t i = 0; i < n; i++) list[i] = (placed){texts[i], i};
    qsort(list, (size_t)n, sizeof *list, by_text);
    for (int64_t i = 1; i < n; i++) {
        if (strcmp(list[i].text, list[i - 1].text) == 0 && (first < 0 || list[i].place < first))
            first = list[i].place;
    }
    onus_free(y->arena->mem, list);
    return first;
}

/* A sequence, or one scalar as a list of one. */
static onus_status read_list(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, void *base, onus_err *err)
{
    if (node->type == YAML_MAPPING_NODE) return wrong_kind(y, f, where, node, "a list", err);
    const bool one = node->type == YAML_SCALAR_NODE;
    const yaml_node_item_t *items = one ? NULL : node->data.sequence.items.start;
    const int64_t n = one ? 1 : node->data.sequence.items.top - node->data.sequence.items.start;
    if (n == 0 && f->kind != ONUS_YAML_INTS)
        return onus_yaml_fail(y, node, err, "%s%s%s: an empty list says nothing", where,
                              where[0] ? "." : "", f->key);
    void *array = onus_arena_alloc(y->arena, (size_t)n + 1, 8);
    if (!array) return onus_fail_mem(err, y->path);
    for (int64_t i = 0; i < n; i++) {
        yaml_node_t *item = one ? node : yaml_document_get_node(&y->doc, items[i]);
        onus_status st = read_item(y, f, where, item, array, i, err);
        if (st != ONUS_OK) return st;
    }
    const int64_t twice = f->kind == ONUS_YAML_TEXTS ? first_repeated(y, array, n) : -1;
    if (twice == -2) return onus_fail_mem(err, y->path);
    if (twice >= 0 && items)
        return onus_yaml_fail(y, yaml_document_get_node(&y->doc, items[twice]), err,
                              "%s%s%s: '%.80s' is said twice", where, where[0] ? "." : "",
                              f->key, ((const char *const *)array)[twice]);
    *(void **)((char *)base + f->offset) = array;
    *(int64_t *)(void *)((char *)base + f->count_offset) = n;
    return ONUS_OK;
}

onus_status onus_yaml_value(onus_yaml *y, const onus_yaml_field *f, const char *where,
                            yaml_node_t *node, void *base, onus_err *err)
{
    void *at = (char *)base + f->offset;
    switch (f->kind) {
    case ONUS_YAML_TEXT: return read_text(y, f, where, node, at, err);
    case ONUS_YAML_CHAR: {
        const char *text = onus_yaml_scalar(node);
        if (!text || strlen(text) != 1)
            return wrong_kind(y, f, where, node, "one character", err);
        *(char *)at = text[0];
        return ONUS_OK;
    }
    case ONUS_YAML_INT: return read_int(y, f, where, node, at, err);
    case ONUS_YAML_SEED: return read_seed(y, f, where, node, at, err);
    case ONUS_YAML_REAL: return read_real(y, f, where, node, at, err);
    case ONUS_YAML_BOOL: return read_bool(y, f, where, node, at, err);
    case ONUS_YAML_ENUM: return read_enum(y, f, where, node, at, err);
    case ONUS_YAML_TEXTS:
    case ONUS_YAML_INTS:
    case ONUS_YAML_REALS: return read_list(y, f, where, node, base, err);
    case ONUS_YAML_MAP: {
        char inner[160];
        snprintf(inner, sizeof inner, "%s%s%s", where, where[0] ? "." : "", f->key);
        return onus_yaml_fill(y, node, inner, f->sub, at, err);
    }
    case ONUS_YAML_CUSTOM: return f->read(y, f, node, at, err);
    }
    return onus_fail(err, ONUS_BAD_ARG, "yaml: unknown kind of field %s", f->key);
}

/* ---- mappings ---------------------------------------------------------------------------- */

static onus_status unknown_key(const onus_yaml *y, const char *where, const yaml_node_t *key,
                               const onus_yaml_field *fields, onus_err *err)
{
    const char *text = onus_yaml_scalar(key), *near_ = NULL;
    char known[400] = "";
    int best = 3;
    for (const onus_yaml_field *f = fields; f->key; f++) {
        const size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", f->key);
        const int d = onus_word_distance(text, f->key);
        if (d < best) {
            best = d;
            near_ = f->key;
        }
    }
    const char *dot = where[0] ? "." : "";
    if (near_)
        return onus_yaml_fail(y, key, err, "unknown key '%s%s%.60s', did you mean '%s'?", where,
                              dot, text, near_);
    return onus_yaml_fail(y, key, err, "unknown key '%s%s%.60s', expected one of %s", where,
                          dot, text, known);
}

/* Keys are texts, each once. */
static onus_status check_keys(onus_yaml *y, yaml_node_t *node, const char *where, onus_err *err)
{
    const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
    const int64_t n = node->data.mapping.pairs.top - pairs;
    const char *dot = where[0] ? "." : "";
    if (n > YAML_PAIRS_MAX)
        return onus_yaml_fail(y, node, err, "%s: %lld keys, at most %d", where, (long long)n,
                              YAML_PAIRS_MAX);
    const char **keys = onus_alloc(y->arena->mem, (size_t)n + 1, sizeof *keys);
    if (!keys) return onus_fail_mem(err, y->path);
    onus_status st = ONUS_OK;
    for (int64_t i = 0; st == ONUS_OK && i < n; i++) {
        const yaml_node_t *key = yaml_document_get_node(&y->doc, pairs[i].key);
        keys[i] = onus_yaml_scalar(key);
        if (!keys[i])
            st = onus_yaml_fail(y, key, err, "%s%sa key must be a text", where,
                                where[0] ? ": " : "");
    }
    const int64_t twice = st == ONUS_OK ? first_repeated(y, keys, n) : -1;
    if (twice >= 0)
        st = onus_yaml_fail(y, yaml_document_get_node(&y->doc, pairs[twice].key), err,
                            "%s%s%.60s is said twice", where, dot, keys[twice]);
    if (twice == -2) st = onus_fail_mem(err, y->path);
    onus_free(y->arena->mem, keys);
    return st;
}

onus_status onus_yaml_pairs(onus_yaml *y, yaml_node_t *node, const char *where,
                            onus_yaml_pair_fn fn, void *ctx, onus_err *err)
{
    if (node->type != YAML_MAPPING_NODE)
        return onus_yaml_fail(y, node, err, "%s: expected a mapping (key: value)",
                              where[0] ? where : "recipe");
    onus_status st = check_keys(y, node, where, err);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
         st == ONUS_OK && p < node->data.mapping.pairs.top; p++)
        st = fn(y, ctx, yaml_document_get_node(&y->doc, p->key),
                yaml_document_get_node(&y->doc, p->value), err);
    return st;
}

typedef struct {
    const char *where;
    const onus_yaml_field *fields;
    void *base;
} fill_ctx;

static onus_status fill_pair(onus_yaml *y, void *ctx, yaml_node_t *key, yaml_node_t *value,
                             onus_err *err)
{
    const fill_ctx *c = ctx;
    const onus_yaml_field *f = c->fields;
    while (f->key && strcmp(f->key, onus_yaml_scalar(key)) != 0) f++;
    if (!f->key) return unknown_key(y, c->where, key, c->fields, err);
    return onus_yaml_value(y, f, c->where, value, c->base, err);
}

/* The value of a key of n bytes, or NULL. */
static yaml_node_t *value_of(onus_yaml *y, const yaml_node_t *map, const char *key, size_t n)
{
    if (!map || map->type != YAML_MAPPING_NODE) return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const char *k = onus_yaml_scalar(yaml_document_get_node(&y->doc, p->key));
        if (k && strlen(k) == n && memcmp(k, key, n) == 0)
            return yaml_document_get_node(&y->doc, p->value);
    }
    return NULL;
}

yaml_node_t *onus_yaml_find(onus_yaml *y, const char *path)
{
    yaml_node_t *node = onus_yaml_root(y);
    while (node && *path) {
        const size_t n = strcspn(path, ".");
        node = value_of(y, node, path, n);
        path += n + (path[n] == '.');
    }
    return node;
}

onus_status onus_yaml_fill(onus_yaml *y, yaml_node_t *node, const char *where,
                           const onus_yaml_field *fields, void *base, onus_err *err)
{
    fill_ctx c = {.where = where, .fields = fields, .base = base};
    onus_status st = onus_yaml_pairs(y, node, where, fill_pair, &c, err);
    for (const onus_yaml_field *f = fields; st == ONUS_OK && f->key; f++) {
        if (f->required && !value_of(y, node, f->key, strlen(f->key)))
            st = onus_yaml_fail(y, node, err, "%s%s'%s' is missing", where,
                                where[0] ? ": " : "", f->key);
    }
    return st;
}

/* ---- as JSON ----------------------------------------------------------------------------- */

static json_t *scalar_json(const yaml_node_t *node)
{
    const char *text = onus_yaml_scalar(node);
    const size_t digits = strspn(text + (*text == '-'), "0123456789");
    double v;
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return json_string(text);
    if (strcmp(text, "true") == 0) return json_true();
    if (strcmp(text, "false") == 0) return json_false();
    if (digits >= 1 && digits <= 15 && text[(*text == '-') + digits] == '\0')
        return json_integer(strtoll(text, NULL, 10));
    return onus_parse_number(text, &v) ? json_real(v) : json_string(text);
}

static onus_status list_json(onus_yaml *y, yaml_node_t *node, const char *where, json_t **out,
                             onus_err *err)
{
    if (!(*out = json_array())) return onus_fail_mem(err, y->path);
    for (yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top; i++) {
        json_t *item = NULL;
        const onus_status st =
            onus_yaml_json(y, yaml_document_get_node(&y->doc, *i), where, &item, err);
        if (st != ONUS_OK) return st;
        if (json_array_append_new(*out, item) != 0) return onus_fail_mem(err, y->path);
    }
    return ONUS_OK;
}

typedef struct {
    const char *where;
    json_t *object;
} json_ctx;

static onus_status pair_json(onus_yaml *y, void *ctx, yaml_node_t *key, yaml_node_t *value,
                             onus_err *err)
{
    const json_ctx *c = ctx;
    json_t *v = NULL;
    const onus_status st = onus_yaml_json(y, value, c->where, &v, err);
    if (st != ONUS_OK) return st;
    return json_object_set_new(c->object, onus_yaml_scalar(key), v) == 0
               ? ONUS_OK
               : onus_yaml_fail(y, key, err, "%s: a key that is not UTF-8", c->where);
}

static onus_status node_json(onus_yaml *y, yaml_node_t *node, const char *where, json_t **out,
                             onus_err *err)
{
    if (node->type == YAML_SEQUENCE_NODE) return list_json(y, node, where, out, err);
    if (node->type == YAML_MAPPING_NODE) {
        json_ctx c = {where, json_object()};
        if (!(*out = c.object)) return onus_fail_mem(err, y->path);
        return onus_yaml_pairs(y, node, where, pair_json, &c, err);
    }
    *out = scalar_json(node);
    return *out ? ONUS_OK : onus_yaml_fail(y, node, err, "%s: a text that is not UTF-8", where);
}

onus_status onus_yaml_json(onus_yaml *y, yaml_node_t *node, const char *where, json_t **out,
                           onus_err *err)
{
    *out = NULL;
    const onus_status st = node_json(y, node, where, out, err);
    if (st == ONUS_OK) return ONUS_OK;
    json_decref(*out);
    *out = NULL;
    return st;
}
