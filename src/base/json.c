/* SPDX-License-Identifier: Apache-2.0
 * json.c - RFC 8785 out, jansson in. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"

enum { DEPTH_MAX = 64 };

/* The first failure sticks. */
static void spoil(onus_buf *out, onus_status st)
{
    if (out->st == ONUS_OK) out->st = st;
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* The decimal of p digits nearest to v > 0 ("d.ddde+xx", the point of any locale); true if it
 * reads back as v. */
static bool nearest(double v, int p, char text[40])
{
    snprintf(text, 40, "%.*e", p - 1, v);
    return strtod(text, NULL) == v;
}

/* The next larger decimal of p digits. Below a power of two numbers are twice as dense as above
 * it: there the nearest decimal can miss v while this one, farther off, reads back. */
static bool nearest_above(double v, int p, char text[40])
{
    if (nearest(v, p, text)) return true;
    char *c = strchr(text, 'e');
    for (c--; c > text && (*c == '9' || *c < '0' || *c > '9'); c--)
        if (*c == '9') *c = '0';
    if (*c == '9') return false; /* 9.99 becomes 1 digit, which was tried */
    ++*c;
    return strtod(text, NULL) == v;
}

/* Shortest decimal digits that read back as v > 0, of these the nearest to v, as ECMAScript
 * asks for: v = 0.DIGITS 10^exponent. */
static int shortest_digits(double v, char digits[20], int *exponent)
{
    char text[40], shorter[40];
    const bool few = nearest(v, 15, text);
    int low = few ? 1 : 16, high = few ? 15 : 17;
    while (low < high) {
        const int p = (low + high) / 2;
        if (nearest(v, p, text))
            high = p;
        else
            low = p + 1;
    }
    (void)nearest(v, low, text);
    if (low > 1 && nearest_above(v, low - 1, shorter)) memcpy(text, shorter, sizeof text);
    int n = 0;
    const char *c = text;
    for (; *c && *c != 'e'; c++) {
        if (*c >= '0' && *c <= '9') digits[n++] = *c;
    }
    while (n > 1 && digits[n - 1] == '0') n--;
    *exponent = (int)strtol(c + 1, NULL, 10) + 1;
    return n;
}

/* ECMAScript's Number::toString, base 10 (ECMA-262, 6.1.6.1.20). */
void onus_json_number(onus_buf *out, double v)
{
    char digits[20] = "0", text[64];
    int e, n = 0;
    if (!isfinite(v)) {
        spoil(out, ONUS_BAD_INPUT);
        return;
    }
    if (v == 0) {
        onus_buf_str(out, "0");
        return;
    }
    const int k = shortest_digits(fabs(v), digits, &e);
    if (v < 0) text[n++] = '-';
    if (k <= e && e <= 21) {
        n += snprintf(text + n, sizeof text - (size_t)n, "%.*s%0*d", k, digits, e - k, 0);
        if (e == k) n--; /* %0*d with width 0 still prints a 0 */
    } else if (0 < e && e <= 21) {
        n += snprintf(text + n, sizeof text - (size_t)n, "%.*s.%.*s", e, digits, k - e,
                      digits + e);
    } else if (-6 < e && e <= 0) {
        n += snprintf(text + n, sizeof text - (size_t)n, "0.%.*s%.*s", -e, "000000", k, digits);
    } else {
        n += snprintf(text + n, sizeof text - (size_t)n, "%c%s%.*se%c%d", digits[0],
                      k > 1 ? "." : "", k - 1, digits + 1, e > 0 ? '+' : '-', abs(e - 1));
    }
    onus_buf_add(out, text, (size_t)n);
}

/* ---- texts ------------------------------------------------------------------------------- */

uint32_t onus_utf8_code(const char *text, int *len)
{
    const unsigned char *s = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const int n = s[0] < 0x80   ? 1
                  : s[0] < 0xc0 ? 0
                  : s[0] < 0xe0 ? 2
                  : s[0] < 0xf0 ? 3
                  : s[0] < 0xf8 ? 4
                                : 0;
    *len = n;
    if (n <= 1) return n ? s[0] : 0;
    uint32_t code = s[0] & (0x7fu >> n);
    for (int i = 1; i < n && *len; i++) {
        if ((s[i] & 0xc0) != 0x80) *len = 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) *len = 0;
    return code;
}

int onus_utf8_len(const char *text)
{
    int len;
    (void)onus_utf8_code(text, &len);
    return len;
}

bool onus_is_plain(const char *text)
{
    while (*text) {
        const int n = onus_utf8_len(text);
        if (n == 0 || onus_steers(text)) return false;
        text += n;
    }
    return true;
}

void onus_json_string(onus_buf *out, const char *text)
{
    onus_buf_add(out, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)text; *s && out->st == ONUS_OK;) {
        const int n = onus_utf8_len((const char *)s);
        static const char plain[] = "\b\t\n\f\r", letter[] = "btnfr";
        const char *at = strchr(plain, *s);
        if (n == 0)
            spoil(out, ONUS_BAD_INPUT);
        else if (*s == '"' || *s == '\\')
            onus_buf_printf(out, "\\%c", *s);
        else if (at)
            onus_buf_printf(out, "\\%c", letter[at - plain]);
        else if (*s < 0x20)
            onus_buf_printf(out, "\\u%04x", *s);
        else
            onus_buf_add(out, s, (size_t)n);
        s += n ? n : 1;
    }
    onus_buf_add(out, "\"", 1);
}

