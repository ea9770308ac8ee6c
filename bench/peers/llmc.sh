#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Training steps of GPT-2 124M with llm.c's train_gpt2.c: LLMC=CHECKOUT llmc.sh T THREADS [STEPS]
#
# Built here with its own flags (-Ofast -march=native, OpenMP) and $CC, random weights and tokens, batch 4: its
# gpt2_forward, gpt2_zero_grad, gpt2_backward and gpt2_update are timed together; the best of STEPS (3) counts. Prints one
# line of JSON as the other peers do. Without LLMC it says so and exits with 1.
set -eu
if [ ! -f "${LLMC:-}/train_gpt2.c" ]; then
    echo "llmc: LLMC names no checkout of llm.c (no train_gpt2.c in '${LLMC:-}')" >&2
    exit 1
fi
T=${1:?usage: LLMC=CHECKOUT llmc.sh T THREADS [STEPS]}
threads=${2:?usage: LLMC=CHECKOUT llmc.sh T THREADS [STEPS]}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cat >"$room/steps.c" <<'C'
#define TESTING
#include "train_gpt2.c"
#include <sys/resource.h>

enum { B = 4, V = 50257 };

static uint64_t state = 1;
static uint32_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

/* What its reader of checkpoints sets, with weights drawn evenly with a deviation of 0.02 and norms of 1 and 0. */
static void make(GPT2 *m)
{
    *m = (GPT2){.config = {1024, V, 50304, 12, 12, 768}};
    fill_in_parameter_sizes(m->param_sizes, m->config);
    for (int i = 0; i < NUM_PARAMETER_TENSORS; i++) m->num_parameters += m->param_sizes[i];
    m->params_memory = malloc_and_point_parameters(&m->params, m->param_sizes);
    for (size_t i = 0; i < m->num_parameters; i++)
        m->params_memory[i] = ((float)draw() / 4294967296.0f - 0.5f) * 0.0693f;
    float *norms[] = {m->params.ln1w, m->params.ln2w, m->params.lnfw};
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < (k < 2 ? 12 : 1) * 768; i++) norms[k][i] = 1.0f;
}

int main(int argc, char **argv)
{
    const int T = atoi(argv[1]), n = atoi(argv[2]);
    int *ids = malloc(2 * B * T * sizeof *ids);
    for (int i = 0; i < 2 * B * T; i++) ids[i] = (int)(draw() % V);
    GPT2 m;
    make(&m);
    double best = 1e30;
    float first = 0.0f;
    for (int s = 0; s <= n; s++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        gpt2_forward(&m, ids, ids + B * T, B, T);
        gpt2_zero_grad(&m);
        gpt2_backward(&m);
        gpt2_update(&m, 1e-4f, 0.9f, 0.999f, 1e-8f, 0.01f, s + 1);
        clock_gettime(CLOCK_MONOTONIC, &b);
        const double t = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        if (s == 0) first = m.mean_loss;
        if (s > 0 && t < best) best = t;
    }
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("{\"seconds\": %.6f, \"tokens_per_s\": %.3f, \"first_loss\": %.4f, \"last_loss\": %.4f, \"maxrss_mb\": %.1f, "
           "\"version\": \"llm.c\", \"settings\": \"fp32, B %d, T %d, %s thread(s), %s\"}\n",
           best, B * T / best, first, m.mean_loss, (double)use.ru_maxrss / 1024, B, T, getenv("OMP_NUM_THREADS"), argv[3]);
    return 0;
}
C
compiler=${CC:-cc}
flags="-Ofast -march=native -fopenmp"
# shellcheck disable=SC2086
"$compiler" $flags -DOMP -w -I "$LLMC" "$room/steps.c" -lm -o "$room/steps"
OMP_NUM_THREADS=$threads "$room/steps" "$T" "${3:-3}" "$("$compiler" --version | head -n1) $flags"
