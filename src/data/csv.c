/* SPDX-License-Identifier: Apache-2.0
 * csv.c - tables of text, parsed in place: fields are unquoted and ended within the file's own
 * bytes, cells point into them. */
#include "data/csv.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"

enum { COLUMNS_MAX = 65536 };
#define BYTES_MAX ((size_t)4 << 30)
#define ROWS_MAX  INT32_MAX

typedef struct {
    onus_csv *t;
    const onus_csv_dialect *d;
    char *at, *end;
    int line;            /* of `at` */
    const char **fields; /* of the row being read */
    int64_t n_fields, cap_fields;
    int64_t cap_cells, cap_rows, n_cells;
    const char **cells;
    int32_t *lines;
    onus_err *err;
} reader;

static onus_status bad(const reader *r, int line, const char *fmt, const char *value)
{
    char text[200];
    snprintf(text, sizeof text, fmt, value);
    return onus_fail(r->err, ONUS_BAD_INPUT, "%s:%d: %s", r->t->path, line, text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static onus_status keep_field(reader *r, const char *field)
{
    if (r->n_fields == r->cap_fields) {
        if (r->n_fields == COLUMNS_MAX) return bad(r, r->line, "more than 65,536 fields%s", "");
        const int64_t cap = r->cap_fields ? 2 * r->cap_fields : 64;
        const char **fields =
            onus_resize(r->t->arena.mem, r->fields, (size_t)cap, sizeof *fields);
        if (!fields) return onus_fail_mem(r->err, r->t->path);
        r->fields = fields;
        r->cap_fields = cap;
    }
    r->fields[r->n_fields++] = field;
    return ONUS_OK;
}

/* A quoted field: doubled quotes become one, line ends stay. `at` stands on the opening quote;
 * afterwards behind the closing one. */
static onus_status read_quoted(reader *r, const char **field)
{
    const int first = r->line;
    char *out = ++r->at;
    *field = out;
    for (;;) {
        if (r->at == r->end)
            return bad(r, first, "a quoted field that begins here never ends%s", "");
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"') break;
            r->at++;
        }
        r->line += *r->at == '\n';
        *out++ = *r->at++;
    }
    r->at++;
    *out = '\0'; /* at most the closing quote's own place */
    return ONUS_OK;
}

static bool ends_field(const reader *r, const char *c)
{
    if (c == r->end || *c == '\n' || (*c == '\r' && (c + 1 == r->end || c[1] == '\n')))
        return true;
    return r->d->delimiter == ' ' ? is_blank(*c)
                                  : *c == (r->d->delimiter ? r->d->delimiter : ',');
}

/* One field; *more says whether another follows on the line. */
static onus_status read_field(reader *r, bool *more)
{
    const char *field;
    onus_status st = ONUS_OK;
    if (r->d->trim && r->d->delimiter != '\t')
        while (r->at < r->end && is_blank(*r->at) && !(r->d->delimiter == ' ')) r->at++;
    char *stop;
    if (r->at < r->end && *r->at == '"') {
        st = read_quoted(r, &field);
        if (st != ONUS_OK) return st;
        while (r->d->trim && r->at < r->end && is_blank(*r->at) && r->d->delimiter != ' ')
            r->at++;
        if (!ends_field(r, r->at))
            return bad(r, r->line, "text after the closing quote of '%.80s'", field);
        stop = NULL;
    } else {
        field = r->at;
        while (!ends_field(r, r->at)) {
            if (*r->at == '"')
                return bad(r, r->line,
                           "a quote in the middle of a field: '%.40s'; quote the whole field "
                           "and double it",
                           field);
            if (*r->at == '\0') return bad(r, r->line, "a NUL byte%s", "");
            r->at++;
        }
        stop = r->at;
        while (r->d->trim && stop > field && is_blank(stop[-1])) stop--;
    }
    *more = r->at < r->end && *r->at != '\n' && *r->at != '\r';
    if (r->at < r->end && *r->at == '\r') *r->at++ = '\0';
    if (r->at < r->end) *r->at++ = '\0'; /* delimiter or line end */
    if (stop) *stop = '\0';
    return keep_field(r, field);
}

/* One row into fields; blanks as delimiter: runs of them, none at the ends. */
static onus_status read_row(reader *r)
{
    bool more = true;
    r->n_fields = 0;
    while (more) {
        if (r->d->delimiter == ' ') {
            while (r->at < r->end && is_blank(*r->at)) r->at++;
            if (ends_field(r, r->at) && r->n_fields > 0) { /* blanks before the line's end */
                if (r->at < r->end && *r->at == '\r') r->at++;
                if (r->at < r->end) r->at++;
                break;
            }
        }
        onus_status st = read_field(r, &more);
        if (st != ONUS_OK) return st;
    }
    r->line++;
    return ONUS_OK;
}

/* Empty lines and comments, unless a single column makes an empty line a value. */
static bool skip_line(reader *r)
{
    char *c = r->at;
    while (c < r->end && is_blank(*c)) c++;
    const bool empty =
        c == r->end || *c == '\n' || (*c == '\r' && c + 1 < r->end && c[1] == '\n');
    const bool comment = r->d->comment && r->at < r->end && *r->at == r->d->comment;
    if (!empty && !comment) return false;
    while (r->at < r->end && *r->at != '\n') r->at++;
    if (r->at < r->end) r->at++;
    r->line++;
    return true;
}

static onus_status keep_row(reader *r, int line)
{
    onus_csv *t = r->t;
    if (r->n_fields != t->n_columns) {
        char text[96];
        snprintf(text, sizeof text, "%lld fields, expected %lld", (long long)r->n_fields,
                 (long long)t->n_columns);
        return bad(r, line, "%s", text);
    }
    if (t->n_rows == ROWS_MAX) return bad(r, line, "more than 2^31 - 1 rows%s", "");
    if (t->n_rows == r->cap_rows) {
        const int64_t cap = r->cap_rows ? 2 * r->cap_rows : 1024;
        int32_t *lines = onus_resize(t->arena.mem, r->lines, (size_t)cap, sizeof *lines);
        if (!lines) return onus_fail_mem(r->err, t->path);
        r->lines = lines;
        const char **cells =
            onus_resize(t->arena.mem, r->cells, (size_t)(cap * t->n_columns), sizeof *cells);
        if (!cells) return onus_fail_mem(r->err, t->path);
        r->cells = cells;
        r->cap_rows = cap;
    }
    memcpy(r->cells + t->n_rows * t->n_columns, r->fields,
           (size_t)t->n_columns * sizeof *r->fields);
    r->lines[t->n_rows++] = line;
    return ONUS_OK;
}

static onus_status read_header(reader *r)
{
    onus_csv *t = r->t;
    int line = r->line;
    if (r->d->n_names == 0) {
        while (r->at < r->end && skip_line(r)) line = r->line;
        if (r->at == r->end) return bad(r, 1, "empty, expected a line of column names%s", "");
        line = r->line;
        onus_status st = read_row(r);
        if (st != ONUS_OK) return st;
    }
    const char *const *names = r->d->n_names ? r->d->names : r->fields;
    t->n_columns = r->d->n_names ? r->d->n_names : r->n_fields;
    t->columns = onus_arena_alloc(&t->arena, (size_t)t->n_columns, sizeof *t->columns);
    if (!t->columns) return onus_fail_mem(r->err, t->path);
    for (int64_t c = 0; c < t->n_columns; c++) {
        t->columns[c] = onus_arena_strdup(&t->arena, names[c]);
        if (!t->columns[c]) return onus_fail_mem(r->err, t->path);
        if (!*names[c]) {
            char text[64];
            snprintf(text, sizeof text, "column %lld has no name", (long long)c + 1);
            return bad(r, line, "%s", text);
        }
        for (int64_t k = 0; k < c && t->n_columns < 4096; k++)
            if (strcmp(t->columns[k], t->columns[c]) == 0)
                return bad(r, line, "two columns are called '%.80s'", t->columns[c]);
    }
    return ONUS_OK;
}

static onus_status read_rows(reader *r)
{
    while (r->at < r->end) {
        if (skip_line(r)) continue;
        const int line = r->line;
        onus_status st = read_row(r);
        if (st == ONUS_OK) st = keep_row(r, line);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* Parses t->bytes. */
static onus_status parse(onus_csv *t, const onus_csv_dialect *d, onus_err *err)
{
    reader r = {.t = t,
                .d = d,
                .at = t->bytes.data,
                .end = t->bytes.data + t->bytes.len,
                .line = 1,
                .err = err};
    if (t->bytes.len >= 3 && memcmp(t->bytes.data, "\xef\xbb\xbf", 3) == 0) r.at += 3;
    onus_status st = read_header(&r);
    if (st == ONUS_OK) st = read_rows(&r);
    onus_free(t->arena.mem, r.fields);
    t->cells = r.cells;
    t->line = r.lines;
    return st;
}

onus_status onus_csv_read(onus_csv *out, const char *path, const onus_csv_dialect *dialect,
                          uint8_t sha256[32], const onus_allocator *mem, onus_err *err)
{
    onus_csv t = {.path = path};
    onus_arena_init(&t.arena, mem);
    onus_buf_init(&t.bytes, mem, BYTES_MAX);
    onus_status st = onus_file_read_gzip(path, &t.bytes, sha256, err);
    if (st == ONUS_OK) st = parse(&t, dialect, err);
    if (st == ONUS_OK)
        *out = t;
    else
        onus_csv_release(&t);
    return st;
}

onus_status onus_csv_parse(onus_csv *out, const char *text, size_t len, const char *what,
                           const onus_csv_dialect *dialect, const onus_allocator *mem,
                           onus_err *err)
{
    onus_csv t = {.path = what};
    onus_arena_init(&t.arena, mem);
    onus_buf_init(&t.bytes, mem, BYTES_MAX);
    onus_buf_add(&t.bytes, text, len);
    onus_status st = onus_buf_status(&t.bytes, what, err);
    if (st == ONUS_OK) st = parse(&t, dialect, err);
    if (st == ONUS_OK)
        *out = t;
    else
        onus_csv_release(&t);
    return st;
}

void onus_csv_release(onus_csv *t)
{
    if (!t) return;
    onus_free(t->arena.mem, t->cells);
    onus_free(t->arena.mem, t->line);
    onus_buf_release(&t->bytes);
    onus_arena_release(&t->arena);
    *t = (onus_csv){.path = NULL};
}

void onus_csv_field(onus_buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n") && *text != ' ') {
        onus_buf_str(out, text);
        return;
    }
    onus_buf_str(out, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"') onus_buf_str(out, "\"");
        onus_buf_add(out, c, 1);
    }
    onus_buf_str(out, "\"");
}

/* ---- numbers --------------------------------------------------------------------------------
 */

/* Up to 15 digits and a power of ten up to 22 are exact in binary64, so one division or product
 * rounds once; the rest goes to strtod in the C locale. */
bool onus_parse_number(const char *text, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *c = text;
    const bool minus = *c == '-';
    if (*c == '-' || *c == '+') c++;
    uint64_t digits = 0;
    int n = 0, point = 0, exponent = 0;
    bool any = false, fraction = false;
    for (;; c++) {
        if (*c == '.' && !fraction) {
            fraction = true;
        } else if (*c >= '0' && *c <= '9') {
            any = true;
            point += fraction;
            if (n || *c != '0') n++;
            if (n <= 18) digits = digits * 10 + (uint64_t)(*c - '0');
        } else {
            break;
        }
    }
    if (!any) return false;
    if (*c == 'e' || *c == 'E') {
        const char *e = c + 1;
        const bool down = *e == '-';
        if (*e == '-' || *e == '+') e++;
        if (*e < '0' || *e > '9') return false;
        for (; *e >= '0' && *e <= '9'; e++)
            exponent = exponent < 100000 ? exponent * 10 + (*e - '0') : exponent;
        exponent = down ? -exponent : exponent;
        c = e;
    }
    if (*c) return false;
    const int scale = exponent - point;
    double v;
    if (n <= 15 && scale >= -22 && scale <= 22) {
        v = scale < 0 ? (double)digits / tens[-scale] : (double)digits * tens[scale];
        v = minus ? -v : v;
    } else {
        locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
        if (!plain) return false;
        v = strtod_l(text, NULL, plain);
        freelocale(plain);
    }
    if (v - v != 0) return false;
    *out = v;
    return true;
}
