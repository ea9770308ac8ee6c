/* SPDX-License-Identifier: Apache-2.0
 * Ledgers: what is read has one form, numbers its lines, and gives facts that can be
 * printed. */
#include "base/facts.h"
#include "base/hash.h"
#include "fuzz.h"
#include "proof/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_log *log = NULL;
    onus_facts *facts = NULL;
    onus_buf json;
    uint8_t root[32];
    onus_err err = {.msg = ""};
    if (!onus_crypto_start()) return 0;
    const onus_status st =
        onus_log_parse(&log, (const char *)data, size, "ledger.jsonl", NULL, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return 0;
    size_t bytes = 0;
    for (int64_t i = 0; i < onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i);
        FUZZ_CHECK(e->n == i + 1 && onus_log_type(log, e->type, i) == e);
        bytes += e->line_len + 1;
    }
    FUZZ_CHECK(bytes == size); /* nothing stands between the lines */
    onus_log_root(log, onus_log_count(log), root);
    onus_buf_init(&json, NULL, SIZE_MAX / 2);
    FUZZ_CHECK(onus_log_facts(log, onus_log_count(log), &facts, NULL) == ONUS_OK);
    FUZZ_CHECK(onus_facts_json(facts, &json, NULL) == ONUS_OK);
    onus_buf_release(&json);
    onus_facts_destroy(facts);
    onus_log_close(log);
    return 0;
}
