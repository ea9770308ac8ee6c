/* SPDX-License-Identifier: Apache-2.0
 * ops.c - the table: every row of ONUS_OP_LIST, found in the files here by the build. */
#include <string.h>

#include "op/op.h"

static const onus_op *const table[] = {
#define X(name) &onus_op_##name,
    ONUS_OP_LIST(X)
#undef X
};

const onus_op *const *onus_ops(int *n)
{
    *n = sizeof table / sizeof *table;
    return table;
}

const onus_op *onus_op_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i]->name, name) == 0) return table[i];
    }
    return NULL;
}
