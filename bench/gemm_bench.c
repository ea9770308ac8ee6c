/* SPDX-License-Identifier: Apache-2.0
 * gemm_bench.c - matrix products that training meets, beside OpenBLAS, BLIS, oneDNN and MKL in
 * one process, in turns; one JSON object a line.
 *
 * usage: gemm_bench [SECONDS-A-CASE [KERNEL [PART-OF-A-NAME]]]   (default 0.6; each peer's own
 * choice: "-" or nothing; all cases)
 *
 * Method: for every shape and number of threads everybody takes turns; a turn is a warm-up and
 * short timed batches; each side's best batch counts, because other work on the machine can
 * only add time. Our workers are parked while peers run; their idle threads spin after a turn
 * (OpenBLAS: 2^28 cycles, 0.11 s, measured; Intel's OpenMP is told to stop after 1 ms), so we
 * wait for longer than that before the next. Peers pick their kernels themselves, whatever the
 * environment says; only KERNEL can name another (OpenBLAS's core type, for ONUS_ISA=avx2
 * beside its AVX2 kernels): then OpenBLAS alone is measured, and the rows have no goal. A
 * peer that is not there is said on stderr and left out. The floor of a case is what fused
 * multiply-adds on registers alone reach on as many threads, measured here.
 *
 * A row's peer is the fastest of them; "peers" has all, and "ratio_openblas" that one's.
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

#define GOAL_MEAN   1.0 /* asked for: of OpenBLAS's speed, geometric mean */
#define GOAL_EACH   0.9 /* of the fastest peer's, each shape */
#define OUTPUTS_MIN 128 /* with fewer outputs: reported only */

typedef void cblas_sgemm_fn(int order, int ta, int tb, int M, int N, int K, float alpha,
                            const float *A, int lda, const float *B, int ldb, float beta,
                            float *C, int ldc);
typedef int dnnl_sgemm_fn(char ta, char tb, int64_t M, int64_t N, int64_t K, float alpha,
                          const float *A, int64_t lda, const float *B, int64_t ldb, float beta,
                          float *C, int64_t ldc);

enum { OPENBLAS, BLIS, ONEDNN, MKL, N_PEERS };
typedef struct {
    const char *name, *file[3]; /* names to try */
    const char *product, *threads;
    void *lib;
    void *sgemm;
    void (*set_threads)(int64_t);
    char version[96];
} peer;

static peer peers[N_PEERS] = {
    {"OpenBLAS", {"libopenblas.so.0"}, "cblas_sgemm", "openblas_set_num_threads"},
    {"BLIS", {"libblis.so.4", "libblis.so"}, "cblas_sgemm", "bli_thread_set_num_threads"},
    {"oneDNN", {"libdnnl.so.3", "libdnnl.so.2"}, "dnnl_sgemm", "omp_set_num_threads"},
    {"MKL", {"libmkl_rt.so.3", "libmkl_rt.so.2"}, "cblas_sgemm", "MKL_Set_Num_Threads"},
};

typedef struct {
    int M, N, K;
    onus_gemm_form form;
    const char *of; /* what makes such products */
    bool once;      /* ours from a B that was packed before */
} shape;

/* In the order of a step; weights are (outputs, inputs), so that forward is NT, the input's
 * gradient NN, the weight's TN. */
