/* SPDX-License-Identifier: Apache-2.0
 * attention_relevance.c - how attention shares the relevance of its output: out = p v and
 * s = q k share as products do; p, which depends on every score of its row, shares by the mean
 * of its gradients on the straight way from the reference's scores to the input's (Sundararajan
 * and others 2017, arXiv:1703.01365), within which no share exceeds what it is a share of.
 * Multipliers are binary64 until they are added up. */
#include <math.h>

#include "num/vec.h"
#include "op/attention_run.h"

/* Points and weights of Gauss and Legendre on [0, 1] (Abramowitz and Stegun 25.4.30, n = 8). */
enum { POINTS = 8 };
static const double point[POINTS] = {0.019855071751231912, 0.10166676129318664,
                                     0.2372337950418355,   0.40828267875217511,
                                     0.59171732124782483,  0.7627662049581645,
                                     0.89833323870681336,  0.98014492824876809},
                    point_weight[POINTS] = {0.050614268145188532, 0.11119051722668721,
                                            0.15685332293894344,  0.18134189168918083,
                                            0.18134189168918083,  0.15685332293894344,
                                            0.11119051722668721,  0.050614268145188532};

/* One query at the input and at the reference. Arrays are (n), binary64, of the keys seen. */
typedef struct {
    onus_attention_work *w;
    const onus_attention_work *w0;
    int64_t t, n;
    double *s, *s0, *p, *p0, *way;
    double *m; /* multipliers of p */
    double *g; /* of s */
} shares;

static bool sees(const shares *x, int64_t j)
{
    return !x->w->keys || x->w->keys[j];
}

static double dot64(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum = fma((double)a[i], (double)b[i], sum);
    return sum;
}

static void scores_of(const shares *x, const onus_attention_work *w, double *s)
{
    const onus_attention_layout *l = w->s;
    for (int64_t j = 0; j < x->n; j++)
        if (sees(x, j))
            s[j] = dot64(w->q + x->t * l->q.ld, w->k + j * l->k.ld, l->hd) * (double)l->scale;
}

/* p = softmax of s0 + at (s - s0). */
static void weights_at(const shares *x, double at, double *p)
{
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < x->n; j++) {
        if (!sees(x, j)) continue;
        p[j] = x->s0[j] + at * (x->s[j] - x->s0[j]);
        most = p[j] > most ? p[j] : most;
    }
    for (int64_t j = 0; j < x->n; j++) {
        p[j] = sees(x, j) ? onus_exp64(p[j] - most) : 0;
        sum = sum + p[j];
    }
    for (int64_t j = 0; j < x->n; j++) p[j] = p[j] / sum;
}

/* Multipliers of the weights, from those of the output; v takes its share. */
static void share_values(const shares *x)
{
    const onus_attention_layout *l = x->w->s;
    const float *dy = x->w->dy + x->t * l->H * l->hd;
    for (int64_t j = 0; j < x->n; j++) {
        const float *v = x->w->v + j * l->v.ld, *v0 = x->w0->v + j * l->v.ld;
        const double p = 0.5 * (x->p[j] + x->p0[j]);
        double sum = 0;
        x->m[j] = 0;
        if (!sees(x, j)) continue;
        for (int64_t i = 0; i < l->hd; i++)
            sum += (double)dy[i] * 0.5 * ((double)v[i] + (double)v0[i]);
        x->m[j] = sum;
        float *dv = x->w->dv ? x->w->dv + j * l->v.ld : NULL;
        for (int64_t i = 0; dv && i < l->hd; i++) dv[i] = dv[i] + (float)((double)dy[i] * p);
    }
}

/* Multipliers of the scores: mean gradients on the way. What the quadrature leaves over goes
 * to the scores by their differences. */
static void share_weights(const shares *x)
{
    double left = 0, square = 0;
    for (int64_t j = 0; j < x->n; j++) x->g[j] = 0;
    for (int k = 0; k < POINTS; k++) {
        double mean = 0;
        weights_at(x, point[k], x->way);
        for (int64_t j = 0; j < x->n; j++) mean += x->m[j] * x->way[j];
        for (int64_t j = 0; j < x->n; j++)
            x->g[j] += point_weight[k] * x->way[j] * (x->m[j] - mean);
    }
    for (int64_t j = 0; j < x->n; j++) {
        if (!sees(x, j)) continue;
        const double step = x->s[j] - x->s0[j];
        left += x->m[j] * (x->p[j] - x->p0[j]) - x->g[j] * step;
        square += step * step;
    }
    for (int64_t j = 0; square > 0 && j < x->n; j++)
        if (sees(x, j)) x->g[j] += left * (x->s[j] - x->s0[j]) / square;
}

static void share_scores(const shares *x)
{
    const onus_attention_layout *l = x->w->s;
    const float *q = x->w->q + x->t * l->q.ld, *q0 = x->w0->q + x->t * l->q.ld;
    float *dq = x->w->dq ? x->w->dq + x->t * l->q.ld : NULL;
    for (int64_t i = 0; i < l->hd; i++) {
        const double half = 0.5 * (double)l->scale,
                     middle = half * ((double)q[i] + (double)q0[i]);
        double sum = 0;
        for (int64_t j = 0; j < x->n; j++) {
            if (!sees(x, j)) continue;
            const int64_t at = j * l->k.ld + i;
            sum += x->g[j] * half * ((double)x->w->k[at] + (double)x->w0->k[at]);
            if (x->w->dk) x->w->dk[at] = x->w->dk[at] + (float)(x->g[j] * middle);
        }
        if (dq) dq[i] = (float)sum;
    }
}

/* All queries of a head. The forward pass's room for scores, 32 floats a key, holds 7 numbers a
 * key. */
void onus_attention_relevance_head(onus_attention_work *w, const onus_attention_work *w0)
{
    const int64_t T = w->s->T;
    double *room = (double *)(void *)w->p;
    shares x = {.w = w, .w0 = w0, .s = room, .s0 = room + T, .p = room + 2 * T};
    x.p0 = room + 3 * T;
    x.way = room + 4 * T;
    x.m = room + 5 * T;
    x.g = room + 6 * T;
    for (x.t = 0; x.t < T; x.t++) {
        if (w->l[x.t] == 0.0f) continue;
        x.n = w->s->causal ? x.t + 1 : T;
        scores_of(&x, w, x.s);
        scores_of(&x, w0, x.s0);
        weights_at(&x, 1, x.p);
        weights_at(&x, 0, x.p0);
        share_values(&x);
        share_weights(&x);
        share_scores(&x);
    }
}
