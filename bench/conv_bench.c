/* SPDX-License-Identifier: Apache-2.0
 * conv_bench.c - convolutions of ResNet-18 (small-image stem, batch 64) against oneDNN's direct
 * algorithm, in one process and interleaved, one JSON object a line.
 *
 * usage: conv_bench [SECONDS-A-CASE]        (default 1)
 *
 * Method: for every shape, pass and number of threads the two take turns, and of each the best
 * call counts. Ours reads and writes plain arrays (batch, channels, rows, columns); the peer
 * works in whatever layout it likes best, and what it would cost to come there is not counted.
 * Our workers are parked while the peer runs; the peer's idle threads are given time to sleep.
 * The floor is what fused multiply-adds on registers alone reach on as many threads.
 *
 * Exit status: 0, or 1 where something could not be measured (a line on stderr says what). */
#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num/conv.h"
#include "peak.h"

#define GOAL 1.0 /* asked for: of the peer's speed */

typedef enum { FORWARD, BACK_INPUT, BACK_WEIGHT, N_PASSES } pass;
enum { BATCH = 64 };

typedef struct {
    onus_conv v;
    bool counts; /* the goal speaks of it: 3 x 3 in the middle of a net */
} layer;

/* C H W K OH OW kh kw stride padding dilation groups */
static const layer layers[] = {
    {{64, 32, 32, 64, 32, 32, 3, 3, 1, 1, 1, 1}, true},
    {{128, 16, 16, 128, 16, 16, 3, 3, 1, 1, 1, 1}, true},
    {{256, 8, 8, 256, 8, 8, 3, 3, 1, 1, 1, 1}, true},
    {{512, 4, 4, 512, 4, 4, 3, 3, 1, 1, 1, 1}, true},
    {{64, 32, 32, 128, 16, 16, 3, 3, 2, 1, 1, 1}, true},
    {{128, 16, 16, 256, 8, 8, 3, 3, 2, 1, 1, 1}, true},
    {{256, 8, 8, 512, 4, 4, 3, 3, 2, 1, 1, 1}, true},
    {{3, 32, 32, 64, 32, 32, 3, 3, 1, 1, 1, 1}, false},
    {{64, 32, 32, 128, 16, 16, 1, 1, 2, 0, 1, 1}, false},
};

static void check(dnnl_status_t st, const char *what)
{
    if (st == dnnl_success) return;
    fprintf(stderr, "conv_bench: oneDNN: %s: status %d\n", what, (int)st);
    exit(1);
}

static float *numbers(size_t n, uint32_t seed)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);
    if (!p) {
        fprintf(stderr, "conv_bench: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        p[i] = (float)(int32_t)seed * 0x1p-31f;
    }
    return p;
}

/* ---- the peer ---------------------------------------------------------------------------- */

enum { SRC, WEI, DST }; /* x, weight, y or their gradients */

typedef struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[3];
    dnnl_memory_t mem[3], plain[3];
    float *own[3]; /* in its own layouts */
    char name[64];
} peer;

static dnnl_memory_desc_t desc_of(int64_t a, int64_t b, int64_t c, int64_t d,
                                  dnnl_format_tag_t tag)
{
    const dnnl_dims_t dims = {a, b, c, d};
    dnnl_memory_desc_t md;
    check(dnnl_memory_desc_init_by_tag(&md, 4, dims, dnnl_f32, tag), "memory");
    return md;
}

static void reorder(const peer *p, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t r;
    check(dnnl_memory_get_memory_desc(from, &a), "memory");
    check(dnnl_memory_get_memory_desc(to, &b), "memory");
    check(dnnl_reorder_primitive_desc_create(&pd, a, p->engine, b, p->engine, NULL), "reorder");
    check(dnnl_primitive_create(&r, pd), "reorder");
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    check(dnnl_primitive_execute(r, p->stream, 2, args), "reorder");
    check(dnnl_stream_wait(p->stream), "reorder");
    dnnl_primitive_destroy(r);
    dnnl_primitive_desc_destroy(pd);
}

static dnnl_primitive_desc_t pass_of(const peer *p, const onus_conv *v, pass what)
{
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    const dnnl_memory_desc_t x = desc_of(BATCH, v->C, v->H, v->W, any),
                             w = desc_of(v->K, v->C, v->kh, v->kw, any),
                             y = desc_of(BATCH, v->K, v->OH, v->OW, any);
    const dnnl_dims_t stride = {v->stride, v->stride}, pad = {v->padding, v->padding};
    /* the padding on the far side may be less than is said: what the output's size asks for */
    const dnnl_dims_t end = {(v->OH - 1) * v->stride + v->kh - v->H - v->padding,
                             (v->OW - 1) * v->stride + v->kw - v->W - v->padding};
    dnnl_convolution_desc_t d, back;
    dnnl_primitive_desc_t hint, pd;
    check(dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct,
                                             &x, &w, NULL, &y, stride, pad, end),
          "convolution");
    check(dnnl_primitive_desc_create(&hint, &d, NULL, p->engine, NULL), "convolution");
    if (what == FORWARD) return hint;
    if (what == BACK_INPUT)
        check(dnnl_convolution_backward_data_desc_init(&back, dnnl_convolution_direct, &x, &w,
                                                       &y, stride, pad, end),
              "convolution");
    else
        check(dnnl_convolution_backward_weights_desc_init(&back, dnnl_convolution_direct, &x,
                                                          &w, NULL, &y, stride, pad, end),
              "convolution");
    check(dnnl_primitive_desc_create(&pd, &back, NULL, p->engine, hint), "convolution");
    dnnl_primitive_desc_destroy(hint);
    return pd;
}

