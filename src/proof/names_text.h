/* SPDX-License-Identifier: Apache-2.0
 * names_text.h - rows of the registry in words: for `onus names` and for docs/EVIDENCE.md. */
#ifndef ONUS_PROOF_NAMES_TEXT_H
#define ONUS_PROOF_NAMES_TEXT_H
#include "base/buf.h"
#include "proof/names.h"

/* "measured, 0 to 1; more is better", "whole, from 0, rows, or undefined", "text: on | off" */
void onus_name_kind_text(const onus_name_row *row, onus_buf *out);
/* "claim", "observed", "said", "as what it judges" */
const char *onus_body_text(onus_body body);
/* What a run must be: "two classes or more classes, private"; nothing: always. */
void onus_when_text(unsigned when, onus_buf *out);
/* The same of a name, and "if any" where it may be absent all the same. */
void onus_name_when_text(const onus_name_row *row, onus_buf *out);
/* Bits that have no words: none, which a test says. */
unsigned onus_when_unworded(unsigned when);
#endif
