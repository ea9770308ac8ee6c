/* SPDX-License-Identifier: Apache-2.0
 * Ledgers of the right form whose lines lie: what is judged, and the report on what passed.
 *
 * A line has to be canonical JSON with its own number, so bytes that are changed blindly do not
 * come as far as the judge. Half of the inputs are therefore made by the mutator below: it
 * changes what lines say, their names and their order, and writes them as a ledger again. The
 * seeds are ledgers of runs that fuzz/run.sh makes with the program under test: of its version,
 * with the names of its registry. */
#include "base/hash.h"
#include "base/json.h"
#include "fuzz.h"
#include "proof/judge.h"
#include "report/report.h"

#include <math.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* ---- a ledger that can be changed -------------------------------------------------------- */

enum { LINES_MAX = 200 };

typedef struct {
    json_t *line[LINES_MAX];
    int n;
    uint64_t drawn;
} book;

static uint32_t draw(book *b, size_t n)
{
    b->drawn ^= b->drawn << 13;
    b->drawn ^= b->drawn >> 7;
    b->drawn ^= b->drawn << 17;
    return n ? (uint32_t)(b->drawn % n) : 0;
}

/* Lines that are objects; the others are left out. */
static void book_read(book *b, const char *text, size_t size)
{
    for (const char *at = text, *end = text + size; at < end && b->n < LINES_MAX;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        json_t *v = NULL;
        if (onus_json_parse(&v, at, (size_t)(stop - at), "", NULL) == ONUS_OK &&
            json_is_object(v))
            b->line[b->n++] = v;
        else
            json_decref(v);
        at = stop + 1;
    }
}

/* 0: too long, or no ledger can say it */
static size_t book_write(book *b, uint8_t *data, size_t max_size)
{
    onus_buf text;
    onus_buf_init(&text, NULL, max_size);
    for (int i = 0; i < b->n; i++) {
        json_object_set_new(b->line[i], "n", json_integer(i + 1));
        onus_json_canonical(&text, b->line[i]);
        onus_buf_str(&text, "\n");
    }
    const size_t n = text.st == ONUS_OK ? text.len : 0;
    if (n) memcpy(data, text.data, n);
    onus_buf_release(&text);
    return n;
}

static void book_release(book *b)
{
    for (int i = 0; i < b->n; i++) json_decref(b->line[i]);
}

/* ---- what is changed --------------------------------------------------------------------- */

static json_t *body_of(const book *b, int i, bool observed)
{
    return json_object_get(b->line[i], observed ? "observed" : "claim");
}

/* Every name as likely as any: most stand in the last events, where most is computed. NULL:
 * none */
static json_t *draw_body(book *b)
{
    size_t names = 0;
    for (int i = 0; i < 2 * b->n; i++) names += json_object_size(body_of(b, i / 2, i % 2));
    size_t k = draw(b, names);
    for (int i = 0; i < 2 * b->n; i++) {
        json_t *body = body_of(b, i / 2, i % 2);
        if (k < json_object_size(body)) return body;
        k -= json_object_size(body);
    }
    return NULL;
}

static const char *draw_name(book *b, const json_t *body)
{
    void *at = json_object_iter((json_t *)body);
    for (uint32_t k = draw(b, json_object_size(body)); k > 0; k--)
        at = json_object_iter_next((json_t *)body, at);
    return at ? json_object_iter_key(at) : NULL;
}

static json_t *draw_text(const char *old)
{
    uint8_t text[256];
    size_t n = strlen(old) < sizeof text ? strlen(old) : sizeof text - 1;
    memcpy(text, old, n);
    n = LLVMFuzzerMutate(text, n, sizeof text);
    return json_stringn((const char *)text, n);
}

/* NULL: as it is */
static json_t *draw_number(book *b, const json_t *old)
{
    static const double reals[] = {0.5, 1.5, -0.25, 1e-300, 1e300, 0x1p-1074, 1e15, 0.1, 99.5};
    static const int64_t ints[] = {0,
                                   1,
                                   2,
                                   -1,
                                   3,
                                   100,
                                   1000,
                                   1001,
                                   INT32_MAX,
                                   (INT64_C(1) << 53) - 1,
                                   1 - (INT64_C(1) << 53)};
    const double v = json_number_value(old);
    switch (draw(b, 5)) {
    case 0: return json_integer(ints[draw(b, sizeof ints / sizeof *ints)]);
    case 1: return json_real(reals[draw(b, sizeof reals / sizeof *reals)]);
    case 2: return json_real(nextafter(v, draw(b, 2) ? INFINITY : -INFINITY));
    case 3: return json_integer((json_int_t)json_integer_value(old) + (draw(b, 2) ? 1 : -1));
    default: return json_real(-v / 2);
    }
}

static void change_list(book *b, json_t *list)
{
    const size_t n = json_array_size(list), i = draw(b, n), k = draw(b, n);
    json_t *v = json_array_get(list, i);
    switch (draw(b, 4)) {
    case 0: json_array_remove(list, i); break;
    case 1: json_array_insert_new(list, k, json_deep_copy(v)); break;
    case 2: json_array_set_new(list, i, json_deep_copy(json_array_get(list, k))); break;
    default:
        json_array_set_new(
            list, i, json_is_string(v) ? draw_text(json_string_value(v)) : draw_number(b, v));
    }
}

