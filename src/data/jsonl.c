/* SPDX-License-Identifier: Apache-2.0
 * jsonl.c - JSON Lines as a table: every line an object with the keys of the first, in any
 * order; texts as they are, numbers and truth values as JSON writes them, null as an empty
 * cell. jansson reads a line at a time. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "data/parts.h"

enum { COLUMNS_MAX = 65536, LINE_MAX_ = 64 << 20 };

static onus_status fail_line(const onus_csv *t, int64_t line, const char *key, const char *why,
                             onus_err *err)
{
    return onus_fail(err, ONUS_BAD_INPUT, "%s:%lld: %s%.80s%s%s", t->path, (long long)line,
                     key ? "'" : "", key ? key : "", key ? "' " : "", why);
}

/* A value as the text of a cell; NULL where it is none. */
static const char *cell_of(onus_csv *t, const json_t *v)
{
    onus_buf text;
    const char *cell = NULL;
    if (!v || json_is_null(v)) return "";
    if (json_is_string(v)) return onus_arena_strdup(&t->arena, json_string_value(v));
    if (!json_is_number(v) && !json_is_boolean(v)) return NULL;
    onus_buf_init(&text, t->arena.mem, 64);
    onus_json_canonical(&text, v);
    if (text.st == ONUS_OK) cell = onus_arena_strdup(&t->arena, text.data);
    onus_buf_release(&text);
    return cell;
}

static onus_status name_columns(onus_csv *t, json_t *first, int64_t line, onus_err *err)
{
    const char *key;
    json_t *value;
    t->n_columns = (int64_t)json_object_size(first);
    if (t->n_columns < 1 || t->n_columns > COLUMNS_MAX)
        return fail_line(t, line, NULL, "an object of 1 to 65536 keys was expected", err);
    t->columns = onus_arena_alloc(&t->arena, (size_t)t->n_columns, sizeof *t->columns);
    t->unnamed = onus_arena_alloc(&t->arena, (size_t)t->n_columns, sizeof *t->unnamed);
    if (!t->columns || !t->unnamed) return onus_fail_mem(err, t->path);
    int64_t c = 0;
    json_object_foreach(first, key, value)
    {
        if (!(t->columns[c++] = onus_arena_strdup(&t->arena, key)))
            return onus_fail_mem(err, t->path);
    }
    return ONUS_OK;
}

static onus_status add_row(onus_csv *t, json_t *object, int64_t line, onus_err *err)
{
    const char **cells = t->cells + t->n_rows * t->n_columns;
    const char *key;
    json_t *value;
    size_t known = 0;
    for (int64_t c = 0; c < t->n_columns; c++) {
        const json_t *v = json_object_get(object, t->columns[c]);
        known += v != NULL;
        if (!(cells[c] = cell_of(t, v)))
            return json_is_array(v) || json_is_object(v)
                       ? fail_line(t, line, t->columns[c],
                                   "is a list or an object, a cell holds one value", err)
                       : onus_fail_mem(err, t->path);
    }
    /* names are compared only where one is wrong: many columns would cost their square */
    json_object_foreach(object, key, value)
    {
        int64_t c = 0;
        if (known == json_object_size(object)) break;
        while (c < t->n_columns && strcmp(t->columns[c], key) != 0) c++;
        if (c == t->n_columns)
            return fail_line(t, line, key, "is no key of the first line's object", err);
    }
    t->line[t->n_rows++] = (int32_t)line;
    return ONUS_OK;
}

/* The next line of text[len] from *at on, without its end; false behind the last. */
static bool next_line(const char *text, size_t len, size_t *at, const char **line, size_t *n)
{
    if (*at >= len) return false;
    *line = text + *at;
    const char *end = memchr(*line, '\n', len - *at);
    *n = end ? (size_t)(end - *line) : len - *at;
    *at += *n + 1;
    return true;
}

static bool is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return false;
    return true;
}

/* Lines that are rows: empty ones shall not make a file ask for memory. */
static int64_t count_rows(const char *text, size_t len)
{
    const char *line;
    int64_t rows = 0;
    for (size_t at = 0, n; next_line(text, len, &at, &line, &n);) rows += !is_blank(line, n);
    return rows;
}

static onus_status read_line(onus_csv *t, const char *text, size_t len, int64_t line,
                             int64_t n_rows, onus_err *err)
{
    json_t *object = NULL;
    onus_err why = {.code = ONUS_OK};
    if (len > LINE_MAX_) return fail_line(t, line, NULL, "a line of more than 64 MiB", err);
    onus_status st = onus_json_parse(&object, text, len, "the line", &why);
    if (st != ONUS_OK)
        return st == ONUS_NO_MEM ? onus_fail_mem(err, t->path)
                                 : fail_line(t, line, NULL, why.msg, err);
    if (!json_is_object(object))
        st = fail_line(t, line, NULL, "no JSON object", err);
    else if (!t->columns) {
        st = name_columns(t, object, line, err);
        if (st == ONUS_OK) {
            t->cells =
                onus_alloc(t->arena.mem, (size_t)(n_rows * t->n_columns), sizeof *t->cells);
            t->line = onus_alloc(t->arena.mem, (size_t)n_rows, sizeof *t->line);
            if (!t->cells || !t->line) st = onus_fail_mem(err, t->path);
        }
    }
    if (st == ONUS_OK) st = add_row(t, object, line, err);
    json_decref(object);
    return st;
}

onus_status onus_jsonl_parse(onus_csv *out, const char *text, size_t len, const char *what,
                             const onus_allocator *mem, onus_err *err)
{
    onus_csv t = {.path = what};
    onus_arena_init(&t.arena, mem);
    onus_buf_init(&t.bytes, mem, 0);
    const int64_t n_rows = count_rows(text, len);
    onus_status st = ONUS_OK;
    const char *begin;
    int64_t line = 0;
    for (size_t at = 0, n; st == ONUS_OK && next_line(text, len, &at, &begin, &n);) {
        if (++line == INT32_MAX)
            st = onus_fail(err, ONUS_BAD_INPUT, "%s: more than 2^31 lines", what);
        else if (!is_blank(begin, n))
            st = read_line(&t, begin, n, line, n_rows, err);
    }
    if (st == ONUS_OK && !t.columns) st = onus_fail(err, ONUS_BAD_INPUT, "%s: no rows", what);
    if (st == ONUS_OK)
        *out = t;
    else
        onus_csv_release(&t);
    return st;
}

onus_status onus_jsonl_read(onus_csv *out, const char *path, uint8_t sha256[32],
                            const onus_allocator *mem, onus_err *err)
{
    onus_buf bytes;
    onus_buf_init(&bytes, mem, (size_t)4 << 30);
    onus_status st = onus_file_read_gzip(path, &bytes, sha256, err);
    if (st == ONUS_OK) st = onus_jsonl_parse(out, bytes.data, bytes.len, path, mem, err);
    onus_buf_release(&bytes);
    return st;
}
