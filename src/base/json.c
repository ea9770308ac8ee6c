/* SPDX-License-Identifier: Apache-2.0
 * json.c - RFC 8785 out, jansson in. */
#include "base/json.h"

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

void onus_json_number(onus_buf *out, double v)
{
    char text[ONUS_NUMBER_LEN];
    const int n = onus_json_number_text(text, v);
    if (n > 0)
        onus_buf_add(out, text, (size_t)n);
    else
        spoil(out, ONUS_BAD_INPUT);
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

int onus_utf8_cut(const char *text, int most)
{
    int n = 0;
    for (int len; (len = onus_utf8_len(text + n)) > 0 && text[n] && n + len <= most;) n += len;
    return n;
}

bool onus_is_plain(const char *text)
{
    for (;;) {
        while (*text >= ' ' && *text <= '~') text++; /* most, and nothing steers there */
        if (!*text) return true;
        const int n = onus_utf8_len(text);
        if (n == 0 || onus_steers(text)) return false;
        text += n;
    }
}

/* How many bytes at s stand in a canonical string as they are, in ASCII. */
static size_t plain_run(const unsigned char *s)
{
    size_t n = 0;
    while (s[n] >= 0x20 && s[n] < 0x80 && s[n] != '"' && s[n] != '\\') n++;
    return n;
}

/* What the character at s becomes, in out, and its own length; 0: no UTF-8. */
static int escape(const unsigned char *s, char out[8], size_t *len)
{
    static const char plain[] = "\b\t\n\f\r", letter[] = "btnfr";
    const int n = onus_utf8_len((const char *)s);
    const char *at = strchr(plain, *s);
    if (n == 0) return 0;
    if (*s == '"' || *s == '\\' || at) {
        out[0] = '\\';
        out[1] = at ? letter[at - plain] : (char)*s;
        *len = 2;
    } else if (*s < 0x20) {
        *len = (size_t)snprintf(out, 8, "\\u%04x", *s);
    } else {
        memcpy(out, s, (size_t)n);
        *len = (size_t)n;
    }
    return n;
}

void onus_json_string(onus_buf *out, const char *text)
{
    char escaped[8];
    size_t len;
    onus_buf_add(out, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)text; out->st == ONUS_OK;) {
        const size_t run = plain_run(s);
        onus_buf_add(out, s, run);
        s += run;
        if (!*s) break;
        const int n = escape(s, escaped, &len);
        if (n == 0)
            spoil(out, ONUS_BAD_INPUT);
        else
            onus_buf_add(out, escaped, len);
        s += n;
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

int onus_json_key_order(const char *a, const char *b)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    unsigned low_x = 0, low_y = 0;
    while (*x && *x == *y && *x < 0x80) x++, y++;
    for (;;) {
        const bool end_x = !*x && !low_x, end_y = !*y && !low_y;
        if (end_x || end_y) return end_y - end_x;
        const unsigned u = next_unit(&x, &low_x), v = next_unit(&y, &low_y);
        if (u != v) return u < v ? -1 : 1;
    }
}

static int by_units(const void *a, const void *b)
{
    return onus_json_key_order(*(const char *const *)a, *(const char *const *)b);
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

/* ---- checking ---------------------------------------------------------------------------- */

/* Of a text, what is still to be compared. */
typedef struct {
    const char *at;
    size_t left;
} rest;

static bool goes_on(rest *r, const void *data, size_t len)
{
    if (r->left < len || memcmp(r->at, data, len) != 0) return false;
    r->at += len;
    r->left -= len;
    return true;
}

static bool is_number(rest *r, double v)
{
    char text[ONUS_NUMBER_LEN];
    const int n = onus_json_number_text(text, v);
    return n > 0 && goes_on(r, text, (size_t)n);
}

static bool is_string(rest *r, const char *text)
{
    char escaped[8];
    size_t len;
    if (!goes_on(r, "\"", 1)) return false;
    for (const unsigned char *s = (const unsigned char *)text;;) {
        const size_t run = plain_run(s);
        if (!goes_on(r, s, run)) return false;
        s += run;
        if (!*s) return goes_on(r, "\"", 1);
        const int n = escape(s, escaped, &len);
        if (n == 0 || !goes_on(r, escaped, len)) return false;
        s += n;
    }
}

static bool is_value(rest *r, const json_t *value, int depth);

/* jansson keeps the order of the text; were it another, a good text would be refused, and no
 * bad one taken. */
static bool is_object(rest *r, const json_t *value, int depth)
{
    const char *key, *before = NULL;
    json_t *item;
    if (!goes_on(r, "{", 1)) return false;
    json_object_foreach((json_t *)value, key, item)
    {
        if (before && (onus_json_key_order(before, key) >= 0 || !goes_on(r, ",", 1)))
            return false;
        if (!is_string(r, key) || !goes_on(r, ":", 1) || !is_value(r, item, depth + 1))
            return false;
        before = key;
    }
    return goes_on(r, "}", 1);
}

static bool is_array(rest *r, const json_t *value, int depth)
{
    if (!goes_on(r, "[", 1)) return false;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i > 0 && !goes_on(r, ",", 1)) return false;
        if (!is_value(r, json_array_get(value, i), depth + 1)) return false;
    }
    return goes_on(r, "]", 1);
}

