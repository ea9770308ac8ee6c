/* SPDX-License-Identifier: Apache-2.0
 * facts.h - a flat list from dotted names to values, in the order in which they came. What
 * `--json` prints and policies read. The type and its readers are public (onus.h). */
#ifndef ONUS_BASE_FACTS_H
#define ONUS_BASE_FACTS_H
#include "base/buf.h"
onus_status onus_facts_create(onus_facts **out, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
/* Takes over scalar fields of an event (INT, REAL, TEXT, UNDEFINED); a name seen before is
 * replaced in place. */
onus_status onus_facts_add(onus_facts *f, const onus_field *field, onus_err *err) ONUS_CHECKED;
/* A sink that adds every scalar field of every event to the facts. */
onus_sink onus_facts_sink(onus_facts *f);
/* One canonical JSON object from names to numbers, texts or "undefined". */
onus_status onus_facts_json(const onus_facts *f, onus_buf *out, onus_err *err) ONUS_CHECKED;
#endif