static const shape shapes[] = {
    {256, 2304, 768, ONUS_GEMM_NT, "GPT-2, 256 rows"},
    {256, 768, 768, ONUS_GEMM_NT, "GPT-2, 256 rows"},
    {256, 3072, 768, ONUS_GEMM_NT, "GPT-2, 256 rows"},
    {256, 768, 3072, ONUS_GEMM_NT, "GPT-2, 256 rows"},
    {256, 50257, 768, ONUS_GEMM_NT, "GPT-2, 256 rows"},
    {256, 768, 2304, ONUS_GEMM_NN, "GPT-2, 256 rows"},
    {256, 768, 768, ONUS_GEMM_NN, "GPT-2, 256 rows"},
    {256, 768, 3072, ONUS_GEMM_NN, "GPT-2, 256 rows"},
    {256, 3072, 768, ONUS_GEMM_NN, "GPT-2, 256 rows"},
    {256, 768, 50257, ONUS_GEMM_NN, "GPT-2, 256 rows"},
    {2304, 768, 256, ONUS_GEMM_TN, "GPT-2, 256 rows"},
    {768, 768, 256, ONUS_GEMM_TN, "GPT-2, 256 rows"},
    {3072, 768, 256, ONUS_GEMM_TN, "GPT-2, 256 rows"},
    {768, 3072, 256, ONUS_GEMM_TN, "GPT-2, 256 rows"},
    {50257, 768, 256, ONUS_GEMM_TN, "GPT-2, 256 rows"},
    {1024, 2304, 768, ONUS_GEMM_NT, "GPT-2, 1,024 rows"},
    {1024, 768, 3072, ONUS_GEMM_NT, "GPT-2, 1,024 rows"},
    {1024, 768, 2304, ONUS_GEMM_NN, "GPT-2, 1,024 rows"},
    {1024, 3072, 768, ONUS_GEMM_NN, "GPT-2, 1,024 rows"},
    {2304, 768, 1024, ONUS_GEMM_TN, "GPT-2, 1,024 rows"},
    {768, 3072, 1024, ONUS_GEMM_TN, "GPT-2, 1,024 rows"},
    {256, 256, 64, ONUS_GEMM_NT, "attention"},
    {256, 64, 256, ONUS_GEMM_NN, "attention"},
    {256, 64, 256, ONUS_GEMM_TN, "attention"},
    {64, 64, 64, ONUS_GEMM_NT, "attention"},
    {64, 64, 64, ONUS_GEMM_NN, "attention"},
    {64, 64, 784, ONUS_GEMM_NT, "MLP"},
    {64, 10, 64, ONUS_GEMM_NT, "MLP"},
    {64, 64, 10, ONUS_GEMM_NN, "MLP"},
    {64, 784, 64, ONUS_GEMM_TN, "MLP"},
    {10, 64, 64, ONUS_GEMM_TN, "MLP"},
    {32, 1024, 256, ONUS_GEMM_NT, "LSTM"},
    {32, 256, 1024, ONUS_GEMM_NN, "LSTM"},
    {3200, 1024, 128, ONUS_GEMM_NT, "LSTM"},
    {1024, 256, 3200, ONUS_GEMM_TN, "LSTM"},
    {1, 50257, 768, ONUS_GEMM_NT, "decode"},
    {1, 768, 3072, ONUS_GEMM_NT, "decode"},
    {1, 50257, 768, ONUS_GEMM_NT, "decode, weights packed once", true},
    {1, 768, 3072, ONUS_GEMM_NT, "decode, weights packed once", true},
    {2048, 2048, 2048, ONUS_GEMM_NN, "large"},
    {1000, 997, 1003, ONUS_GEMM_NT, "odd sizes"},
};

typedef struct {
    const shape *s;
    onus_exec ex;
    int threads;
    float *A, *B, *C, *panels;
    void *scratch;
} bench;

/* ---- one case ---------------------------------------------------------------------------- */

static void call_onus(const bench *b)
{
    const shape *s = b->s;
    const onus_gemm_args product = {.form = s->form,
                                    .M = s->M,
                                    .N = s->N,
                                    .K = s->K,
                                    .A = b->A,
                                    .lda = s->form == ONUS_GEMM_TN ? s->M : s->K,
                                    .B = b->B,
                                    .ldb = s->form == ONUS_GEMM_NT ? s->K : s->N,
                                    .C = b->C,
                                    .ldc = s->N,
                                    .panels = b->panels};
    onus_gemm(&b->ex, &product, b->scratch);
}

