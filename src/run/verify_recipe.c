/* SPDX-License-Identifier: Apache-2.0
 * verify_recipe.c - see verify_recipe.h. A forger may leave out a demand that was not met, or
 * word it otherwise: the recipe, whose hash the ledger holds, says what it was. */
#include "run/verify_recipe.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "run/stages.h"

static onus_status other(const onus_entry *e, const char *name, onus_err *err)
{
    return onus_fail(err, ONUS_TAMPER, "event %lld (%s): '%s' is not what recipe.yaml says",
                     (long long)e->n, e->type, name);
}

/* A text that the recipe may leave out. */
static bool same_text(const onus_entry *e, const char *name, const char *said)
{
    const char *stored = json_string_value(json_object_get(e->claim, name));
    return stored && said ? strcmp(stored, said) == 0 : !stored && !said;
}

static bool same_field(const json_t *stored, const onus_field *f)
{
    if (f->kind == ONUS_FIELD_INT)
        return json_is_integer(stored) && json_integer_value(stored) == f->i;
    const char *text = json_string_value(stored);
    return text && strcmp(text, f->text) == 0;
}

/* Event 1 claims what the recipe asks for, all of it and nothing else. */
static onus_status check_begin(const onus_entry *e, const onus_recipe *r,
                               const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_event_builder b;
    onus_event_init(&b, mem);
    onus_event_begin(&b, "run.begin");
    const char *ends = json_string_value(json_object_get(e->claim, "run.ends"));
    const bool trained = ends && strcmp(ends, onus_ends_texts[ONUS_ENDS_TRAINED]) == 0;
    onus_begin_claims(&b, r, trained ? ONUS_ENDS_TRAINED : ONUS_ENDS_REPORTED);
    ONUS_TRY(onus_event_emit(&b, NULL, err)); /* says whether memory lasted */
    for (int64_t i = 0; i < b.n; i++) {
        if (!same_field(json_object_get(e->claim, b.fields[i].name), &b.fields[i])) {
            st = other(e, b.fields[i].name, err);
            goto done;
        }
    }
    const char *name;
    json_t *value;
    json_object_foreach(e->claim, name, value)
    {
        int64_t i = 0;
        while (i < b.n && strcmp(b.fields[i].name, name) != 0) i++;
        if (i < b.n) continue;
        st = other(e, name, err);
        break;
    }
done:
    onus_event_release(&b);
    return st;
}

static onus_status check_said(const onus_log *log, const onus_recipe *r, onus_err *err)
{
    const onus_data_spec *d = &r->data;
    const struct {
        const char *type, *name, *said;
    } rows[] = {{"data.sheet", "data.licence", d->licence},
                {"data.sheet", "data.origin", d->origin},
                {"data.sheet", "data.description", d->description}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const onus_entry *e = onus_log_type(log, rows[i].type, 0);
        if (e && !same_text(e, rows[i].name, rows[i].said)) return other(e, rows[i].name, err);
    }
    return ONUS_OK;
}

static onus_status check_demands(const onus_log *log, const onus_recipe *r, onus_err *err)
{
    char name[64];
    const onus_entry *e = NULL;
    for (int64_t k = 0; k < r->n_policies; k++) {
        e = onus_log_type(log, "policy", e ? e->n : 0);
        if (!e) return ONUS_OK; /* the judge has said so, or the run was only trained */
        snprintf(name, sizeof name, "policy.%lld.demand", (long long)k + 1);
        if (!same_text(e, name, r->policies[k].text)) return other(e, name, err);
    }
    return ONUS_OK;
}

onus_status onus_verify_recipe(const char *run, const onus_log *log, const onus_allocator *mem,
                               onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    onus_recipe *r = NULL;
    ONUS_TRY(onus_path_join(path, sizeof path, run, "recipe.yaml", err));
    ONUS_TRY(onus_recipe_open(&r, path, NULL, mem, err));
    ONUS_TRY(check_begin(onus_log_at(log, 0), r, mem, err));
    ONUS_TRY(check_said(log, r, err));
    ONUS_TRY(check_demands(log, r, err));
done:
    onus_recipe_close(r);
    return st;
}
