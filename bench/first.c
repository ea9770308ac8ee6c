/* SPDX-License-Identifier: Apache-2.0
 * first.c - how long until the first prediction: opens the model of a run folder, predicts one
 * person, prints the probability. bench.py times it from exec to exit.
 *
 * usage: first RUN NAME=VALUE... */
#include <onus.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 64 };

int main(int argc, char **argv)
{
    const char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
    double out[COLUMNS_MAX];
    onus_err err;
    onus_model *model = NULL;
    const int n = argc - 2;
    if (n < 1 || n > COLUMNS_MAX) return 2;
    for (int i = 0; i < n; i++) {
        char *equals = strchr(argv[i + 2], '=');
        if (!equals) return 2;
        *equals = '\0';
        names[i] = argv[i + 2];
        values[i] = equals + 1;
    }
    if (onus_model_open(&model, argv[1], NULL, &err) != ONUS_OK ||
        onus_model_outputs(model) > COLUMNS_MAX ||
        onus_model_predict(model, names, values, n, out, &err) != ONUS_OK) {
        fprintf(stderr, "first: %s\n", err.msg);
        return 1;
    }
    printf("%.9g\n", out[0]);
    onus_model_close(model);
    return 0;
}
