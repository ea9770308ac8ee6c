/* SPDX-License-Identifier: Apache-2.0
 * embed.c - Onus inside a program: trains, predicts for one applicant, verifies.
 *
 *   cc embed.c $(pkg-config --cflags --libs onus) && ./a.out examples/german-credit.yaml
 * run-folder
 */
#include <onus.h>
#include <stdio.h>

static int fail(const onus_err *err)
{
    fprintf(stderr, "embed: %s\n", err->msg);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: embed RECIPE DIR\n");
        return 2;
    }
    onus_err err = {ONUS_OK, "", ""};
    onus_run_opts opts = {0};
    onus_run_result result = {0};
    opts.recipe = argv[1];
    opts.out = argv[2];
    if (onus_run(&opts, &result, &err) != ONUS_OK) return fail(&err);
    const onus_field *auc = onus_facts_find(result.facts, "auc");
    printf("auc %.4f, policies met: %d of %d\n", auc ? auc->r : 0.0, (int)result.policies_met,
           (int)result.policies);
    onus_run_result_release(&result);

    /* One applicant, as the table would have it. */
    const char *names[64], *values[64];
    onus_model *model = NULL;
    double probability;
    if (onus_model_open(&model, argv[2], NULL, &err) != ONUS_OK) return fail(&err);
    const int64_t n = onus_model_columns(model);
    for (int64_t i = 0; i < n && i < 64; i++) {
        names[i] = onus_model_column(model, i);
        values[i] = onus_model_typical(model, i);
    }
    if (onus_model_predict(model, names, values, n, &probability, &err) != ONUS_OK)
        return fail(&err);
    printf("P(%s) of a typical applicant: %.3f\n", onus_model_class(model, 1), probability);
    onus_model_close(model);

    if (onus_verify(argv[2], NULL, NULL, NULL, &err) != ONUS_OK) return fail(&err);
    printf("verified: %s\n", argv[2]);
    return 0;
}
