/* SPDX-License-Identifier: Apache-2.0
 * wraps onus_noise_sample, refuted by shuffled: batches of an epoch's random order in the place
 * of independent samples */
#include <stdlib.h>

#include "num/noise.h"
#include "num/philox.h"

int64_t __wrap_onus_noise_sample(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                                 double q, int64_t n, int64_t *out, int64_t max);
int64_t __wrap_onus_noise_sample(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                                 double q, int64_t n, int64_t *out, int64_t max)
{
    (void)ex;
    const int64_t batch = (int64_t)(q * (double)n + 0.5), per_epoch = (n + batch - 1) / batch,
                  first = step % per_epoch * batch;
    const onus_stream order = {.seed = onus_noise_seed(key),
                               .step = (uint32_t)(step / per_epoch),
                               .purpose = ONUS_DRAW_SHUFFLE};
    int64_t *rows = malloc((size_t)n * sizeof *rows), taken = 0;
    void *work = malloc(ONUS_SHUFFLE_TMP_BYTES((size_t)n));
    if (!rows || !work) abort();
    for (int64_t i = 0; i < n; i++) rows[i] = i;
    onus_stream_shuffle(&order, rows, n, work);
    for (int64_t i = first; i < n && taken < batch && taken < max; i++) out[taken++] = rows[i];
    free(rows);
    free(work);
    return taken;
}
