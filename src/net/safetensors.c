/* SPDX-License-Identifier: Apache-2.0
 * safetensors.c - the format of huggingface/safetensors (its README): 8 bytes of header length
 * (little-endian), a JSON header from names to {dtype, shape, data_offsets}, then the bytes.
 * What is read is checked before use: lengths, types, shapes against offsets, no holes, no
 * overlaps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/fp.h"
#include "base/json.h"
#include "net/model.h"

enum { HEADER_MAX = 100 << 20 };

/* ---- writing ----------------------------------------------------------------------------- */

static int by_view_name(const void *a, const void *b)
{
    return strcmp(((const onus_tensor_view *)a)->name, ((const onus_tensor_view *)b)->name);
}

static bool add_tensor(json_t *header, const onus_tensor_view *t, size_t begin, size_t bytes)
{
    json_t *shape = json_array();
    for (int i = 0; shape && i < t->shape.n; i++) {
        if (json_array_append_new(shape, json_integer(t->shape.d[i])) != 0) {
            json_decref(shape);
            return false;
        }
    }
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape,
                              "data_offsets", (json_int_t)begin, (json_int_t)(begin + bytes));
    return entry && json_object_set_new(header, t->name, entry) == 0;
}

/* The header's text, padded with spaces to 8 bytes. */
static onus_status write_header(onus_buf *out, const onus_tensor_view *t, int64_t n,
                                const onus_meta *meta, int64_t n_meta, onus_err *err)
{
    json_t *header = json_object(), *entries = json_object();
    bool good = header && entries;
    for (int64_t i = 0; good && i < n_meta; i++)
        good = json_object_set_new(entries, meta[i].key, json_string(meta[i].value)) == 0;
    if (good && n_meta) good = json_object_set(header, "__metadata__", entries) == 0;
    size_t at = 0;
    for (int64_t i = 0; good && i < n; i++) {
        const size_t bytes = (size_t)onus_shape_numel(&t[i].shape) * sizeof(float);
        good = add_tensor(header, &t[i], at, bytes);
        at += bytes;
    }
    if (good) onus_json_canonical(out, header);
    json_decref(header);
    json_decref(entries);
    if (!good) return onus_fail_mem(err, "safetensors");
    while (out->st == ONUS_OK && out->len % 8) onus_buf_add(out, " ", 1);
    return onus_buf_status(out, "safetensors header", err);
}

/* Floats as the contract stores them, in pieces. */
static void add_floats(onus_buf *out, const float *x, int64_t n)
{
    enum { PIECE = 1024 };
    float stored[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t m = n - i < PIECE ? n - i : PIECE;
        onus_fp_store(x + i, m, stored);
        onus_buf_add(out, stored, (size_t)m * sizeof *stored);
    }
}

onus_status onus_safetensors_write(onus_buf *out, const onus_tensor_view *t, int64_t n,
                                   const onus_meta *meta, int64_t n_meta, onus_err *err)
{
    onus_buf header;
    onus_buf_init(&header, out->mem, HEADER_MAX);
    onus_tensor_view *sorted = onus_alloc(out->mem, (size_t)n + 1, sizeof *sorted);
    onus_status st = sorted ? ONUS_OK : onus_fail_mem(err, "safetensors");
    if (st != ONUS_OK) goto done;
    if (n) memcpy(sorted, t, (size_t)n * sizeof *t);
    qsort(sorted, (size_t)n, sizeof *sorted, by_view_name);
    for (int64_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1].name, sorted[i].name) != 0) continue;
        st = onus_fail(err, ONUS_BAD_ARG, "safetensors: two tensors are called '%.80s'",
                       sorted[i].name);
        goto done;
    }
    ONUS_TRY(write_header(&header, sorted, n, meta, n_meta, err));
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.len >> (8 * i));
    onus_buf_add(out, length, 8);
    onus_buf_add(out, header.data, header.len);
    for (int64_t i = 0; i < n; i++)
        add_floats(out, sorted[i].data, onus_shape_numel(&sorted[i].shape));
    st = onus_buf_status(out, "safetensors", err);
done:
    onus_free(out->mem, sorted);
    onus_buf_release(&header);
    return st;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct onus_safetensors {
    const onus_allocator *mem;
    float *data; /* aligned copy of the tensors' bytes */
    json_t *header;
    onus_tensor_view *views; /* by name */
    int64_t n;
    onus_arena widened;
};

void onus_safetensors_close(onus_safetensors *s)
{
    if (!s) return;
    json_decref(s->header);
    onus_free(s->mem, s->data);
    onus_free(s->mem, s->views);
    onus_arena_release(&s->widened);
    onus_free(s->mem, s);
}

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8},
              {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8}, {"U32", 4},
              {"U16", 2}, {"U8", 1},  {"BOOL", 1}};