/* Arrays x, w, y are given in plain layout; what is not the pass's result is copied into the
 * peer's own. */
static void peer_open(peer *p, const onus_conv *v, pass what, float *const plain[3])
{
    static const int args[N_PASSES][3] = {
        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}};
    static const int result[N_PASSES] = {DST, SRC, WEI};
    const dnnl_memory_desc_t md[3] = {desc_of(BATCH, v->C, v->H, v->W, dnnl_nchw),
                                      desc_of(v->K, v->C, v->kh, v->kw, dnnl_oihw),
                                      desc_of(BATCH, v->K, v->OH, v->OW, dnnl_nchw)};
    dnnl_primitive_desc_t pd = pass_of(p, v, what);
    const char *name = "?";
    check(dnnl_primitive_create(&p->primitive, pd), "convolution");
    check(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name), "name");
    snprintf(p->name, sizeof p->name, "%s", name);
    for (int i = 0; i < 3; i++) {
        const dnnl_memory_desc_t *own =
            dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, args[what][i]);
        p->own[i] = numbers(dnnl_memory_desc_get_size(own) / sizeof(float), 7);
        check(dnnl_memory_create(&p->mem[i], own, p->engine, p->own[i]), "memory");
        check(dnnl_memory_create(&p->plain[i], &md[i], p->engine, plain[i]), "memory");
        p->arg[i] = (dnnl_exec_arg_t){args[what][i], p->mem[i]};
        if (i != result[what]) reorder(p, p->plain[i], p->mem[i]);
    }
    dnnl_primitive_desc_destroy(pd);
}

static void peer_close(peer *p)
{
    for (int i = 0; i < 3; i++) {
        dnnl_memory_destroy(p->mem[i]);
        dnnl_memory_destroy(p->plain[i]);
        free(p->own[i]);
    }
    dnnl_primitive_destroy(p->primitive);
}

static void peer_run(const peer *p)
{
    check(dnnl_primitive_execute(p->primitive, p->stream, 3, p->arg), "convolution");
    check(dnnl_stream_wait(p->stream), "convolution");
}

/* ---- one case ---------------------------------------------------------------------------- */

typedef struct {
    const onus_exec *ex;
    const onus_conv *v;
    pass what;
    float *plain[3];
    void *scratch;
} ours;

static void ours_run(const ours *o)
{
    float *const *a = o->plain;
    if (o->what == FORWARD)
        onus_conv_forward(o->ex, o->v, BATCH, a[SRC], a[WEI], NULL, a[DST], o->scratch);
    else if (o->what == BACK_INPUT)
        onus_conv_back_input(o->ex, o->v, BATCH, a[DST], a[WEI], a[SRC], o->scratch);
    else
        onus_conv_back_weight(o->ex, o->v, BATCH, a[SRC], a[DST], a[WEI], false, o->scratch);
}

/* Largest difference between the two results over the largest value. */
static double difference(const ours *o, peer *p, size_t n)
{
    static const int result[N_PASSES] = {DST, SRC, WEI};
    float *mine = numbers(n, 1), *got = o->plain[result[o->what]];
    double most = 0, worst = 0;
    ours_run(o);
    if (o->ex->pool) onus_pool_park(o->ex->pool);
    memcpy(mine, got, n * sizeof *mine);
    peer_run(p);
    reorder(p, p->mem[result[o->what]], p->plain[result[o->what]]);
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)got[i]));
        worst = fmax(worst, fabs((double)got[i] - (double)mine[i]));
    }
    free(mine);
    return worst / most;
}

typedef struct {
    const char *isa;
    char cpu[128];
    double floor;
    int threads;
    double seconds;
} place;

static void measure(const ours *o, const peer *p, const place *at, double *ours_s,
                    double *peer_s)
{
    const double start = bench_now_s();
    *ours_s = *peer_s = 1e9;
    for (int round = 0; round < 3 || bench_now_s() - start < at->seconds; round++) {
        for (int i = 0; i < 3; i++) {
            const double t = bench_now_s();
            ours_run(o);
            *ours_s = fmin(*ours_s, bench_now_s() - t);
        }
        if (o->ex->pool) onus_pool_park(o->ex->pool);
        for (int i = 0; i < 3; i++) {
            const double t = bench_now_s();
            peer_run(p);
            *peer_s = fmin(*peer_s, bench_now_s() - t);
        }
        if (at->threads > 1) usleep(20 * 1000);
    }
}