static void call_peer(const bench *b, int who)
{
    enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
    const shape *s = b->s;
    const bool ta = s->form == ONUS_GEMM_TN, tb = s->form == ONUS_GEMM_NT;
    const int lda = ta ? s->M : s->K, ldb = tb ? s->K : s->N;
    if (who == ONEDNN) {
        dnnl_sgemm_fn *f;
        *(void **)&f = peers[who].sgemm;
        (void)f(ta ? 'T' : 'N', tb ? 'T' : 'N', s->M, s->N, s->K, 1.0f, b->A, lda, b->B, ldb,
                0.0f, b->C, s->N);
        return;
    }
    cblas_sgemm_fn *f;
    *(void **)&f = peers[who].sgemm;
    f(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, s->M, s->N, s->K, 1.0f, b->A,
      lda, b->B, ldb, 0.0f, b->C, s->N);
}

/* who = N_PEERS: ours */
static void call(const bench *b, int who)
{
    if (who == N_PEERS)
        call_onus(b);
    else
        call_peer(b, who);
}

/* One turn: warm up (a thread may have to be woken, on a core that others use), then short
 * batches; the best time of one call enters *best_s. */
static void turn(const bench *b, int who, double *best_s)
{
    const double flops = 2.0 * b->s->M * b->s->N * b->s->K;
    const int calls = flops < 4e6 ? (int)(4e6 / flops) + 1 : 1;
    const double start = bench_now_s(), warm_s = b->threads > 1 ? 5e-3 : 0.5e-3;
    do call(b, who);
    while (bench_now_s() - start < warm_s);
    for (int batch = 0; batch < 2 || bench_now_s() - start < 4 * warm_s; batch++) {
        const double t = bench_now_s();
        for (int i = 0; i < calls; i++) call(b, who);
        const double s = (bench_now_s() - t) / calls;
        if (s < *best_s) *best_s = s;
    }
}

/* Until the last one's threads sleep. */
static void rest(const bench *b, int who)
{
    if (b->threads == 1) return;
    if (who == N_PEERS)
        onus_pool_park(b->ex.pool);
    else
        usleep((who == OPENBLAS ? 150 : 10) * 1000);
}

