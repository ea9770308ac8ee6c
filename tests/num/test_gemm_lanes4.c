/* SPDX-License-Identifier: Apache-2.0
 * Goal: the template in NEON's shape, 4 lanes and tiles of 12 rows, is held against the
 * contract on machines that are no ARM, and by their sanitizers. Method: test_gemm.c again, its
 * template on plain arrays in that shape. */
#define LANES      4
#define TALL       12
#define HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#include "num/test_gemm.c" /* NOLINT(bugprone-suspicious-include) */
