/* SPDX-License-Identifier: Apache-2.0
 * speed.h - what this machine does at its best, now: the floor that a profile measures by. */
#ifndef ONUS_NUM_SPEED_H
#define ONUS_NUM_SPEED_H
#include "num/exec.h"

typedef struct {
    double flops; /* of a second, a multiply-add counting two: a product of ONUS_SPEED_SIDE
                     square on hot data, all threads; no loop on registers alone, which reaches
                     more */
    double bytes; /* read and written a second by a pass over ONUS_SPEED_BYTES, all threads */
} onus_speed;
enum { ONUS_SPEED_SIDE = 768, ONUS_SPEED_BYTES = 128 << 20 };

/* Takes about a quarter of a second; the best of several tries counts. */
onus_status onus_speed_measure(const onus_exec *ex, onus_speed *out, const onus_allocator *mem,
                               onus_err *err) ONUS_CHECKED;
#endif
