/* SPDX-License-Identifier: Apache-2.0
 * optimiser.c - SGD, momentum (Polyak's heavy ball as PyTorch has it), Adam (Kingma and Ba
 * 2015, arXiv:1412.6980), AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101). What depends on
 * the step only is computed in binary64 and rounded once; the sweep is num's. */
#include "train/optimiser.h"

#include <math.h>

#include "base/fail.h"

onus_status onus_optimiser_init(onus_optimiser_state *o, const onus_train_spec *spec,
                                onus_net *net, const onus_exec *ex, onus_arena *arena,
                                onus_err *err)
{
    const size_t n = (size_t)onus_net_param_floats(net);
    const bool adam = spec->optimiser == ONUS_OPT_ADAM || spec->optimiser == ONUS_OPT_ADAMW;
    *o = (onus_optimiser_state){.spec = spec, .net = net, .ex = ex, .beta1_t = 1, .beta2_t = 1};
    if (adam || spec->optimiser == ONUS_OPT_MOMENTUM) {
        if (!(o->m = onus_arena_alloc(arena, n, sizeof *o->m)))
            return onus_fail_mem(err, "optimiser");
    }
    if (adam && !(o->v = onus_arena_alloc(arena, n, sizeof *o->v)))
        return onus_fail_mem(err, "optimiser");
    return ONUS_OK;
}

void onus_optimiser_restore(onus_optimiser_state *o, int64_t t)
{
    o->t = t;
    o->beta1_t = o->beta2_t = 1;
    for (int64_t i = 0; i < t; i++) {
        o->beta1_t *= o->spec->beta1;
        o->beta2_t *= o->spec->beta2;
    }
}

static onus_opt_step settings(const onus_optimiser_state *o, double rate, bool decays)
{
    const onus_train_spec *s = o->spec;
    onus_opt_step k = {.lr = (float)rate, .momentum = (float)s->momentum, .decay = 1.0f};
    k.l1 = decays ? (float)s->l1 : 0.0f;
    k.l2 = decays ? (float)s->l2 : 0.0f;
    if (!o->v) return k;
    const double c = sqrt(1 - o->beta2_t);
    k.lr = (float)(rate * c / (1 - o->beta1_t));
    k.beta1 = (float)s->beta1;
    k.one_minus_beta1 = (float)(1 - s->beta1);
    k.beta2 = (float)s->beta2;
    k.one_minus_beta2 = (float)(1 - s->beta2);
    k.eps = (float)(s->eps * c);
    if (s->optimiser == ONUS_OPT_ADAMW && decays) k.decay = (float)(1 - rate * s->weight_decay);
    return k;
}

typedef struct {
    const onus_optimiser_state *o;
    const onus_gradient *grad;
    onus_opt_step plain, decaying;
} sweep;

/* Floats [begin, end) of the block, all of tensors that decay or all of such that do not.
 * Another thread may have read the parameters and written the gradient: the next piece's cache
 * lines are asked for while one piece is computed, since waiting for them one by one takes
 * longer than the arithmetic where two cores share no cache (Adam 12 us instead of 17, measured
 * on a Zen 5). */
static void sweep_range(const sweep *w, const onus_opt_step *k, int64_t begin, int64_t end)
{
    enum { PIECE = 512, LINE = 16 };
    const onus_optimiser_state *o = w->o;
    for (int64_t i = begin, n; i < end; i += n) {
        float *p = onus_net_params(o->net) + i, piece[PIECE];
        const float *g = w->grad->sums ? piece : w->grad->of + i;
        n = end - i < PIECE ? end - i : PIECE;
        for (int64_t j = 0; w->grad->sums && j < n; j++)
            piece[j] = (float)(w->grad->sums[i + j] / w->grad->divisor);
        for (int64_t j = i == begin ? 0 : PIECE; j < 2 * PIECE && i + j < end; j += LINE) {
            __builtin_prefetch(p + j, 1);
            if (g != piece) __builtin_prefetch(g + j);
        }
        if (o->v)
            o->ex->k->adam(k, p, g, o->m + i, o->v + i, n);
        else if (o->m)
            o->ex->k->momentum(k, p, g, o->m + i, n);
        else
            o->ex->k->sgd(k, p, g, n);
    }
}

static void sweep_part(void *ctx, int part, int n_parts)
{
    const sweep *w = ctx;
    int64_t begin, end;
    onus_split(onus_net_param_floats(w->o->net), 16, part, n_parts, &begin, &end);
    for (int t = 0; t < onus_net_tensors(w->o->net); t++) {
        const onus_tensor *x = onus_net_tensor(w->o->net, t);
        const int64_t from = x->offset > begin ? x->offset : begin,
                      to = x->offset + x->n < end ? x->offset + x->n : end;
        if (from < to && !x->frozen && !x->def.buffer)
            sweep_range(w, x->def.decay ? &w->decaying : &w->plain, from, to);
    }
}

void onus_optimiser_step(onus_optimiser_state *o, const onus_gradient *grad, double rate)
{
    o->t++;
    o->beta1_t *= o->spec->beta1;
    o->beta2_t *= o->spec->beta2;
    sweep w = {.o = o,
               .grad = grad,
               .plain = settings(o, rate, false),
               .decaying = settings(o, rate, true)};
    if (onus_net_param_floats(o->net) < 8192)
        sweep_part(&w, 0, 1);
    else
        onus_pool_run(o->ex->pool, sweep_part, &w);
}

double onus_optimiser_bytes(const onus_optimiser_state *o)
{
    double n = 0;
    for (int i = 0; i < onus_net_tensors(o->net); i++) {
        const onus_tensor *x = onus_net_tensor(o->net, i);
        if (!x->frozen && !x->def.buffer) n += (double)x->n;
    }
    return n * (12 + (o->m ? 8 : 0) + (o->v ? 8 : 0));
}
