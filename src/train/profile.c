/* SPDX-License-Identifier: Apache-2.0
 * profile.c - sums over nodes, and the table. A line's floor is the sum of its nodes' floors,
 * each the longer of its operations at the machine's best and its bytes at the machine's best;
 * bytes count each array once, so that small arrays may stand in a cache and exceed it. */
#include "train/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"

enum { LAYERS_SHOWN = 10 };

static const char *const passes[ONUS_PASSES] = {"forward", "backward", "gradients", "norms"};
static const char *const besides[ONUS_BESIDE_COUNT] = {
    "rows fetched", "gradient clipped, noise", "update", "validation", "checkpoints"};

onus_status onus_profile_begin(onus_profile *p, const onus_net *net, onus_plan *plan,
                               const onus_exec *ex, onus_arena *arena, onus_err *err)
{
    *p = (onus_profile){.steps = 0};
    p->spent =
        onus_arena_alloc(arena, (size_t)onus_net_nodes(net) * ONUS_PASSES, sizeof *p->spent);
    if (!p->spent) return onus_fail_mem(err, "profile");
    const onus_status st = onus_speed_measure(ex, &p->speed, arena->mem, err);
    if (st != ONUS_OK) return st;
    onus_plan_measure(plan, p->spent);
    p->began_s = onus_clock_s();
    return ONUS_OK;
}

typedef struct {
    const char *op, *node; /* node NULL: of several */
    int pass;
    double seconds, flops, bytes, floor_s;
} line;

static void add_to(line *l, const onus_profile *p, const onus_spent *s)
{
    const double flops = 2 * s->cost.multiply_adds;
    const double by_flops = flops / p->speed.flops, by_bytes = s->cost.bytes / p->speed.bytes;
    l->seconds += s->seconds;
    l->flops += flops;
    l->bytes += s->cost.bytes;
    l->floor_s += by_flops > by_bytes ? by_flops : by_bytes;
}

/* The most expensive first; equals by name, so that the order is one. */
static int by_time(const void *a, const void *b)
{
    const line *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    const int names = strcmp(x->op, y->op);
    return names ? names : x->pass - y->pass;
}

static void write_head(onus_buf *out, const char *title)
{
    onus_buf_printf(out, "\n%-46s %10s %6s %9s %7s %9s\n", title, "seconds", "%", "GFLOP/s",
                    "GB/s", "of floor");
}

static void write_line(onus_buf *out, const line *l, double all)
{
    char name[128];
    onus_buf_printf(out, "%-10s", passes[l->pass]);
    if (l->node)
        snprintf(name, sizeof name, "%s (%s)", l->node, l->op);
    else
        snprintf(name, sizeof name, "%s", l->op);
    onus_buf_printf(out, "%-36.80s %10.3f %6.1f %9.1f %7.1f %9.2f\n", name, l->seconds,
                    100 * l->seconds / all, 1e-9 * l->flops / l->seconds,
                    1e-9 * l->bytes / l->seconds, l->floor_s / l->seconds);
}

/* Lines of operations (nodes together), or of single nodes; returns how many. */
static int gather(const onus_profile *p, const onus_net *net, bool each, line *lines)
{
    int n = 0;
    for (int i = 1; i < onus_net_nodes(net); i++) {
        const char *op = onus_net_node_op(net, i);
        for (int pass = 0; pass < ONUS_PASSES; pass++) {
            const onus_spent *s = &p->spent[i * ONUS_PASSES + pass];
            int at = each ? n : 0;
            if (!(s->seconds > 0)) continue;
            while (at < n && (lines[at].pass != pass || strcmp(lines[at].op, op) != 0)) at++;
            if (at == n)
                lines[n++] = (line){
                    .op = op, .pass = pass, .node = each ? onus_net_node_name(net, i) : NULL};
            add_to(&lines[at], p, s);
        }
    }
    qsort(lines, (size_t)n, sizeof *lines, by_time);
    return n;
}

static void write_beside(const onus_profile *p, double in_plan, double all, onus_buf *out)
{
    double rest = all - in_plan;
    onus_buf_printf(out, "\nbeside the operations\n");
    for (int i = 0; i < ONUS_BESIDE_COUNT; i++) {
        const double s = p->beside[i];
        rest -= s;
        if (!(s > 0)) continue;
        onus_buf_printf(out, "%-46s %10.3f %6.1f", besides[i], s, 100 * s / all);
        if (i == ONUS_BESIDE_UPDATE) {
            const double rate = p->update_bytes * (double)p->steps / s;
            onus_buf_printf(out, " %9s %7.1f %9.2f", "", 1e-9 * rate, rate / p->speed.bytes);
        }
        onus_buf_str(out, "\n");
    }
    onus_buf_printf(out, "%-46s %10.3f %6.1f\n", "the rest", rest, 100 * rest / all);
}

void onus_profile_write(const onus_profile *p, const onus_net *net, onus_arena *arena,
                        onus_buf *out)
{
    const double all = onus_clock_s() - p->began_s;
    double in_plan = 0;
    line *lines =
        onus_arena_alloc(arena, (size_t)onus_net_nodes(net) * ONUS_PASSES, sizeof *lines);
    if (!lines) {
        out->st = ONUS_NO_MEM;
        return;
    }
    onus_buf_printf(out,
                    "profile: %.3f s, %lld steps. The floor: %.0f GFLOP/s (a product of %d "
                    "square on hot data), %.1f GB/s (a pass over %d MB)\n",
                    all, (long long)p->steps, 1e-9 * p->speed.flops, ONUS_SPEED_SIDE,
                    1e-9 * p->speed.bytes, ONUS_SPEED_BYTES >> 20);
    write_head(out, "by operation");
    int n = gather(p, net, false, lines);
    for (int i = 0; i < n; i++) {
        write_line(out, &lines[i], all);
        in_plan += lines[i].seconds;
    }
    write_head(out, "the most expensive layers");
    n = gather(p, net, true, lines);
    for (int i = 0; i < n && i < LAYERS_SHOWN; i++) write_line(out, &lines[i], all);
    write_beside(p, in_plan, all, out);
}
