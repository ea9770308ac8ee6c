/* SPDX-License-Identifier: Apache-2.0
 * epsilon.c - what noise costs, without a run: what `onus epsilon` prints. */
#include <math.h>

#include "base/event.h"
#include "base/fail.h"
#include "run/session.h"
#include "train/accountant.h"
#include "train/pld.h"

static onus_status check(const onus_mechanism *m, onus_err *err)
{
    if (!(m->sigma > 0 && isfinite(m->sigma)))
        return onus_fail(err, ONUS_BAD_ARG, "noise: %g is no finite number above 0", m->sigma);
    if (!(m->q > 0 && m->q <= 1))
        return onus_fail(err, ONUS_BAD_ARG, "sampling rate: %g is not above 0 and at most 1",
                         m->q);
    if (m->steps < 1 || m->steps > INT64_C(1) << 53)
        return onus_fail(err, ONUS_BAD_ARG, "steps: %lld is not from 1 to 2^53",
                         (long long)m->steps);
    if (!(m->delta > 0 && m->delta < 1))
        return onus_fail(err, ONUS_BAD_ARG, "delta: %g is not above 0 and below 1", m->delta);
    return ONUS_OK;
}

/* A row of the text; what is not proven says so. */
static void put(onus_buf *text, double v, const char *what)
{
    if (isfinite(v))
        onus_buf_printf(text, "%12.6g  %s\n", v, what);
    else
        onus_buf_printf(text, "%12s  %s\n", "not proven", what);
}

static void put_text(const onus_mechanism *m, const onus_spent_privacy *s, double every_step,
                     onus_buf *text)
{
    const bool losses = s->pld < s->rdp;
    onus_buf_printf(
        text,
        "noise %g, sampling rate %g, %lld steps, delta %g; one row added or removed\n"
        "     epsilon\n",
        m->sigma, m->q, (long long)m->steps, m->delta);
    put(text, s->pld,
        losses ? "epsilon.pld, by privacy loss distributions: proven, the smaller one"
               : "epsilon.pld, by privacy loss distributions");
    put(text, s->rdp,
        losses || !isfinite(s->rdp) ? "epsilon.rdp, by Renyi divergence"
                                    : "epsilon.rdp, by Renyi divergence: proven");
    put(text, every_step, "epsilon.every_step, of a row that takes part in every step");
    if (s->order_is_last)
        onus_buf_str(text,
                     "Renyi's best order is the largest that was tried: a larger one might "
                     "give less.\n");
}

onus_status onus_epsilon(double noise, double sampling_rate, int64_t steps, double delta,
                         onus_facts **facts, char **text, const onus_allocator *mem,
                         onus_err *err)
{
    const onus_mechanism m = {
        .sigma = noise, .q = sampling_rate, .delta = delta, .steps = steps};
    onus_status st = ONUS_OK;
    onus_spent_privacy s;
    onus_buf all;
    onus_event_builder b;
    onus_buf_init(&all, mem, 1 << 12);
    onus_event_init(&b, mem);
    onus_event_begin(&b, "epsilon");
    ONUS_TRY(check(&m, err));
    ONUS_TRY(onus_account(&m, mem, &s, err));
    if (!isfinite(s.epsilon)) {
        st = onus_fail(err, ONUS_BAD_INPUT, "noise: with so little (%g) no epsilon is proven",
                       noise);
        goto done;
    }
    const double every_step = onus_gaussian_epsilon(sqrt((double)steps) / noise, delta);
    onus_event_real(&b, s.epsilon, "epsilon");
    onus_event_text(&b, s.pld < s.rdp ? "pld" : "rdp", "epsilon.by");
    onus_event_real(&b, every_step, "epsilon.every_step");
    onus_event_real(&b, s.order, "epsilon.order");
    onus_event_text(&b, s.order_is_last ? "yes" : "no", "epsilon.order.last");
    onus_event_real(&b, s.pld, "epsilon.pld");
    onus_event_real(&b, s.rdp, "epsilon.rdp");
    put_text(&m, &s, every_step, &all);
    char *said = NULL;
    if (text) ONUS_TRY(onus_buf_hand_out(&all, &said, "epsilon", err));
    if (facts) st = onus_event_facts(&b, facts, mem, err);
    if (st == ONUS_OK && text)
        *text = said;
    else
        onus_text_free(mem, said);
done:
    onus_buf_release(&all);
    onus_event_release(&b);
    return st;
}
