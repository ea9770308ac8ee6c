/* SPDX-License-Identifier: Apache-2.0
 * Ledgers: what is read has one form, numbers its lines, and gives facts that can be
 * printed. */
#include "base/facts.h"
#include "base/hash.h"
#include "fuzz.h"
#include "proof/ledger.h"
#include "../tests/plain_rule.h"

#include <stdlib.h>
#include <string.h>

/* The line that a refusal for its bytes names is refused by the plain rule, too. */
static void check_refusal(const char *data, size_t size, const onus_err *err)
{
    const char *named = strstr(err->msg, "event ");
    if (!named || !strstr(err->msg, "not canonical")) return;
    const char *at = data, *end = data + size;
    for (long n = strtol(named + 6, NULL, 10); n > 1 && at; n--) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    FUZZ_CHECK(at && at < end);
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    FUZZ_CHECK(stop && !plainly_canonical(at, (size_t)(stop - at)));
}

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
    if (st != ONUS_OK) {
        check_refusal((const char *)data, size, &err);
        return 0;
    }
    size_t bytes = 0;
    for (int64_t i = 0; i < onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i);
        FUZZ_CHECK(e->n == i + 1 && onus_log_type(log, e->type, i) == e);
        FUZZ_CHECK(plainly_canonical(e->line, e->line_len));
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
