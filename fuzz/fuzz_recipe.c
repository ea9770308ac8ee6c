/* SPDX-License-Identifier: Apache-2.0
 * Recipes. */
#include "fuzz.h"
#include "run/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_recipe *r = NULL;
    onus_err err = {.msg = ""};
    const onus_status st =
        onus_recipe_parse(&r, "r.yaml", NULL, (const char *)data, size, NULL, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        const double sum = r->data.train + r->data.valid + r->data.test;
        FUZZ_CHECK(r->name && r->data.source && r->model.kind && sum > 0.999 && sum < 1.001);
        FUZZ_CHECK(r->privacy.off || (r->privacy.clip > 0 && r->privacy.delta > 0));
        FUZZ_CHECK(r->data.protected_none || r->data.n_protected > 0);
    }
    onus_recipe_close(r);
    return 0;
}
