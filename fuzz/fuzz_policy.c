/* SPDX-License-Identifier: Apache-2.0
 * Demands of a recipe. */
#include "fuzz.h"
#include "proof/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_policy p;
    onus_err err = {.msg = ""};
    char *text = malloc(size + 1);
    FUZZ_CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    const onus_status st = onus_policy_parse(&p, text, "r.yaml", 1, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        FUZZ_CHECK(p.name[0] && strstr(text, p.name) && p.bound - p.bound == 0);
        onus_facts *facts = NULL;
        double found = 0;
        bool observed;
        FUZZ_CHECK(onus_facts_create(&facts, NULL, NULL) == ONUS_OK);
        const onus_field f = {.name = p.name, .kind = ONUS_FIELD_REAL, .r = p.bound};
        FUZZ_CHECK(onus_facts_add(facts, &f, NULL) == ONUS_OK);
        const onus_verdict v = onus_policy_judge(&p, facts, &found, &observed);
        const bool met = p.op == ONUS_OP_LE || p.op == ONUS_OP_GE || p.op == ONUS_OP_EQ;
        FUZZ_CHECK(v == (met ? ONUS_VERDICT_MET : ONUS_VERDICT_NOT_MET));
        onus_facts_destroy(facts);
    }
    free(text);
    return 0;
}
