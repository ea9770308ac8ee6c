/* SPDX-License-Identifier: Apache-2.0
 * predictor.h - a finished model opened from its file. */
#ifndef ONUS_RUN_PREDICTOR_H
#define ONUS_RUN_PREDICTOR_H
#include "data/dataset.h"
#include "net/model.h"
/* path: a run folder or a model file. Net and encoder fit each other; the caller destroys
 * both. */
onus_status onus_predictor_open(onus_net **net, onus_encoder **encoder, const char *path,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
