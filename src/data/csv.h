/* SPDX-License-Identifier: Apache-2.0
 * csv.h - tables of text (RFC 4180 and what people send instead): quotes, doubled quotes, line
 * ends inside quotes, CRLF, BOM, blanks as delimiter, comments. Empty lines are passed over.
 * Ragged rows, stray quotes, NULs and bytes that are not UTF-8 are errors that name file, line
 * and column. */
#ifndef ONUS_DATA_CSV_H
#define ONUS_DATA_CSV_H
#include "base/buf.h"
#include "base/mem.h"

typedef struct {
    char delimiter; /* 0: ','; ' ' runs of blanks */
    bool trim;
    char comment;
    const char *const *names; /* header-less */
    int64_t n_names;
} onus_csv_dialect;

/* A table: field (r, c) is cells[r * n_columns + c], NUL-terminated, in the table's own
 * memory. */
typedef struct onus_csv {
    const char *path;
    int64_t n_rows, n_columns;
    const char **columns; /* names; repeated ones are errors, an empty one becomes column_N, as
                             spreadsheets and data frames write numbers of rows */
    bool *unnamed;        /* (n_columns) */
    const char **cells;
    int32_t *line; /* line on which row r starts */
    onus_arena arena;
    onus_buf bytes;
} onus_csv;
/* Limits: 4 GiB of text, 65,536 columns, 2^31 - 1 rows. sha256 of the file's bytes (may be
 * NULL). */
onus_status onus_csv_read(onus_csv *out, const char *path, const onus_csv_dialect *dialect,
                          uint8_t sha256[32], const onus_allocator *mem,
                          onus_err *err) ONUS_CHECKED;
/* The same from memory; text is copied. */
onus_status onus_csv_parse(onus_csv *out, const char *text, size_t len, const char *what,
                           const onus_csv_dialect *dialect, const onus_allocator *mem,
                           onus_err *err) ONUS_CHECKED;
void onus_csv_release(onus_csv *t); /* a zeroed one is fine */
/* A decimal number with optional sign, fraction, exponent and nothing else; "nan", "inf", hex
 * are no numbers. Locale-free. */
bool onus_parse_number(const char *text, double *out);
/* Appends a binary32 in the nine digits that tell it from its neighbours, with a point whatever
 * the locale. */
void onus_csv_number(onus_buf *out, float v);
/* Appends a field, quoted where RFC 4180 demands it. */
void onus_csv_field(onus_buf *out, const char *text);
#endif
