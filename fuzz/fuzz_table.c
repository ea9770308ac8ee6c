/* SPDX-License-Identifier: Apache-2.0
 * Datasets: a table that is typed, cleaned, split, fitted and encoded. The first two bytes
 * choose what the recipe says. What comes out must be finite, each row in one part, and the
 * encoder must read as text and encode its own table again. */
#include "base/hash.h"
#include "data/dataset.h"
#include "fuzz.h"

static void check_rows(const onus_dataset *d)
{
    const int64_t n = onus_dataset_rows(d), features = onus_dataset_features(d);
    float *x = malloc((size_t)features * sizeof *x), y[2] = {0}, w;
    char *seen = calloc((size_t)n, 1);
    FUZZ_CHECK(x && seen && n > 0 && features > 0);
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        int64_t m;
        const int64_t *rows = onus_dataset_part(d, (onus_part)p, &m);
        for (int64_t i = 0; i < m; i++) {
            FUZZ_CHECK(rows[i] >= 0 && rows[i] < n && !seen[rows[i]]);
            seen[rows[i]] = 1;
            onus_dataset_fetch(d, &rows[i], 1, x, y, &w);
            for (int64_t k = 0; k < features; k++) FUZZ_CHECK(x[k] - x[k] == 0);
            FUZZ_CHECK(y[0] - y[0] == 0 && y[1] - y[1] == 0 && w >= 0 && w - w == 0);
            FUZZ_CHECK(onus_dataset_task(d) != ONUS_TASK_LABELS ||
                       (onus_dataset_labels(d) == 2 && (y[0] >= 0 || y[1] >= 0)));
            for (int64_t a = 0; a < onus_dataset_attributes(d); a++) {
                const int32_t g = onus_dataset_group(d, a, rows[i]);
                FUZZ_CHECK(g >= -1 && g < onus_dataset_groups(d, a));
            }
        }
    }
    for (int64_t r = 0; r < n; r++) FUZZ_CHECK(seen[r]);
    free(x);
    free(seen);
}

static void read_with_its_encoder(const onus_dataset *d, const onus_data_spec *spec)
{
    onus_buf json;
    onus_encoder *e = NULL;
    onus_dataset *again = NULL;
    onus_err err = {.msg = ""};
    onus_buf_init(&json, NULL, SIZE_MAX / 2);
    FUZZ_CHECK(onus_encoder_write(onus_dataset_encoder(d), &json, NULL) == ONUS_OK);
    onus_status st = onus_encoder_read(&e, json.data, json.len, "e", NULL, &err);
    if (st != ONUS_OK) fprintf(stderr, "%s\n%s\n", err.msg, json.data);
    FUZZ_CHECK(st == ONUS_OK);
    /* A row that was dropped for a column that the model does not read may stay now, and be
     * wrong elsewhere. */
    st = onus_dataset_open(&again, spec, e, 1, NULL, NULL, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        FUZZ_CHECK(onus_dataset_rows(again) >= onus_dataset_rows(d));
        FUZZ_CHECK(onus_dataset_features(again) == onus_dataset_features(d));
        check_rows(again);
    }
    onus_dataset_close(again);
    onus_encoder_destroy(e);
    onus_buf_release(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double bins[] = {0, 10};
    static const char *const tokens[] = {"?", "NA"}, *const by[] = {"y", "a"},
                             *const labels[] = {"y", "b"};
    if (size < 2 || !onus_crypto_start()) return 0;
    const unsigned s = data[0] | (unsigned)data[1] << 8;
    const bool several = (s >> 12 & 3) == 3; /* labels */
    const onus_protected_spec protected_ = {
        .column = "a", .bins = bins, .n_bins = s >> 14 & 1 ? 2 : 0};
    const onus_column_spec columns[] = {
        {.name = "b",
         .role = (onus_role)((s >> 3 & 7) % 6),
         .missing = (onus_missing)((s & 7) % 7),
         .has_bounds = s >> 13 & 1 && (s >> 3 & 7) % 6 == ONUS_ROLE_NUMBER,
         .lower = -1,
         .upper = 9}};
    char path[64];
    const int fd = fuzz_file(data + 2, size - 2, path);
    const onus_data_spec spec = {.recipe = "r",
                                 .source = path,
                                 .label = several ? NULL : "y",
                                 .label_columns = several ? labels : NULL,
                                 .n_label_columns = several ? 2 : 0,
                                 .label_missing = (onus_label_missing)(several ? s & 3 : 0),
                                 .label_number = !several && s >> 12 & 1,
                                 .missing = (onus_missing)((s >> 6 & 7) % 7),
                                 .scale = (onus_scale)(s >> 9 & 3),
                                 .drop_duplicates = s >> 11 & 1,
                                 .protected_ = &protected_,
                                 .n_protected = 1,
                                 .columns = columns,
                                 .n_columns = several ? 0 : s >> 15 & 1,
                                 .missing_tokens = tokens,
                                 .n_missing_tokens = 2,
                                 .stratify = by,
                                 .n_stratify = s & 2 ? 2 : 0,
                                 .train = 0.5,
                                 .valid = 0.25,
                                 .test = 0.25};
    onus_dataset *d = NULL;
    onus_err err = {.msg = ""};
    const onus_status st = onus_dataset_open(&d, &spec, NULL, 1, NULL, NULL, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        check_rows(d);
        read_with_its_encoder(d, &spec);
    }
    onus_dataset_close(d);
    close(fd);
    return 0;
}
