/* SPDX-License-Identifier: Apache-2.0
 * tensors.h - model files in a buffer, and tensors of a file in memory: what tests and fuzzers
 * look at whole, and the library never holds. */
#ifndef ONUS_TESTS_TENSORS_H
#define ONUS_TESTS_TENSORS_H
#include <stdlib.h>

#include "net/model.h"

static inline onus_status add_to_buf(void *ctx, const void *bytes, size_t len, onus_err *err)
{
    onus_buf_add(ctx, bytes, len);
    return onus_buf_status(ctx, "buffer", err);
}

static inline onus_status tensors_to(onus_buf *to, const onus_tensor_view *t, int64_t n,
                                     const onus_meta *meta, int64_t n_meta, onus_err *err)
{
    const onus_out out = {add_to_buf, to, to->mem};
    return onus_safetensors_write(&out, t, n, meta, n_meta, err);
}

static inline onus_status model_to(onus_buf *to, const onus_net *net, const onus_meta *extra,
                                   int64_t n_extra, onus_err *err)
{
    const onus_out out = {add_to_buf, to, to->mem};
    return onus_model_write(&out, net, extra, n_extra, err);
}

/* The numbers of a tensor that is_float; free(). NULL where memory or the file ends. */
static inline float *tensor_numbers(const onus_safetensors *s, const onus_tensor_view *v)
{
    float *x = malloc(((size_t)onus_shape_numel(&v->shape) + 1) * sizeof *x);
    onus_tensor_place place = {v, x};
    if (x && onus_safetensors_take(s, &place, 1, NULL, NULL) == ONUS_OK) return x;
    free(x);
    return NULL;
}
#endif
