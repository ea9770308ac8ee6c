/* SPDX-License-Identifier: Apache-2.0
 * kernels.h - one table of kernels an instruction set. The reference (*_ref.c: plain loops)
 * is the specification; every other table equals it bit for bit, tested. Kernels run on the
 * calling thread, allocate nothing and have no state; threads are shared out above them
 * (num/gemm.h, and ops through onus_pool_run).
 *
 * CHECKLIST: a new kernel wants its reference, a row in every table and in tests/num. */
#ifndef ONUS_NUM_KERNELS_H
#define ONUS_NUM_KERNELS_H
#include "num/exec.h"
#include "num/grid.h"

/* Asks for the cache lines of x[at, at + size), at most up to n, while the caller computes what
 * stands before. A loop that takes nanoseconds a number waits for every line that lies in
 * memory, since the processor's own window holds a few of them: a sum of exponentials over 50
 * MB took 2.0 ns a number, over 200 KB 0.6 (Intel Xeon, 27 November 2026). */
static inline void onus_fetch_ahead(const float *x, int64_t at, int64_t n, int64_t size)
{
    const int64_t end = at + size < n ? at + size : n;
    for (int64_t i = at; i < end; i += 16) __builtin_prefetch(x + i);
}

/* Settings of one optimiser step, already reduced to what the inner loop needs (floats rounded
 * once from binary64): contract, item 8 and the formulas after it. */
typedef struct {
    float lr; /* SGD, momentum: the step size; Adam: lr c / (1 - beta1^t), c = sqrt(1 - beta2^t)
               */
    float beta1, one_minus_beta1, beta2, one_minus_beta2;
    float eps; /* eps c */
    float momentum;
    float decay; /* AdamW: (float)(1 - lr wd), multiplies p first; 1 = none */
    /* added to the gradient before the step: g = fmaf(l2, p, g); g += l1 * sign(p) */
    float l1, l2;
} onus_opt_step;

/* Noise on a grid: N(0, std^2), rounded to whole multiples of grid (a power of two, std < 2^47
 * grid; 0: not rounded, for tests), and a uniform one of the 2^dither multiples around 0,
 * dither in 0..22. */
typedef struct {
    double std, grid;
    int dither;
} onus_noise_law;

/* A row of logits under cross-entropy, as its gradient needs it. */
typedef struct {
    float m, l;    /* the largest, and the sum of exp(x - m) */
    float off, on; /* what p should be: of every class, of the label */
    int64_t label;
    float weight, scale;
} onus_softmax_row;

/* A matrix product as kernels see it: C(i,j) = sum over k < K of A(i,k) B(k,j) by contract item
 * 3, then + bias[j] where bias is not NULL (one rounding). Callers above num/ describe theirs
 * with onus_gemm_args (num/gemm.h). */
typedef struct {
    const float *A; /* A(i,k) = A[i * a_row + k * a_col]; one of the two strides is 1 */
    int64_t a_row, a_col;
    const float *B; /* B(k,j) = B[k * b_row + j * b_col]; likewise */
    int64_t b_row, b_col;
    const float *panels; /* not NULL: B from onus_gemm_panels_make instead, its panels */
    int64_t panel_terms; /* panel_terms long, from the first term on; n0 begins a panel */
    float *C;            /* C(i,j) = C[i * ldc + j] */
    int64_t ldc;
    int64_t K;
    int64_t k_at;      /* place of the first term: cuts are where k_at + k is n * 256 */
    bool goes_on;      /* segments are added to what stands in C, the first one too */
    const float *bias; /* (N), or NULL */
} onus_gemm_task;

/* A run of numbers to copy: from a place in the source to a place in the row. */
typedef struct {
    int64_t from, to;
} onus_piece;

/* A term of a dot: where its two factors stand. */
typedef struct {
    int32_t a, b;
} onus_term;

/* A padded copy of planes (H, W): number (r, q cols + c) of a plane is the source's (r - top, c
 * step + q - left), or 0 outside. Remainders q < parts <= step are kept, those that some tap
 * reads. A plane is rows x (parts cols). */
typedef struct {
    int64_t H, W, top, left, rows, cols, step, parts;
} onus_frame;

/* One segment of a register tile of C whose factors lie anywhere: row i, lane x of vector v,
 * C[i * c_row + v * c_next + x], is the sum over k < n of a[list[k].a + i / 3 * a_three + i % 3
 * * a_row] times b[list[k].b + v * b_next + x], or what stands there + that (not first). */
typedef struct {
    const float *a, *b;
    int64_t a_row, a_three, b_next;
    const onus_term *list;
    int64_t n;
    float *c;
    int64_t c_row, c_next;
    bool first;
} onus_listed;

/* A part of an exact outer product: rows [r0, r1) of the elements [i0, i1) x [j0, j1). */
typedef struct {
    int64_t r0, r1, i0, i1, j0, j1;
} onus_grid_part;

