/* SPDX-License-Identifier: Apache-2.0
 * dataset.c - the steps from a recipe's data to rows of numbers, in order, and what others may
 * ask. */
#include "data/dataset.h"

#include <string.h>

#include "base/fail.h"
#include "data/parts.h"

const char *const onus_task_names[] = {"binary", "classes", "regression", "tokens", "labels"};
const char *const onus_part_names[] = {"train", "valid", "test"};

static onus_status open_table(onus_dataset *d, uint64_t seed, const onus_sink *sink,
                              onus_err *err)
{
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_read_tables(d, sink, err));
    ONUS_TRY(onus_assign_roles(d, err));
    ONUS_TRY(onus_find_text(d, err));
    ONUS_TRY(onus_clean_rows(d, err));
    ONUS_TRY(onus_type_columns(d, err));
    ONUS_TRY(onus_find_classes(d, err));
    ONUS_TRY(onus_find_groups(d, err));
    ONUS_TRY(onus_split_rows(d, seed, err));
    if (d->given)
        d->encoder = (onus_encoder *)d->given; /* read only, never destroyed here */
    else
        ONUS_TRY(onus_fit_encoder(d, sink, err));
    ONUS_TRY(onus_encode_rows(d, err));
done:
    return st;
}

onus_status onus_dataset_open(onus_dataset **out, const onus_data_spec *spec,
                              const onus_encoder *encoder, uint64_t seed, const onus_sink *sink,
                              const onus_allocator *mem, onus_err *err)
{
    onus_isa isa;
    onus_status st = onus_isa_default(&isa, err);
    if (st != ONUS_OK) return st;
    onus_dataset *d = onus_alloc(mem, 1, sizeof *d);
    if (!d) return onus_fail_mem(err, "data");
    d->kernels = onus_kernels_of(isa);
    d->mem = mem;
    d->spec = spec;
    d->given = encoder;
    d->label_scale = 1;
    d->n_labels = 1;
    d->seed = seed;
    onus_arena_init(&d->arena, mem);
    st = spec->format == ONUS_FORMAT_IDX    ? onus_open_images(d, seed, sink, err)
         : spec->format == ONUS_FORMAT_TEXT ? onus_open_text(d, sink, err)
                                            : open_table(d, seed, sink, err);
    if (st == ONUS_OK && d->given) d->encoder = (onus_encoder *)d->given;
    if (st == ONUS_OK && d->given && d->task != d->given->task)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: the recipe predicts %s, the model %s",
                       spec->recipe ? spec->recipe : "data", onus_task_names[d->task],
                       onus_task_names[d->given->task]);
    if (st == ONUS_OK) st = onus_emit_sheet(d, sink, err);
    if (st == ONUS_OK)
        *out = d;
    else
        onus_dataset_close(d);
    return st;
}

void onus_dataset_close(onus_dataset *d)
{
    if (!d) return;
    for (int k = 0; k < 2; k++) {
        if (d->csv[k].columns) onus_csv_release(&d->csv[k]);
        if (d->images[k].data) onus_buf_release(&d->images[k]);
    }
    onus_free(d->mem, d->text.ids);
    onus_free(d->mem, d->text.starts);
    if (!d->given) onus_encoder_destroy(d->encoder);
    onus_arena_release(&d->arena);
    onus_free(d->mem, d);
}

onus_task onus_dataset_task(const onus_dataset *d)
{
    return d->task;
}

int64_t onus_dataset_rows(const onus_dataset *d)
{
    return d->n_rows;
}

int64_t onus_dataset_features(const onus_dataset *d)
{
    return d->encoder->n_features;
}

onus_shape onus_dataset_input(const onus_dataset *d)
{
    if (d->encoder->pixels) return d->encoder->image;
    return (onus_shape){.n = 1, .d = {d->encoder->n_features}};
}

int64_t onus_dataset_vocabulary(const onus_dataset *d)
{
    return d->text.any ? onus_tokenizer_size(d->encoder->tokenizer) : 0;
}

int64_t onus_dataset_labels(const onus_dataset *d)
{
    return d->task == ONUS_TASK_TOKENS ? d->encoder->context : d->n_labels;
}

const char *onus_dataset_label_name(const onus_dataset *d, int64_t l)
{
    return d->encoder->labels[l];
}

const onus_tokenizer *onus_dataset_tokenizer(const onus_dataset *d)
{
    return d->encoder->tokenizer;
}

int64_t onus_dataset_classes(const onus_dataset *d)
{
    return d->n_classes;
}

const char *onus_dataset_class_name(const onus_dataset *d, int64_t c)
{
    return d->classes[c];
}

bool onus_dataset_has_labels(const onus_dataset *d)
{
    return d->has_labels;
}

const int64_t *onus_dataset_part(const onus_dataset *d, onus_part part, int64_t *n)
{
    *n = d->n_part[part];
    return d->part[part];
}

