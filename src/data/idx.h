/* SPDX-License-Identifier: Apache-2.0
 * idx.h - an IDX file's bytes: n items of `size` unsigned bytes from *data on, which points
 * into bytes. */
#ifndef ONUS_DATA_IDX_H
#define ONUS_DATA_IDX_H
#include "op/op.h"
onus_status onus_idx_parse(const void *bytes, size_t len, const char *what, int64_t *n,
                           int64_t *size, const uint8_t **data, onus_err *err) ONUS_CHECKED;
/* The shape of an item of a file that onus_idx_parse has taken: (channels, height, width); of
 * fewer dimensions the first are 1. */
onus_shape onus_idx_shape(const void *bytes);
#endif
