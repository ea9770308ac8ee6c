/* SPDX-License-Identifier: Apache-2.0
 * json_read.c - RFC 8259, strictly, into jansson's values.
 *
 * Why not jansson's own reader: where memory ends it loses a letter of a text and goes on
 * (2.14: lex_save), which ends in an assertion or in a heap overrun. Its values are sound, and
 * theirs are the failures that are checked here. This reader also takes an integer beyond 64
 * bits for the real that RFC 8785 writes so. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/mem.h"

enum { DEPTH_MAX = 64 };

typedef struct {
    const char *text, *what;
    size_t len, at;
    int depth;
    onus_buf word; /* the text or number that is being read */
    onus_err *err;
} reader;

/* ---- complaints -------------------------------------------------------------------------- */

static onus_status wrong(const reader *r, const char *expected)
{
    int line = 1;
    size_t column = 0;
    for (size_t i = 0; i < r->at && i < r->len; i++) {
        column = r->text[i] == '\n' ? 0 : column + 1;
        line += r->text[i] == '\n';
    }
    return onus_fail(r->err, ONUS_BAD_INPUT, "%s:%d:%zu: not JSON: expected %s", r->what, line,
                     column, expected);
}

static onus_status no_memory(const reader *r)
{
    return onus_fail_mem(r->err, r->what);
}

/* ---- letters ----------------------------------------------------------------------------- */

/* The byte that comes next; 0 at the end (a NUL among the bytes is one that nothing expects).
 */
static unsigned char peek(const reader *r)
{
    return r->at < r->len ? (unsigned char)r->text[r->at] : 0;
}

static void skip_blanks(reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r') r->at++;
}

static bool take(reader *r, char c)
{
    if (peek(r) != (unsigned char)c) return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    const size_t n = strlen(word);
    if (r->len - r->at < n || memcmp(r->text + r->at, word, n) != 0) return false;
    r->at += n;
    return true;
}

/* ---- texts ------------------------------------------------------------------------------- */

/* Four hexadecimal digits; -1 if they are none. */
static int take_unit(reader *r)
{
    int v = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const unsigned char c = peek(r);
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    return v;
}

static void put_utf8(onus_buf *out, unsigned code)
{
    char bytes[4];
    size_t n = 0;
    if (code < 0x80) {
        bytes[n++] = (char)code;
    } else if (code < 0x800) {
        bytes[n++] = (char)(0xc0 | code >> 6);
        bytes[n++] = (char)(0x80 | (code & 0x3f));
    } else {
        if (code < 0x10000) {
            bytes[n++] = (char)(0xe0 | code >> 12);
        } else {
            bytes[n++] = (char)(0xf0 | code >> 18);
            bytes[n++] = (char)(0x80 | (code >> 12 & 0x3f));
        }
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[n++] = (char)(0x80 | (code & 0x3f));
    }
    onus_buf_add(out, bytes, n);
}

/* What follows a backslash. */
static onus_status read_escape(reader *r)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *at = peek(r) ? strchr(letters, peek(r)) : NULL;
    if (at) {
        r->at++;
        onus_buf_add(&r->word, values + (at - letters), 1);
        return ONUS_OK;
    }
    if (!take(r, 'u')) return wrong(r, "an escape that exists");
    int code = take_unit(r);
    if (code >= 0xd800 && code < 0xdc00) {
        const int low = take(r, '\\') && take(r, 'u') ? take_unit(r) : -1;
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00
                                             : -1;
    } else if (code >= 0xdc00 && code < 0xe000) {
        code = -1;
    }
    if (code <= 0) return wrong(r, "\\u and a character other than NUL");
    put_utf8(&r->word, (unsigned)code);
    return ONUS_OK;
}

