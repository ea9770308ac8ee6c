/* SPDX-License-Identifier: Apache-2.0
 * page.c - see page.h. Numbers are formatted by snprintf with a fixed number of decimals: glibc
 * rounds them correctly, so that the page is the same bytes everywhere; the decimal point is
 * put in by us, whatever the locale. */
#include "report/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text -------------------------------------------------------------------------------- */

void onus_page_raw(onus_page *p, const char *html)
{
    onus_buf_str(p->out, html);
}

/* One code point of UTF-8 and its length; 0xFFFD and 1 where the bytes are none. */
static uint32_t decode(const char *c, int *len)
{
    const uint32_t v = onus_utf8_code(c, len);
    if (*len) return v;
    *len = 1;
    return 0xfffd;
}

/* What would change how a page reads without being seen: controls, marks of direction
 * (UAX #9), invisible operators and tags. Joiners stay: scripts need them. */
static bool is_hidden(uint32_t v)
{
    return (v < 0x20 && v != '\n' && v != '\t') || (v >= 0x7f && v < 0xa0) || v == 0x61c ||
           v == 0x200b || v == 0x200e || v == 0x200f || (v >= 0x2028 && v <= 0x202e) ||
           (v >= 0x2060 && v <= 0x206f) || v == 0xfeff || (v >= 0xfff9 && v <= 0xfffb) ||
           v == 0xfffe || v == 0xffff || (v >= 0xe0000 && v <= 0xe007f);
}

static void add_char(onus_page *p, const char *bytes, int len, uint32_t v)
{
    const char *as = v == '&'      ? "&amp;"
                     : v == '<'    ? "&lt;"
                     : v == '>'    ? "&gt;"
                     : v == '"'    ? "&quot;"
                     : v == '\''   ? "&#39;"
                     : v == 0xfffd ? "\xef\xbf\xbd"
                                   : NULL;
    if (as)
        onus_buf_str(p->out, as);
    else if (is_hidden(v))
        onus_buf_printf(p->out, "[U+%04X]", (unsigned)v);
    else
        onus_buf_add(p->out, bytes, (size_t)len);
}

void onus_page_text_cut(onus_page *p, const char *text, int chars)
{
    int len;
    for (const char *c = text; *c; c += len) {
        const uint32_t v = decode(c, &len);
        if (chars-- == 0) {
            onus_page_raw(p, "\xe2\x80\xa6"); /* ellipsis */
            return;
        }
        add_char(p, c, len, v);
    }
}