/* ---- whole values ------------------------------------------------------------------------ */

/* The next UTF-16 code unit of a UTF-8 text: a supplementary character gives its high surrogate
 * first, which is what makes this order differ from the order of bytes. *low holds the pending
 * low surrogate. */
static unsigned next_unit(const unsigned char **s, unsigned *low)
{
    if (*low) {
        const unsigned unit = *low;
        *low = 0;
        return unit;
    }
    int n;
    const unsigned code = onus_utf8_code((const char *)*s, &n);
    if (n <= 1) return *(*s)++;
    *s += n;
    if (code < 0x10000) return code;
    *low = 0xdc00 + ((code - 0x10000) & 0x3ff);
    return 0xd800 + ((code - 0x10000) >> 10);
}

static int by_units(const void *a, const void *b)
{
    const unsigned char *x = *(const unsigned char *const *)a,
                        *y = *(const unsigned char *const *)b;
    unsigned low_x = 0, low_y = 0;
    for (;;) {
        const bool end_x = !*x && !low_x, end_y = !*y && !low_y;
        if (end_x || end_y) return end_y - end_x;
        const unsigned u = next_unit(&x, &low_x), v = next_unit(&y, &low_y);
        if (u != v) return u < v ? -1 : 1;
    }
}

static void write_object(onus_buf *out, const json_t *value, int depth);

static void write_value(onus_buf *out, const json_t *value, int depth)
{
    if (depth >= DEPTH_MAX && (json_is_object(value) || json_is_array(value))) {
        spoil(out, ONUS_BAD_INPUT);
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT: write_object(out, value, depth); break;
    case JSON_ARRAY:
        onus_buf_str(out, "[");
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i) onus_buf_str(out, ",");
            write_value(out, json_array_get(value, i), depth + 1);
        }
        onus_buf_str(out, "]");
        break;
    case JSON_STRING: onus_json_string(out, json_string_value(value)); break;
    case JSON_INTEGER: onus_json_number(out, (double)json_integer_value(value)); break;
    case JSON_REAL: onus_json_number(out, json_real_value(value)); break;
    case JSON_TRUE: onus_buf_str(out, "true"); break;
    case JSON_FALSE: onus_buf_str(out, "false"); break;
    case JSON_NULL: onus_buf_str(out, "null"); break;
    }
}

static void write_object(onus_buf *out, const json_t *value, int depth)
{
    const size_t n = json_object_size(value);
    const char **keys = onus_alloc(out->mem, n + 1, sizeof *keys), *key;
    if (!keys) {
        spoil(out, ONUS_NO_MEM);
        return;
    }
    json_t *item;
    size_t i = 0;
    json_object_foreach((json_t *)value, key, item) keys[i++] = key;
    qsort(keys, n, sizeof *keys, by_units);
    onus_buf_str(out, "{");
    for (i = 0; i < n; i++) {
        if (i) onus_buf_str(out, ",");
        onus_json_string(out, keys[i]);
        onus_buf_str(out, ":");
        write_value(out, json_object_get(value, keys[i]), depth + 1);
    }
    onus_buf_str(out, "}");
    onus_free(out->mem, keys);
}

void onus_json_canonical(onus_buf *out, const json_t *value)
{
    write_value(out, value, 0);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* jansson limits depth at 2,048; evidence and models need far less. */
static bool too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"')
            quoted = true;
        else if (text[i] == '{' || text[i] == '[') {
            if (++depth > DEPTH_MAX) return true;
        } else if (text[i] == '}' || text[i] == ']')
            depth--;
    }
    return false;
}

/* ---- memory that does not end inside a text ---------------------------------------------- */

/* jansson 2.14 asserts, or writes beyond its buffer, where an allocation fails while it reads a
 * token. So its memory comes through here: what the C library refuses is taken from a reserve
 * that was put by before the text was begun, and reading then stops at the next piece. Its
 * allocator has no context of its own: hence the one variable of the library, one a thread. */
