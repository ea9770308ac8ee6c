/* SPDX-License-Identifier: Apache-2.0
 * page.h - writing a page from a ledger: escaped text, and numbers that carry the link to the
 * event that holds them. There is no way to print a number of the ledger without its link. */
#ifndef ONUS_REPORT_PAGE_H
#define ONUS_REPORT_PAGE_H
#include "proof/ledger.h"
#include "report/texts.h"

typedef struct {
    onus_buf *out;
    const onus_log *log; /* NULL: a page about people, without a ledger */
    int64_t n;           /* entries that the page may see */
    onus_arena arena;    /* lists that a section collects */
    onus_status st;      /* first failure of an allocation */
    bool *used;          /* (n): entries that a number on the page links to */
} onus_page;

/* A value of the ledger. event 0: no entry has that name. */
typedef struct {
    const json_t *v;
    int64_t event;
} onus_fact;

void onus_page_raw(onus_page *p, const char *html);  /* ours */
void onus_page_text(onus_page *p, const char *text); /* anybody's: escaped */
void onus_page_printf(onus_page *p, const char *html, ...)
    ONUS_PRINTF(2, 3);                         /* %s must be ours or numbers */
void onus_page_say(onus_page *p, onus_text t); /* a text of the table */

onus_fact onus_page_fact(onus_page *p, const char *fmt, ...) ONUS_PRINTF(2, 3);
bool onus_fact_real(onus_fact f, double *out); /* false: absent, undefined, or a text */
const char *onus_fact_text(onus_fact f);       /* NULL if it is none */
bool onus_fact_undefined(onus_fact f);         /* there, and "undefined" */
/* The value with `digits` significant decimals after the point, linked; "undefined" or "not
 * proven" in words. */
void onus_page_number(onus_page *p, onus_fact f, int decimals);
void onus_page_count(onus_page *p, onus_fact f);  /* whole, thousands apart */
void onus_page_people(onus_page *p, onus_fact f); /* a count of people: "< 10" below 10 */
void onus_page_word(onus_page *p, onus_fact f);   /* a text of the ledger, escaped and linked */
/* "0.705 to 0.803" from NAME.lower and NAME.upper; nothing where there is no interval. */
void onus_page_interval(onus_page *p, const char *name, int decimals);
/* Formats a number for a chart's text: no link, the table beside has it. Writes at most 31
 * characters. */
void onus_plain_number(char out[32], double v, int decimals);
/* Elements of an array of the ledger: entry i as a number; false where null or absent. */
bool onus_fact_item(onus_fact f, size_t i, double *out);
size_t onus_fact_size(onus_fact f);
#endif
