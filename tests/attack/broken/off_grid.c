/* SPDX-License-Identifier: Apache-2.0
 * wraps onus_noise_grid, refuted by support_*: sums and noise in binary32, rounded where they lie */
#include <math.h>

#include "num/noise.h"
#include "num/philox.h"

onus_status __wrap_onus_noise_grid(const onus_exec *ex, const onus_noise_key *key,
                                   uint32_t step, uint32_t tensor, double std, double grid,
                                   int dither_bits, double *sum, int64_t n, onus_err *err);
onus_status __wrap_onus_noise_grid(const onus_exec *ex, const onus_noise_key *key,
                                   uint32_t step, uint32_t tensor, double std, double grid,
                                   int dither_bits, double *sum, int64_t n, onus_err *err)
{
    (void)ex, (void)grid, (void)dither_bits, (void)err;
    const onus_stream s = {.seed = onus_noise_seed(key), .step = step, .node = tensor};
    for (int64_t i = 0; i < n; i++) {
        float u[2];
        onus_stream_uniform(&s, (uint64_t)(2 * i), 2, u);
        const float z = (float)(std * sqrt(-2 * log((double)u[0] + 0x1p-25)) * cos(6.283185307179586 * (double)u[1]));
        sum[i] = (double)((float)sum[i] + z);
    }
    return ONUS_OK;
}
