/* SPDX-License-Identifier: Apache-2.0
 * Tables. The first byte chooses the dialect; what is read is written by our writer and read
 * again, and must be the same cells. */
#include "data/csv.h"
#include "fuzz.h"

static void write_row(onus_buf *out, const char *const *cells, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        if (c) onus_buf_str(out, ",");
        if (n == 1 && !*cells[c])
            onus_buf_str(out, "\"\""); /* an empty line would be passed over */
        else
            onus_csv_field(out, cells[c]);
    }
    onus_buf_str(out, "\n");
}

static void read_again(const onus_csv *t)
{
    const onus_csv_dialect plain = {0};
    onus_csv again = {0};
    onus_buf out;
    onus_buf_init(&out, NULL, SIZE_MAX / 2);
    write_row(&out, t->columns, t->n_columns);
    for (int64_t r = 0; r < t->n_rows; r++)
        write_row(&out, t->cells + r * t->n_columns, t->n_columns);
    FUZZ_CHECK(onus_csv_parse(&again, out.data, out.len, "again", &plain, NULL, NULL) ==
               ONUS_OK);
    FUZZ_CHECK(again.n_rows == t->n_rows && again.n_columns == t->n_columns);
    for (int64_t i = 0; i < t->n_rows * t->n_columns; i++)
        FUZZ_CHECK(strcmp(again.cells[i], t->cells[i]) == 0);
    onus_csv_release(&again);
    onus_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {0, ',', ';', '\t', ' ', '|', 'x', '"'};
    static const char comments[] = {0, '#', '|', ','};
    static const char *const names[] = {"a", "b", "c"};
    if (size == 0) return 0;
    const onus_csv_dialect d = {.delimiter = delimiters[data[0] & 7],
                                .comment = comments[data[0] >> 3 & 3],
                                .trim = data[0] >> 5 & 1,
                                .names = names,
                                .n_names = data[0] >> 6};
    onus_csv t = {0};
    onus_err err = {.msg = ""};
    const onus_status st =
        onus_csv_parse(&t, (const char *)data + 1, size - 1, "t.csv", &d, NULL, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return 0;
    int32_t last = 0;
    for (int64_t r = 0; r < t.n_rows; r++) {
        FUZZ_CHECK(t.line[r] > last);
        last = t.line[r];
    }
    double v;
    for (int64_t i = 0; i < t.n_rows * t.n_columns; i++) {
        if (onus_parse_number(t.cells[i], &v)) FUZZ_CHECK(v - v == 0);
    }
    read_again(&t);
    onus_csv_release(&t);
    return 0;
}
