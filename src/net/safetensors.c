/* SPDX-License-Identifier: Apache-2.0
 * safetensors.c - the format of huggingface/safetensors (its README): 8 bytes of header length
 * (little-endian), a JSON header from names to {dtype, shape, data_offsets}, then the bytes.
 * What is read is checked before use: lengths, types, shapes against offsets, no holes, no
 * overlaps. Numbers go from where they are to where they belong in pieces: a file is never in
 * memory whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
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

static onus_status add_to_writer(void *ctx, const void *bytes, size_t len, onus_err *err)
{
    return onus_writer_add(ctx, bytes, len, err);
}

onus_out onus_out_writer(onus_writer *w, const onus_allocator *mem)
{
    return (onus_out){add_to_writer, w, mem};
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
static onus_status add_floats(const onus_out *out, const float *x, int64_t n, onus_err *err)
{
    enum { PIECE = 1024 };
    float stored[PIECE];
    onus_status st = ONUS_OK;
    for (int64_t i = 0; st == ONUS_OK && i < n; i += PIECE) {
        const int64_t m = n - i < PIECE ? n - i : PIECE;
        onus_fp_store(x + i, m, stored);
        st = out->add(out->ctx, stored, (size_t)m * sizeof *stored, err);
    }
    return st;
}

onus_status onus_safetensors_write(const onus_out *out, const onus_tensor_view *t, int64_t n,
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
    ONUS_TRY(out->add(out->ctx, length, 8, err));
    ONUS_TRY(out->add(out->ctx, header.data, header.len, err));
    for (int64_t i = 0; i < n; i++)
        ONUS_TRY(add_floats(out, sorted[i].data, onus_shape_numel(&sorted[i].shape), err));
done:
    onus_free(out->mem, sorted);
    onus_buf_release(&header);
    return st;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A tensor of a file and where its bytes are, from the data's first one on. */
typedef struct {
    onus_tensor_view view;
    size_t begin, end;
} entry;

struct onus_safetensors {
    const onus_allocator *mem;
    const uint8_t *bytes; /* the whole file, the caller's; NULL: fd */
    int fd;
    char *what;
    size_t data_at, data_len;
    onus_sha256 header_sha; /* of what stands before the data */
    json_t *header;
    entry *entries; /* by name */
    int64_t n;
};

void onus_safetensors_close(onus_safetensors *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    json_decref(s->header);
    onus_free(s->mem, s->entries);
    onus_free(s->mem, s->what);
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
static onus_status read_entry(const json_t *json, const char *name, size_t data_len, entry *out,
                              const char *what, onus_err *err)
{
    const char *dtype = json_string_value(json_object_get(json, "dtype"));
    const json_t *shape = json_object_get(json, "shape"),
                 *offsets = json_object_get(json, "data_offsets");
    const json_t *o0 = json_array_get(offsets, 0), *o1 = json_array_get(offsets, 1);
    size_t bytes = 0;
    if (!dtype || !json_is_array(shape) || json_array_size(offsets) != 2 ||
        !json_is_integer(o0) || !json_is_integer(o1) || json_object_size(json) != 3)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tensor '%.80s' needs dtype, shape and data_offsets", what, name);
    if (size_of(dtype) == 0)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: tensor '%.80s' has dtype %.16s, this version reads F32, F16, BF16", what, name,
            dtype);
    out->view = (onus_tensor_view){.name = name, .dtype = dtype};
    const onus_status st = read_shape(shape, name, &out->view, &bytes, what, err);
    if (st != ONUS_OK) return st;
    const json_int_t a = json_integer_value(o0), b = json_integer_value(o1);
    if (a < 0 || b < a || (size_t)b > data_len || (size_t)(b - a) != bytes ||
        (strcmp(dtype, "F32") == 0 && a % (json_int_t)sizeof(float)))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tensor '%.80s' takes %zu bytes by its shape, its offsets are "
                         "%lld to %lld of %zu",
                         what, name, bytes, (long long)a, (long long)b, data_len);
    out->begin = (size_t)a;
    out->end = (size_t)b;
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

static int by_begin(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                                : (x->end > y->end) - (x->end < y->end);
}

/* The tensors must lie side by side and fill the data. */
static onus_status check_cover(entry *list, int64_t n, size_t data_len, const char *what,
                               onus_err *err)
{
    qsort(list, (size_t)n, sizeof *list, by_begin);
    size_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        if (list[i].begin != at)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: tensors %s at byte %zu of the data",
                             what, list[i].begin < at ? "overlap" : "leave a hole", at);
        at = list[i].end;
    }
    if (at != data_len)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes of data, the header speaks of %zu",
                         what, data_len, at);
    return ONUS_OK;
}

