/* SPDX-License-Identifier: Apache-2.0
 * private.c - what makes a step private, in one place: an auditor who wants to believe an
 * epsilon reads docs/PRIVACY.md, this file, op/terms.c, num/grid.h, num/noise.c and
 * accountant.c.
 *
 * DP-SGD (Abadi et al. 2016, arXiv:1607.00133, algorithm 1) with any optimiser behind it:
 * - every row of the training part enters a step's sample with probability q, independently of
 *   all others (Poisson sampling), drawn from the sealed stream; what a sample cuts off beyond
 *   sample_most rows is charged to delta;
 * - each example's gradient, with its example and class weight already in it, is a list of
 *   terms (op/terms.h). They enter the sum times a factor that bounds their L2 norm, as they
 *   are computed, by C; one that is not finite adds nothing;
 * - the sum is exact: its terms are whole multiples of a public grid. So taking a row out
 *   changes it by that row's own terms, wherever the others then stand, and by `sensitivity` at
 *   most: C and what rounding to the grid adds;
 * - Gaussian noise of deviation sigma times sensitivity from the sealed stream, rounded to the
 *   same grid, is added to the sum, once, exactly;
 * - the sum is divided by the recipe's batch: the size that was drawn is not used and not told;
 * - an empty sample is a step like any other: noise alone;
 * - what is drawn for rows (dropout, masks, changed images) is drawn under a seed made of the
 *   sealed key: it belongs to a place in the sample or in the table, places shift when a row
 *   leaves, and under a seed that everybody knows the other rows' gradients would shift with
 *   them.
 * The unit of the guarantee is one row, added or removed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "num/noise.h"
#include "train/budget.h"
#include "train/trainer.h"

/* Rows of a private micro-batch, a function of the recipe alone, so that it tells nothing: room
 * for a sample of `batch` rows and four deviations where that is at most two pieces, else
 * a piece. A larger sample, one in 30,000, runs in several: rows are memory, and a second pass
 * costs a little time once in a while. Sums do not depend on it. */
int64_t onus_private_rows(const onus_net *net, const onus_train_spec *spec)
{
    const int64_t piece = onus_net_piece(net), unit = piece < 16 ? piece : 16;
    const double expected = ceil((double)spec->batch / (double)spec->shards);
    const double room = expected + 4 * sqrt(expected);
    return room > (double)(2 * piece) ? piece : (int64_t)ceil(room / (double)unit) * unit;
}

/* ---- a step ------------------------------------------------------------------------------ */

/* Rows [first, first + B) of the sample into the sum. */
static void add_rows(onus_trainer *t, int64_t first, int64_t B)
{
    const onus_batch b = {.B = B,
                          .first = first,
                          .label = t->label,
                          .weight = t->row_weight ? t->weight : NULL,
                          .loss_scale = 1.0f,
                          .seed = t->row_seed,
                          .step = (uint32_t)t->step,
                          .training = true};
    const double start = onus_trainer_now(t);
    onus_trainer_fetch(t, onus_trainer_epoch(t), t->batch_rows + first, B);
    onus_trainer_spent(t, ONUS_BESIDE_ROWS, start);
    onus_plan_forward(t->plan, &b);
    onus_plan_backward(t->plan, &b, NULL);
    onus_plan_bounds(t->plan, &b, t->bound);
    for (int64_t i = 0; i < B; i++)
        t->clip_weight[i] = onus_bound_weight(&t->bound[i], t->privacy->clip);
    onus_plan_sums(t->plan, &b, t->clip_weight, t->grid.grid, t->sum);
}

static onus_status add_noise(onus_trainer *t, onus_err *err)
{
    onus_status st = ONUS_OK;
    for (int i = 0; st == ONUS_OK && i < onus_net_tensors(t->net); i++) {
        const onus_tensor *x = onus_net_tensor(t->net, i);
        if (x->frozen || x->def.buffer) continue;
        st = onus_noise_grid(t->io->ex, t->io->noise, (uint32_t)t->step, (uint32_t)i,
                             t->sigma * t->grid.sensitivity, t->grid.grid, t->grid.dither,
                             t->sum + x->offset, x->n, err);
    }
    return st;
}

onus_status onus_private_gradient(onus_trainer *t, onus_err *err)
{
    const int64_t n = onus_noise_sample(t->io->ex, t->io->noise, (uint32_t)t->step, t->q,
                                        t->n_train, t->batch_rows, t->grid.sample_most);
    if (n < 0) return onus_fail_mem(err, "sample");
    for (int64_t i = 0; i < n; i++) t->batch_rows[i] = t->train_rows[t->batch_rows[i]];
    memset(t->sum, 0, (size_t)onus_net_param_floats(t->net) * sizeof *t->sum);
    for (int64_t first = 0; first < n; first += t->micro)
        add_rows(t, first, n - first < t->micro ? n - first : t->micro);
    const double start = onus_trainer_now(t);
    const onus_status st = add_noise(t, err);
    onus_trainer_spent(t, ONUS_BESIDE_GRADIENT, start);
    return st;
}

/* ---- the grid ---------------------------------------------------------------------------- */

/* The smallest power of two that is not below v. */
static double power_above(double v)
{
    int e;
    const double m = frexp(v, &e);
    return ldexp(1, m == 0.5 ? e - 1 : e);
}