static _Thread_local struct {
    char *at, *begin, *end;
    bool ended; /* something came from the reserve: the text is not read further */
} reserve;

static void *take(size_t n)
{
    void *p = onus_alloc(NULL, n, 1);
    if (p || !reserve.at) return p;
    reserve.ended = true;
    const size_t room = (n + 15) / 16 * 16;
    if (room > (size_t)(reserve.end - reserve.at)) return NULL;
    p = reserve.at;
    reserve.at += room;
    return p;
}

static void give(void *p)
{
    const char *c = p;
    if (!reserve.begin || c < reserve.begin || c >= reserve.end) onus_free(NULL, p);
}

/* Text in pieces. A piece is at most PIECE bytes, jansson's own buffer. */
enum { PIECE = 1024 };
typedef struct {
    const char *text;
    size_t left;
} source;

static size_t next_piece(void *out, size_t size, void *ctx)
{
    source *s = ctx;
    if (reserve.ended) return (size_t)-1;
    const size_t n = s->left < size ? s->left : size;
    memcpy(out, s->text, n);
    s->text += n;
    s->left -= n;
    return n;
}

/* Enough to read a piece to its end: its values take some 75 bytes a byte of text at most
 * ("[{},{},": an object is 208), and one table or buffer that doubles on the way 8 bytes for
 * each byte of the whole text (an array of single digits, 8 bytes an entry). */
static size_t reserve_bytes(size_t len)
{
    return 256 * PIECE + 8 * len;
}

static void use_our_memory(void)
{
    json_malloc_t now = NULL;
    json_free_t then = NULL;
    json_get_alloc_funcs(&now, &then);
    if (now != take || then != give) json_set_alloc_funcs(take, give);
}

static json_t *load(const char *text, size_t len, json_error_t *e)
{
    source s = {text, len};
    const size_t n = reserve_bytes(len);
    use_our_memory();
    reserve.begin = reserve.at = onus_resize(NULL, NULL, n, 1);
    reserve.end = reserve.begin + (reserve.begin ? n : 0);
    reserve.ended = !reserve.begin;
    json_t *value =
        reserve.ended ? NULL : json_load_callback(next_piece, &s, JSON_REJECT_DUPLICATES, e);
    if (reserve.ended) { /* what stands in the reserve goes with it */
        json_decref(value);
        value = NULL;
        *e = (json_error_t){.text = ""};
        e->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
    }
    onus_free(NULL, reserve.begin);
    memset(&reserve, 0, sizeof reserve);
    return value;
}

/* RFC 8785 writes a real such as 1e20 as 21 digits, which jansson takes for an integer beyond
 * its range. Here each number of more than 18 digits, and nothing else, gets the ".0" that
 * makes it the real that it is. */
static json_t *load_long_reals(const char *text, size_t len, json_error_t *e)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 2 * len + 2);
    bool quoted = false, whole = true; /* whole: no fraction, no exponent so far */
    for (size_t i = 0, run = 0; i < len; i++) {
        const char c = text[i];
        const bool digit = c >= '0' && c <= '9';
        if (quoted && c == '\\') onus_buf_add(&b, text + i++, 1);
        quoted ^= c == '"';
        run = !quoted && digit ? run + 1 : 0;
        if (c == '.' || c == 'e' || c == 'E')
            whole = false;
        else if (!digit && c != '+' && c != '-')
            whole = true;
        if (i < len) onus_buf_add(&b, text + i, 1);
        if (whole && run > 18 && (i + 1 == len || !strchr("0123456789.eE", text[i + 1])))
            onus_buf_add(&b, ".0", 2);
    }
    json_t *value = b.st == ONUS_OK && b.data ? load(b.data, b.len, e) : NULL;
    onus_buf_release(&b);
    return value;
}

onus_status onus_json_parse(json_t **out, const char *text, size_t len, const char *what,
                            onus_err *err)
{
    json_error_t e;
    if (too_deep(text, len))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: JSON deeper than %d levels", what,
                         DEPTH_MAX);
    json_t *value = load(text, len, &e);
    if (!value && json_error_code(&e) == json_error_numeric_overflow)
        value = load_long_reals(text, len, &e);
    if (!value && json_error_code(&e) == json_error_out_of_memory)
        return onus_fail_mem(err, what);
    if (!value)
        return onus_fail(err, ONUS_BAD_INPUT, "%s:%d:%d: not JSON: %.160s", what, e.line,
                         e.column, e.text);
    *out = value;
    return ONUS_OK;
}
