/* SPDX-License-Identifier: Apache-2.0
 * gemm_bench.c - matrix products against OpenBLAS, in one process and interleaved, one JSON
 * object a line.
 *
 * usage: gemm_bench [SECONDS-A-CASE [KERNEL]]        (default 0.6; OpenBLAS's own choice)
 *
 * Method: for every shape, form and number of threads the two take turns; a turn is a warm-up
 * and short timed batches; each side's best batch counts, because other work on the machine can
 * only add time. Our workers are parked while the peer runs; the peer's idle threads spin for
 * 2^28 cycles after its turn (0.11 s, measured), so we wait for longer than that before ours.
 * OpenBLAS picks its kernel itself, whatever the environment says; only an argument can name
 * another (for ONUS_ISA=avx2 beside its AVX2 kernels), and such rows have no goal. The floor of
 * a case is what fused multiply-adds on registers alone reach on as many threads, measured
 * here.
 *
 * Exit status: 0, or 1 where something could not be measured (a line on stderr says what). */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/pool.h"
#include "num/gemm.h"
#include "peak.h"

#define GOAL 0.9 /* asked for: of OpenBLAS's speed, geometric mean */

typedef void cblas_sgemm_fn(int order, int ta, int tb, int M, int N, int K, float alpha,
                            const float *A, int lda, const float *B, int ldb, float beta,
                            float *C, int ldc);

typedef struct {
    cblas_sgemm_fn *sgemm;
    void (*set_threads)(int);
    const char *version, *core;
} peer;

typedef struct {
    int M, N, K, threads;
    onus_gemm_form form;
} shape;

typedef struct {
    const shape *s;
    const peer *p;
    onus_exec ex;
    float *A, *B, *C;
    void *scratch;
} bench;

/* ---- one case ---------------------------------------------------------------------------- */

static void call_onus(const bench *b)
{
    const shape *s = b->s;
    const int lda = s->form == ONUS_GEMM_TN ? s->M : s->K,
              ldb = s->form == ONUS_GEMM_NT ? s->K : s->N;
    const onus_gemm_args product = {.form = s->form,
                                    .M = s->M,
                                    .N = s->N,
                                    .K = s->K,
                                    .A = b->A,
                                    .lda = lda,
                                    .B = b->B,
                                    .ldb = ldb,
                                    .C = b->C,
                                    .ldc = s->N};
    onus_gemm(&b->ex, &product, b->scratch);
}

static void call_peer(const bench *b)
{
    enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
    const shape *s = b->s;
    const bool ta = s->form == ONUS_GEMM_TN, tb = s->form == ONUS_GEMM_NT;
    b->p->sgemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, s->M, s->N, s->K, 1.0f,
                b->A, ta ? s->M : s->K, b->B, tb ? s->K : s->N, 0.0f, b->C, s->N);
}

/* One turn: warm up (a thread may have to be woken, on a core that others use), then short
 * batches; the best time of one call enters *best_s. */
static void turn(const bench *b, void (*call)(const bench *), double *best_s)
{
    const double flops = 2.0 * b->s->M * b->s->N * b->s->K;
    const int calls = flops < 4e6 ? (int)(4e6 / flops) + 1 : 1;
    const double start = bench_now_s(), warm_s = b->s->threads > 1 ? 5e-3 : 0.5e-3;
    do call(b);
    while (bench_now_s() - start < warm_s);
    for (int batch = 0; batch < 2 || bench_now_s() - start < 4 * warm_s; batch++) {
        const double t = bench_now_s();
        for (int i = 0; i < calls; i++) call(b);
        const double s = (bench_now_s() - t) / calls;
        if (s < *best_s) *best_s = s;
    }
}

/* Until the peer's threads sleep. */
static void rest(const bench *b)
{
    if (b->s->threads > 1) usleep(150 * 1000);
}

