/* SPDX-License-Identifier: Apache-2.0
 * plain_rule.h - the rule for canonical bytes without anything clever: jansson reads the line,
 * it is written again, the bytes are compared. For the test of ledgers and their fuzzer. */
#ifndef ONUS_TESTS_PLAIN_RULE_H
#define ONUS_TESTS_PLAIN_RULE_H
#include <string.h>

#include "base/json.h"

static inline bool plainly_canonical(const char *line, size_t len)
{
    json_t *v = NULL;
    onus_buf b;
    if (onus_json_parse(&v, line, len, "", NULL) != ONUS_OK) return false;
    onus_buf_init(&b, NULL, 2 << 20);
    onus_json_canonical(&b, v);
    const bool same = b.st == ONUS_OK && b.len == len && memcmp(b.data, line, len) == 0;
    json_decref(v);
    onus_buf_release(&b);
    return same;
}
#endif