static size_t size_of(const char *dtype)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, dtype) == 0) return dtypes[i].size;
    return 0;
}

/* Dimensions from 0, their product with the dtype's size the length of the offsets. */
static onus_status read_shape(const json_t *shape, const char *name, onus_tensor_view *view,
                              size_t *bytes, const char *what, onus_err *err)
{
    if (json_array_size(shape) > ONUS_DIM_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tensor '%.80s' has %zu dimensions, at most %d", what, name,
                         json_array_size(shape), ONUS_DIM_MAX);
    view->shape = (onus_shape){.n = (int)json_array_size(shape)};
    *bytes = size_of(view->dtype);
    for (int i = 0; i < view->shape.n; i++) {
        const json_t *d = json_array_get(shape, (size_t)i);
        const json_int_t v = json_integer_value(d);
        if (!json_is_integer(d) || v < 0 || !onus_mul_size(*bytes, (size_t)v, bytes) ||
            *bytes > (size_t)1 << 48)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: tensor '%.80s' has a dimension out of range", what, name);
        view->shape.d[i] = v;
    }
    return ONUS_OK;
}

/* One entry: dtype, shape and offsets, within the data. */
static onus_status read_entry(const json_t *entry, const char *name, size_t data_len,
                              onus_tensor_view *view, size_t *begin, size_t *end,
                              const char *what, onus_err *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape"),
                 *offsets = json_object_get(entry, "data_offsets");
    const json_t *o0 = json_array_get(offsets, 0), *o1 = json_array_get(offsets, 1);
    size_t bytes = 0;
    if (!dtype || !json_is_array(shape) || json_array_size(offsets) != 2 ||
        !json_is_integer(o0) || !json_is_integer(o1) || json_object_size(entry) != 3)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tensor '%.80s' needs dtype, shape and data_offsets", what, name);
    if (size_of(dtype) == 0)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: tensor '%.80s' has dtype %.16s, this version reads F32, F16, BF16", what, name,
            dtype);
    *view = (onus_tensor_view){.name = name, .dtype = dtype};
    const onus_status st = read_shape(shape, name, view, &bytes, what, err);
    if (st != ONUS_OK) return st;
    const json_int_t a = json_integer_value(o0), b = json_integer_value(o1);
    if (a < 0 || b < a || (size_t)b > data_len || (size_t)(b - a) != bytes ||
        (strcmp(dtype, "F32") == 0 && a % (json_int_t)sizeof(float)))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tensor '%.80s' takes %zu bytes by its shape, its offsets are "
                         "%lld to %lld of %zu",
                         what, name, bytes, (long long)a, (long long)b, data_len);
    *begin = (size_t)a;
    *end = (size_t)b;
    return ONUS_OK;
}

/* binary16 as binary32, exactly: subnormals are multiples of 2^-24. */
static float from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31,
                   digits = h & 1023;
    uint32_t bits = sign | (exponent + 112) << 23 | digits << 13;
    float f;
    if (exponent == 31) bits = sign | UINT32_C(0x7f800000) | digits << 13;
    memcpy(&f, &bits, sizeof f);
    if (exponent != 0) return f;
    f = (float)digits * 0x1p-24f;
    return sign ? -f : f;
}

/* Numbers of two bytes, widened into memory of their own. */
static onus_status widen(onus_safetensors *s, onus_tensor_view *view, size_t begin,
                         const char *what, onus_err *err)
{
    const bool f16 = strcmp(view->dtype, "F16") == 0;
    const int64_t n = onus_shape_numel(&view->shape);
    const uint8_t *from = (const uint8_t *)s->data + begin;
    float *to = onus_arena_alloc(&s->widened, (size_t)n + 1, sizeof *to);
    if (!to) return onus_fail_mem(err, what);
    for (int64_t i = 0; i < n; i++) {
        const uint16_t h = (uint16_t)(from[2 * i] | from[2 * i + 1] << 8);
        const uint32_t bits = (uint32_t)h << 16;
        if (f16)
            to[i] = from_f16(h);
        else
            memcpy(&to[i], &bits, sizeof bits);
    }
    view->data = to;
    return ONUS_OK;
}

/* Where the tensor's numbers are. */
static onus_status place(onus_safetensors *s, onus_tensor_view *view, size_t begin,
                         const char *what, onus_err *err)
{
    if (strcmp(view->dtype, "F32") == 0) view->data = s->data + begin / sizeof(float);
    if (strcmp(view->dtype, "F16") == 0 || strcmp(view->dtype, "BF16") == 0)
        return widen(s, view, begin, what, err);
    return ONUS_OK;
}

