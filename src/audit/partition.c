/* SPDX-License-Identifier: Apache-2.0
 * partition.c - groups of one attribute, and combinations of several. */
#include "audit/partition.h"

#include "base/fail.h"

static onus_status escape(const char **out, const char *word, onus_arena *arena, onus_err *err)
{
    char part[512];
    onus_status st = onus_name_part(part, sizeof part, word, err);
    if (st != ONUS_OK) return st;
    *out = onus_arena_strdup(arena, part);
    return *out ? ONUS_OK : onus_fail_mem(err, "groups");
}

onus_status onus_partition_one(onus_partition *out, const onus_attribute *a, int64_t n,
                               onus_arena *arena, onus_err *err)
{
    const char **groups = onus_arena_alloc(arena, (size_t)a->n_groups + 1, sizeof *groups);
    uint64_t *code = onus_arena_alloc(arena, (size_t)a->n_groups + 1, sizeof *code);
    if (!groups || !code) return onus_fail_mem(err, "groups");
    onus_partition p = {
        .groups = groups, .n_groups = a->n_groups, .group = a->group, .code = code};
    onus_status st = escape(&p.name, a->name, arena, err);
    for (int64_t g = 0; st == ONUS_OK && g < a->n_groups; g++) {
        st = escape(&groups[g], a->group_names[g], arena, err);
        code[g] = (uint64_t)g;
    }
    for (int64_t i = 0; i < n; i++) {
        if (a->group[i] >= a->n_groups)
            return onus_fail(err, ONUS_BAD_ARG, "fairness: row %lld has no such group of '%s'",
                             (long long)i + 1, a->name);
        p.n_missing += a->group[i] < 0;
    }
    p.too_many = p.n_groups > ONUS_GROUPS_MAX;
    if (st == ONUS_OK) *out = p;
    return st;
}

/* Numbers the combinations that rows have, ascending; -1 for the others. Returns how many. */
static int64_t number_cells(int32_t *cell, int64_t n_cells, const onus_partition *a,
                            const onus_partition *b, int64_t n)
{
    int32_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        if (a->group[i] >= 0 && b->group[i] >= 0)
            cell[a->group[i] * b->n_groups + b->group[i]] = 1;
    }
    for (int64_t c = 0; c < n_cells; c++) cell[c] = cell[c] ? found++ : -1;
    return found;
}

onus_status onus_partition_cross(onus_partition *out, const onus_partition *a,
                                 const onus_partition *b, int64_t n, onus_arena *arena,
                                 onus_err *err)
{
    onus_partition p = {.name = onus_arena_printf(arena, "%s+%s", a->name, b->name),
                        .too_many = a->too_many || b->too_many};
    if (!p.name) return onus_fail_mem(err, "groups");
    const int64_t n_cells = p.too_many ? 0 : a->n_groups * b->n_groups;
    int32_t *cell = onus_arena_alloc(arena, (size_t)n_cells + 1, sizeof *cell);
    int32_t *group = onus_arena_alloc(arena, (size_t)n + 1, sizeof *group);
    if (!cell || !group) return onus_fail_mem(err, "groups");
    if (!p.too_many) p.n_groups = number_cells(cell, n_cells, a, b, n);
    p.n_empty = n_cells - p.n_groups;
    p.too_many = p.too_many || p.n_groups > ONUS_GROUPS_MAX;
    if (p.too_many) p.n_groups = 0;
    const char **groups = onus_arena_alloc(arena, (size_t)p.n_groups + 1, sizeof *groups);
    uint64_t *code = onus_arena_alloc(arena, (size_t)p.n_groups + 1, sizeof *code);
    if (!groups || !code) return onus_fail_mem(err, "groups");
    for (int64_t c = 0; c < n_cells && !p.too_many; c++) {
        if (cell[c] < 0) continue;
        code[cell[c]] =
            a->code[c / b->n_groups] * (uint64_t)b->n_groups + (uint64_t)(c % b->n_groups);
        groups[cell[c]] = onus_arena_printf(arena, "%s+%s", a->groups[c / b->n_groups],
                                            b->groups[c % b->n_groups]);
        if (!groups[cell[c]]) return onus_fail_mem(err, "groups");
    }
    for (int64_t i = 0; i < n; i++) {
        const bool known = a->group[i] >= 0 && b->group[i] >= 0 && !p.too_many;
        group[i] = known ? cell[a->group[i] * b->n_groups + b->group[i]] : -1;
        p.n_missing += group[i] < 0;
    }
    p.groups = groups;
    p.group = group;
    p.code = code;
    *out = p;
    return ONUS_OK;
}

onus_status onus_partition_told(onus_partition *out, const onus_partition *g,
                                const onus_disclosure *told, int64_t set, int64_t n,
                                onus_arena *arena, onus_err *err)
{
    *out = *g;
    if (!told) return ONUS_OK;
    out->withholds = !onus_disclosure_tells_all(told, set);
    out->withholds_missing = !onus_disclosure_tells_missing(told, set);
    if (g->too_many) return ONUS_OK;
    const size_t k = (size_t)g->n_groups + 1;
    const char **groups = onus_arena_alloc(arena, k, sizeof *groups),
               **withheld = onus_arena_alloc(arena, k, sizeof *withheld);
    int32_t *group = onus_arena_alloc(arena, (size_t)n + 1, sizeof *group),
            *place = onus_arena_alloc(arena, k, sizeof *place);
    if (!groups || !withheld || !group || !place) return onus_fail_mem(err, "groups");
    out->n_groups = 0;
    for (int64_t i = 0; i < g->n_groups; i++) {
        const bool tells = onus_disclosure_tells(told, set, g->code[i]);
        place[i] = tells ? (int32_t)out->n_groups : -1;
        if (tells)
            groups[out->n_groups++] = g->groups[i];
        else
            withheld[out->n_withheld++] = g->groups[i];
    }
    for (int64_t i = 0; i < n; i++) group[i] = g->group[i] < 0 ? -1 : place[g->group[i]];
    out->groups = groups;
    out->group = group;
    out->code = NULL;
    out->withheld = withheld;
    return ONUS_OK;
}