/* Most letters: themselves, alone. */
static bool is_simple(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* A quoted text into r->word. */
static onus_status read_text(reader *r)
{
    if (!take(r, '"')) return wrong(r, "a text");
    onus_buf_clear(&r->word);
    onus_buf_add(&r->word, "", 0);
    for (;;) {
        const size_t from = r->at;
        while (is_simple(peek(r))) r->at++;
        onus_buf_add(&r->word, r->text + from, r->at - from);
        const unsigned char c = peek(r);
        if (take(r, '"')) break;
        if (c < 0x20) return wrong(r, "the end of the text");
        if (take(r, '\\')) {
            onus_status st = read_escape(r);
            if (st != ONUS_OK) return st;
            continue;
        }
        const size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (r->len - r->at < n || onus_utf8_len(r->text + r->at) != (int)n)
            return wrong(r, "UTF-8");
        onus_buf_add(&r->word, r->text + r->at, n);
        r->at += n;
    }
    return r->word.st == ONUS_OK ? ONUS_OK : no_memory(r);
}

/* ---- numbers ----------------------------------------------------------------------------- */

static bool take_digits(reader *r)
{
    const size_t from = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') r->at++;
    return r->at > from;
}

/* The number's letters into r->word, with the locale's point, which strtod wants. */
static void copy_number(reader *r, size_t from)
{
    onus_buf_clear(&r->word);
    for (size_t i = from; i < r->at; i++) {
        if (r->text[i] == '.')
            onus_buf_str(&r->word, localeconv()->decimal_point);
        else
            onus_buf_add(&r->word, r->text + i, 1);
    }
}

static onus_status read_number(reader *r, json_t **out)
{
    const size_t from = r->at;
    (void)take(r, '-');
    bool good = take(r, '0') || take_digits(r);
    const size_t whole = r->at;
    if (good && take(r, '.')) good = take_digits(r);
    if (good && (take(r, 'e') || take(r, 'E'))) {
        if (!take(r, '+')) (void)take(r, '-');
        good = take_digits(r);
    }
    if (!good) return wrong(r, "a number");
    copy_number(r, from);
    if (r->word.st != ONUS_OK) return no_memory(r);
    errno = 0;
    const long long i = r->at == whole ? strtoll(r->word.data, NULL, 10) : 0;
    if (r->at == whole && errno == 0) {
        *out = json_integer(i);
    } else {
        const double v = strtod(r->word.data, NULL);
        if (!isfinite(v)) return wrong(r, "a number within the range of binary64");
        *out = json_real(v);
    }
    return *out ? ONUS_OK : no_memory(r);
}

/* ---- values ------------------------------------------------------------------------------ */

static onus_status read_value(reader *r, json_t **out);

static onus_status read_array(reader *r, json_t *list)
{
    skip_blanks(r);
    if (take(r, ']')) return ONUS_OK;
    for (;;) {
        json_t *item = NULL;
        onus_status st = read_value(r, &item);
        if (st != ONUS_OK) return st;
        if (json_array_append_new(list, item) != 0) return no_memory(r);
        skip_blanks(r);
        if (take(r, ']')) return ONUS_OK;
        if (!take(r, ',')) return wrong(r, "a comma or the end of the list");
        skip_blanks(r);
    }
}

/* One name and its value, each name once. */
static onus_status read_pair(reader *r, json_t *object)
{
    json_t *item = NULL;
    onus_status st = read_text(r);
    if (st != ONUS_OK) return st;
    if (json_object_get(object, r->word.data)) return wrong(r, "no duplicate object key");
    char *name = onus_strdup(NULL, r->word.data); /* r->word is needed for what follows */
    if (!name) return no_memory(r);
    skip_blanks(r);
    st = take(r, ':') ? ONUS_OK : wrong(r, "a colon");
    skip_blanks(r);
    if (st == ONUS_OK) st = read_value(r, &item);
    if (st == ONUS_OK && json_object_set_new(object, name, item) != 0) st = no_memory(r);
    onus_free(NULL, name);
    return st;
}

static onus_status read_object(reader *r, json_t *object)
{
    skip_blanks(r);
    if (take(r, '}')) return ONUS_OK;
    for (;;) {
        onus_status st = read_pair(r, object);
        if (st != ONUS_OK) return st;
        skip_blanks(r);
        if (take(r, '}')) return ONUS_OK;
        if (!take(r, ',')) return wrong(r, "a comma or the end of the object");
        skip_blanks(r);
    }
}

/* A list or an object; evidence and models need few levels. */
static onus_status read_nested(reader *r, json_t **out)
{
    if (r->depth == DEPTH_MAX)
        return onus_fail(r->err, ONUS_BAD_INPUT, "%s: JSON deeper than %d levels", r->what,
                         DEPTH_MAX);
    r->depth++;
    const bool is_list = take(r, '[');
    if (!is_list) (void)take(r, '{');
    json_t *v = is_list ? json_array() : json_object();
    if (!v) return no_memory(r);
    onus_status st = is_list ? read_array(r, v) : read_object(r, v);
    r->depth--;
    if (st == ONUS_OK)
        *out = v;
    else
        json_decref(v);
    return st;
}

static onus_status read_value(reader *r, json_t **out)
{
    const unsigned char c = peek(r);
    if (c == '[' || c == '{') return read_nested(r, out);
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(r, out);
    if (c == '"') {
        onus_status st = read_text(r);
        if (st == ONUS_OK && !(*out = json_string(r->word.data))) st = no_memory(r);
        return st;
    }
    if (take_word(r, "true"))
        *out = json_true();
    else if (take_word(r, "false"))
        *out = json_false();
    else if (take_word(r, "null"))
        *out = json_null();
    else
        return wrong(r, "a value");
    return ONUS_OK;
}

onus_status onus_json_parse(json_t **out, const char *text, size_t len, const char *what,
                            onus_err *err)
{
    reader r = {.text = text, .what = what, .len = len, .err = err};
    json_t *v = NULL;
    onus_buf_init(&r.word, NULL, len + 64);
    skip_blanks(&r);
    onus_status st = peek(&r) == '{' || peek(&r) == '[' ? read_nested(&r, &v)
                                                        : wrong(&r, "an object or a list");
    if (st == ONUS_OK) {
        skip_blanks(&r);
        if (r.at < len) {
            json_decref(v);
            st = wrong(&r, "nothing after the value");
        }
    }
    onus_buf_release(&r.word);
    if (st == ONUS_OK) *out = v;
    return st;
}