typedef struct {
    size_t begin, end;
} span;

static int by_begin(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                                : (x->end > y->end) - (x->end < y->end);
}

/* The tensors must lie side by side and fill the data. */
static onus_status check_cover(span *spans, int64_t n, size_t data_len, const char *what,
                               onus_err *err)
{
    qsort(spans, (size_t)n, sizeof *spans, by_begin);
    size_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        if (spans[i].begin != at)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: tensors %s at byte %zu of the data",
                             what, spans[i].begin < at ? "overlap" : "leave a hole", at);
        at = spans[i].end;
    }
    if (at != data_len)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes of data, the header speaks of %zu",
                         what, data_len, at);
    return ONUS_OK;
}

static onus_status read_entries(onus_safetensors *s, size_t data_len, const char *what,
                                onus_err *err)
{
    const size_t most = json_object_size(s->header);
    onus_status st = ONUS_OK;
    span *spans = onus_alloc(s->mem, most + 1, sizeof *spans);
    s->views = onus_alloc(s->mem, most + 1, sizeof *s->views);
    if (!spans || !s->views) {
        st = onus_fail_mem(err, what);
        goto done;
    }
    const char *name;
    json_t *entry;
    json_object_foreach(s->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        span *p = &spans[s->n];
        ONUS_TRY(
            read_entry(entry, name, data_len, &s->views[s->n], &p->begin, &p->end, what, err));
        ONUS_TRY(place(s, &s->views[s->n], p->begin, what, err));
        s->n++;
    }
    ONUS_TRY(check_cover(spans, s->n, data_len, what, err));
    qsort(s->views, (size_t)s->n, sizeof *s->views, by_view_name);
done:
    onus_free(s->mem, spans);
    return st;
}

/* Absent, or an object of texts. */
static bool is_metadata(json_t *meta)
{
    const char *key;
    json_t *value;
    if (meta && !json_is_object(meta)) return false;
    json_object_foreach(meta, key, value)
    {
        if (!json_is_string(value)) return false;
    }
    return true;
}

onus_status onus_safetensors_parse(onus_safetensors **out, const void *bytes, size_t len,
                                   const char *what, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    const uint8_t *b = bytes;
    uint64_t header_len = 0;
    if (len < 8)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes are no safetensors file", what,
                         len);
    for (int i = 0; i < 8; i++) header_len |= (uint64_t)b[i] << (8 * i);
    if (header_len > HEADER_MAX || header_len > len - 8)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: a header of %llu bytes in a file of %zu",
                         what, (unsigned long long)header_len, len);
    onus_safetensors *s = onus_alloc(mem, 1, sizeof *s);
    if (!s) return onus_fail_mem(err, what);
    s->mem = mem;
    onus_arena_init(&s->widened, mem);
    const size_t data_len = len - 8 - (size_t)header_len;
    s->data = onus_alloc(mem, data_len + sizeof(float), 1);
    if (!s->data) {
        st = onus_fail_mem(err, what);
        goto done;
    }
    memcpy(s->data, b + 8 + header_len, data_len);
    ONUS_TRY(onus_json_parse(&s->header, (const char *)b + 8, (size_t)header_len, what, err));
    if (!json_is_object(s->header)) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: the header is not a JSON object", what);
        goto done;
    }
    if (!is_metadata(json_object_get(s->header, "__metadata__"))) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: __metadata__ is not an object of texts", what);
        goto done;
    }
    ONUS_TRY(read_entries(s, data_len, what, err));
    *out = s;
    s = NULL;
done:
    onus_safetensors_close(s);
    return st;
}

onus_status onus_safetensors_read(onus_safetensors **out, const char *path,
                                  const onus_allocator *mem, onus_err *err)
{
    onus_buf bytes;
    onus_buf_init(&bytes, mem, (size_t)1 << 40);
    onus_status st = onus_file_read(path, &bytes, err);
    if (st == ONUS_OK) st = onus_safetensors_parse(out, bytes.data, bytes.len, path, mem, err);
    onus_buf_release(&bytes);
    return st;
}

const char *onus_safetensors_meta(const onus_safetensors *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

const onus_tensor_view *onus_safetensors_find(const onus_safetensors *s, const char *name)
{
    const onus_tensor_view key = {.name = name};
    return s->n ? bsearch(&key, s->views, (size_t)s->n, sizeof *s->views, by_view_name) : NULL;
}

int64_t onus_safetensors_count(const onus_safetensors *s)
{
    return s->n;
}

const onus_tensor_view *onus_safetensors_at(const onus_safetensors *s, int64_t i)
{
    return i >= 0 && i < s->n ? &s->views[i] : NULL;
}
