/* SPDX-License-Identifier: Apache-2.0
 * recurrent_chapter.h - what the chapters of lstm and gru share: a sequence's length, the order
 * of its steps, and counts. */
#ifndef ONUS_TESTS_RECURRENT_CHAPTER_H
#define ONUS_TESTS_RECURRENT_CHAPTER_H

static inline double exact_sigmoid(double v)
{
    return 1 / (1 + exp(-v));
}

/* Tokens that are there, of example b; all of them where there is no second input. */
static inline int64_t recurrent_length(const op_run *r, int64_t b)
{
    const int64_t T = r->in_shape[0].d[0];
    int64_t length = r->n_inputs > 1 ? 0 : T;
    for (int64_t t = 0; r->n_inputs > 1 && t < T; t++) length += r->x[1][b * T + t] >= 0;
    return length;
}

/* Row u of W x + b, or of U h + b'. */
static inline double exact_row(const double *W, const double *b, const double *x, int64_t n,
                               int64_t u)
{
    double sum = b[u];
    for (int64_t j = 0; j < n; j++) sum += W[u * n + j] * x[j];
    return sum;
}

/* One step of all units: state (h), further state (h), W x + b and U h + b' by (p, u). */
typedef void (*exact_step_fn)(double *const p[], const double *x, int64_t n, int64_t h,
                              const double *h0, double *state, double *out);

/* A whole sequence: steps from the first position to the last one that is there, or back. */
static inline void recurrent_exact(const op_run *r, int64_t b, const double *x,
                                   double *const p[], double *y, exact_step_fn step)
{
    const int64_t T = r->in_shape[0].d[0], n = r->in_shape[0].d[1], h = r->attr[0].i,
                  length = recurrent_length(r, b);
    double h0[64] = {0}, state[64] = {0};
    for (int64_t i = 0; i < T * h; i++) y[i] = 0;
    for (int64_t s = 0; s < length; s++) {
        const int64_t t = r->attr[1].i ? length - 1 - s : s;
        step(p, x + t * n, n, h, h0, state, y + t * h);
        memcpy(h0, y + t * h, (size_t)h * sizeof *h0);
    }
}

/* A term of a parameter's gradient by dz as the row keeps it (its values are checked by
 * differences): block by block of `hidden`; U h + b' has block 3 as its last. */
static inline bool recurrent_term(const op_run *r, int gates, int kept, int k, int64_t e,
                                  int64_t b, int64_t t, float *chain)
{
    const int64_t T = r->in_shape[0].d[0], n = r->in_shape[0].d[1], h = r->attr[0].i;
    const int64_t stride = (kept + 4) * h + 16,
                  width = k == 0   ? n
                          : k == 1 ? h
                                   : 1,
                  u = e / width, j = e % width, last = (gates - 1) * h;
    const float *dz = (const float *)r->saved + (b * T + t) * stride + kept * h;
    const float d = k % 2 && u >= last ? dz[u - last + 3 * h] : dz[u];
    const int64_t length = recurrent_length(r, b), t0 = r->attr[1].i ? t + 1 : t - 1;
    const bool later = t < length && t0 >= 0 && t0 < length;
    if (k == 0) *chain = fmaf(d, r->x[0][(b * T + t) * n + j], *chain);
    if (k == 1) *chain = fmaf(d, later ? r->y[(b * T + t0) * h + j] : 0.0f, *chain);
    if (k >= 2) *chain = *chain + d;
    return true;
}

/* The row's costs are those of full sequences, in the order of training: what absent positions
 * spare, and what backward does where weighted_grad has not been before. */
static inline double recurrent_loops(const op_run *r, onus_pass pass, double gates,
                                     double forward_ops, double backward_ops)
{
    const double h = (double)r->attr[0].i, u = gates * h, T = (double)r->in_shape[0].d[0];
    double sum = 0;
    for (int64_t b = 0; b < r->B; b++) {
        const double length = (double)recurrent_length(r, b), absent = T - length;
        const double back = length * h * backward_ops + fmax(length - 1, 0) * u * h,
                     whole = T * h * backward_ops + (T - 1) * u * h;
        if (pass == ONUS_PASS_FORWARD)
            sum += absent * (u + h * forward_ops) + (T - 1 - fmax(length - 1, 0)) * u * h;
        if (pass == ONUS_PASS_BACKWARD) sum -= back;
        if (pass == ONUS_PASS_GRAD) sum += whole - back;
    }
    return sum;
}

/* x, y, dz and the like stand in rows; tokens are not counted. */
static inline double recurrent_bytes(const op_run *r, onus_pass pass)
{
    const double B = 4 * (double)r->B, x = B * (double)r->n_in[0], y = B * (double)r->n_out,
                 saved = (double)r->saved_bytes, W = 4 * (double)r->n_param[0],
                 U = 4 * (double)r->n_param[1], params = W + U + 8 * (double)r->n_param[2];
    switch (pass) {
    case ONUS_PASS_FORWARD: return x + y + params + saved;
    case ONUS_PASS_BACKWARD: return saved + W + x;
    case ONUS_PASS_GRAD: return x + 2 * y + U + params + saved; /* y and its gradient */
    }
    return 0;
}
#endif