void onus_page_text(onus_page *p, const char *text)
{
    onus_page_text_cut(p, text, -1);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %2E and its like undone; a plus sign as it stands joins the groups of an intersection. */
static void decode_part(char *to, const char *part)
{
    for (const char *c = part; *c; c++) {
        const int high = *c == '%' ? hex_digit(c[1]) : -1;
        const int low = high >= 0 ? hex_digit(c[2]) : -1;
        if (low >= 0 && (high || low)) {
            *to++ = (char)(high << 4 | low);
            c += 2;
        } else if (*c == '+') {
            to += sprintf(to, " \xc2\xb7 ");
        } else {
            *to++ = *c;
        }
    }
    *to = '\0';
}

void onus_page_part(onus_page *p, const char *part)
{
    char *text = onus_arena_alloc(&p->arena, strlen(part) + 1, 4);
    if (!text) {
        p->st = ONUS_NO_MEM;
        return;
    }
    decode_part(text, part);
    onus_page_text(p, text);
}

void onus_page_printf(onus_page *p, const char *html, ...)
{
    char text[2048];
    va_list args;
    va_start(args, html);
    const int n = vsnprintf(text, sizeof text, html, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        p->st = p->st == ONUS_OK ? ONUS_BAD_ARG : p->st;
    else
        onus_buf_add(p->out, text, (size_t)n);
}

void onus_page_say(onus_page *p, onus_text t)
{
    onus_page_raw(p, onus_text_of(t, p->language));
}

void onus_page_tag(onus_page *p, const char *open_tag, onus_text t)
{
    onus_page_raw(p, open_tag);
    onus_page_say(p, t);
    onus_page_printf(p, "</%.*s>", (int)strcspn(open_tag + 1, " >"), open_tag + 1);
}

void onus_page_says(onus_page *p, const char *about, const char *says)
{
    onus_page_raw(p, " data-about=\"");
    onus_page_text(p, about);
    onus_page_printf(p, "\" data-says=\"%s\"", says);
}

/* ---- facts ------------------------------------------------------------------------------- */

/* The ledger's own copy of a key, so that a fact can name itself without an allocation. */
static onus_fact fact_of(const onus_entry *e, const char *name)
{
    void *at = json_object_iter_at(e->claim, name);
    if (!at) at = json_object_iter_at(e->observed, name);
    if (!at) return (onus_fact){0};
    return (onus_fact){
        .v = json_object_iter_value(at), .name = json_object_iter_key(at), .event = e->n};
}

onus_fact onus_entry_fact(const onus_entry *e, const char *fmt, ...)
{
    char name[2048];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    return !e || n < 0 || (size_t)n >= sizeof name ? (onus_fact){0} : fact_of(e, name);
}

onus_fact onus_page_fact(onus_page *p, const char *fmt, ...)
{
    char name[2048];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    if (!p->log || n < 0 || (size_t)n >= sizeof name) return (onus_fact){0};
    const onus_entry *e = onus_log_find(p->log, name, p->n, NULL);
    return e ? fact_of(e, name) : (onus_fact){0};
}

bool onus_fact_real(onus_fact f, double *out)
{
    if (!f.v || !json_is_number(f.v)) return false;
    *out = json_number_value(f.v);
    return true;
}

const char *onus_fact_text(onus_fact f)
{
    return f.v ? json_string_value(f.v) : NULL;
}

bool onus_fact_is(onus_fact f, const char *text)
{
    const char *mine = onus_fact_text(f);
    return mine && strcmp(mine, text) == 0;
}

bool onus_fact_undefined(onus_fact f)
{
    return onus_fact_is(f, "undefined");
}

bool onus_fact_small(onus_fact f)
{
    double v;
    return onus_fact_real(f, &v) && v > 0 && v < ONUS_PEOPLE_MIN;
}

size_t onus_fact_size(onus_fact f)
{
    return f.v ? json_array_size(f.v) : 0;
}

bool onus_fact_item(onus_fact f, size_t i, double *out)
{
    const json_t *v = json_array_get(f.v, i);
    if (!v || !json_is_number(v)) return false;
    *out = json_number_value(v);
    return true;
}

const char *onus_fact_item_text(onus_fact f, size_t i)
{
    const char *text = json_string_value(json_array_get(f.v, i));
    return text ? text : "";
}

/* The MIDDLE of a key, or 0 characters. */
static size_t middle(const char *key, const char *prefix, const char *suffix)
{
    const size_t n = strlen(key), before = strlen(prefix), after = strlen(suffix);
    if (n <= before + after || strncmp(key, prefix, before) != 0) return 0;
    const size_t len = strcspn(key + before, ".");
    return before + len + after == n && strcmp(key + before + len, suffix) == 0 ? len : 0;
}

onus_parts onus_page_parts(onus_page *p, const onus_entry *e, const char *prefix,
                           const char *suffix)
{
    onus_parts parts = {0};
    const char *key;
    json_t *v;
    if (!e) return parts;
    parts.name =
        onus_arena_alloc(&p->arena, json_object_size(e->claim) + 1, sizeof *parts.name);
    if (!parts.name) {
        p->st = ONUS_NO_MEM;
        return parts;
    }
    json_object_foreach(e->claim, key, v)
    {
        const size_t len = middle(key, prefix, suffix);
        if (len == 0) continue;
        const char *name = onus_arena_printf(&p->arena, "%.*s", (int)len, key + strlen(prefix));
        if (!name) {
            p->st = ONUS_NO_MEM;
            return parts;
        }
        parts.name[parts.n++] = name;
    }
    return parts;
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* 2.1e-07 as a person writes it: 2.1·10⁻⁷; a power of ten without its 1. */
static void scientific(char out[32], double v)
{
    static const char *const superscript[] = {
        "\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",     "\xe2\x81\xb4",
        "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7", "\xe2\x81\xb8", "\xe2\x81\xb9"};
    char text[40], digits[40];
    snprintf(text, sizeof text, "%.1e", fabs(v));
    snprintf(digits, sizeof digits, "%.14e", fabs(v));
    const char *e = text + strcspn(text, "e");
    int n = 0;
    if (v < 0) n += snprintf(out, 32, "\xe2\x88\x92");
    if (strspn(digits + 1, "0.,") < 15 || digits[0] != '1')
        n += snprintf(out + n, (size_t)(32 - n), "%c.%c\xc2\xb7", text[0], e[-1]);
    n += snprintf(out + n, (size_t)(32 - n), "10%s", e[1] == '-' ? "\xe2\x81\xbb" : "");
    for (const char *c = e + 2 + (e[2] == '0'); *c && n < 28; c++)
        n += snprintf(out + n, (size_t)(32 - n), "%s", superscript[*c - '0']);
}

/* Decimals, at least as many, that tell v from another number: a 0.9997 is no 1. */
static int decimals_apart(double v, double from, int decimals)
{
    char text[64];
    const int most = fabs(v) < 1000 ? 17 : 9; /* 17 tell any two apart; 31 bytes are the room */
    while (decimals < most && v != from && fabs(v) < 1e12) {
        snprintf(text, sizeof text, "%.*f", decimals, v);
        if (strtod(text, NULL) != from) break;
        decimals++;
    }
    return decimals;
}

/* The decimals are meant as they are. */
static void fixed_number(char out[32], double v, int decimals)
{
    char text[64];
    double least = 0.5;
    const double size = fabs(v);
    for (int i = 0; i < decimals; i++) least /= 10;
    if (size != 0 && (size < least || size >= 1e12)) {
        scientific(out, v);
        return;
    }
    snprintf(text, sizeof text, "%.*f", decimals, size);
    const int whole = (int)strspn(text, "0123456789");
    int n = v < 0 ? snprintf(out, 32, "\xe2\x88\x92") : 0; /* minus sign */
    for (int i = 0; i < whole; i++) {
        out[n++] = text[i];
        if ((whole - i) % 3 == 1 && i + 1 < whole) out[n++] = ',';
    }
    if (decimals > 0) /* the point is ours, whatever the locale's is */
        n += snprintf(out + n, (size_t)(32 - n), ".%s", text + strlen(text) - decimals);
    out[n] = '\0';
}

/* five digits are enough to read */
static int decimals_most(double v, int decimals)
{
    const double size = fabs(v);
    const int most = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 9;
    return decimals < most ? decimals : most;
}

void onus_plain_number(char out[32], double v, int decimals)
{
    if (!isfinite(v))
        snprintf(out, 32, "\xe2\x80\x93"); /* a dash: no number */
    else if (fabs(v) < 1 && fabs(v) > 0.5 && decimals > 0)
        fixed_number(out, v, decimals_apart(fabs(v), 1, decimals));
    else
        fixed_number(out, v, decimals_most(v, decimals));
}

static void link_open(onus_page *p, onus_fact f)
{
    if (p->plain || f.event <= 0 || f.event > p->n) return;
    if (p->used) p->used[f.event - 1] = true;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)f.event);
    onus_page_printf(p, "<a class=\"n\" href=\"#e%s\" title=\"", number);
    ONUS_FILL(p, ONUS_TEXT_EVENT, ONUS_ANY(number), ONUS_ANY(f.name ? f.name : ""));
    onus_page_raw(p, "\">");
}

static void link_close(onus_page *p, onus_fact f)
{
    if (!p->plain && f.event > 0 && f.event <= p->n) onus_page_raw(p, "</a>");
}

/* Words for what is no number; true if that was the case. */
static bool say_lack(onus_page *p, onus_fact f)
{
    double v;
    if (onus_fact_real(f, &v)) return false;
    link_open(p, f);
    const onus_text word = f.event ? ONUS_TEXT_UNDEFINED : ONUS_TEXT_NOT_PROVEN;
    if (p->plain)
        onus_page_say(p, word);
    else
        onus_page_tag(p, "<span class=\"lack\">", word);
    link_close(p, f);
    return true;
}

static void linked(onus_page *p, onus_fact f, const char *text)
{
    link_open(p, f);
    onus_page_raw(p, text);
    link_close(p, f);
}

void onus_page_number(onus_page *p, onus_fact f, int decimals)
{
    double v;
    char text[32];
    if (say_lack(p, f) || !onus_fact_real(f, &v)) return;
    onus_plain_number(text, v, decimals);
    linked(p, f, text);
}

void onus_page_number_apart(onus_page *p, onus_fact f, int decimals, double from)
{
    double v;
    char text[32];
    if (say_lack(p, f) || !onus_fact_real(f, &v)) return;
    const int fewest = decimals_most(v, decimals), most = decimals_apart(v, from, fewest);
    if (most > fewest)
        fixed_number(text, v, most);
    else
        onus_plain_number(text, v, decimals);
    linked(p, f, text);
}

void onus_page_small_number(onus_page *p, onus_fact f)
{
    double v;
    int decimals = 1;
    if (onus_fact_real(f, &v)) {
        for (double size = fabs(v); size < 1 && decimals < 6; size *= 10) decimals++;
        if (fabs(v) >= 10) decimals = 0;
        if (v == 0) decimals = 0;
    }
    onus_page_number(p, f, decimals);
}

void onus_page_percent(onus_page *p, onus_fact f)
{
    double v;
    char text[40];
    if (say_lack(p, f) || !onus_fact_real(f, &v)) return;
    const double share = 100 * v;
    fixed_number(text, share,
                 v < 1 && v > 0.5 ? decimals_apart(share, 100, 1) : decimals_most(share, 1));
    linked(p, f, strcat(text, "%"));
}

void onus_page_count(onus_page *p, onus_fact f)
{
    onus_page_number(p, f, 0);
}

void onus_page_people(onus_page *p, onus_fact f)
{
    if (onus_fact_small(f))
        linked(p, f,
               "&lt;\xc2\xa0"
               "10");
    else
        onus_page_count(p, f);
}

void onus_page_people_hidden(onus_page *p, onus_fact f)
{
    double v;
    if (onus_fact_real(f, &v) && v >= ONUS_PEOPLE_MIN)
        linked(p, f,
               "\xe2\x89\xa5\xc2\xa0"
               "10");
    else
        onus_page_people(p, f);
}

void onus_page_word(onus_page *p, onus_fact f)
{
    const char *text = onus_fact_text(f);
    if (!text || onus_fact_undefined(f)) {
        (void)say_lack(p, (onus_fact){.event = f.event, .name = f.name});
        return;
    }
    link_open(p, f);
    onus_page_text(p, text);
    link_close(p, f);
}

void onus_page_fact_name(onus_page *p, onus_fact f)
{
    link_open(p, f);
    onus_page_text(p, f.name ? f.name : "");
    link_close(p, f);
}

void onus_page_hash(onus_page *p, onus_fact f)
{
    const char *text = onus_fact_text(f);
    if (!text || strlen(text) != 64) {
        onus_page_word(p, f);
        return;
    }
    onus_page_raw(p, "<code class=\"hash\">");
    link_open(p, f);
    onus_page_text_cut(p, text, 16);
    link_close(p, f);
    onus_page_raw(p, "</code>");
}

void onus_page_time(onus_page *p, const onus_entry *e)
{
    if (!e) {
        (void)say_lack(p, (onus_fact){0});
        return;
    }
    const onus_fact f = {.event = e->n, .name = e->type};
    link_open(p, f);
    char text[24];
    snprintf(text, sizeof text, "%.20s", e->time);
    text[strcspn(text, "T")] = ' ';
    text[strcspn(text, "Z")] = '\0';
    onus_page_text(p, text);
    onus_page_raw(p, " UTC");
    link_close(p, f);
}

void onus_page_interval(onus_page *p, const char *name, int decimals)
{
    double v;
    const onus_fact lo = onus_page_fact(p, "%s.lower", name),
                    hi = onus_page_fact(p, "%s.upper", name);
    if (!onus_fact_real(lo, &v) && !onus_fact_real(hi, &v)) {
        onus_page_raw(p, "\xe2\x80\x93");
        return;
    }
    ONUS_FILL(p, ONUS_TEXT_RANGE, ONUS_NUMBER(lo, decimals), ONUS_NUMBER(hi, decimals));
}

void onus_page_reason(onus_page *p, const char *name)
{
    const onus_fact f = onus_page_fact(p, "%s.reason", name);
    if (!f.event) return;
    onus_page_raw(p, "<span class=\"sub\">");
    onus_page_word(p, f);
    onus_page_raw(p, "</span>");
}

/* ---- sentences --------------------------------------------------------------------------- */

static void fill_slot(onus_page *p, const onus_slot *s)
{
    switch (s->kind) {
    case ONUS_SLOT_NUMBER: onus_page_number(p, s->fact, s->decimals); break;
    case ONUS_SLOT_APART: onus_page_number_apart(p, s->fact, s->decimals, s->from); break;
    case ONUS_SLOT_SMALL: onus_page_small_number(p, s->fact); break;
    case ONUS_SLOT_PERCENT: onus_page_percent(p, s->fact); break;
    case ONUS_SLOT_COUNT: onus_page_count(p, s->fact); break;
    case ONUS_SLOT_PEOPLE: onus_page_people(p, s->fact); break;
    case ONUS_SLOT_WORD: onus_page_word(p, s->fact); break;
    case ONUS_SLOT_PART: onus_page_part(p, s->text); break;
    case ONUS_SLOT_TEXT: onus_page_text(p, s->text); break;
    case ONUS_SLOT_SAY: onus_page_say(p, s->say); break;
    }
}

void onus_page_fill(onus_page *p, onus_text t, const onus_slot *slots, size_t n)
{
    const char *text = onus_text_of(t, p->language);
    for (const char *open; (open = strchr(text, '{')) != NULL; text = open + 3) {
        onus_buf_add(p->out, text, (size_t)(open - text));
        const size_t i = (size_t)(open[1] - '0');
        if (i >= n || open[2] != '}') {
            p->st = p->st == ONUS_OK ? ONUS_BAD_ARG : p->st;
            return;
        }
        fill_slot(p, &slots[i]);
    }
    onus_page_raw(p, text);
}
