/* SPDX-License-Identifier: Apache-2.0
 * model_spec.h - models for tests: settings of MLPs as JSON, nets of plain columns. */
#ifndef ONUS_TESTS_MODEL_SPEC_H
#define ONUS_TESTS_MODEL_SPEC_H
#include <stdio.h>
#include <stdlib.h>

#include "net/model.h"

/* {"hidden": [..], "activation": .., "dropout": ..}; activation NULL: not said. Lives until the
 * next call but seven. */
static inline const char *mlp_settings(const int64_t *hidden, int64_t n, const char *activation,
                                       double dropout)
{
    static char texts[8][4096];
    static int at;
    char *out = texts[at++ % 8];
    int len = snprintf(out, 4096, "{\"hidden\":[");
    for (int64_t i = 0; i < n; i++)
        len += snprintf(out + len, 4096 - (size_t)len, "%s%lld", i ? "," : "",
                        (long long)hidden[i]);
    len += snprintf(out + len, 4096 - (size_t)len, "],\"dropout\":%.17g", dropout);
    if (activation)
        len += snprintf(out + len, 4096 - (size_t)len, ",\"activation\":\"%s\"", activation);
    snprintf(out + len, 4096 - (size_t)len, "}");
    return out;
}

/* A net that reads columns. */
static inline onus_status build_columns(onus_net **out, const onus_model_spec *spec,
                                        int64_t features, onus_head head, int64_t classes,
                                        const onus_allocator *mem, onus_err *err)
{
    const onus_model_io io = {
        .input = {.n = 1, .d = {features}}, .head = head, .classes = classes};
    return onus_model_build(out, spec, &io, mem, err);
}
#endif
