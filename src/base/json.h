/* SPDX-License-Identifier: Apache-2.0
 * json.h - canonical JSON out (RFC 8785), strict JSON in (jansson: depth limit, duplicate
 * keys refused, size limit). jansson cannot write RFC 8785, so the writer is ours. */
#ifndef ONUS_BASE_JSON_H
#define ONUS_BASE_JSON_H
#include <jansson.h>
#include "base/buf.h"
/* A number as ECMAScript prints it (RFC 8785, 3.2.2.3); v must be finite. */
void onus_json_number(onus_buf *out, double v);
/* The same without a NUL; returns its length, 0 where v is not finite. */
#define ONUS_NUMBER_LEN 40
int onus_json_number_text(char out[ONUS_NUMBER_LEN], double v);
/* The character at text, which a NUL ends, and the length of its UTF-8 sequence; 0 if it is
 * none (RFC 3629: no surrogates, no overlong forms). */
uint32_t onus_utf8_code(const char *text, int *len);
int onus_utf8_len(const char *text);
/* Bytes of the whole characters among the first `most`, for "%.*s" of what a ledger holds. */
int onus_utf8_cut(const char *text, int most);
/* Whether a text is UTF-8 that shows as one line, as it stands: nothing steers. */
bool onus_is_plain(const char *text);
/* A quoted string, escaped as RFC 8785, 3.2.2.2. Bytes that are not UTF-8 set out->st to
 * BAD_INPUT. */
void onus_json_string(onus_buf *out, const char *text);
/* How RFC 8785 sorts the keys of an object, by their UTF-16 code units: below 0, 0, above 0. */
int onus_json_key_order(const char *a, const char *b);
/* A whole value, keys sorted by UTF-16 code units, no spaces. Reals that are not finite set
 * BAD_INPUT. */
void onus_json_canonical(onus_buf *out, const json_t *value);
/* Whether text[len], from which value was parsed, is what onus_json_canonical writes. */
bool onus_json_is_canonical(const json_t *value, const char *text, size_t len);
/* Parses text[len]; duplicate keys, NULs, more than 64 levels or trailing bytes are errors that
 * name `what`, line and column. Caller: json_decref. */
onus_status onus_json_parse(json_t **out, const char *text, size_t len, const char *what,
                            onus_err *err) ONUS_CHECKED;
/* The same for many texts: room, zeroed at first, holds what a parser puts by against the end
 * of memory. One a thread. */
typedef struct {
    char *data;
    size_t len;
} onus_json_room;
onus_status onus_json_parse_in(onus_json_room *room, json_t **out, const char *text, size_t len,
                               const char *what, onus_err *err) ONUS_CHECKED;
void onus_json_room_release(onus_json_room *room);
#endif