static void measure(const bench *b, double seconds, double *onus_s, double *peer_s)
{
    const double start = bench_now_s();
    *onus_s = *peer_s = 1e9;
    b->p->set_threads(b->s->threads);
    for (int round = 0; round < 3 || bench_now_s() - start < seconds; round++) {
        turn(b, call_onus, onus_s);
        if (b->ex.pool) onus_pool_park(b->ex.pool);
        turn(b, call_peer, peer_s);
        rest(b);
    }
}

static float *numbers(size_t n, uint32_t seed)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);
    if (!p) {
        fprintf(stderr, "gemm_bench: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u +
               1013904223u; /* Numerical Recipes' generator: any numbers will do */
        p[i] = (float)(int32_t)seed * 0x1p-31f;
    }
    return p;
}

/* The same product: the largest difference, over the largest value, must be rounding. */
static bool agree(const bench *b)
{
    const size_t n = (size_t)b->s->M * (size_t)b->s->N;
    float *mine = numbers(n, 1);
    double worst = 0.0, top = 0.0;
    call_onus(b);
    memcpy(mine, b->C, n * sizeof *mine);
    if (b->ex.pool) onus_pool_park(b->ex.pool);
    call_peer(b);
    rest(b);
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)mine[i] - (double)b->C[i]), v = fabs((double)b->C[i]);
        worst = d > worst ? d : worst;
        top = v > top ? v : top;
    }
    free(mine);
    return worst <= 1e-5 * top;
}

/* ---- report ------------------------------------------------------------------------------ */

typedef struct {
    char cpu[128];
    const char *isa;
    double floor;
    const peer *p;
    const char *named; /* the peer's kernel where the caller named it, else NULL */
} place;

static void print_row(const place *at, const char *name, int threads, double onus,
                      double peer_v, double ratio, bool has_goal, bool summary)
{
    printf("{\"name\": \"%s%s%s%s\", \"unit\": \"%s\", \"onus\": %.4g, \"peer\": %.4g, "
           "\"peer_version\": \"%s\", "
           "\"peer_settings\": \"threads=%d, kernel %s\", \"ratio\": %.3f, \"goal\": ",
           name, at->named ? ", " : "", at->named ? at->isa : "",
           at->named ? " kernels of both" : "", summary ? "GFLOP/s, geometric mean" : "GFLOP/s",
           onus, peer_v, at->p->version, threads, at->p->core, ratio);
    printf(has_goal && !at->named ? "%.1f" : "null", GOAL);
    if (at->floor > 0.0)
        printf(", \"floor\": %.4g, \"share_of_floor\": %.3f", at->floor, onus / at->floor);
    else
        printf(", \"floor\": null, \"share_of_floor\": null");
    printf(", \"cpu\": \"%s\", \"isa\": \"%s\"}\n", at->cpu, at->isa);
    fflush(stdout);
}

static bool run_case(const shape *s, const place *at, onus_exec ex, double seconds,
                     double *onus_g, double *peer_g)
{
    static const char *const form[] = {"NN", "NT", "TN", "TT"};
    const double flops = 2.0 * s->M * s->N * s->K;
    bench b = {.s = s, .p = at->p, .ex = ex};
    b.A = numbers((size_t)s->M * (size_t)s->K, 1);
    b.B = numbers((size_t)s->K * (size_t)s->N, 2);
    b.C = numbers((size_t)s->M * (size_t)s->N, 3);
    const size_t bytes = onus_gemm_scratch_bytes(&ex, s->form, s->M, s->N, s->K);
    b.scratch = numbers(bytes / sizeof(float) + 1, 4);
    at->p->set_threads(s->threads);
    const bool ok = agree(&b);
    double onus_s, peer_s;
    measure(&b, seconds, &onus_s, &peer_s);
    *onus_g = flops / onus_s * 1e-9;
    *peer_g = flops / peer_s * 1e-9;
    char name[96];
    snprintf(name, sizeof name, "gemm %dx%dx%d %s, %d thread%s", s->M, s->N, s->K,
             form[s->form], s->threads, s->threads > 1 ? "s" : "");
    if (!ok)
        fprintf(stderr, "gemm_bench: %s: the two products differ by more than rounding\n",
                name);
    print_row(at, name, s->threads, *onus_g, *peer_g, peer_s / onus_s, false, false);
    free(b.A);
    free(b.B);
    free(b.C);
    free(b.scratch);
    return ok;
}