struct onus_kernels {
    const char *name;
    /* Rows [m0,m1) x columns [n0,n1) of g's C, on the calling thread. pack: scratch of
     * onus_gemm_pack_bytes(m1 - m0, n1 - n0, K) (num/gemm.h), 64-byte
     * aligned. */
    void (*gemm_tile)(const onus_gemm_task *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                      void *pack);
    /* One segment of a product whose other operand stands in panels: C (m,n) = A (m,kb) times
     * (kb,n), or C + that (not first). Panel j holds columns [j gemm_panel, ..), term by term;
     * columns beyond n hold anything. */
    int gemm_panel; /* columns, a multiple of 8, at most 32 */
    int gemm_rows;  /* of a register tile, at most 16 */
    void (*gemm_panels)(const float *A, int64_t lda, const float *panels, int64_t m, int64_t n,
                        int64_t kb, float *C, int64_t ldc, bool first);
    /* A part of a's sum (num/grid.h), on the calling thread. pack: scratch of
     * onus_grid_outer_serial_bytes(i1 - i0, j1 - j0), 64-byte aligned. */
    void (*grid_tile)(const onus_grid_outer_args *a, const onus_grid_part *p, double *pack);
    /* rows: 1 .. gemm_rows; vectors: 1 or 2, of gemm_panel / 2 lanes each. */
    void (*gemm_listed)(const onus_listed *l, int rows, int vectors);
    /* dst[c * dst_ld + r] = src[r * ld + c], c < cols, r < rows, which are at most gemm_panel
     * or gemm_rows, whichever is more; for each c, in order, up to 7 numbers more are written
     * where rows is no multiple of 8. */
    void (*gemm_transpose)(const float *src, int64_t ld, int64_t rows, int64_t cols, float *dst,
                           int64_t dst_ld);
    /* Convolutions (num/conv.c). Row i of dst, i ascending: pieces of src from row_at[i] on,
     * `unit` (4, 8, 16) numbers each: a piece may write over the next one's place, and the last
     * beyond its end. */
    void (*copy_pieces)(const float *src, const int64_t *row_at, int64_t rows,
                        const onus_piece *piece, int64_t n_pieces, int unit, float *dst,
                        int64_t dst_ld);
    /* Planes of a source into padded copies, one after the other. */
    void (*pad)(const onus_frame *f, const float *src, int64_t planes, float *out);
    /* gemm_panels where terms may be absent: mask, in panels like those, is 0 at an absent
     * term, which is skipped; the first segment with a term starts the total (started[j]: it
     * has been; n of them). */
    void (*skip_panels)(const float *A, int64_t lda, const float *panels, const float *mask,
                        int64_t m, int64_t n, int64_t kb, float *C, int64_t ldc,
                        float *started);
    /* Bits of the least |x[i]| that is not 0, less 1; UINT32_MAX where all are 0. Not finite:
     * from 0x7f7fffff on. *most: the largest |x[i]|'s bits. */
    uint32_t (*least)(const float *x, int64_t n, uint32_t *most);
    /* y[i] = f(x[i]); x == y allowed. Polynomials of contract item 6: <= 2 ulp. */
    void (*exp)(const float *x, float *y, int64_t n);
    void (*log)(const float *x, float *y, int64_t n);
    void (*tanh)(const float *x, float *y, int64_t n);
    void (*erf)(const float *x, float *y, int64_t n);
    void (*sin)(const float *x, float *y, int64_t n); /* |x| <= 2^20, else NaN */
    void (*cos)(const float *x, float *y, int64_t n);
    /* e = exp(-|x|); x < 0 ? e / (1 + e) : 1 / (1 + e) */
    void (*sigmoid)(const float *x, float *y, int64_t n);
    /* Sums along the last axis, contract item 4 (16 lanes). */
    float (*sum)(const float *x, int64_t n);
    float (*dot)(const float *x, const float *y, int64_t n);
    float (*max)(const float *x, int64_t n);     /* item 2: from -inf, x > m ? x : m */
    double (*sum64)(const double *x, int64_t n); /* binary64 lanes */
    double (*norm2)(const float *x, int64_t n);  /* binary64 lanes of fma(x, x, .) */
    /* A channel of an image: with d = x - mean and h = d r (r: 1 / deviation), sums by lanes of
     * d d and dy h; */
    float (*sum_squares)(const float *x, float mean, int64_t n);
    float (*dot_scaled)(const float *dy, const float *x, float mean, float r, int64_t n);
    /* y = fmaf(h, g, b); */
    void (*normalise)(const float *x, float mean, float r, float g, float b, float *y,
                      int64_t n);
    /* t = dy g; dx = r ((t - m1) - h m2). */
    void (*normalise_back)(const float *x, const float *dy, float mean, float r, float g,
                           float m1, float m2, float *dx, int64_t n);
    /* Elementwise, contract item 8. */
    void (*relu)(const float *x, float *y, int64_t n); /* x < 0 ? +0 : x */
    /* y > 0 ? dy : +0 */
    void (*relu_back)(const float *y, const float *dy, float *dx, int64_t n);
    /* dy * (y * (1 - y)) */
    void (*sigmoid_back)(const float *y, const float *dy, float *dx, int64_t n);
    /* dy * (1 - y * y) */
    void (*tanh_back)(const float *y, const float *dy, float *dx, int64_t n);
    /* (x * 0.5) * (1 + erf(x * sqrt(1/2))) */
    void (*gelu)(const float *x, float *y, int64_t n);
    void (*gelu_back)(const float *x, const float *dy, float *dx, int64_t n);
    /* (x * 0.5) * (1 + tanh(sqrt(2 / pi) * (x * fmaf(x * x, 0.044715, 1)))) */
    void (*gelu_tanh)(const float *x, float *y, int64_t n);
    void (*gelu_tanh_back)(const float *x, const float *dy, float *dx, int64_t n);
    /* x * sigmoid(x) */
    void (*silu)(const float *x, float *y, int64_t n);
    void (*silu_back)(const float *x, const float *dy, float *dx, int64_t n);
    void (*add)(const float *x, const float *y, float *z, int64_t n);
    void (*mul)(const float *x, const float *y, float *z, int64_t n);
    void (*scale)(float a, const float *x, float *y, int64_t n);
    /* (float)x / divisor */
    void (*bytes_scale)(const uint8_t *x, float divisor, float *y, int64_t n);
    /* One step of n units of a recurrent cell; arrays do not overlap. z: blocks of n that hold
     * W x + b and become the gates; zh: U h + b' of the step before. LSTM: z (4 n) i, f, g, o;
     * c0, c: the state before and after; t = tanh c; h = o t. */
    void (*lstm_cell)(float *z, const float *zh, const float *c0, float *c, float *t, float *h,
                      int64_t n);
    /* h's gradient is dy + dh; dc: the state's, of c at entry but for h's share, of c0 at exit;
     * dz (4 n): the gradients before the gates' functions. */
    void (*lstm_back)(const float *z, const float *c0, const float *t, const float *dy,
                      const float *dh, float *dc, float *dz, int64_t n);
    /* GRU: z (3 n) r, z, n; q: the block n of zh, kept; h = n + z (h0 - n). */
    void (*gru_cell)(float *z, const float *zh, const float *h0, float *q, float *h, int64_t n);
    /* h's gradient is dy + dh + straight; straight: what went around the products, of h at
     * entry, of h0 at exit. dz (4 n): before the functions r, z, n, and q's. */
    void (*gru_back)(const float *z, const float *q, const float *h0, const float *dy,
                     const float *dh, float *straight, float *dz, int64_t n);
    void (*sgd)(const onus_opt_step *s, float *p, const float *g, int64_t n);
    /* m = fmaf(mu, m, g); p -= lr * m */
    void (*momentum)(const onus_opt_step *s, float *p, const float *g, float *m, int64_t n);
    void (*adam)(const onus_opt_step *s, float *p, const float *g, float *m, float *v,
                 int64_t n);
    /* Column sums over rows: out[j] = sum over i of X[i*ld + j] by contract item 3 (segments of
     * 256 rows; the chain's term is x * 1), or going on from out[j]. j in [j0, j1). */
    void (*col_sum)(const float *X, int64_t rows, int64_t ld, int64_t j0, int64_t j1,
                    bool goes_on, float *out);
    /* The sum of exp(x - m), by lanes. */
    float (*exp_sum)(const float *x, float m, int64_t n);
    /* p = exp(x - m) / l; dx = ((p - target) weight) scale; dx may be x */
    void (*entropy_back)(const onus_softmax_row *row, const float *x, float *dx, int64_t n);
    /* Norms of a row of n (LayerNorm: centred; RMSNorm: not). stat = {mean, r}: the mean, or +0
     * where not centred; r = 1 / sqrt(mean of (x - mean)^2 + eps). */
    void (*norm_stat)(const float *x, int64_t n, bool centred, float eps, float stat[2]);
    /* h = (x - mean) r; y = fmaf(h, g, b), or h g where b is NULL; y may be x */
    void (*norm)(const float *x, const float stat[2], const float *g, const float *b, float *y,
                 int64_t n);
    /* t = dy g; dx = r ((t - mean(t)) - h mean(t h)), mean(t) +0 where not centred; dx may be
     * dy */
    void (*norm_back)(const float *x, const float stat[2], const float *g, const float *dy,
                      bool centred, float *dx, int64_t n);
    /* g's gradient: out[j] = sum over rows i of dy h, as col_sum; stat (rows, 2) */
    void (*norm_grad)(const float *x, const float *stat, const float *dy, int64_t rows,
                      int64_t ld, int64_t j0, int64_t j1, bool goes_on, float *out);
    /* Sealed words to noise: groups of 32 words (8 pairs: 8 first words, 8 second ones, ...) to
     * 16 numbers (8 cosines, 8 sines); noise_template.h has the formula. */
    void (*noise)(const onus_noise_law *law, const uint64_t *u, int64_t groups, double *out);
};

#endif