/* As fine as to move no example by more than 2^-14 C, if the sums of a sample (with what
 * ONUS_REACH leaves to partial sums) and the noise then stay below 2^50 multiples; else as
 * these want. */
static onus_status plan_grid(onus_trainer *t, onus_err *err)
{
    onus_grid_plan *g = &t->grid;
    const double C = t->privacy->clip, of_net = onus_net_rounding(t->net),
                 rounding = of_net > 1 ? of_net : 1;
    const double finest = 0x1p-13 * C / rounding, above = power_above(finest),
                 fine = above > finest ? above / 2 : above;
    const double sums = power_above(2 * ONUS_REACH * C * (double)g->sample_most * 0x1p-50);
    const double noise = power_above(2 * C * t->sigma * 0x1p-46);
    g->grid = sums > fine ? sums : fine;
    if (noise > g->grid) g->grid = noise;
    g->sensitivity = (C + 0.5 * g->grid * rounding) * (1 + 0x1p-40);
    if (!(g->grid * rounding <= C) || !(g->grid > 0x1p-800 && g->grid < 0x1p+800))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "privacy.clip: no grid is fine enough for %lld parameters, samples of "
                         "%lld rows and noise of %g times the clip %g",
                         (long long)onus_net_trained(t->net), (long long)g->sample_most,
                         t->sigma, C);
    g->dither = onus_noise_dither_bits(t->sigma * g->sensitivity, g->grid);
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
    const double expected = p->sampling_rate * (double)t->n_train;
    if (p->sampling_rate > 0 &&
        !(expected >= 0.5 * (double)t->spec->batch && expected <= 2 * (double)t->spec->batch))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "privacy.sampling_rate: %g of %lld rows is %.4g, and train.batch, by "
                         "which a step's sum is divided, is %lld: expected between half of it "
                         "and twice",
                         p->sampling_rate, (long long)t->n_train, expected,
                         (long long)t->spec->batch);
    if (t->spec->batch > t->n_train && !(p->sampling_rate > 0))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "train.batch: %lld is more than the %lld rows of the training part; a "
                         "private step samples each row with probability batch / rows",
                         (long long)t->spec->batch, (long long)t->n_train);
    return ONUS_OK;
}

static int64_t public_rows(const onus_trainer *t)
{
    return onus_public_rows(t->privacy->sampling_rate > 0, t->q, t->spec->batch, t->n_train);
}

/* Normals that a step draws, in pairs of one tensor; trained parameters. */
static void count_parameters(const onus_net *net, onus_budget *b)
{
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *x = onus_net_tensor(net, i);
        if (x->frozen || x->def.buffer) continue;
        b->parameters += x->n;
        b->ran.draws += 2 * (double)onus_noise_pairs(x->n);
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
                             .cell = t->grid.cell,
                             .rows = public_rows(t),
                             .sample_most = t->grid.sample_most},
                     .stated = p->sampling_rate > 0,
                     .clip = p->clip,
                     .sensitivity = t->grid.sensitivity,
                     .grid = t->grid.grid,
                     .batch = s->batch,
                     .n_train = t->n_train,
                     .n_valid = t->n_valid,
                     .balanced = s->class_weights == ONUS_CLASS_WEIGHTS_BALANCED,
                     .keeps_best = s->keep == ONUS_KEEP_BEST,
                     .may_stop = s->patience > 0,
                     .from = s->from != NULL,
                     .windows = onus_dataset_windows(t->data)};
    b.ran.log2_sample_tail = onus_sample_log2_tail(b.ran.rows, t->q, b.ran.sample_most);
    count_parameters(t->net, &b);
    (void)onus_dataset_fitted(t->data, &b.n_fitted);
    return b;
}

/* Noise for the target; where noise was asked for, whether it gives an epsilon at all: better
 * now than after the last step. How far computed noise is from ideal depends on grid and noise,
 * and these on it: a power of two that holds is found in a try or two. */
static onus_status settle_noise(onus_trainer *t, onus_err *err)
{
    enum { TRIES = 40 };
    const onus_privacy_spec *p = t->privacy;
    onus_status st = ONUS_OK;
    onus_spent_privacy spent;
    t->q =
        p->sampling_rate > 0 ? p->sampling_rate : (double)t->spec->batch / (double)t->n_train;
    t->grid.sample_most = onus_sample_most(t->q, public_rows(t));
    t->grid.cell = 0x1p-34;
    for (int i = 0; i < TRIES; i++) {
        const onus_budget b = describe(t);
        t->sigma = p->noise_multiplier;
        if (!(t->sigma > 0))
            st = onus_account_sigma(p->epsilon, &b.ran, t->io->mem, &t->sigma, err);
        if (st == ONUS_OK) st = plan_grid(t, err);
        if (st != ONUS_OK) return st;
        const double std = t->sigma * t->grid.sensitivity,
                     cell = onus_noise_cell_log_ratio(std, t->grid.grid, t->grid.dither);
        if (cell <= t->grid.cell && !(p->noise_multiplier > 0)) return ONUS_OK;
        if (cell <= t->grid.cell) {
            const onus_budget settled = describe(t);
            return onus_account(&settled.ran, t->io->mem, &spent, err);
        }
        if (!(cell < 1)) break;
        t->grid.cell = power_above(cell);
    }
    return onus_fail(err, ONUS_BAD_INPUT, "privacy.noise: %g times the clip cannot be drawn",
                     t->sigma);
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
    t->row_seed = onus_noise_seed(t->io->noise);
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
