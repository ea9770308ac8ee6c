/* SPDX-License-Identifier: Apache-2.0
 * stamp.h - time-stamp tokens of RFC 3161 over the signed text of a head: asked for, taken from
 * a reply, checked. OpenSSL does the work; it reads no configuration file and trusts no
 * certificate but those that it is given. */
#ifndef ONUS_PROOF_STAMP_H
#define ONUS_PROOF_STAMP_H
#include "base/buf.h"

enum { ONUS_STAMP_MAX = 1 << 16 };
/* A query (TimeStampReq, DER): imprint is a SHA-256; with a nonce, and the wish for the
 * authority's certificate. */
onus_status onus_stamp_ask(onus_buf *out, const uint8_t imprint[32],
                           onus_err *err) ONUS_CHECKED;
/* Sends the query to url (http://, nothing else) and appends the reply; no proxy, no
 * redirection, at most 30 seconds and ONUS_STAMP_MAX bytes. */
onus_status onus_stamp_fetch(onus_buf *out, const char *url, const onus_buf *query,
                             onus_err *err) ONUS_CHECKED;
/* The token within bytes[len], which are a reply (TimeStampResp) that grants one or a token
 * alone: bytes[*at .. *at + *n). ONUS_BAD_INPUT: neither, or more than that. */
onus_status onus_stamp_find(const void *bytes, size_t len, const char *what, size_t *at,
                            size_t *n, onus_err *err) ONUS_CHECKED;
typedef struct {
    char time[24];       /* 2026-11-30T14:03:11Z: whole seconds, UTC */
    char authority[256]; /* the name in its certificate */
    bool known;          /* the certificates lead to one that was given */
} onus_stamp_said;
/* Checks a token: form, imprint, its own signature by the certificate that comes with it, and,
 * where trusted (certificates in PEM, text[n_trusted]; NULL: none) is given, that this one
 * leads to one of them, is for time stamps, and was good at the time that the token tells.
 * query (may be NULL): the token must hold its nonce. ONUS_TAMPER where it is a token but of
 * something else, ONUS_BAD_INPUT where it is none. */
onus_status onus_stamp_check(onus_stamp_said *out, const void *token, size_t len,
                             const char *what, const uint8_t imprint[32], const onus_buf *query,
                             const char *trusted, size_t n_trusted, onus_err *err) ONUS_CHECKED;
#endif
