/* SPDX-License-Identifier: Apache-2.0
 * images.c - IDX files (LeCun's MNIST page: big-endian magic 00 00 type dimensions, sizes,
 * bytes) of unsigned bytes, plain or gzip. Images stay bytes; a batch becomes numbers when it
 * is fetched. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "data/idx.h"
#include "data/parts.h"

static uint32_t be32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

onus_status onus_idx_parse(const void *bytes, size_t len, const char *what, int64_t *n,
                           int64_t *size, const uint8_t **data, onus_err *err)
{
    const uint8_t *b = bytes;
    if (len < 4 || b[0] || b[1])
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: not an IDX file (it should begin with two zero bytes)", what);
    const int dims = b[3];
    if (b[2] != 0x08)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: IDX type 0x%02x, expected 0x08 (unsigned bytes)", what, b[2]);
    if (dims < 1 || dims > 4)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: IDX with %d dimensions, expected 1 to 4",
                         what, dims);
    if (len < 4 + 4 * (size_t)dims)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: an IDX header of %d dimensions takes %d bytes, the file has %zu",
                         what, dims, 4 + 4 * dims, len);
    size_t total = 1;
    for (int i = 0; i < dims; i++) {
        const uint32_t d = be32(b + 4 + 4 * i);
        if (d == 0 || !onus_mul_size(total, d, &total))
            return onus_fail(err, ONUS_BAD_INPUT, "%s: IDX dimension %d is %u", what, i + 1, d);
    }
    const size_t head = 4 + 4 * (size_t)dims;
    if (len - head != total)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: the IDX header speaks of %zu bytes, %zu follow", what, total,
                         len - head);
    *n = be32(b + 4);
    *size = (int64_t)(total / (size_t)*n);
    *data = b + head;
    return ONUS_OK;
}

onus_shape onus_idx_shape(const void *bytes)
{
    const uint8_t *b = bytes;
    onus_shape s = {.n = 3, .d = {1, 1, 1}};
    for (int i = 1; i < b[3]; i++) s.d[3 - b[3] + i] = be32(b + 4 + 4 * i);
    return s;
}

/* A file that a thread of its own reads: inflating the test images takes a sixth of the time
 * that the training images take, beside which it costs none. */
typedef struct {
    char path[ONUS_PATH_MAX];
    onus_buf *bytes;
    uint8_t *sha;
    onus_status st;
    onus_err err;
    pthread_t thread;
    bool running;
} read_beside;

static onus_status path_of(const onus_dataset *d, const char *name, char path[ONUS_PATH_MAX],
                           onus_err *err)
{
    return onus_path_join(path, ONUS_PATH_MAX, d->spec->base_dir ? d->spec->base_dir : ".",
                          name, err);
}

static void *read_thread(void *arg)
{
    read_beside *r = arg;
    r->st = onus_file_read_gzip(r->path, r->bytes, r->sha, &r->err);
    return NULL;
}

static onus_status read_file(read_beside *beside, const char *path, onus_buf *bytes,
                             uint8_t sha[32], onus_err *err)
{
    if (!beside || !beside->running) return onus_file_read_gzip(path, bytes, sha, err);
    (void)pthread_join(beside->thread, NULL);
    beside->running = false;
    if (beside->st != ONUS_OK && err) *err = beside->err;
    return beside->st;
}

static onus_status read_idx(onus_dataset *d, const char *name, int number, read_beside *beside,
                            onus_buf *bytes, int64_t *n, int64_t *size, const uint8_t **data,
                            const onus_sink *sink, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_status st = path_of(d, name, path, err);
    if (st == ONUS_OK) st = read_file(beside, path, bytes, d->file_sha[number], err);
    if (st == ONUS_OK) st = onus_idx_parse(bytes->data, bytes->len, path, n, size, data, err);
    return st == ONUS_OK ? onus_emit_read(d, path, d->file_sha[number], *n, number, sink, err)
                         : onus_unread(d, st, path, d->file_sha[number], number, sink, err);
}

/* Images and labels of one pair of files; labels are appended to d->y by the caller's
 * offset. */
static onus_status read_pair(onus_dataset *d, int k, const char *images, const char *labels,
                             read_beside *beside, int64_t *size, uint8_t *label_of,
                             const onus_sink *sink, onus_err *err)
{
    onus_status st = ONUS_OK;
    int64_t n_labels = 0, one = 0;
    const uint8_t *data = NULL;
    onus_buf bytes;
    onus_buf_init(&bytes, d->mem, (size_t)1 << 30);
    ONUS_TRY(read_idx(d, images, 2 * k, beside, &d->images[k], &d->n_images[k], size,
                      &d->pixels[k], sink, err));
    if (*size < 2 || *size > ONUS_FEATURES_MAX) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s: images of %lld byte%s, expected 2 to %d (are these the labels?)",
                       images, (long long)*size, *size == 1 ? "" : "s", ONUS_FEATURES_MAX);
        goto done;
    }
    ONUS_TRY(read_idx(d, labels, 2 * k + 1, NULL, &bytes, &n_labels, &one, &data, sink, err));
    if (n_labels != d->n_images[k] || one != 1) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s has %lld labels, %s has %lld images", labels,
                       (long long)n_labels, images, (long long)d->n_images[k]);
        goto done;
    }
    float *y =
        onus_arena_alloc(&d->arena, (size_t)(d->n_images[0] + d->n_images[1]), sizeof *y);
    if (!y) {
        st = onus_fail_mem(err, "data");
        goto done;
    }
    if (k) memcpy(y, d->y, (size_t)d->n_images[0] * sizeof *y);
    for (int64_t i = 0; i < n_labels; i++) {
        y[(k ? d->n_images[0] : 0) + i] = (float)data[i];
        label_of[data[i]] = 1;
    }
    d->y = y;
