/* SPDX-License-Identifier: Apache-2.0
 * Goal: before training a demand is accepted where the run will have that number, and only
 * there; what is refused is told a name that would be accepted, and the nearest one. Method:
 * runs of every kind, each asked, knowing its data alone, for all that its own ledger has in
 * the end, for all that the others' have, and for all of it misspelt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proof/names_policy.h"
#include "stored_run.h"

enum { REPORTED = N_SMALL_RUNS - 1 }; /* the last run is only trained: it is asked nothing */

/* What the run knows when demands are looked up: everything up to the data sheet. */
static onus_judge *knowing_the_data(const stored_run *r)
{
    onus_judge *j = NULL;
    assert_int_equal(onus_judge_create(&j, NULL, NULL), ONUS_OK);
    for (int i = 0; i < r->n; i++) {
        assert_int_equal(onus_judge_event(j, &r->ev[i], NULL), ONUS_OK);
        if (strcmp(r->ev[i].type, "data.sheet") == 0) return j;
    }
    fail_msg("%s has no data sheet", r->name);
    return NULL;
}

static bool is_number(const onus_field *f)
{
    return f->kind == ONUS_FIELD_INT || f->kind == ONUS_FIELD_REAL ||
           f->kind == ONUS_FIELD_UNDEFINED ||
           (f->kind == ONUS_FIELD_TEXT && strcmp(f->text, "undefined") == 0);
}

/* Where verdicts begin: what stands behind comes too late for them. */
static int verdicts_of(const stored_run *r)
{
    for (int i = 0; i < r->n; i++)
        if (strncmp(r->ev[i].type, "policy", 6) == 0) return i;
    return r->n;
}

/* Has the run that name, before it judges, as a number? */
static bool will_have(const stored_run *r, const char *name)
{
    for (int i = 0, n = verdicts_of(r); i < n; i++)
        for (int64_t k = 0; k < r->ev[i].n_fields; k++)
            if (strcmp(r->ev[i].fields[k].name, name) == 0)
                return is_number(&r->ev[i].fields[k]);
    return false;
}

static void its_own_names(void **state)
{
    (void)state;
    for (int a = 0; a < REPORTED; a++) {
        const stored_run *r = &runs[a];
        onus_judge *j = knowing_the_data(r);
        int n_numbers = 0;
        for (int i = 0; i < r->n; i++) {
            const bool late = i >= verdicts_of(r);
            for (int64_t k = 0; k < r->ev[i].n_fields; k++) {
                const onus_field *f = &r->ev[i].fields[k];
                onus_err err = {.msg = ""};
                const onus_status st = onus_names_foresee(onus_judge_scope(j), f->name, &err);
                const char *why = !late && !is_number(f) ? "' is no number to compare with"
                                  : !late                ? NULL
                                  : is_number(f) ? "because it comes after demands are judged"
                                                 : "";
                n_numbers += !why;
                if (why ? st != ONUS_BAD_INPUT || !strstr(err.msg, why) : st != ONUS_OK)
                    fail_msg("%s: '%s': %d, %s", r->name, f->name, (int)st, err.msg);
            }
        }
        assert_true(n_numbers > 40);
        onus_judge_destroy(j);
    }
}

/* Does what is known of the data decide whether a run has a name of that row? Of columns that
 * may lack cells, of how many files there are, and of pixels it does not. */
static bool is_decided(const stored_run *r, const onus_name_row *row)
{
    const bool a_pixel = strcmp(r->name, "images") == 0 && strstr(row->pattern, ".mean_abs");
    return !row->may && strncmp(row->pattern, "data.file.", 10) != 0 && !a_pixel;
}

/* A name that another run has: accepted where this one has it, too. */
static void names_of_others(void **state)
{
    (void)state;
    int n_refused = 0;
    for (int a = 0; a < REPORTED; a++) {
        onus_judge *j = knowing_the_data(&runs[a]);
        for (int b = 0; b < N_SMALL_RUNS; b++) {
            for (int i = 0; b != a && i < verdicts_of(&runs[b]); i++) {
                for (int64_t k = 0; k < runs[b].ev[i].n_fields; k++) {
                    const onus_field *f = &runs[b].ev[i].fields[k];
                    int suffix;
                    if (!is_number(f) ||
                        !is_decided(&runs[a], row_of(&runs[b], i, f->name, &suffix)))
                        continue;
                    onus_err err = {.msg = ""};
                    const bool accepted =
                        onus_names_foresee(onus_judge_scope(j), f->name, &err) == ONUS_OK;
                    n_refused += !accepted;
                    if (accepted != will_have(&runs[a], f->name))
                        fail_msg("%s, '%s' of %s: %s, %s", runs[a].name, f->name, runs[b].name,
                                 accepted ? "accepted" : "refused", err.msg);
                }
            }
        }
        onus_judge_destroy(j);
    }
    assert_true(n_refused > 500);
}

/* One letter more than a name has: what is offered instead is a name that would be accepted,
 * and where the run has the name itself, that one or another that is no further away. */
static void is_offered(const stored_run *r, const onus_scope *s, const char *name, bool own)
{
    char wrong[600], offered[600] = "";
    onus_err err = {.msg = ""};
    snprintf(wrong, sizeof wrong, "%sq", name);
    assert_int_equal(onus_names_foresee(s, wrong, &err), ONUS_BAD_INPUT);
    const char *told = strstr(err.msg, "the nearest ");
    if (!told && !own) return; /* it says why not instead */
    if (!told || sscanf(strchr(told, '\''), "'%599[^']'", offered) != 1 ||
        onus_names_foresee(s, offered, NULL) != ONUS_OK)
        fail_msg("%s, '%s': %s", r->name, wrong, err.msg);
    if (own && strcmp(offered, name) != 0 && strlen(offered) != strlen(wrong))
        fail_msg("%s, '%s': %s", r->name, wrong, err.msg);
}

static void one_letter_more(void **state)
{
    (void)state;
    int n_own = 0;
    for (int a = 0; a < REPORTED; a++) {
        onus_judge *j = knowing_the_data(&runs[a]);
        for (int b = 0; b < N_SMALL_RUNS; b++) {
            for (int i = 0; i < verdicts_of(&runs[b]); i++) {
                for (int64_t k = 0; k < runs[b].ev[i].n_fields; k++) {
                    const onus_field *f = &runs[b].ev[i].fields[k];
                    int suffix;
                    const onus_name_row *row = row_of(&runs[b], i, f->name, &suffix);
                    if (!is_number(f) || !is_decided(&runs[a], row) ||
                        suffix > ONUS_SUFFIX_UPPER) /* others are not offered */
                        continue;
                    const bool own = will_have(&runs[a], f->name);
                    is_offered(&runs[a], onus_judge_scope(j), f->name, own);
                    n_own += own;
                }
            }
        }
        onus_judge_destroy(j);
    }
    assert_true(n_own > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_names),
        cmocka_unit_test(names_of_others),
        cmocka_unit_test(one_letter_more),
    };
    return cmocka_run_group_tests(tests, open_runs, close_runs);
}