static bool is_value(rest *r, const json_t *value, int depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return depth < DEPTH_MAX && is_object(r, value, depth);
    case JSON_ARRAY: return depth < DEPTH_MAX && is_array(r, value, depth);
    case JSON_STRING: return is_string(r, json_string_value(value));
    case JSON_INTEGER: return is_number(r, (double)json_integer_value(value));
    case JSON_REAL: return is_number(r, json_real_value(value));
    case JSON_TRUE: return goes_on(r, "true", 4);
    case JSON_FALSE: return goes_on(r, "false", 5);
    case JSON_NULL: return goes_on(r, "null", 4);
    }
    return false;
}

bool onus_json_is_canonical(const json_t *value, const char *text, size_t len)
{
    rest r = {text, len};
    return is_value(&r, value, 0) && r.left == 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* jansson limits depth at 2,048; evidence and models need far less. */
static bool too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool quoted = false;
    size_t n = 0; /* brackets, quoted or not: few are not deep, and quickly counted */
    for (size_t i = 0; i < len; i++) n += text[i] == '{' || text[i] == '[';
    if (n <= DEPTH_MAX) return false;
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
    void *p = onus_resize(NULL, NULL, n, 1);
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

void onus_json_room_release(onus_json_room *room)
{
    onus_free(NULL, room->data);
    *room = (onus_json_room){0};
}

static json_t *load(const char *text, size_t len, onus_json_room *room, json_error_t *e)
{
    source s = {text, len};
    const size_t n = reserve_bytes(len);
    use_our_memory();
    if (room->len < n) {
        onus_json_room_release(room);
        room->data = onus_resize(NULL, NULL, n, 1);
        room->len = room->data ? n : 0;
    }
    reserve.begin = reserve.at = room->data;
    reserve.end = reserve.begin + room->len;
    reserve.ended = !reserve.begin;
    json_t *value =
        reserve.ended ? NULL : json_load_callback(next_piece, &s, JSON_REJECT_DUPLICATES, e);
    if (reserve.ended) { /* what stands in the reserve goes with it */
        json_decref(value);
        value = NULL;
        *e = (json_error_t){.text = ""};
        e->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
    }
    memset(&reserve, 0, sizeof reserve);
    return value;
}

/* RFC 8785 writes a real such as 1e20 as 21 digits, which jansson takes for an integer beyond
 * its range. Here each number of more than 18 digits, and nothing else, gets the ".0" that
 * makes it the real that it is. */
static json_t *load_long_reals(const char *text, size_t len, onus_json_room *room,
                               json_error_t *e)
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
    json_t *value = b.st == ONUS_OK && b.data ? load(b.data, b.len, room, e) : NULL;
    onus_buf_release(&b);
    return value;
}

onus_status onus_json_parse_in(onus_json_room *room, json_t **out, const char *text, size_t len,
                               const char *what, onus_err *err)
{
    json_error_t e;
    if (too_deep(text, len))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: JSON deeper than %d levels", what,
                         DEPTH_MAX);
    json_t *value = load(text, len, room, &e);
    if (!value && json_error_code(&e) == json_error_numeric_overflow)
        value = load_long_reals(text, len, room, &e);
    if (!value && json_error_code(&e) == json_error_out_of_memory)
        return onus_fail_mem(err, what);
    if (!value)
        return onus_fail(err, ONUS_BAD_INPUT, "%s:%d:%d: not JSON: %.160s", what, e.line,
                         e.column, e.text);
    *out = value;
    return ONUS_OK;
}

onus_status onus_json_parse(json_t **out, const char *text, size_t len, const char *what,
                            onus_err *err)
{
    onus_json_room room = {0};
    onus_status st = onus_json_parse_in(&room, out, text, len, what, err);
    onus_json_room_release(&room);
    return st;
}
