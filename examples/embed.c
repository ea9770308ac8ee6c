/* SPDX-License-Identifier: Apache-2.0
 * embed.c - Onus inside a program: trains, predicts for one applicant, verifies.
 *
 *   cc embed.c $(pkg-config --cflags --libs onus) -o embed
 *   ./embed examples/german-credit.yaml FOLDER */
#include <onus.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char *const applicant[] = { /* name, value, as the table would have them */
    "checking_account", "0_to_200", "duration_months", "24", "credit_history", "paid_until_now",
    "purpose", "radio_tv", "amount", "2800", "savings", "below_100", "employment", "1_to_4_years",
    "installment_rate", "3", "sex", "female", "marital_status", "divorced_separated_or_married",
    "other_debtors", "none", "residence_years", "2", "property", "car_or_other", "age", "34",
    "other_plans", "none", "housing", "own", "credits_here", "1", "job", "skilled",
    "dependents", "1", "telephone", "no", "foreign_worker", "yes", NULL};
/* clang-format on */

static int fail(const onus_err *err)
{
    fprintf(stderr, "embed: %s\n", err->msg);
    return 1;
}

int main(int argc, char **argv)
{
    onus_err err = {ONUS_OK, "", ""};
    onus_run_opts opts = {0};
    onus_run_result result = {0};
    if (argc != 3) return 2;
    opts.recipe = argv[1];
    opts.out = argv[2];
    if (onus_run(&opts, &result, &err) != ONUS_OK) return fail(&err);
    const onus_field *auc = onus_facts_find(result.facts, "auc");
    if (auc && auc->kind == ONUS_FIELD_REAL) printf("auc %.4f\n", auc->r);
    printf("policies met: %d of %d\n", (int)result.policies_met, (int)result.policies);
    onus_run_result_release(&result);

    enum { MAX = 32 };
    const char *names[MAX], *values[MAX];
    onus_model *model = NULL;
    double p;
    if (onus_model_open(&model, argv[2], NULL, &err) != ONUS_OK) return fail(&err);
    int64_t n = 0;
    for (; n < MAX && n < onus_model_columns(model); n++) { /* the columns that it reads */
        names[n] = onus_model_column(model, n);
        values[n] = "";
        for (int k = 0; applicant[k]; k += 2)
            if (strcmp(applicant[k], names[n]) == 0) values[n] = applicant[k + 1];
    }
    if (onus_model_predict(model, names, values, n, &p, &err) != ONUS_OK) return fail(&err);
    printf("P(%s) of this applicant: %.3f\n", onus_model_class(model, 1), p);
    onus_model_close(model);

    const onus_verify_opts check = {.run = argv[2]};
    if (onus_verify(&check, NULL, NULL, &err) != ONUS_OK) return fail(&err);
    printf("intact since it was signed: %s\n", argv[2]);
    return 0;
}
