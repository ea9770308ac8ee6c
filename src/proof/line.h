/* SPDX-License-Identifier: Apache-2.0
 * line.h - limits of a ledger, for log.c and ledger.c. */
#ifndef ONUS_PROOF_LINE_H
#define ONUS_PROOF_LINE_H
enum { ONUS_LINE_MAX = 1 << 20, ONUS_LEDGER_MAX = 1 << 30 };
#endif
