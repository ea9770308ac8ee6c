/* SPDX-License-Identifier: Apache-2.0
 * private.c - what makes a step private, in one place: an auditor who wants to believe an
 * epsilon reads this file, run_micro in step.c, num/noise.c and accountant.c.
 *
 * DP-SGD (Abadi et al. 2016, arXiv:1607.00133, algorithm 1) with any optimiser behind it:
 * - every row of the training part enters a step's sample with probability q, independently of
 *   all others (Poisson sampling), drawn from the sealed stream;
 * - each example's gradient, with its example and class weight already in it, is scaled to an
 *   L2 norm of at most C: by C / norm rounded down, in the products that sum the gradients (no
 *   gradient of one example is ever stored). One that is not finite adds nothing;
 * - Gaussian noise of deviation sigma C from the sealed stream is added to the sum, once;
 * - the sum is divided by the expected size of the sample, which is the recipe's batch: the
 *   size that was drawn is not used and not told;
 * - an empty sample is a step like any other: noise alone;
 * - dropout is drawn under a seed made of the sealed key: a mask belongs to a place in the
 *   sample, places shift when a row leaves, and under a seed that everybody knows the other
 *   rows' gradients would shift with them, beyond what C bounds.
 * The unit of the guarantee is one row, added or removed.
 *
 * Rounding: binary32 products may exceed the norm C by parts in 2^24, and the noise is rounded
 * to binary32; docs/PRIVACY.md says what that means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "num/noise.h"
#include "train/budget.h"
#include "train/trainer.h"

/* Rows of a private micro-batch, a function of the recipe alone, so that it tells nothing: room
 * for a shard of the expected size and four deviations where that is at most two pieces, else
 * a piece. A larger shard, one in 30,000, runs in several, cut at multiples of this: rows are
 * memory, and a second pass costs a little time once in a while. */
int64_t onus_private_rows(const onus_net *net, const onus_train_spec *spec)
{
    const int64_t piece = onus_net_piece(net), unit = piece < 16 ? piece : 16;
    const double expected = ceil((double)spec->batch / (double)spec->shards);
    const double room = expected + 4 * sqrt(expected);
    return room > (double)(2 * piece) ? piece : (int64_t)ceil(room / (double)unit) * unit;
}

/* min(1, C / norm), rounded down; 0 where the norm is not finite. */
float onus_clip_factor(double norm2, double clip)
{
    const double norm = sqrt(norm2);
    if (!isfinite(norm)) return 0.0f;
    if (norm <= clip) return 1.0f;
    const double exact = clip / norm;
    float f = (float)exact;
    if ((double)f <= exact) return f;
    uint32_t bits; /* the next binary32 below: f is above 0 */
    memcpy(&bits, &f, sizeof bits);
    bits--;
    memcpy(&f, &bits, sizeof f);
    return f;
}

typedef struct {
    const onus_kernels *k;
    float *grad;
    float factor;
    int64_t n;
} scale_job;

static void scale_part(void *ctx, int part, int n_parts)
{
    const scale_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 16, part, n_parts, &begin, &end);
    j->k->scale(j->factor, j->grad + begin, j->grad + begin, end - begin);
}

/* Noise on the sum of clipped gradients, then (float)(1 / batch). Gaps between tensors stay
 * 0. */
onus_status onus_private_noise(onus_trainer *t, onus_err *err)
{
    const onus_exec *ex = t->io->ex;
    for (int i = 0; i < onus_net_tensors(t->net); i++) {
        const onus_tensor *x = onus_net_tensor(t->net, i);
        if (x->frozen || x->def.buffer) continue;
        onus_status st =
            onus_noise_add(ex, t->io->noise, (uint32_t)t->step, (uint32_t)i,
                           t->sigma * t->privacy->clip, t->grad[0] + x->offset, x->n, err);
        if (st != ONUS_OK) return st;
    }
    scale_job j = {.k = ex->k,
                   .grad = t->grad[0],
                   .factor = (float)(1 / (double)t->spec->batch),
                   .n = onus_net_param_floats(t->net)};
    onus_pool_run(ex->pool, scale_part, &j);
    return ONUS_OK;
}

/* ---- the budget -------------------------------------------------------------------------- */

static onus_status check(const onus_trainer *t, onus_err *err)
{
    const onus_privacy_spec *p = t->privacy;
    if (!t->io->noise)
        return onus_fail(err, ONUS_BAD_ARG, "private training needs a key of the noise");
    if (!(p->clip > 0 && isfinite(p->clip)) || !(p->delta > 0 && p->delta < 1))
        return onus_fail(err, ONUS_BAD_ARG,
                         "privacy: clip must be finite and above 0, delta between 0 and 1");
    if (!(p->noise_multiplier > 0 && isfinite(p->noise_multiplier)) &&
        !(p->epsilon > 0 && isfinite(p->epsilon)))
        return onus_fail(err, ONUS_BAD_ARG, "privacy: epsilon or noise is needed");
    if (!(p->sampling_rate >= 0 && p->sampling_rate <= 1))
        return onus_fail(err, ONUS_BAD_ARG, "privacy: sampling_rate lies between 0 and 1");
    if (t->spec->batch > t->n_train && !(p->sampling_rate > 0))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "train.batch: %lld is more than the %lld rows of the training part; a "
                         "private step samples each row with probability batch / rows",
                         (long long)t->spec->batch, (long long)t->n_train);
    return ONUS_OK;
}