static void measure(const bench *b, double seconds, double best_s[N_PEERS + 1])
{
    const double start = bench_now_s();
    for (int i = 0; i <= N_PEERS; i++) {
        best_s[i] = INFINITY;
        if (i < N_PEERS && peers[i].lib) peers[i].set_threads(b->threads);
    }
    for (int round = 0; round < 3 || bench_now_s() - start < seconds; round++)
        for (int i = N_PEERS; i >= 0; i--) {
            if (i < N_PEERS && !peers[i].lib) continue;
            turn(b, i, &best_s[i]);
            rest(b, i);
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
static bool agree(const bench *b, int who)
{
    const size_t n = (size_t)b->s->M * (size_t)b->s->N;
    float *mine = numbers(n, 1);
    double worst = 0.0, top = 0.0;
    call(b, N_PEERS);
    memcpy(mine, b->C, n * sizeof *mine);
    rest(b, N_PEERS);
    peers[who].set_threads(b->threads);
    call(b, who);
    rest(b, who);
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
    const char *named; /* OpenBLAS's kernel where the caller named it, else NULL */
} place;

static void print_number(const char *key, double v)
{
    if (v > 0.0 && isfinite(v))
        printf(", \"%s\": %.4g", key, v);
    else
        printf(", \"%s\": null", key);
}

/* rate: GFLOP/s of everybody, ours last, 0 where absent. goal: 0 for none. */
static void print_row(const place *at, const char *name, const char *unit, int threads,
                      const double rate[N_PEERS + 1], int best, double goal)
{
    const double ours = rate[N_PEERS];
    printf("{\"name\": \"%s%s%s%s\", \"unit\": \"%s\", \"onus\": %.4g", name,
           at->named ? ", " : "", at->named ? at->isa : "", at->named ? " kernels of both" : "",
           unit, ours);
    print_number("peer", best < N_PEERS ? rate[best] : 0.0);
    if (best < N_PEERS)
        printf(", \"peer_version\": \"%s\"", peers[best].version);
    else
        printf(", \"peer_version\": null");
    printf(", \"peer_settings\": \"threads=%d\"", threads);
    print_number("ratio", best < N_PEERS ? ours / rate[best] : 0.0);
    print_number("goal", at->named ? 0.0 : goal);
    print_number("ratio_openblas", rate[OPENBLAS] > 0.0 ? ours / rate[OPENBLAS] : 0.0);
    printf(", \"peers\": {");
    for (int i = 0; i < N_PEERS; i++) {
        printf("%s\"%s\": ", i ? ", " : "", peers[i].name);
        printf(rate[i] > 0.0 ? "%.4g" : "null", rate[i]);
    }
    printf("}");
    print_number("floor", at->floor);
    print_number("share_of_floor", at->floor > 0.0 ? ours / at->floor : 0.0);
    printf(", \"cpu\": \"%s\", \"isa\": \"%s\"}\n", at->cpu, at->isa);
    fflush(stdout);
}

/* The fastest peer, N_PEERS where there is none. */
static int best_of(const double rate[N_PEERS + 1])
{
    int best = N_PEERS;
    for (int i = 0; i < N_PEERS; i++)
        if (rate[i] > 0.0 && (best == N_PEERS || rate[i] > rate[best])) best = i;
    return best;
}

static void case_name(const shape *s, int threads, char out[128])
{
    static const char *const form[] = {"NN", "NT", "TN", "TT"};
    snprintf(out, 128, "gemm %dx%dx%d %s, %s, %d thread%s", s->M, s->N, s->K, form[s->form],
             s->of, threads, threads > 1 ? "s" : "");
}

static bool run_case(const shape *s, int threads, const place *at, onus_exec ex, double seconds,
                     double rate[N_PEERS + 1])
{
    const double flops = 2.0 * s->M * s->N * s->K;
    bench b = {.s = s, .ex = ex, .threads = threads};
    b.A = numbers((size_t)s->M * (size_t)s->K, 1);
    b.B = numbers((size_t)s->K * (size_t)s->N, 2);
    b.C = numbers((size_t)s->M * (size_t)s->N, 3);
    const size_t bytes = onus_gemm_scratch_bytes(&ex, s->M, s->N, s->K);
    b.scratch = numbers(bytes / sizeof(float) + 1, 4);
    if (s->once) {
        b.panels = numbers(onus_gemm_panels_bytes(ex.k, s->N, s->K) / sizeof(float), 5);
        onus_gemm_panels_make(&ex, s->form, s->N, s->K, b.B,
                              s->form == ONUS_GEMM_NT ? s->K : s->N, b.panels);
    }
    char name[128];
    bool ok = true;
    case_name(s, threads, name);
    for (int i = 0; i < N_PEERS; i++) {
        if (!peers[i].lib || agree(&b, i)) continue;
        fprintf(stderr, "gemm_bench: %s: differs from %s by more than rounding\n", name,
                peers[i].name);
        ok = false;
    }
    measure(&b, seconds, rate);
    for (int i = 0; i <= N_PEERS; i++) rate[i] = isfinite(rate[i]) ? flops / rate[i] * 1e-9 : 0;
    const bool required = (int64_t)s->M * s->N >= OUTPUTS_MIN;
    print_row(at, name, "GFLOP/s", threads, rate, best_of(rate), required ? GOAL_EACH : 0.0);
    free(b.A);
    free(b.B);
    free(b.C);
    free(b.scratch);
    free(b.panels);
    return ok;
}

static bool run_threads(int threads, place *at, onus_isa isa, double seconds, const char *part)
{
    onus_exec ex = {.k = onus_kernels_of(isa)};
    bool ok = true;
    double log_sum[N_PEERS + 1] = {0.0}, mean[N_PEERS + 1];
    int n = 0;
    if (threads > 1 && onus_pool_create(&ex.pool, threads, NULL, NULL) != ONUS_OK) {
        fprintf(stderr, "gemm_bench: cannot start %d threads\n", threads);
        return false;
    }
    at->floor = bench_peak_gflops(ex.pool, isa);
    if (ex.pool) onus_pool_park(ex.pool);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char name[128];
        double rate[N_PEERS + 1];
        case_name(&shapes[i], threads, name);
        if (part && !strstr(name, part)) continue;
        ok = run_case(&shapes[i], threads, at, ex, seconds, rate) && ok;
        for (int k = 0; k <= N_PEERS; k++) log_sum[k] += log(rate[k]);
        n++;
    }
    onus_pool_destroy(ex.pool);
    if (n == 0) return ok;
    for (int k = 0; k <= N_PEERS; k++) mean[k] = exp(log_sum[k] / n); /* 0 where absent */
    char name[96];
    snprintf(name, sizeof name, "gemm, %d thread%s, mean of %d", threads,
             threads > 1 ? "s" : "", n);
    print_row(at, name, "GFLOP/s, geometric mean", threads, mean,
              peers[OPENBLAS].lib ? OPENBLAS : best_of(mean), GOAL_MEAN);
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

/* ---- peers ------------------------------------------------------------------------------- */

/* What the library calls itself, and its kernel where it tells. */
static void version_of(peer *p)
{
    char *(*text)(void), *(*core)(void);
    void (*fill)(char *, int);
    *(void **)&text = dlsym(p->lib, "openblas_get_config");
    *(void **)&core = dlsym(p->lib, "openblas_get_corename");
    if (text && core) { /* "OpenBLAS 0.3.21 NO_LAPACKE ...": two words */
        const char *config = text();
        const size_t first = strcspn(config, " "), n = strcspn(config + first + 1, " ");
        snprintf(p->version, sizeof p->version, "%.*s, kernel %s", (int)(first + 1 + n), config,
                 core());
        return;
    }
    *(void **)&text = dlsym(p->lib, "bli_info_get_version_str");
    if (text) {
        snprintf(p->version, sizeof p->version, "BLIS %s", text());
        return;
    }
    typedef struct {
        int major, minor, patch;
    } dnnl_version_head;
    const dnnl_version_head *(*dnnl)(void);
    *(void **)&dnnl = dlsym(p->lib, "dnnl_version");
    if (dnnl) {
        const dnnl_version_head *v = dnnl();
        snprintf(p->version, sizeof p->version, "oneDNN %d.%d.%d", v->major, v->minor,
                 v->patch);
        return;
    }
    char all[256] = "MKL";
    *(void **)&fill = dlsym(p->lib, "MKL_Get_Version_String");
    if (fill) fill(all, sizeof all - 1);
    const char *v = strstr(all, "Version ");
    snprintf(p->version, sizeof p->version, "MKL %.*s", v ? (int)strcspn(v + 8, " ") : 0,
             v ? v + 8 : "");
}

static void peer_open(peer *p)
{
    /* Deep: two libraries export cblas_sgemm, and each shall find its own. */
    for (int i = 0; i < 3 && p->file[i] && !p->lib; i++)
        p->lib = dlopen(p->file[i], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!p->lib) {
        fprintf(stderr, "gemm_bench: without %s: %s\n", p->name, dlerror());
        return;
    }
    p->sgemm = dlsym(p->lib, p->product);
    *(void **)&p->set_threads = dlsym(p->lib, p->threads);
    if (!p->sgemm || !p->set_threads) {
        fprintf(stderr, "gemm_bench: without %s: it lacks %s or %s\n", p->name, p->product,
                p->threads);
        p->lib = NULL;
        return;
    }
    version_of(p);
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
    place at = {.named = argc > 2 && strcmp(argv[2], "-") != 0 ? argv[2] : NULL};
    /* Left to themselves they read their kernels' cache sizes from the processor. */
    unsetenv("OPENBLAS_CORETYPE");
    if (at.named) setenv("OPENBLAS_CORETYPE", at.named, 1);
    unsetenv("OPENBLAS_L2_SIZE");
    setenv("KMP_BLOCKTIME", "1", 0);
    if (onus_isa_default(&isa, &err) != ONUS_OK) {
        fprintf(stderr, "gemm_bench: %s\n", err.msg);
        return 1;
    }
    for (int i = 0; i < (at.named ? 1 : N_PEERS); i++) peer_open(&peers[i]);
    cpu_name(at.cpu);
    at.isa = onus_isa_name(isa);
    const char *part = argc > 3 ? argv[3] : NULL;
    const bool one = run_threads(1, &at, isa, seconds, part),
               two = run_threads(2, &at, isa, seconds, part);
    return one && two ? 0 : 1;
}
