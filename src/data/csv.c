/* SPDX-License-Identifier: Apache-2.0
 * csv.c - tables of text, parsed in place: fields are unquoted and ended within the file's own
 * bytes, cells point into them. */
#include "data/csv.h"

#include <ctype.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/json.h"
#include "base/words.h"

enum { COLUMNS_MAX = 65536, CELLS_FIRST = 65536 };
#define BYTES_MAX ((size_t)4 << 30)
#define ROWS_MAX  INT32_MAX

typedef struct {
    onus_csv *t;
    char delimiter, comment; /* ' ': runs of blanks */
    bool trim;
    const onus_csv_dialect *d;
    char *at, *end;
    int64_t line;        /* of `at` */
    const char **fields; /* of the row being read */
    int64_t n_fields, cap_fields;
    int64_t cap_rows;
    const char **cells;
    int32_t *lines;
    onus_err *err;
} reader;

static onus_status bad(const reader *r, int64_t line, const char *fmt, ...) ONUS_PRINTF(3, 4);
static onus_status bad(const reader *r, int64_t line, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return onus_fail(r->err, ONUS_BAD_INPUT, "%s:%lld: %s", r->t->path, (long long)line, text);
}

/* The column that the next field belongs to, as people call it. */
static const char *column_name(const reader *r, char out[100])
{
    if (r->t->columns && r->n_fields < r->t->n_columns)
        snprintf(out, 100, "column '%.80s'", r->t->columns[r->n_fields]);
    else
        snprintf(out, 100, "column %lld", (long long)r->n_fields + 1);
    return out;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Blanks that trimming takes away, which a delimiter never is. */
static bool is_margin(const reader *r, char c)
{
    return r->trim && is_blank(c) && r->delimiter != ' ' && c != r->delimiter;
}

static onus_status keep_field(reader *r, const char *field)
{
    if (r->n_fields == r->cap_fields) {
        if (r->n_fields >= COLUMNS_MAX)
            return bad(r, r->line, "more than %d fields, the most that a table may have",
                       COLUMNS_MAX);
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
    const int64_t first = r->line;
    char *out = ++r->at, name[100];
    *field = out;
    for (;;) {
        if (r->at == r->end)
            return bad(r, first, "%s: the quoted field that begins here never ends",
                       column_name(r, name));
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
    return r->delimiter == ' ' ? is_blank(*c) : *c == r->delimiter;
}

/* What stands between two delimiters without quotes: [*field, *stop). */
static onus_status read_plain(reader *r, const char **field, char **stop)
{
    char name[100];
    for (*field = r->at; !ends_field(r, r->at); r->at++) {
        if (*r->at == '\r')
            return bad(r, r->line, "%s: a carriage return without a line feed in '%.40s'",
                       column_name(r, name), *field);
        if (*r->at != '"') continue;
        const bool blank = strspn(*field, " \t") == (size_t)(r->at - *field);
        r->at[1] = '\0';
        return bad(r, r->line, "%s: a quote in the middle of a field: '%.40s'; %s",
                   column_name(r, name), *field,
                   blank ? "say trim: true where blanks stand before quotes"
                         : "quote the whole field and double it");
    }
    for (*stop = r->at; *stop > *field && is_margin(r, (*stop)[-1]);) --*stop;
    return ONUS_OK;
}

/* One field; *more says whether another follows on the line. */
static onus_status read_field(reader *r, bool *more)
{
    const char *field;
    char *stop = NULL, name[100];
    onus_status st;
    while (r->at < r->end && is_margin(r, *r->at)) r->at++;
    if (r->at < r->end && *r->at == '"') {
        st = read_quoted(r, &field);
        if (st != ONUS_OK) return st;
        while (r->at < r->end && is_margin(r, *r->at)) r->at++;
        if (!ends_field(r, r->at))
            return bad(r, r->line, "%s: text after the closing quote of '%.40s'",
                       column_name(r, name), field);
    } else {
        st = read_plain(r, &field, &stop);
        if (st != ONUS_OK) return st;
    }
    *more = r->at < r->end && *r->at != '\n' && *r->at != '\r';
    if (r->at < r->end && *r->at == '\r') r->at++;
    if (r->at < r->end) r->at++; /* delimiter or line end */
    if (stop) *stop = '\0';      /* the field is passed: its end may be written over */
    return keep_field(r, field);
}

/* One row into fields; blanks as delimiter: runs of them, none at the ends. */
static onus_status read_row(reader *r)
{
    bool more = true;
    r->n_fields = 0;
    while (more) {
        if (r->delimiter == ' ') {
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

/* Passes over an empty line or a comment. */
static bool skip_line(reader *r)
{
    char *c = r->at;
    while (c < r->end && is_blank(*c) && *c != r->delimiter) c++;
    while (r->delimiter == ' ' && c < r->end && is_blank(*c)) c++;
    const bool empty =
        c == r->end || *c == '\n' || (*c == '\r' && (c + 1 == r->end || c[1] == '\n'));
    const bool comment = r->comment && *r->at == r->comment;
    if (!empty && !comment) return false;
    while (r->at < r->end && *r->at != '\n') r->at++;
    if (r->at < r->end) r->at++;
    r->line++;
    return true;
}

static onus_status keep_row(reader *r, int64_t line)
{
    onus_csv *t = r->t;
    if (r->n_fields != t->n_columns) {
        const char first = r->fields[0][0];
        onus_status st = bad(r, line, "%lld field%s, expected %lld", (long long)r->n_fields,
                             r->n_fields == 1 ? "" : "s", (long long)t->n_columns);
        if (r->n_fields == 1 && ispunct((unsigned char)first) && first != '"')
            st =
                onus_hint(r->err, st, "if that is a comment, say data: {comment: '%c'}", first);
        return st;
    }
    if (t->n_rows == ROWS_MAX || line > INT32_MAX)
        return bad(r, line, "more than 2^31 - 1 rows or lines");
    if (t->n_rows == r->cap_rows) {
        const int64_t first = CELLS_FIRST / t->n_columns + 16,
                      cap = r->cap_rows ? 2 * r->cap_rows : first;
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
    r->lines[t->n_rows++] = (int32_t)line;
    return ONUS_OK;
}

/* Every column gets a name, and no two have the same. */
static onus_status check_names(reader *r, int64_t line)
{
    onus_csv *t = r->t;
    const char **sorted = onus_arena_alloc(&t->arena, (size_t)t->n_columns, sizeof *sorted);
    t->unnamed = onus_arena_alloc(&t->arena, (size_t)t->n_columns, sizeof *t->unnamed);
    if (!sorted || !t->unnamed) return onus_fail_mem(r->err, t->path);
    for (int64_t c = 0; c < t->n_columns; c++) {
        t->unnamed[c] = !*t->columns[c];
        if (t->unnamed[c])
            t->columns[c] = onus_arena_printf(&t->arena, "column_%lld", (long long)c + 1);
        sorted[c] = t->columns[c];
        if (!sorted[c]) return onus_fail_mem(r->err, t->path);
    }
    qsort(sorted, (size_t)t->n_columns, sizeof *sorted, onus_text_order);
    for (int64_t c = 1; c < t->n_columns; c++) {
        if (strcmp(sorted[c - 1], sorted[c]) == 0)
            return bad(r, line, "two columns are called '%.80s'", sorted[c]);
    }
    return ONUS_OK;
}

static onus_status read_header(reader *r)
{
    onus_csv *t = r->t;
    int64_t line = 1;
    if (r->d->n_names == 0) {
        while (r->at < r->end && skip_line(r)) {}
        if (r->at == r->end) return bad(r, 1, "empty, expected a line of column names");
        line = r->line;
        onus_status st = read_row(r);
        if (st != ONUS_OK) return st;
    }
    const char *const *names = r->d->n_names ? r->d->names : r->fields;
    const int64_t n = r->d->n_names ? r->d->n_names : r->n_fields;
    const char **columns = onus_arena_alloc(&t->arena, (size_t)n, sizeof *columns);
    if (!columns) return onus_fail_mem(r->err, t->path);
    for (int64_t c = 0; c < n; c++) {
        columns[c] = onus_arena_strdup(&t->arena, names[c]);
        if (!columns[c]) return onus_fail_mem(r->err, t->path);
    }
    t->columns = columns;
    t->n_columns = n;
    return check_names(r, line);
}

static onus_status read_rows(reader *r)
{
    while (r->at < r->end) {
        if (skip_line(r)) continue;
        const int64_t line = r->line;
        onus_status st = read_row(r);
        if (st == ONUS_OK) st = keep_row(r, line);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* A table is text: UTF-8 without NULs. What is none is named before anything is read. */
static onus_status check_text(const reader *r)
{
    const char *at = r->at;
    if (r->end - at >= 2 && (!memcmp(at, "\xff\xfe", 2) || !memcmp(at, "\xfe\xff", 2)))
        return bad(r, 1, "UTF-16 text; save it as UTF-8");
    for (; at < r->end; at++) {
        uint64_t eight;
        while (r->end - at >= 8) {
            memcpy(&eight, at, 8);
            const uint64_t high = UINT64_C(0x8080808080808080),
                           nul = (eight - UINT64_C(0x0101010101010101)) & ~eight & high;
            if ((eight & high) | nul) break;
            at += 8;
        }
        if (at == r->end) break;
        const int n = *at ? onus_utf8_len(at) : 0;
        if (n == 0) break;
        at += n - 1;
    }
    if (at == r->end) return ONUS_OK;
    int64_t line = 1, byte = 1;
    for (const char *c = r->t->bytes.data; c < at; c++, byte++) {
        if (*c == '\n') line++, byte = 0;
    }
    if (!*at) return bad(r, line, "byte %lld: a NUL, which no text holds", (long long)byte);
    return bad(r, line, "byte %lld: 0x%02x is not UTF-8; convert the table (iconv -t UTF-8)",
               (long long)byte, (unsigned char)*at);
}

static onus_status check_dialect(const reader *r)
{
    static const char never[3] = {'"', '\r', '\n'};
    if (memchr(never, r->delimiter, 3) || (r->comment && memchr(never, r->comment, 3)) ||
        r->comment == r->delimiter)
        return onus_fail(r->err, ONUS_BAD_ARG,
                         "%s: quotes and line ends are neither delimiter nor comment, and "
                         "these two differ",
                         r->t->path);
    if (r->d->n_names > COLUMNS_MAX)
        return onus_fail(r->err, ONUS_BAD_INPUT, "%s: %lld names, a table has at most %d",
                         r->t->path, (long long)r->d->n_names, COLUMNS_MAX);
    return ONUS_OK;
}

/* Parses t->bytes. */
static onus_status parse(onus_csv *t, const onus_csv_dialect *d, onus_err *err)
{
    reader r = {.t = t,
                .d = d,
                .delimiter = d->delimiter ? d->delimiter : ',',
                .comment = d->comment,
                .trim = d->trim,
                .at = t->bytes.data,
                .end = t->bytes.data + t->bytes.len,
                .line = 1,
                .err = err};
    if (t->bytes.len >= 3 && memcmp(t->bytes.data, "\xef\xbb\xbf", 3) == 0) r.at += 3;
    onus_status st = check_dialect(&r);
    if (st == ONUS_OK) st = check_text(&r);
    if (st == ONUS_OK) st = read_header(&r);
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

void onus_csv_number(onus_buf *out, float v)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", (double)v);
    for (const char *c = text; *c;) {
        const size_t n = strspn(c, "0123456789+-einfa");
        onus_buf_add(out, c, n);
        c += n;
        if (!*c) break;
        onus_buf_str(out, ".");
        c += strcspn(c, "0123456789"); /* the locale's point may take several bytes */
    }
}

void onus_csv_field(onus_buf *out, const char *text)
{
    const size_t n = strlen(text);
    if (!strpbrk(text, ",\"\r\n") && !is_blank(*text) && !(n && is_blank(text[n - 1])) &&
        strncmp(text, "\xef\xbb\xbf", 3) != 0) {
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

/* ---- numbers ----------------------------------------------------------------------------- */

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
    int64_t n = 0, point = 0, exponent = 0;
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
    const int64_t scale = exponent - point;
    double v;
    if (n <= 15 && scale >= -22 && scale <= 22) {
        v = scale < 0 ? (double)digits / tens[-scale] : (double)digits * tens[scale];
        v = minus ? -v : v;
    } else {
        /* all of "C" is a constant of the C library: nothing is allocated, nothing fails */
        v = strtod_l(text, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0));
    }
    if (v - v != 0) return false;
    *out = v;
    return true;
}