static void print_row(const place *at, const char *name, const char *settings, bool counts,
                      double mine, double theirs)
{
    printf("{\"name\": \"%s\", \"unit\": \"GFLOP/s\", \"onus\": %.4g, \"peer\": %.4g, "
           "\"peer_version\": \"oneDNN %d.%d.%d\", \"peer_settings\": \"threads=%d, %s\", "
           "\"ratio\": %.3f, \"goal\": ",
           name, mine, theirs, DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH,
           at->threads, settings, mine / theirs);
    printf(counts ? "%.1f" : "null", GOAL);
    if (at->floor > 0)
        printf(", \"floor\": %.4g, \"share_of_floor\": %.3f", at->floor, mine / at->floor);
    else
        printf(", \"floor\": null, \"share_of_floor\": null");
    printf(", \"cpu\": \"%s\", \"isa\": \"%s\"}\n", at->cpu, at->isa);
    fflush(stdout);
}

static bool run_case(const layer *l, pass what, const onus_exec *ex, peer *p, const place *at,
                     double *mine, double *theirs)
{
    static const char *const names[] = {"forward", "input gradient", "weight gradient"};
    const onus_conv *v = &l->v;
    const size_t n[3] = {(size_t)(BATCH * v->C * v->H * v->W),
                         (size_t)(v->K * v->C * v->kh * v->kw),
                         (size_t)(BATCH * v->K * v->OH * v->OW)};
    ours o = {.ex = ex, .v = v, .what = what};
    for (int i = 0; i < 3; i++) o.plain[i] = numbers(n[i], (uint32_t)i + 1);
    o.scratch = numbers(onus_conv_scratch_bytes(ex, v, BATCH) / sizeof(float) + 1, 9);
    peer_open(p, v, what, o.plain);
    const double off = difference(&o, p,
                                  n[what == FORWARD      ? DST
                                    : what == BACK_INPUT ? SRC
                                                         : WEI]);
    double ours_s, peer_s;
    measure(&o, p, at, &ours_s, &peer_s);
    const double gflop = 2e-9 * BATCH * (double)(v->OH * v->OW) * (double)n[WEI];
    char name[128];
    snprintf(name, sizeof name,
             "conv %lldx%lldx%lld to %lld, %lldx%lld, stride %lld, %s, %d thread%s",
             (long long)v->C, (long long)v->H, (long long)v->W, (long long)v->K,
             (long long)v->kh, (long long)v->kw, (long long)v->stride, names[what], at->threads,
             at->threads > 1 ? "s" : "");
    *mine = gflop / ours_s;
    *theirs = gflop / peer_s;
    print_row(at, name, p->name, l->counts, *mine, *theirs);
    const bool good = off < 1e-4;
    if (!good) fprintf(stderr, "conv_bench: %s: the two differ by %g\n", name, off);
    peer_close(p);
    for (int i = 0; i < 3; i++) free(o.plain[i]);
    free(o.scratch);
    return good;
}

static bool run_threads(int threads, place *at, onus_isa isa, peer *p)
{
    onus_exec ex = {.k = onus_kernels_of(isa)};
    bool good = true;
    if (threads > 1 && onus_pool_create(&ex.pool, threads, NULL, NULL) != ONUS_OK) {
        fprintf(stderr, "conv_bench: cannot start %d threads\n", threads);
        return false;
    }
    omp_set_num_threads(threads);
    at->threads = threads;
    at->floor = bench_peak_gflops(ex.pool, isa);
    for (int what = 0; what < N_PASSES; what++)
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
            double mine, theirs;
            if (!layers[i].counts && layers[i].v.C == 3 && what == BACK_INPUT) continue;
            good = run_case(&layers[i], (pass)what, &ex, p, at, &mine, &theirs) && good;
        }
    onus_pool_destroy(ex.pool);
    return good;
}

static void cpu_name(char out[128])
{
    char line[256];
    snprintf(out, 128, "unknown");
    FILE *fp = fopen("/proc/cpuinfo", "r");
    while (fp && fgets(line, sizeof line, fp)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n\"\\")] = '\0';
        snprintf(out, 128, "%.100s", colon + 2);
        break;
    }
    if (fp) fclose(fp);
}

int main(int argc, char **argv)
{
    place at = {.seconds = argc > 1 ? atof(argv[1]) : 1};
    onus_err err;
    onus_isa isa;
    peer p = {.name = ""};
    if (!(at.seconds > 0)) {
        fprintf(stderr, "conv_bench: '%s' is no time in seconds\n", argv[1]);
        return 1;
    }
    if (onus_isa_default(&isa, &err) != ONUS_OK) {
        fprintf(stderr, "conv_bench: %s\n", err.msg);
        return 1;
    }
    check(dnnl_engine_create(&p.engine, dnnl_cpu, 0), "engine");
    check(dnnl_stream_create(&p.stream, p.engine, dnnl_stream_default_flags), "stream");
    cpu_name(at.cpu);
    at.isa = onus_isa_name(isa);
    const bool one = run_threads(1, &at, isa, &p), two = run_threads(2, &at, isa, &p);
    return one && two ? 0 : 1;
}
