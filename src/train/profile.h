/* SPDX-License-Identifier: Apache-2.0
 * profile.h - where the time of a training went: a table for a person, by operation, by layer,
 * and what a step does beside them. Clocks are read only where somebody asks; no event and no
 * bit of a result depends on it. */
#ifndef ONUS_TRAIN_PROFILE_H
#define ONUS_TRAIN_PROFILE_H
#include "base/buf.h"
#include "net/net.h"
#include "num/speed.h"

typedef enum {
    ONUS_BESIDE_ROWS,       /* examples fetched */
    ONUS_BESIDE_GRADIENT,   /* clipping of the whole gradient; noise */
    ONUS_BESIDE_UPDATE,     /* the optimiser's sweep */
    ONUS_BESIDE_VALIDATION, /* passes over the validation part */
    ONUS_BESIDE_CHECKPOINT,
    ONUS_BESIDE_COUNT
} onus_beside;

typedef struct {
    onus_speed speed;
    onus_spent *spent;                /* (nodes, ONUS_PASSES) */
    double beside[ONUS_BESIDE_COUNT]; /* seconds */
    double update_bytes;              /* of a step */
    int64_t steps;                    /* measured */
    double began_s;
} onus_profile;

/* Measures the machine, and from now on the plan. spent lives in arena. */
onus_status onus_profile_begin(onus_profile *p, const onus_net *net, onus_plan *plan,
                               const onus_exec *ex, onus_arena *arena,
                               onus_err *err) ONUS_CHECKED;
/* The table; failures stick in out. */
void onus_profile_write(const onus_profile *p, const onus_net *net, onus_arena *arena,
                        onus_buf *out);
#endif
