/* SPDX-License-Identifier: Apache-2.0
 * names_text.h - rows of the registry in words: for `onus names` and for docs/EVIDENCE.md. */
#ifndef ONUS_PROOF_NAMES_TEXT_H
#define ONUS_PROOF_NAMES_TEXT_H
#include "base/buf.h"
#include "proof/names.h"

/* "share of 0 to 1 with an interval", "whole, rows", "text: on, off" */
void onus_name_kind_text(const onus_name_row *row, onus_buf *out);
/* "claim", "observed", "said" or "as judged" */
const char *onus_body_text(onus_body body);
/* When it is there: "always", "binary; private"; "where there is any" for what may be left out.
 */
void onus_name_when_text(const onus_name_row *row, onus_buf *out);
void onus_when_text(unsigned when, onus_buf *out);
#endif
