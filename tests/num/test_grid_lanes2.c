/* SPDX-License-Identifier: Apache-2.0
 * Goal: the template of exact outer products in NEON's shape, 2 lanes and tiles of 12, is held
 * against integers on machines that are no ARM, and by their sanitizers. Method: test_grid.c
 * again, its template on plain arrays in that shape. */
#define LANES      2
#define TALL       12
#define HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#include "num/test_grid.c" /* NOLINT(bugprone-suspicious-include) */
