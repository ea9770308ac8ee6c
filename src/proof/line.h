/* SPDX-License-Identifier: Apache-2.0
 * line.h - one line of a ledger, for log.c and ledger.c. */
#ifndef ONUS_PROOF_LINE_H
#define ONUS_PROOF_LINE_H
#include "proof/ledger.h"
enum { ONUS_LINE_MAX = 1 << 20, ONUS_LEDGER_MAX = 1 << 30 };
/* Checks one line; entry borrows from *root and line. */
onus_status onus_line_parse(onus_entry *out, json_t **root, const char *line, size_t len,
                            int64_t number, const char *what, onus_err *err) ONUS_CHECKED;
#endif