static onus_status read_entries(onus_safetensors *s, const char *what, onus_err *err)
{
    const size_t most = json_object_size(s->header);
    const char *name;
    json_t *json;
    if (!(s->entries = onus_alloc(s->mem, most + 1, sizeof *s->entries)))
        return onus_fail_mem(err, what);
    json_object_foreach(s->header, name, json)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        const onus_status st =
            read_entry(json, name, s->data_len, &s->entries[s->n], what, err);
        if (st != ONUS_OK) return st;
        s->n++;
    }
    const onus_status st = check_cover(s->entries, s->n, s->data_len, what, err);
    qsort(s->entries, (size_t)s->n, sizeof *s->entries, by_view_name);
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

static onus_status read_header(onus_safetensors *s, const char *text, size_t len,
                               const char *what, onus_err *err)
{
    const onus_status st = onus_json_parse(&s->header, text, len, what, err);
    if (st != ONUS_OK) return st;
    if (!json_is_object(s->header))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: the header is not a JSON object", what);
    if (!is_metadata(json_object_get(s->header, "__metadata__")))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: __metadata__ is not an object of texts",
                         what);
    return read_entries(s, what, err);
}

static onus_status read_at(const onus_safetensors *s, size_t at, void *to, size_t n,
                           onus_err *err)
{
    if (!s->bytes) return onus_file_read_at(s->fd, s->what, at, to, n, err);
    if (n) memcpy(to, s->bytes + at, n);
    return ONUS_OK;
}

/* Everything before the data, of a file of len bytes. */
static onus_status begin(onus_safetensors *s, size_t len, onus_err *err)
{
    onus_status st = ONUS_OK;
    const char *what = s->what;
    uint8_t first[8];
    uint64_t n = 0;
    char *text = NULL;
    if (len < 8)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes are no safetensors file", what,
                         len);
    ONUS_TRY(read_at(s, 0, first, 8, err));
    for (int i = 0; i < 8; i++) n |= (uint64_t)first[i] << (8 * i);
    if (n > HEADER_MAX || n > len - 8) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: a header of %llu bytes in a file of %zu", what,
                       (unsigned long long)n, len);
        goto done;
    }
    s->data_at = 8 + (size_t)n;
    s->data_len = len - s->data_at;
    if (!(text = onus_alloc(s->mem, (size_t)n + 1, 1))) {
        st = onus_fail_mem(err, what);
        goto done;
    }
    ONUS_TRY(read_at(s, 8, text, (size_t)n, err));
    onus_sha256_init(&s->header_sha);
    onus_sha256_add(&s->header_sha, first, 8);
    onus_sha256_add(&s->header_sha, text, (size_t)n);
    st = read_header(s, text, (size_t)n, what, err);
done:
    onus_free(s->mem, text);
    return st;
}

/* Of bytes, or (NULL) of the file `what`. */
static onus_status open_source(onus_safetensors **out, const void *bytes, size_t len,
                               const char *what, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_safetensors *s = onus_alloc(mem, 1, sizeof *s);
    if (!s) return onus_fail_mem(err, what);
    s->mem = mem;
    s->bytes = bytes;
    s->fd = -1;
    if (!(s->what = onus_strdup(mem, what))) {
        st = onus_fail_mem(err, what);
        goto done;
    }
    if (!bytes) ONUS_TRY(onus_file_open(what, &s->fd, &len, err));
    ONUS_TRY(begin(s, len, err));
    *out = s;
    s = NULL;
done:
    onus_safetensors_close(s);
    return st;
}

onus_status onus_safetensors_open(onus_safetensors **out, const char *path,
                                  const onus_allocator *mem, onus_err *err)
{
    return open_source(out, NULL, 0, path, mem, err);
}

onus_status onus_safetensors_parse(onus_safetensors **out, const void *bytes, size_t len,
                                   const char *what, const onus_allocator *mem, onus_err *err)
{
    return open_source(out, bytes ? bytes : "", len, what, mem, err);
}

