/* SPDX-License-Identifier: Apache-2.0
 * Goal: a claim with another value, as plausible as the true one, does not pass: verify refuses
 * it, because other events say otherwise, or a replay names event and field. Method: small runs
 * of every kind; of every row of the registry one claim is changed, within its range and of its
 * kind, the report built again and all signed with the forger's own key. ONUS_SLOW: every row,
 * else a sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "stored_run.h"

/* ---- another value ----------------------------------------------------------------------- */

static double another_number(const onus_name_row *row, double v, bool whole)
{
    const double lo = row->ranged ? row->lo : -1e300, hi = row->ranged ? row->hi : 1e300;
    if (whole) return v > lo && v > 1 ? v - 1 : v + 1;
    const double less = v * 0.96875 - (v == 0 ? 0.03125 : 0), more = v * 1.03125 + 0.03125;
    return less >= lo && v > 0 ? less : more <= hi ? more : less;
}

static const char *another_text(const onus_name_row *row, const char *text, char out[4096])
{
    for (const char *c = row->choices; c && *c;) {
        const size_t n = strcspn(c, "|");
        snprintf(out, 4096, "%.*s", (int)n, c);
        if (strcmp(out, text) != 0 && !strchr(out, '*')) return out;
        c += n + (c[n] == '|');
    }
    snprintf(out, 4096, "%sx", text);
    return out;
}

/* The field with another value of its kind. */
static onus_field another(const onus_name_row *row, int suffix, const onus_field *was)
{
    static char text[4096];
    static const char *texts[256];
    static double reals[1024];
    onus_field f = *was;
    const bool count = row->kind == ONUS_NAME_WHOLE || suffix == ONUS_SUFFIX_N;
    switch (was->kind) {
    case ONUS_FIELD_INT:
        if (count)
            f.i = (int64_t)another_number(row, (double)was->i, true);
        else
            f = (onus_field){.name = was->name,
                             .kind = ONUS_FIELD_REAL,
                             .r = another_number(row, (double)was->i, false)};
        break;
    case ONUS_FIELD_REAL: f.r = another_number(row, was->r, count); break;
    case ONUS_FIELD_TEXTS:
        assert_true(was->n < 256);
        for (int64_t i = 0; i < was->n; i++) texts[i] = was->texts[i];
        texts[0] = was->n ? another_text(row, was->texts[0], text) : "x";
        f.texts = texts;
        f.n = was->n ? was->n : 1;
        break;
    case ONUS_FIELD_REALS:
        assert_true(was->n < 1024);
        for (int64_t i = 0; i < was->n; i++) reals[i] = was->reals[i];
        reals[0] = was->n && isfinite(was->reals[0]) ? was->reals[0] * 0.96875 + 0.015625 : 0.5;
        f.reals = reals;
        f.n = was->n ? was->n : 1;
        break;
    default:
        if (row->kind == ONUS_NAME_HASH) {
            snprintf(text, sizeof text, "%s", was->text);
            text[0] = text[0] == '0' ? '1' : '0';
            f.text = text;
        } else if (onus_field_is_undefined(was)) {
            f = (onus_field){.name = was->name, .kind = ONUS_FIELD_INT, .i = 1};
        } else {
            f.text = another_text(row, was->text, text);
        }
    }
    return f;
}

/* ---- who finds it ------------------------------------------------------------------------ */

static long by_judge, by_recipe, by_replay, n_missed;

static void find_out(const stored_run *r, int i, const char *name)
{
    onus_err err = {.msg = ""};
    char event[120];
    count_events();
    if (judge(r, &err) == ONUS_TAMPER) {
        by_judge += strncmp(err.msg, "event ", 6) == 0;
        n_missed += strncmp(err.msg, "event ", 6) != 0;
        return;
    }
    if (!write_forged(r)) fail_msg("%s: %s cannot be written", r->name, name);
    if (verify(&err) == ONUS_TAMPER) {
        by_recipe++;
        snprintf(event, sizeof event, "event %d", i + 1); /* of a file, or of the head */
        if (strstr(err.msg, name) || strstr(err.msg, event)) return;
    } else {
        by_replay++;
        snprintf(event, sizeof event, "event %d (%s) does not replay: %.60s ", i + 1,
                 r->ev[i].type, name);
        if (replay(&err) == ONUS_MISMATCH && strstr(err.msg, event)) return;
    }
    print_error("%s: %s %s: %s\n", r->name, r->ev[i].type, name, err.msg);
    n_missed++;
}

static void every_claim(void **state)
{
    (void)state;
    const long every = getenv("ONUS_SLOW") ? 1 : 5;
    long n = 0, rows = 0;
    for (int q = 0; q < N_SMALL_RUNS; q++) {
        const stored_run *r = &runs[q];
        for (int i = 0; i < r->n; i++) {
            for (int64_t k = 0; k < r->ev[i].n_fields; k++) {
                const onus_field *f = &r->ev[i].fields[k];
                int suffix;
                const onus_name_row *row = row_of(r, i, f->name, &suffix);
                if (f->observed || !is_first(r, i, k, true) || rows++ % every != 0) continue;
                copy(r);
                open_fields(i, 0)[k] = another(row, suffix, f);
                find_out(r, i, f->name);
                n++;
            }
        }
    }
    assert_int_equal(n_missed, 0);
    assert_true(by_judge > 0 && by_recipe + by_replay > 0);
    print_message("# %ld claims changed, of %ld rows: %ld found by other events, %ld by files "
                  "and recipe, %ld by replay\n",
                  n, rows, by_judge, by_recipe, by_replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_claim)};
    return cmocka_run_group_tests(tests, open_runs, close_runs);
}
