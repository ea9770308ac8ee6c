/* SPDX-License-Identifier: Apache-2.0
 * proof_cost.c - what ledger, hashing and energy meter cost a run: proof_cost RECIPE DIR.
 *
 * Method: the run is the ordinary one (onus_run); the linker puts a stopwatch around the
 * library's own functions (--wrap; the list below is the Makefile's BENCH_WRAP). Only the
 * outermost of nested calls counts. Time on the calling thread makes the run longer; time on
 * other threads (a file is hashed beside its inflation) is told apart. Prints
 * {"seconds": the run, "ledger":, "hash":, "energy": on the calling thread, "beside":
 * elsewhere}. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "audit/energy.h"
#include "base/hash.h"
#include "net/net.h"
#include "peak.h"
#include "proof/ledger.h"
#include "proof/note.h"

enum { LEDGER, HASH, ENERGY, KINDS };

static pthread_t main_thread;
static double spent_s[KINDS];
static _Atomic double beside_s;
static _Thread_local int depth;
static _Thread_local double start_s;

static void enter(void)
{
    if (depth++ == 0) start_s = bench_now_s();
}

static void leave(int kind)
{
    if (--depth > 0) return;
    const double s = bench_now_s() - start_s;
    if (pthread_equal(pthread_self(), main_thread)) {
        spent_s[kind] += s;
        return;
    }
    double old = atomic_load(&beside_s);
    while (!atomic_compare_exchange_weak(&beside_s, &old, old + s)) {}
}

/* A function of the library, its twin that takes the time, and how it is called. */
#define WRAP(kind, type, name, params, args)    \
    type __real_##name params;                  \
    type __wrap_##name params;                  \
    type __wrap_##name params                   \
    {                                           \
        enter();                                \
        const type result = __real_##name args; \
        leave(kind);                            \
        return result;                          \
    }
#define WRAP_VOID(kind, name, params, args) \
    void __real_##name params;              \
    void __wrap_##name params;              \
    void __wrap_##name params               \
    {                                       \
        enter();                            \
        __real_##name args;                 \
        leave(kind);                        \
    }

WRAP(LEDGER, onus_status, onus_event_emit,
     (onus_event_builder * b, const onus_sink *sink, onus_err *err), (b, sink, err))
WRAP(LEDGER, onus_status, onus_ledger_open,
     (onus_ledger * *out, const char *path, onus_ledger_mode mode, int64_t *torn,
      const onus_allocator *mem, onus_err *err),
     (out, path, mode, torn, mem, err))
WRAP(LEDGER, onus_status, onus_ledger_close, (onus_ledger * l, onus_err *err), (l, err))
WRAP(LEDGER, onus_status, onus_log_read,
     (onus_log * *out, const char *path, const onus_allocator *mem, onus_err *err),
     (out, path, mem, err))
WRAP(LEDGER, onus_status, onus_log_read_each,
     (onus_log * *out, const char *path, onus_log_fn visit, void *ctx,
      const onus_allocator *mem, onus_err *err),
     (out, path, visit, ctx, mem, err))
WRAP(LEDGER, onus_status, onus_note_sign,
     (onus_buf * out, const onus_key *k, const char *origin, uint64_t n, const uint8_t root[32],
      onus_err *err),
     (out, k, origin, n, root, err))
WRAP_VOID(HASH, onus_sha256_init, (onus_sha256 * h), (h))
WRAP_VOID(HASH, onus_sha256_add, (onus_sha256 * h, const void *data, size_t len),
          (h, data, len))
WRAP_VOID(HASH, onus_sha256_end, (onus_sha256 * h, uint8_t out[32]), (h, out))
WRAP_VOID(HASH, onus_sha256_of, (const void *data, size_t len, uint8_t out[32]),
          (data, len, out))
WRAP_VOID(HASH, onus_net_sha256, (const onus_net *net, uint8_t out[32]), (net, out))
WRAP(ENERGY, onus_status, onus_meter_open,
     (onus_meter * *out, const char *region, const onus_allocator *mem, onus_err *err),
     (out, region, mem, err))
WRAP(ENERGY, double, onus_meter_joules, (onus_meter * m), (m))
WRAP_VOID(ENERGY, onus_meter_phase, (onus_meter * m, const char *name), (m, name))
WRAP(ENERGY, onus_status, onus_meter_emit,
     (onus_meter * m, double multiply_adds, const onus_sink *sink, onus_err *err),
     (m, multiply_adds, sink, err))

int main(int argc, char **argv)
{
    onus_err err;
    onus_run_result result = {.facts = NULL};
    if (argc != 3) {
        fprintf(stderr, "usage: proof_cost RECIPE DIR\n");
        return 2;
    }
    const onus_run_opts opts = {.recipe = argv[1], .out = argv[2]};
    main_thread = pthread_self();
    const double start = bench_now_s();
    if (onus_run(&opts, &result, &err) != ONUS_OK) {
        fprintf(stderr, "proof_cost: %s\n", err.msg);
        return 1;
    }
    printf("{\"seconds\": %.6f, \"ledger\": %.6f, \"hash\": %.6f, \"energy\": %.6f, "
           "\"beside\": %.6f}\n",
           bench_now_s() - start, spent_s[LEDGER], spent_s[HASH], spent_s[ENERGY],
           atomic_load(&beside_s));
    onus_run_result_release(&result);
    return 0;
}
