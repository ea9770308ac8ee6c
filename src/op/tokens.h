/* SPDX-License-Identifier: Apache-2.0
 * tokens.h - what rows share that take sequences (T, width) and, beside them, tokens (T): which
 * places are there, and shapes that must agree. */
#ifndef ONUS_OP_TOKENS_H
#define ONUS_OP_TOKENS_H
#include "op/each.h"

/* Is place t of example b there? Tokens are input k of the call; without it every place is. */
static inline bool onus_is_there(const onus_call *c, int k, int64_t b, int64_t t)
{
    return c->n_in <= k || c->in[k][b * onus_shape_numel(&c->in_shape[k]) + t] >= 0.0f;
}

/* in[0] must be (T, width), in[1], where it is given, (T): else an error that names both. */
onus_status onus_check_sequence(const char *name, const onus_shape in[], int n_in,
                                onus_err *err);
#endif