const char *onus_safetensors_meta(const onus_safetensors *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

const onus_tensor_view *onus_safetensors_find(const onus_safetensors *s, const char *name)
{
    const entry key = {.view = {.name = name}};
    const entry *e =
        s->n ? bsearch(&key, s->entries, (size_t)s->n, sizeof key, by_view_name) : NULL;
    return e ? &e->view : NULL;
}

int64_t onus_safetensors_count(const onus_safetensors *s)
{
    return s->n;
}

const onus_tensor_view *onus_safetensors_at(const onus_safetensors *s, int64_t i)
{
    return i >= 0 && i < s->n ? &s->entries[i].view : NULL;
}

/* ---- the numbers ------------------------------------------------------------------------- */

bool onus_tensor_is_float(const onus_tensor_view *v)
{
    return strcmp(v->dtype, "F32") == 0 || strcmp(v->dtype, "F16") == 0 ||
           strcmp(v->dtype, "BF16") == 0;
}

/* A pass over the data, front to back. Two pieces: one may still be hashed. */
typedef struct {
    const onus_safetensors *file;
    onus_hasher *hasher; /* NULL: nobody asks for the hash */
    uint8_t *piece[2];
    int free_piece;
    size_t at; /* of the data */
} pass;

static const entry *entry_of(const onus_tensor_place *p)
{
    return (const entry *)(const void *)p->from; /* the view is its first member */
}

static int by_place(const void *a, const void *b)
{
    const entry *x = entry_of(a), *y = entry_of(b);
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin)
                                : (x->end > y->end) - (x->end < y->end);
}

/* The next n <= ONUS_PIECE_BYTES bytes, into `to`, where they stay. */
static onus_status read_next(pass *p, void *to, size_t n, onus_err *err)
{
    const onus_status st = read_at(p->file, p->file->data_at + p->at, to, n, err);
    if (st == ONUS_OK && p->hasher) onus_hasher_add(p->hasher, to, n);
    p->at += n;
    return st;
}

static size_t piece_of(size_t left)
{
    return left < ONUS_PIECE_BYTES ? left : ONUS_PIECE_BYTES;
}

/* Up to the data's byte `to`, for the hash alone. */
static onus_status skip(pass *p, size_t to, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (!p->hasher) p->at = to;
    while (st == ONUS_OK && p->at < to) {
        st = read_next(p, p->piece[p->free_piece], piece_of(to - p->at), err);
        p->free_piece = !p->free_piece;
    }
    return st;
}

/* binary16 and bfloat16 from little-endian bytes. */
static void widen(const uint8_t *from, bool f16, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = (uint16_t)(from[2 * i] | from[2 * i + 1] << 8);
        const uint32_t bits = (uint32_t)h << 16;
        if (f16)
            to[i] = from_f16(h);
        else
            memcpy(&to[i], &bits, sizeof bits);
    }
}

static onus_status take_one(pass *p, const onus_tensor_place *place, onus_err *err)
{
    const entry *e = entry_of(place);
    const bool f32 = strcmp(e->view.dtype, "F32") == 0, f16 = strcmp(e->view.dtype, "F16") == 0;
    uint8_t *to = (uint8_t *)place->to;
    onus_status st = ONUS_OK;
    while (st == ONUS_OK && p->at < e->end) {
        const size_t n = piece_of(e->end - p->at), done = p->at - e->begin;
        uint8_t *piece = f32 ? to + done : p->piece[p->free_piece];
        st = read_next(p, piece, n, err);
        if (f32 || st != ONUS_OK) continue;
        widen(piece, f16, n / 2, place->to + done / 2);
        p->free_piece = !p->free_piece;
    }
    return st;
}

onus_status onus_safetensors_take(const onus_safetensors *s, onus_tensor_place *list, int64_t n,
                                  uint8_t sha256[32], onus_err *err)
{
    onus_status st = ONUS_OK;
    pass p = {.file = s};
    for (int i = 0; i < 2; i++) {
        if ((p.piece[i] = onus_alloc(s->mem, ONUS_PIECE_BYTES, 1))) continue;
        st = onus_fail_mem(err, s->what);
        goto done;
    }
    if (sha256) ONUS_TRY(onus_hasher_create(&p.hasher, &s->header_sha, s->mem, err));
    if (n) qsort(list, (size_t)n, sizeof *list, by_place);
    for (int64_t i = 0; i < n; i++) {
        const entry *e = entry_of(&list[i]);
        if (i > 0 && list[i].from == list[i - 1].from) { /* two places for the same numbers */
            memcpy(list[i].to, list[i - 1].to,
                   (size_t)onus_shape_numel(&e->view.shape) * sizeof(float));
            continue;
        }
        ONUS_TRY(skip(&p, e->begin, err));
        ONUS_TRY(take_one(&p, &list[i], err));
    }
    ONUS_TRY(skip(&p, s->data_len, err));
    if (sha256) onus_hasher_end(p.hasher, sha256);
done:
    onus_hasher_destroy(p.hasher);
    for (int i = 0; i < 2; i++) onus_free(s->mem, p.piece[i]);
    return st;
}
