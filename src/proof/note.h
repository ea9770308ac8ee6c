/* SPDX-License-Identifier: Apache-2.0
 * note.h - the signed head: a C2SP tlog-checkpoint (origin, size, base64 root) as a C2SP
 * signed-note with Ed25519, and the keys that sign it (libsodium). Key files: NAME holds the
 * private key (mode 0600, note's "PRIVATE+KEY+name+hash+base64" form), NAME.pub the verifier
 * key "name+hash+base64". */
#ifndef ONUS_PROOF_NOTE_H
#define ONUS_PROOF_NOTE_H
#include "base/file.h"
#include "base/hash.h"

typedef struct {
    char name[128];
    uint32_t id;
    uint8_t pub[32];
    uint8_t secret[64];
    bool has_secret;
} onus_key;
/* name: no spaces, plus signs, control characters */
onus_status onus_key_new(onus_key *out, const char *name, onus_err *err) ONUS_CHECKED;
/* Writes path and path.pub; existing files are never overwritten. */
onus_status onus_key_save(const onus_key *k, const char *path, onus_err *err) ONUS_CHECKED;
/* private or .pub, told by its text */
onus_status onus_key_load(onus_key *out, const char *path, onus_err *err) ONUS_CHECKED;
/* "name+hash+base64" */
void onus_key_public_text(const onus_key *k, char out[256]);
onus_status onus_key_public_parse(onus_key *out, const char *text, const char *what,
                                  onus_err *err) ONUS_CHECKED;
void onus_key_wipe(onus_key *k);
/* The note's whole text for a tree of n leaves. */
onus_status onus_note_sign(onus_buf *out, const onus_key *k, const char *origin, uint64_t n,
                           const uint8_t root[32], onus_err *err) ONUS_CHECKED;
typedef struct {
    char origin[256];
    uint64_t n;
    uint8_t root[32];
    char signer[128];
    int64_t n_signatures;
    int64_t n_witnesses;
} onus_note;
/* Strict: form, base64 without slack, known key's signature valid. ONUS_TAMPER where the
 * signature is wrong or missing. */
onus_status onus_note_verify(onus_note *out, const char *text, size_t len, const char *what,
                             const onus_key *k, onus_err *err) ONUS_CHECKED;
#endif