static bool run_threads(int threads, place *at, onus_isa isa, double seconds)
{
    static const int size[][3] = {{64, 64, 784},     {64, 10, 64},       {256, 768, 768},
                                  {1024, 3072, 768}, {2048, 2048, 2048}, {1000, 997, 1003}};
    static const onus_gemm_form form[] = {ONUS_GEMM_NN, ONUS_GEMM_NT, ONUS_GEMM_TN};
    onus_exec ex = {.k = onus_kernels_of(isa)};
    bool ok = true;
    double log_onus = 0.0, log_peer = 0.0;
    int n = 0;
    if (threads > 1 && onus_pool_create(&ex.pool, threads, NULL, NULL) != ONUS_OK) {
        fprintf(stderr, "gemm_bench: cannot start %d threads\n", threads);
        return false;
    }
    at->floor = bench_peak_gflops(ex.pool, isa);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t f = 0; f < sizeof form / sizeof *form; f++) {
            const shape s = {size[i][0], size[i][1], size[i][2], threads, form[f]};
            double onus_g, peer_g;
            ok = run_case(&s, at, ex, seconds, &onus_g, &peer_g) && ok;
            log_onus += log(onus_g);
            log_peer += log(peer_g);
            n++;
        }
    char name[96];
    snprintf(name, sizeof name, "gemm, %d thread%s, mean of %d", threads,
             threads > 1 ? "s" : "", n);
    print_row(at, name, threads, exp(log_onus / n), exp(log_peer / n),
              exp((log_onus - log_peer) / n), true, true);
    onus_pool_destroy(ex.pool);
    return ok;
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

static bool peer_open(peer *p)
{
    char *(*config)(void), *(*core)(void);
    void *lib = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        fprintf(stderr, "gemm_bench: %s\n", dlerror());
        return false;
    }
    *(void **)&p->sgemm = dlsym(lib, "cblas_sgemm");
    *(void **)&p->set_threads = dlsym(lib, "openblas_set_num_threads");
    *(void **)&config = dlsym(lib, "openblas_get_config");
    *(void **)&core = dlsym(lib, "openblas_get_corename");
    if (!p->sgemm || !p->set_threads || !config || !core) {
        fprintf(stderr, "gemm_bench: libopenblas.so.0 lacks one of four symbols\n");
        return false;
    }
    static char version[64];
    snprintf(version, sizeof version, "%s", config());
    char *end = strchr(version, ' '); /* "OpenBLAS 0.3.21 NO_LAPACKE ...": two words */
    if (end) end = strchr(end + 1, ' ');
    if (end) *end = '\0';
    p->version = version;
    p->core = core();
    return true;
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 0.6;
    if (!(seconds > 0.0)) {
        fprintf(stderr, "gemm_bench: '%s' is no time in seconds\n", argv[1]);
        return 1;
    }
    onus_err err;
    onus_isa isa;
    peer p;
    place at = {.p = &p, .named = argc > 2 ? argv[2] : NULL};
    /* Left to itself it reads its kernel's cache sizes from the processor. */
    unsetenv("OPENBLAS_CORETYPE");
    if (at.named) setenv("OPENBLAS_CORETYPE", at.named, 1);
    unsetenv("OPENBLAS_L2_SIZE");
    if (onus_isa_default(&isa, &err) != ONUS_OK) {
        fprintf(stderr, "gemm_bench: %s\n", err.msg);
        return 1;
    }
    if (!peer_open(&p)) return 1;
    cpu_name(at.cpu);
    at.isa = onus_isa_name(isa);
    const bool one = run_threads(1, &at, isa, seconds), two = run_threads(2, &at, isa, seconds);
    return one && two ? 0 : 1;
}