int64_t onus_dataset_columns(const onus_dataset *d)
{
    return d->encoder->n_columns;
}

const onus_input_column *onus_dataset_column(const onus_dataset *d, int64_t i)
{
    return &d->encoder->columns[i].pub;
}

const onus_encoder *onus_dataset_encoder(const onus_dataset *d)
{
    return d->encoder;
}

const uint8_t *onus_image_of(const onus_dataset *d, int64_t row)
{
    const int64_t n = d->encoder->pixels;
    return row < d->n_images[0] ? d->pixels[0] + row * n
                                : d->pixels[1] + (row - d->n_images[0]) * n;
}

/* Contract: a pixel is (float)byte / 255. Rows come in any order out of more bytes than the
 * caches hold: while one is divided the next is fetched. */
static void fetch_images(const onus_dataset *d, const int64_t *rows, int64_t n, float *x)
{
    enum { LINE = 64 };
    const int64_t size = d->encoder->pixels;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *next = onus_image_of(d, rows[i + 1 < n ? i + 1 : i]);
        for (int64_t at = 0; at < size; at += LINE) __builtin_prefetch(next + at);
        d->kernels->bytes_scale(onus_image_of(d, rows[i]), 255.0f, x + i * size, size);
    }
}

void onus_dataset_fetch(const onus_dataset *d, const int64_t *rows, int64_t n, float *x,
                        float *y, float *w)
{
    const int64_t F = d->encoder->n_features, L = d->n_labels;
    if (x && d->encoder->pixels) fetch_images(d, rows, n, x);
    for (int64_t i = 0; i < n; i++) {
        if (x && d->text.any) onus_text_example(d, d->seed, 0, rows[i], x + i * F, NULL);
        if (x && d->x) memcpy(x + i * F, d->x + rows[i] * F, (size_t)F * sizeof *x);
        if (y) memcpy(y + i * L, d->y + rows[i] * L, (size_t)L * sizeof *y);
        if (w) w[i] = d->w ? d->w[rows[i]] : 1.0f;
    }
}

bool onus_dataset_windows(const onus_dataset *d)
{
    return d->spec->format == ONUS_FORMAT_TEXT;
}

uint64_t onus_dataset_seed(const onus_dataset *d)
{
    return d->seed;
}

void onus_dataset_examples(const onus_dataset *d, uint64_t seed, uint32_t epoch,
                           const int64_t *rows, int64_t n, float *x, float *y)
{
    const float *from = d->target ? d->target : d->y;
    const int64_t F = d->encoder->n_features, L = onus_dataset_labels(d);
    const bool augment = epoch > 0 && d->encoder->pixels && onus_augments(d->spec);
    if (x && !d->text.any && !augment) onus_dataset_fetch(d, rows, n, x, NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        if (d->text.any)
            onus_text_example(d, seed, epoch, rows[i], x ? x + i * F : NULL,
                              y ? y + i * L : NULL);
        if (x && augment)
            onus_augment_image(d, seed, epoch, rows[i], onus_image_of(d, rows[i]), x + i * F);
        if (y && d->task != ONUS_TASK_TOKENS)
            memcpy(y + i * L, from + rows[i] * L, (size_t)L * sizeof *y);
    }
}

void onus_dataset_label_scale(const onus_dataset *d, double *shift, double *scale)
{
    *shift = d->label_shift;
    *scale = d->label_scale;
}

int64_t onus_dataset_attributes(const onus_dataset *d)
{
    return d->n_attributes;
}

const char *onus_dataset_attribute_name(const onus_dataset *d, int64_t a)
{
    return d->attributes[a].name;
}

int64_t onus_dataset_groups(const onus_dataset *d, int64_t a)
{
    return d->attributes[a].n_groups;
}

const char *onus_dataset_group_name(const onus_dataset *d, int64_t a, int64_t g)
{
    return d->attributes[a].groups[g];
}

int32_t onus_dataset_group(const onus_dataset *d, int64_t a, int64_t row)
{
    return d->attributes[a].group[row];
}

const onus_disclosure *onus_dataset_disclosure(const onus_dataset *d, onus_part part)
{
    return d->told[part];
}

const char *onus_dataset_text(const onus_dataset *d, int64_t row, int64_t column)
{
    return d->encoder->pixels || !d->csv[0].cells ? ""
                                                  : onus_cell(d, row, d->input_col[column]);
}

int64_t onus_dataset_line(const onus_dataset *d, int64_t row)
{
    const int64_t r = d->raw[row], n0 = d->csv[0].n_rows;
    if (!d->csv[0].cells)
        return r + 1; /* images: the number in their files, those of the test files after */
    return r < n0 ? d->csv[0].line[r] : d->csv[1].line[r - n0];
}

const char *const *onus_dataset_fitted(const onus_dataset *d, int64_t *n)
{
    *n = d->n_fitted;
    return d->fitted;
}