/* Mostly of the same kind: what is of another one does not come far. */
static json_t *draw_value(book *b, const json_t *old)
{
    static const char *const texts[] = {"undefined", "",    "off",  "no",        "values",
                                        "several",   "sex", "next", "made ready"};
    const json_t *other = draw_body(b);
    const char *name = draw_name(b, other);
    if (json_is_number(old) && draw(b, 4)) return draw_number(b, old);
    switch (draw(b, 8)) {
    case 0: return json_array();
    case 1: return json_null();
    case 2: return json_object();
    case 3: return draw_number(b, old);
    case 4: return json_is_string(old) ? draw_text(json_string_value(old)) : NULL;
    case 5: return json_string(texts[draw(b, sizeof texts / sizeof *texts)]);
    default: return name ? json_deep_copy(json_object_get(other, name)) : NULL;
    }
}

static void change_body(book *b)
{
    json_t *body = draw_body(b);
    const char *first = body ? draw_name(b, body) : NULL;
    char name[512];
    if (!first || strlen(first) >= sizeof name) return;
    memcpy(name, first, strlen(first) + 1); /* the object's own goes with its value */
    json_t *old = json_object_get(body, name), *other = draw_body(b);
    switch (draw(b, 10)) {
    case 0: json_object_del(body, name); break;
    case 1: { /* under another name */
        const char *to = draw_name(b, other);
        json_t *text = draw(b, 2) || !to ? draw_text(name) : json_string(to);
        if (text) json_object_set(body, json_string_value(text), old);
        if (text && draw(b, 2)) json_object_del(body, name);
        json_decref(text);
        break;
    }
    case 2: /* in another event, or in the other half of this one */
        if (other) json_object_set(other, name, old);
        if (draw(b, 2) && other != body) json_object_del(body, name);
        break;
    case 3:
    case 4:
        if (json_array_size(old)) {
            change_list(b, old);
            break;
        }
        /* fallthrough */
    default: json_object_set_new(body, name, draw_value(b, old));
    }
}

static void change_order(book *b)
{
    const int i = (int)draw(b, (size_t)b->n), k = (int)draw(b, (size_t)b->n);
    json_t *line = b->line[i];
    switch (draw(b, 4)) {
    case 0: /* out */
        json_decref(line);
        memmove(&b->line[i], &b->line[i + 1], (size_t)(--b->n - i) * sizeof line);
        break;
    case 1: /* twice */
        if (b->n == LINES_MAX) break;
        memmove(&b->line[k + 1], &b->line[k], (size_t)(b->n++ - k) * sizeof line);
        b->line[k] = json_deep_copy(line);
        break;
    case 2: /* the end is cut off */
        while (b->n > i + 1) json_decref(b->line[--b->n]);
        break;
    default: b->line[i] = b->line[k]; b->line[k] = line;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    book b = {.drawn = 0x9e3779b97f4a7c15u ^ seed};
    for (int i = 0; i < 8; i++) (void)draw(&b, 0);
    if (draw(&b, 32) == 0) return LLVMFuzzerMutate(data, size, max_size);
    book_read(&b, (const char *)data, size);
    for (int k = draw(&b, 4) ? 1 : 2; k > 0 && b.n > 0; k--) {
        if (draw(&b, 8))
            change_body(&b);
        else
            change_order(&b);
    }
    const size_t n = book_write(&b, data, max_size);
    book_release(&b);
    return n ? n : LLVMFuzzerMutate(data, size, max_size);
}

/* ---- what must be so --------------------------------------------------------------------- */

/* What is refused is refused for the event that is named: those before it are judged well. */
static void check_prefix(const onus_log *log, const onus_err *why)
{
    const char *named = strstr(why->msg, "event ");
    FUZZ_CHECK(named);
    const int64_t k = strtoll(named + 6, NULL, 10);
    FUZZ_CHECK(k >= 1 && k <= onus_log_count(log));
    FUZZ_CHECK(onus_judge_log(log, k - 1, false, NULL, NULL) == ONUS_OK);
}

/* Whoever shows a ledger believes what was judged. */
static void check_report(const onus_log *log)
{
    onus_buf html;
    onus_err err = {.msg = ""};
    onus_buf_init(&html, NULL, 64 << 20);
    const onus_status st = onus_report_html(log, onus_log_count(log), &html, NULL, &err);
    fuzz_check_status(st, &err);
    onus_buf_release(&html);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    onus_log *log = NULL, *judged = NULL;
    onus_err err = {.msg = ""}, why = {.msg = ""};
    if (!onus_crypto_start()) return 0;
    const int fd = fuzz_file(data, size, path);
    const onus_status seen = onus_log_read_judged(&judged, path, NULL, &why);
    close(fd);
    fuzz_check_status(seen, &why);
    onus_status st = onus_log_parse(&log, (const char *)data, size, "ledger", NULL, &err);
    FUZZ_CHECK(st == ONUS_OK || seen != ONUS_OK);
    if (st != ONUS_OK) return 0;
    /* read and judged at once, or one after the other; only what ends too early differs */
    st = onus_judge_log(log, onus_log_count(log), true, NULL, &err);
    fuzz_check_status(st, &err);
    FUZZ_CHECK(st == seen || (seen == ONUS_OK && strstr(err.msg, "the ledger ")));
    if (seen == ONUS_TAMPER && size % 8 == 0) check_prefix(log, &err);
    if (seen == ONUS_OK) check_report(log);
    onus_log_close(judged);
    onus_log_close(log);
    return 0;
}