/* Normals that a step draws, in pairs of one tensor; trained parameters. */
static void count_parameters(const onus_net *net, onus_budget *b)
{
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *x = onus_net_tensor(net, i);
        if (x->frozen || x->def.buffer) continue;
        b->parameters += x->n;
        b->ran.draws += (double)(x->n + x->n % 2);
    }
}

static onus_budget describe(const onus_trainer *t)
{
    const onus_train_spec *s = t->spec;
    const onus_privacy_spec *p = t->privacy;
    onus_budget b = {.ran = {.sigma = t->sigma,
                             .q = t->q,
                             .delta = p->delta,
                             .steps = t->n_steps,
                             .cell = 0x1p-37,
                             .rows = t->n_train,
                             .sample_most = t->n_train},
                     .stated = p->sampling_rate > 0,
                     .clip = p->clip,
                     .sensitivity = p->clip,
                     .grid = 0x1p-40,
                     .batch = s->batch,
                     .n_train = t->n_train,
                     .n_valid = t->n_valid,
                     .balanced = s->class_weights == ONUS_CLASS_WEIGHTS_BALANCED,
                     .keeps_best = s->keep == ONUS_KEEP_BEST,
                     .may_stop = s->patience > 0,
                     .from = s->from != NULL};
    b.ran.log2_sample_tail = onus_sample_log2_tail(t->n_train, t->q, b.ran.sample_most);
    count_parameters(t->net, &b);
    (void)onus_dataset_fitted(t->data, &b.n_fitted);
    return b;
}

/* Noise for the target; where noise was asked for, whether it gives an epsilon at all: better
 * now than after the last step. */
static onus_status settle_noise(onus_trainer *t, onus_err *err)
{
    const onus_privacy_spec *p = t->privacy;
    onus_spent_privacy spent;
    t->q =
        p->sampling_rate > 0 ? p->sampling_rate : (double)t->spec->batch / (double)t->n_train;
    t->sigma = p->noise_multiplier;
    const onus_budget b = describe(t);
    if (t->sigma > 0) return onus_account(&b.ran, t->io->mem, &spent, err);
    return onus_account_sigma(p->epsilon, &b.ran, t->io->mem, &t->sigma, err);
}

/* The noise is settled, and the key committed to, before the first step. */
onus_status onus_private_begin(onus_trainer *t, onus_err *err)
{
    const onus_privacy_spec *p = t->privacy;
    onus_status st = check(t, err);
    if (st == ONUS_OK) st = onus_net_can_private(t->net, err);
    if (st != ONUS_OK) return st;
    st = settle_noise(t, err);
    if (st != ONUS_OK) return st;
    const onus_budget b = describe(t);
    t->dropout_seed = onus_noise_seed(t->io->noise);
    uint8_t commitment[32];
    onus_noise_key_commit(t->io->noise, commitment);
    onus_event_builder *e = &t->event;
    onus_event_begin(e, "privacy.noise");
    onus_event_sha256(e, commitment, "privacy.noise.commitment");
    onus_event_text(e, "ChaCha20, 256-bit key from the system's generator",
                    "privacy.noise.generator");
    onus_budget_announce(&b, e);
    if (p->epsilon > 0) onus_event_real(e, p->epsilon, "privacy.target.epsilon");
    onus_event_real(e, p->delta, "privacy.target.delta");
    return onus_event_emit(e, &t->io->sink, err);
}

/* What ran: this run's own sigma, q and steps. Where training may stop by what it has seen
 * (patience), the number of steps is itself told by the run, and what is proven is the
 * guarantee of all planned steps. */
onus_status onus_private_end(onus_trainer *t, onus_train_result *out, onus_err *err)
{
    onus_budget b = describe(t);
    b.ran.steps = t->spec->patience > 0 ? t->n_steps : t->step;
    onus_event_builder *e = &t->event;
    onus_event_begin(e, "privacy.budget");
    const onus_status st = onus_budget_put(&b, e, t->io->mem, err);
    if (st != ONUS_OK) return st;
    out->sigma = b.ran.sigma;
    out->q = b.ran.q;
    out->epsilon = b.spent.epsilon;
    out->order = b.spent.order;
    return onus_event_emit(e, &t->io->sink, err);
}
