/* SPDX-License-Identifier: Apache-2.0
 * Tables of JSON Lines. What is read is written with every cell as a text and read again, and
 * must be the same cells. */
#include "base/json.h"
#include "data/parts.h"
#include "fuzz.h"

static void write_row(onus_buf *out, const onus_csv *t, int64_t r)
{
    json_t *object = json_object();
    for (int64_t c = 0; c < t->n_columns; c++)
        FUZZ_CHECK(json_object_set_new(object, t->columns[c],
                                       json_string(t->cells[r * t->n_columns + c])) == 0);
    char *line = json_dumps(object, JSON_COMPACT);
    FUZZ_CHECK(line != NULL);
    onus_buf_str(out, line);
    onus_buf_str(out, "\n");
    free(line);
    json_decref(object);
}

static void read_again(const onus_csv *t)
{
    onus_csv again = {0};
    onus_buf out;
    onus_buf_init(&out, NULL, SIZE_MAX / 2);
    for (int64_t r = 0; r < t->n_rows; r++) write_row(&out, t, r);
    FUZZ_CHECK(onus_jsonl_parse(&again, out.data, out.len, "again", NULL, NULL) == ONUS_OK);
    FUZZ_CHECK(again.n_rows == t->n_rows && again.n_columns == t->n_columns);
    for (int64_t c = 0; c < t->n_columns; c++)
        FUZZ_CHECK(strcmp(again.columns[c], t->columns[c]) == 0);
    for (int64_t i = 0; i < t->n_rows * t->n_columns; i++)
        FUZZ_CHECK(strcmp(again.cells[i], t->cells[i]) == 0);
    onus_csv_release(&again);
    onus_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CELLS_WRITTEN = 1 << 16 };
    onus_csv t = {0};
    onus_err err = {.msg = ""};
    const onus_status st =
        onus_jsonl_parse(&t, (const char *)data, size, "t.jsonl", NULL, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return 0;
    int32_t last = 0;
    FUZZ_CHECK(t.n_rows > 0 && t.n_columns > 0);
    for (int64_t r = 0; r < t.n_rows; r++) {
        FUZZ_CHECK(t.line[r] > last);
        last = t.line[r];
    }
    if (t.n_rows * t.n_columns <= CELLS_WRITTEN) read_again(&t);
    onus_csv_release(&t);
    return 0;
}