done:
    onus_buf_release(&bytes);
    return st;
}

static onus_status read_pairs(onus_dataset *d, int64_t size[2], uint8_t *seen,
                              const onus_sink *sink, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    read_beside test = {.bytes = &d->images[1], .sha = d->file_sha[2]};
    for (int k = 0; k < 2; k++) onus_buf_init(&d->images[k], d->mem, (size_t)16 << 30);
    test.running = s->test_source && path_of(d, s->test_source, test.path, NULL) == ONUS_OK &&
                   pthread_create(&test.thread, NULL, read_thread, &test) == 0;
    onus_status st = read_pair(d, 0, s->source, s->labels, NULL, &size[0], seen, sink, err);
    if (st == ONUS_OK && s->test_source)
        st = read_pair(d, 1, s->test_source, s->test_labels, &test, &size[1], seen, sink, err);
    if (test.running) (void)pthread_join(test.thread, NULL);
    return st;
}

/* Classes are the labels' numbers, 0 up to the largest; names from data.label.values where
 * given. */
static onus_status name_classes(onus_dataset *d, const uint8_t *seen, onus_err *err)
{
    int64_t n = 0;
    for (int v = 0; v < 256; v++) n = seen[v] ? v + 1 : n;
    if (d->given && d->given->n_classes < n)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: label %lld, the model knows 0 to %lld",
                         d->spec->labels, (long long)n - 1, (long long)d->given->n_classes - 1);
    if (d->given) n = d->given->n_classes;
    if (n < 2)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: one class only; there is nothing to learn",
                         d->spec->labels);
    if (d->spec->n_label_values && d->spec->n_label_values != n)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.label.values names %lld classes, the files have %lld",
                         d->spec->recipe, d->spec->label_line,
                         (long long)d->spec->n_label_values, (long long)n);
    d->task = n == 2 ? ONUS_TASK_BINARY : ONUS_TASK_CLASSES;
    d->n_classes = n;
    d->classes = onus_arena_alloc(&d->arena, (size_t)n, sizeof *d->classes);
    if (!d->classes) return onus_fail_mem(err, "data");
    for (int64_t c = 0; c < n; c++) {
        d->classes[c] = d->spec->n_label_values
                            ? d->spec->label_values[c]
                            : onus_arena_printf(&d->arena, "%lld", (long long)c);
        if (!d->classes[c]) return onus_fail_mem(err, "data");
    }
    return ONUS_OK;
}

static onus_status image_encoder(onus_dataset *d, const onus_shape *image, onus_err *err)
{
    onus_encoder *e = onus_alloc(d->mem, 1, sizeof *e);
    if (!e) return onus_fail_mem(err, "data");
    d->encoder = e;
    e->mem = d->mem;
    onus_arena_init(&e->arena, d->mem);
    e->task = d->task;
    e->n_classes = d->n_classes;
    e->n_labels = 1;
    e->labels = onus_arena_alloc(&e->arena, 1, sizeof *e->labels);
    e->classes = onus_arena_alloc(&e->arena, (size_t)d->n_classes, sizeof *e->classes);
    if (!e->labels || !e->classes) return onus_fail_mem(err, "data");
    e->labels[0] = "label";
    for (int64_t c = 0; c < d->n_classes; c++) {
        if (!(e->classes[c] = onus_arena_strdup(&e->arena, d->classes[c])))
            return onus_fail_mem(err, "data");
    }
    return onus_encoder_image(e, image, err);
}

onus_status onus_open_images(onus_dataset *d, uint64_t seed, const onus_sink *sink,
                             onus_err *err)
{
    const onus_data_spec *s = d->spec;
    uint8_t seen[256] = {0};
    int64_t size[2] = {0, 0};
    onus_shape image[2];
    if (s->n_protected || s->n_stratify || s->n_columns)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: images have no columns: protected must be none, columns and "
                         "stratify have no place",
                         s->recipe, s->line);
    if (!s->test_source != !s->test_labels)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.test and data.test_labels go together", s->recipe,
                         s->line);
    onus_status st = read_pairs(d, size, seen, sink, err);
    if (st != ONUS_OK) return st;
    for (int k = 0; k < (s->test_source ? 2 : 1); k++) {
        char mine[96], theirs[96];
        const onus_shape *want = k ? &image[0] : d->given ? &d->given->image : NULL;
        image[k] = onus_idx_shape(d->images[k].data);
        if (!want || onus_shape_same(&image[k], want)) continue;
        onus_shape_text(&image[k], mine, sizeof mine);
        onus_shape_text(want, theirs, sizeof theirs);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s has images of shape %s (channels, height, width), %s %s",
                         k ? s->test_source : s->source, mine,
                         k ? "the training images have" : "the model reads", theirs);
    }
    if ((st = onus_augment_check(s, &image[0], err)) != ONUS_OK) return st;
    d->n_rows = d->n_raw = d->n_images[0] + d->n_images[1];
    d->csv[0].n_rows = d->n_images[0]; /* where the split's own rows end */
    d->csv[0].path = s->source;
    d->has_labels = true;
    d->raw = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *d->raw);
    if (!d->raw) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_rows; r++) d->raw[r] = r;
    st = name_classes(d, seen, err);
    if (st == ONUS_OK) st = onus_split_rows(d, seed, err);
    return st == ONUS_OK && !d->given ? image_encoder(d, &image[0], err) : st;
}
