/* SPDX-License-Identifier: Apache-2.0
 * page.c - see page.h. Numbers are formatted by snprintf with a fixed number of decimals: glibc
 * rounds them correctly, so that the page is the same bytes everywhere; the decimal point is
 * put in by us, whatever the locale. */
#include "report/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void onus_page_raw(onus_page *p, const char *html)
{
    onus_buf_str(p->out, html);
}

void onus_page_text(onus_page *p, const char *text)
{
    for (const char *c = text; *c; c++) {
        const char *as = *c == '&'    ? "&amp;"
                         : *c == '<'  ? "&lt;"
                         : *c == '>'  ? "&gt;"
                         : *c == '"'  ? "&quot;"
                         : *c == '\'' ? "&#39;"
                                      : NULL;
        if (as)
            onus_buf_str(p->out, as);
        else if ((unsigned char)*c >= 0x20 || *c == '\n')
            onus_buf_add(p->out, c, 1);
    }
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
    onus_page_raw(p, onus_text_of(t));
}

/* ---- facts --------------------------------------------------------------------------------
 */

onus_fact onus_page_fact(onus_page *p, const char *fmt, ...)
{
    char name[1024];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    onus_fact f = {0};
    if (!p->log || n < 0 || (size_t)n >= sizeof name) return f;
    const onus_entry *e = onus_log_find(p->log, name, p->n, &f.v);
    if (!e) return (onus_fact){0};
    f.event = e->n;
    return f;
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

bool onus_fact_undefined(onus_fact f)
{
    const char *text = onus_fact_text(f);
    return text && strcmp(text, "undefined") == 0;
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

/* ---- numbers -------------------------------------------------------------------------------
 */

void onus_plain_number(char out[32], double v, int decimals)
{
    char text[64];
    double least = 0.5;
    const double size = fabs(v);
    for (int i = 0; i < decimals; i++) least /= 10;
    if (size != 0 && (size < least || size >= 1e15)) {
        /* too small for its decimals: 2.1e-7 */
        snprintf(text, sizeof text, "%.1e", v);
    } else {
        snprintf(text, sizeof text, "%.*f", decimals, v);
    }
    int n = 0;
    for (const char *c = text; *c && n < 30; c++) {
        if (*c == ',')
            out[n++] = '.';
        else if (*c == '-' && c == text)
            n += snprintf(out + n, (size_t)(32 - n), "\xe2\x88\x92"); /* minus sign */
        else
            out[n++] = *c;
    }
    out[n] = '\0';
}

static void link_open(onus_page *p, onus_fact f)
{
    if (f.event > 0 && f.event <= p->n && p->used) p->used[f.event - 1] = true;
    if (f.event > 0)
        onus_page_printf(p, "<a class=\"n\" href=\"#e%lld\" title=\"ledger event %lld\">",
                         (long long)f.event, (long long)f.event);
}

static void link_close(onus_page *p, onus_fact f)
{
    if (f.event > 0) onus_page_raw(p, "</a>");
}

/* Words for what is no number; true if that was the case. */
static bool say_lack(onus_page *p, onus_fact f)
{
    double v;
    if (onus_fact_real(f, &v)) return false;
    link_open(p, f);
    onus_page_raw(p, "<span class=\"lack\">");
    onus_page_say(p, f.event ? ONUS_TEXT_UNDEFINED : ONUS_TEXT_NOT_PROVEN);
    onus_page_raw(p, "</span>");
    link_close(p, f);
    return true;
}

void onus_page_number(onus_page *p, onus_fact f, int decimals)
{
    double v;
    char text[32];
    if (say_lack(p, f) || !onus_fact_real(f, &v)) return;
    onus_plain_number(text, v, decimals);
    link_open(p, f);
    onus_page_raw(p, text);
    link_close(p, f);
}

static void count_text(char out[40], double v)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.0f", v);
    const int n = (int)strlen(digits);
    int k = 0;
    for (int i = 0; i < n && k < 36; i++) {
        out[k++] = digits[i];
        if (n - 1 - i > 0 && (n - 1 - i) % 3 == 0 && digits[i] != '-') out[k++] = ',';
    }
    out[k] = '\0';
}

void onus_page_count(onus_page *p, onus_fact f)
{
    double v;
    char text[40];
    if (say_lack(p, f) || !onus_fact_real(f, &v)) return;
    count_text(text, v);
    link_open(p, f);
    onus_page_raw(p, text);
    link_close(p, f);
}

void onus_page_people(onus_page *p, onus_fact f)
{
    double v;
    if (onus_fact_real(f, &v) && v > 0 && v < 10) {
        link_open(p, f);
        onus_page_raw(p, "&lt;&nbsp;10");
        link_close(p, f);
        return;
    }
    onus_page_count(p, f);
}

void onus_page_word(onus_page *p, onus_fact f)
{
    const char *text = onus_fact_text(f);
    if (!text) {
        (void)say_lack(p, (onus_fact){.event = f.event});
        return;
    }
    link_open(p, f);
    onus_page_text(p, text);
    link_close(p, f);
}

void onus_page_interval(onus_page *p, const char *name, int decimals)
{
    double lower, upper;
    const onus_fact lo = onus_page_fact(p, "%s.lower", name),
                    hi = onus_page_fact(p, "%s.upper", name);
    if (!onus_fact_real(lo, &lower) || !onus_fact_real(hi, &upper)) return;
    onus_page_number(p, lo, decimals);
    onus_page_raw(p, " ");
    onus_page_say(p, ONUS_TEXT_TO);
    onus_page_raw(p, " ");
    onus_page_number(p, hi, decimals);
}
