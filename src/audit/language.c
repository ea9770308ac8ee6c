/* SPDX-License-Identifier: Apache-2.0
 * language.c - how well a model of tokens predicts: the mean loss of a token in nats, its
 * exponential (perplexity), and how often the likeliest token is the right one.
 *
 * The tokens of a row hang together, so a row is what is drawn: the mean is a ratio of sums
 * over rows, loss_i over n_i, its standard error by the delta method, its interval by Student's
 * t. */
#include "audit/language.h"

#include <math.h>

#include "audit/measure.h"
#include "audit/quality.h"
#include "base/fail.h"
#include "num/vec.h"

/* sum of part over sum of whole, rows drawn independently; room (n). */
static onus_measure measure_ratio(const double *part, const double *whole, int64_t n,
                                  int64_t n_tokens, double *room)
{
    onus_measure m = {.value = NAN,
                      .ci = {NAN, NAN},
                      .n = n_tokens,
                      .method = "ratio of sums over rows, delta method, student t"};
    const double sum = onus_sum64(whole, n);
    if (!(sum > 0)) {
        m.reason = "no tokens";
        return m;
    }
    m.value = onus_sum64(part, n) / sum;
    if (n < 2) {
        m.reason = "one row has no spread to judge by";
        return m;
    }
    for (int64_t i = 0; i < n; i++) {
        const double off = (part[i] - m.value * whole[i]) / sum;
        room[i] = off * off;
    }
    const double df = (double)(n - 1);
    m.ci = onus_interval_mean(m.value, sqrt(onus_sum64(room, n) * (double)n / df), df, 1);
    return m;
}

onus_status onus_audit_language(const onus_token_scores *s, const onus_sink *sink,
                                const onus_allocator *mem, onus_err *err)
{
    onus_event_builder b;
    onus_event_init(&b, mem);
    double *room = onus_alloc(mem, (size_t)s->n + 1, sizeof *room);
    onus_status st = room ? ONUS_OK : onus_fail_mem(err, "evaluation");
    if (st == ONUS_OK) {
        const int64_t n_tokens = (int64_t)onus_sum64(s->tokens, s->n);
        onus_measure loss = measure_ratio(s->loss, s->tokens, s->n, n_tokens, room),
                     right = measure_ratio(s->right, s->tokens, s->n, n_tokens, room);
        onus_measure perplexity = loss;
        loss.ci.lower = loss.ci.lower < 0 ? 0 : loss.ci.lower;
        perplexity.value = onus_exp64(loss.value);
        perplexity.ci = (onus_interval){onus_exp64(loss.ci.lower), onus_exp64(loss.ci.upper)};
        perplexity.method = "exponential of the mean loss's bounds";
        right.ci.lower = right.ci.lower < 0 ? 0 : right.ci.lower;
        right.ci.upper = right.ci.upper > 1 ? 1 : right.ci.upper;
        onus_event_begin(&b, "metric");
        onus_measure_put(&b, &loss, "loss");
        onus_measure_put(&b, &perplexity, "perplexity");
        onus_measure_put(&b, &right, "token_accuracy");
        st = onus_event_emit(&b, sink, err);
    }
    onus_free(mem, room);
    onus_event_release(&b);
    return st;
}
