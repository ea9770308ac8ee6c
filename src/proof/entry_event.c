/* SPDX-License-Identifier: Apache-2.0
 * entry_event.c - see entry_event.h. */
#include "proof/entry_event.h"

#include <math.h>

#include "base/fail.h"

static onus_status list_of(onus_field *f, const json_t *list, onus_arena *arena, onus_err *err)
{
    const size_t n = json_array_size(list);
    const char **texts = onus_arena_alloc(arena, n + 1, sizeof *texts);
    double *reals = onus_arena_alloc(arena, n + 1, sizeof *reals);
    size_t n_texts = 0;
    if (!texts || !reals) return onus_fail_mem(err, "ledger");
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        texts[i] = json_string_value(v);
        n_texts += texts[i] != NULL;
        reals[i] = json_is_number(v) ? json_number_value(v) : NAN;
        if (!texts[i] && !json_is_number(v) && !json_is_null(v)) n_texts = n + 1;
    }
    if (n_texts > 0 && n_texts != n)
        return onus_fail(err, ONUS_TAMPER, "'%.200s' is neither a list of numbers nor of texts",
                         f->name);
    f->kind = n == 0 || n_texts == n ? ONUS_FIELD_TEXTS : ONUS_FIELD_REALS;
    f->texts = texts;
    f->reals = reals;
    f->n = (int64_t)n;
    return ONUS_OK;
}

static onus_status field_of(onus_field *f, const json_t *v, onus_arena *arena, onus_err *err)
{
    if (json_is_array(v)) return list_of(f, v, arena, err);
    if (json_is_string(v)) {
        f->kind = ONUS_FIELD_TEXT;
        f->text = json_string_value(v);
    } else if (json_is_integer(v)) {
        f->kind = ONUS_FIELD_INT;
        f->i = json_integer_value(v);
    } else if (json_is_real(v)) {
        f->kind = ONUS_FIELD_REAL;
        f->r = json_real_value(v);
    } else {
        return onus_fail(err, ONUS_TAMPER, "'%.200s' is neither number, text nor list",
                         f->name);
    }
    return ONUS_OK;
}

onus_status onus_entry_event(const onus_entry *entry, onus_arena *arena, onus_event *out,
                             onus_err *err)
{
    const json_t *const bodies[] = {entry->claim, entry->observed};
    const size_t n = json_object_size(bodies[0]) + json_object_size(bodies[1]);
    onus_field *fields = onus_arena_alloc(arena, n + 1, sizeof *fields);
    if (!fields) return onus_fail_mem(err, "ledger");
    int64_t k = 0;
    for (int b = 0; b < 2; b++) {
        const char *name;
        json_t *v;
        json_object_foreach((json_t *)bodies[b], name, v)
        {
            onus_field *f = &fields[k++];
            *f = (onus_field){.name = name, .observed = b == 1};
            onus_err why = {.code = ONUS_OK};
            const onus_status st = field_of(f, v, arena, &why);
            if (st != ONUS_OK)
                return onus_fail(err, st, "event %lld (%.80s): %s", (long long)entry->n,
                                 entry->type, why.msg);
        }
    }
    *out = (onus_event){.type = entry->type, .fields = fields, .n_fields = k};
    return ONUS_OK;
}
