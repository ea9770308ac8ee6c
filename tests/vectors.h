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

#include "net/model.h"

typedef struct {
    const char *file; /* NAME of tests/vectors/NAME.*.safetensors */
    onus_model_spec spec;
    onus_model_io io;
} vector_model;

/* Files are named from the tree's root, where tests run. */
static inline onus_safetensors *open_vectors(const char *name, const char *part)
{
    char path[160];
    onus_safetensors *s = NULL;
    onus_err err;
    snprintf(path, sizeof path, "tests/vectors/%s.%s.safetensors", name, part);
    if (onus_safetensors_read(&s, path, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    return s;
}

static inline const onus_tensor_view *vector_tensor(const onus_safetensors *s, const char *name)
{
    const onus_tensor_view *v = onus_safetensors_find(s, name);
    if (!v || !v->data) fail_msg("the vectors lack '%s'", name);
    return v;
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
    onus_safetensors *weights = open_vectors(m->file, "weights");
    if (onus_model_import(net, weights, m->file, &found, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    if (found.missing) fail_msg("%s: '%s' is not in the file", m->file, found.missing);
    assert_int_equal(found.unused, counters);
    assert_int_equal(found.loaded, onus_net_tensors(net));
    onus_safetensors_close(weights);
    return net;
}
#endif
