/* SPDX-License-Identifier: Apache-2.0
 * tlog_proof.h - one line of a ledger with its way to the signed head, as text: C2SP
 * tlog-proof. "c2sp.org/tlog-proof@v1", "extra" with the line itself in base64, "index" (from
 * 0), the RFC 6962 audit path, an empty line, the note. The extra data is not trusted: it is
 * the leaf that the path must lead from. */
#ifndef ONUS_PROOF_TLOG_PROOF_H
#define ONUS_PROOF_TLOG_PROOF_H
#include "proof/ledger.h"
#include "proof/merkle.h"
#include "proof/note.h"

enum { ONUS_TLOG_PROOF_MAX = 1 << 21 };
/* For entry i (from 0) of a log that has the note's head. */
onus_status onus_tlog_proof_write(onus_buf *out, const onus_log *log, int64_t i,
                                  const char *note, size_t note_len, const onus_allocator *mem,
                                  onus_err *err) ONUS_CHECKED;
typedef struct {
    uint64_t index;
    uint8_t path[ONUS_MERKLE_PATH_MAX][32];
    int n_path;
    const char *note; /* note[note_len], within the text that was read */
    size_t note_len;
} onus_tlog_proof;
/* Form alone; the line is appended to `line`. ONUS_TAMPER where it is none, or holds no line.
 */
onus_status onus_tlog_proof_read(onus_tlog_proof *out, onus_buf *line, const char *text,
                                 size_t len, const char *what, onus_err *err) ONUS_CHECKED;
/* Reads, checks the signature of k over the head and the way from the line to it. */
onus_status onus_tlog_proof_verify(onus_tlog_proof *out, onus_note *note, onus_buf *line,
                                   const char *text, size_t len, const char *what,
                                   const onus_key *k, onus_err *err) ONUS_CHECKED;
#endif
