/* SPDX-License-Identifier: Apache-2.0
 * note.h - the signed head: a C2SP tlog-checkpoint (origin, size, base64 root, extension lines)
 * as a C2SP signed-note with Ed25519, the cosignatures of witnesses under it (C2SP
 * tlog-cosignature, "cosignature/v1"), and the keys that sign it (libsodium). Key files: NAME
 * holds the private key (mode 0600, note's "PRIVATE+KEY+name+hash+base64" form), NAME.pub the
 * verifier key "name+hash+base64". */
#ifndef ONUS_PROOF_NOTE_H
#define ONUS_PROOF_NOTE_H
#include "base/file.h"
#include "base/hash.h"

enum { ONUS_NOTE_MAX = 1 << 18 };
typedef enum {
    ONUS_KEY_SIGNS = 0x01,  /* a run's owner: the note's text */
    ONUS_KEY_COSIGNS = 0x04 /* a witness: the text and the time */
} onus_key_type;            /* signed-note's signature types */
typedef struct {
    char name[128];
    onus_key_type type;
    uint32_t id;
    uint8_t pub[32];
    uint8_t secret[64];
    bool has_secret;
} onus_key;
/* name: no spaces, plus signs, control characters */
onus_status onus_key_new(onus_key *out, const char *name, onus_key_type type,
                         onus_err *err) ONUS_CHECKED;
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
/* What a note says; text borrows from what was parsed. */
typedef struct {
    char origin[256];
    uint64_t n;
    uint8_t root[32];
    const char *text; /* text[len]: the whole note; its first text_len bytes are signed */
    size_t len, text_len;
    int64_t n_extensions; /* lines after the root: signed, and opaque */
    int64_t n_signatures; /* lines below, of whomever */
} onus_note;
/* Form alone: UTF-8, a checkpoint, signature lines, base64 without slack. ONUS_TAMPER. */
onus_status onus_note_parse(onus_note *out, const char *text, size_t len, const char *what,
                            onus_err *err) ONUS_CHECKED;
/* Extension line i of n_extensions, without its end. */
void onus_note_extension(const onus_note *note, int64_t i, const char **line, size_t *len);
typedef struct {
    int64_t n_lines; /* that the key signed; one or more */
    int64_t time;    /* the earliest of a witness's, in Unix seconds; 0 of an owner's */
} onus_seal;
/* Every signature of that key (name and id) is checked: ONUS_TAMPER where one is wrong or none
 * is there. Those of other keys are passed over. out may be NULL. */
onus_status onus_note_check(const onus_note *note, const char *what, const onus_key *k,
                            onus_seal *out, onus_err *err) ONUS_CHECKED;
/* Parses and checks. */
onus_status onus_note_verify(onus_note *out, const char *text, size_t len, const char *what,
                             const onus_key *k, onus_err *err) ONUS_CHECKED;
/* The note's text with a cosignature of that time below the lines that are there. */
onus_status onus_note_cosign(onus_buf *out, const onus_note *note, const onus_key *k,
                             int64_t time, onus_err *err) ONUS_CHECKED;
#endif
