/* SPDX-License-Identifier: Apache-2.0
 * vectors.h - the small models of tests/vectors, built by their families' descriptions, with
 * weights under the names of the library that wrote them. */
#ifndef ONUS_TESTS_VECTORS_H
#define ONUS_TESTS_VECTORS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tensors.h"

typedef struct {
    const char *file; /* NAME of tests/vectors/NAME.*.safetensors */
    onus_model_spec spec;
    onus_model_io io;
} vector_model;

/* A file, and its tensors with their numbers. */
typedef struct {
    onus_safetensors *file;
    onus_tensor_view *tensor;
} vectors;

/* Files are named from the tree's root, where tests run. */
static inline vectors open_vectors(const char *name, const char *part)
{
    char path[160];
    vectors v = {NULL, NULL};
    onus_err err;
    snprintf(path, sizeof path, "tests/vectors/%s.%s.safetensors", name, part);
    if (onus_safetensors_open(&v.file, path, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    const int64_t n = onus_safetensors_count(v.file);
    v.tensor = calloc((size_t)n + 1, sizeof *v.tensor);
    for (int64_t i = 0; i < n; i++) {
        v.tensor[i] = *onus_safetensors_at(v.file, i);
        if (onus_tensor_is_float(&v.tensor[i]))
            v.tensor[i].data = tensor_numbers(v.file, onus_safetensors_at(v.file, i));
    }
    return v;
}

static inline void close_vectors(vectors *v)
{
    for (int64_t i = 0; i < onus_safetensors_count(v->file); i++)
        free((float *)(uintptr_t)v->tensor[i].data);
    free(v->tensor);
    onus_safetensors_close(v->file);
}

static inline const onus_tensor_view *vector_tensor(const vectors *v, const char *name)
{
    for (int64_t i = 0; i < onus_safetensors_count(v->file); i++)
        if (!strcmp(v->tensor[i].name, name) && v->tensor[i].data) return &v->tensor[i];
    fail_msg("the vectors lack '%s'", name);
    return NULL;
}

/* The net with the file's weights. A batch norm counts its steps in a tensor of whole numbers,
 * `counters` of them: nothing else of the file may be left over, and the net may lack nothing.
 */
static inline onus_net *build_vector_model(const vector_model *m, int64_t counters)
{
    onus_net *net = NULL;
    onus_import found;
    onus_err err;
    if (onus_model_build(&net, &m->spec, &m->io, NULL, &err) != ONUS_OK)
        fail_msg("%s: %s", m->file, err.msg);
    vectors weights = open_vectors(m->file, "weights");
    if (onus_model_import(net, weights.file, m->file, &found, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    if (found.missing) fail_msg("%s: '%s' is not in the file", m->file, found.missing);
    assert_int_equal(found.unused, counters);
    assert_int_equal(found.loaded, onus_net_tensors(net));
    close_vectors(&weights);
    return net;
}
#endif
