/* SPDX-License-Identifier: Apache-2.0
 * page.h - writing a page from a ledger: escaped text, and numbers that carry the link to the
 * event that holds them. There is no way to print a number of the ledger without its link;
 * only a chart's text and description are plain, and the chart has a table beside it. */
#ifndef ONUS_REPORT_PAGE_H
#define ONUS_REPORT_PAGE_H
#include "proof/ledger.h"
#include "report/texts.h"

struct onus_gaps; /* gaps.h */
struct onus_gap_measure;

typedef struct {
    onus_buf *out;
    const onus_log *log; /* NULL: a page about people, without a ledger */
    int64_t n;           /* entries that the page may see */
    onus_arena arena;    /* lists that a section collects */
    onus_status st;      /* first failure of an allocation */
    bool *used;          /* (n): entries that a number on the page links to */
    char head[65];       /* hexadecimal, of those entries */
    onus_language language;
    bool plain;                   /* no links: inside a chart's <title>, <desc> or <text> */
    int64_t n_charts;             /* numbers the charts, for their ids */
    const struct onus_gaps *gaps; /* once they were asked for */
    const struct onus_gap_measure *gap_measures; /* (n_gap_measures) likewise */
    size_t n_gap_measures;
} onus_page;

/* A value of the ledger. event 0: no entry has that name. */
typedef struct {
    const json_t *v;
    const char *name; /* the ledger's own copy */
    int64_t event;
} onus_fact;

/* Counts of people from 1 to PEOPLE_MIN - 1 are not printed. */
enum { ONUS_PEOPLE_MIN = 10 };

/* ---- text -------------------------------------------------------------------------------- */

void onus_page_raw(onus_page *p, const char *html); /* ours */
/* Anybody's: escaped; control characters and marks that turn the direction of writing are
 * written out as [U+202E]; bytes that are no UTF-8 become U+FFFD. */
void onus_page_text(onus_page *p, const char *text);
/* The same, cut after `chars` characters with an ellipsis: for charts. */
void onus_page_text_cut(onus_page *p, const char *text, int chars);
/* A part of a dotted name, %2E and its like undone, then as onus_page_text: "female+<25", a
 * group of an intersection, reads "female · <25". */
void onus_page_part(onus_page *p, const char *part);
/* %s must be ours or numbers */
void onus_page_printf(onus_page *p, const char *html, ...) ONUS_PRINTF(2, 3);
void onus_page_say(onus_page *p, onus_text t); /* a text of the table, without places */
/* TEXT in an element of ours: "<th>" gives <th>TEXT</th>. */
void onus_page_tag(onus_page *p, const char *open_tag, onus_text t);

/* Within a tag of ours: what an element asserts, and of which dotted name; for those who check
 * that a page says no more than its ledger. `says` is ours. */
void onus_page_says(onus_page *p, const char *about, const char *says);

/* ---- facts ------------------------------------------------------------------------------- */

onus_fact onus_page_fact(onus_page *p, const char *fmt, ...) ONUS_PRINTF(2, 3);
/* A field of one entry (claim first, then observed). */
onus_fact onus_entry_fact(const onus_entry *e, const char *fmt, ...) ONUS_PRINTF(2, 3);
bool onus_fact_real(onus_fact f, double *out); /* false: absent, undefined, or a text */
const char *onus_fact_text(onus_fact f);       /* NULL if it is none */
bool onus_fact_is(onus_fact f, const char *text);
bool onus_fact_undefined(onus_fact f); /* there, and "undefined" */
bool onus_fact_small(onus_fact f);     /* a count of people that is not printed */
/* Elements of an array of the ledger: entry i as a number; false where null or absent. */
bool onus_fact_item(onus_fact f, size_t i, double *out);
const char *onus_fact_item_text(onus_fact f, size_t i); /* "" where it is none */
size_t onus_fact_size(onus_fact f);
/* Different MIDDLE of keys PREFIX MIDDLE SUFFIX in the claim of e, in the ledger's order, where
 * MIDDLE holds no dot. Lives in the page's arena. */
typedef struct {
    const char **name;
    int64_t n;
} onus_parts;
onus_parts onus_page_parts(onus_page *p, const onus_entry *e, const char *prefix,
                           const char *suffix);

/* ---- numbers, linked; "undefined" or "not proven" in words ------------------------------- */

void onus_page_number(onus_page *p, onus_fact f, int decimals);
/* With more decimals where it would else read as the other number, which it is not. */
void onus_page_number_apart(onus_page *p, onus_fact f, int decimals, double from);
/* With as many decimals as two digits want, at most six. */
void onus_page_small_number(onus_page *p, onus_fact f);
void onus_page_percent(onus_page *p, onus_fact f); /* of a share: "76.5%" */
void onus_page_count(onus_page *p, onus_fact f);   /* whole, thousands apart */
void onus_page_people(onus_page *p, onus_fact f);  /* a count of people: "< 10" below 10 */
/* The same, where a small count beside it could be found by subtraction: "≥ 10". */
void onus_page_people_hidden(onus_page *p, onus_fact f);
void onus_page_word(onus_page *p, onus_fact f); /* a text of the ledger, escaped and linked */
void onus_page_fact_name(onus_page *p, onus_fact f); /* its dotted name */
void onus_page_hash(onus_page *p, onus_fact f); /* a SHA-256, shortened, whole in its title */
void onus_page_time(onus_page *p, const onus_entry *e); /* 2026-11-22 14:03:11 UTC, linked */
/* "0.705 to 0.803" from NAME.lower and NAME.upper; a dash where neither is a number. */
void onus_page_interval(onus_page *p, const char *name, int decimals);
/* Why the value of that name or a bound of it is undefined, in an element of its own; nothing
 * where the ledger gives no reason. */
void onus_page_reason(onus_page *p, const char *name);
/* A number as a person reads it: thousands apart, fewer decimals where five digits are there
 * without them, never a 1 for what is less, 2.1·10⁻⁷ where the decimals would show nothing. No
 * link: for charts, whose table has it. Writes at most 31 bytes. */
void onus_plain_number(char out[32], double v, int decimals);

/* ---- sentences --------------------------------------------------------------------------- */

typedef enum {
    ONUS_SLOT_NUMBER,
    ONUS_SLOT_APART, /* told from the number `from` */
    ONUS_SLOT_SMALL,
    ONUS_SLOT_PERCENT,
    ONUS_SLOT_COUNT,
    ONUS_SLOT_PEOPLE,
    ONUS_SLOT_WORD,
    ONUS_SLOT_PART, /* text: a part of a dotted name */
    ONUS_SLOT_TEXT, /* text: anybody's */
    ONUS_SLOT_SAY   /* a text of the table */
} onus_slot_kind;
typedef struct {
    onus_slot_kind kind;
    onus_fact fact;
    int decimals;
    double from;
    const char *text;
    onus_text say;
} onus_slot;

/* A text of the table with its places filled. */
void onus_page_fill(onus_page *p, onus_text t, const onus_slot *slots, size_t n);
#define ONUS_FILL(p, t, ...)                               \
    onus_page_fill(p, t, (const onus_slot[]){__VA_ARGS__}, \
                   sizeof((const onus_slot[]){__VA_ARGS__}) / sizeof(onus_slot))
#define ONUS_NUMBER(f, d)                                      \
    {                                                          \
        .kind = ONUS_SLOT_NUMBER, .fact = (f), .decimals = (d) \
    }
#define ONUS_APART(f, d, other)                                                \
    {                                                                          \
        .kind = ONUS_SLOT_APART, .fact = (f), .decimals = (d), .from = (other) \
    }
#define ONUS_SMALL(f)                        \
    {                                        \
        .kind = ONUS_SLOT_SMALL, .fact = (f) \
    }
#define ONUS_PERCENT(f)                        \
    {                                          \
        .kind = ONUS_SLOT_PERCENT, .fact = (f) \
    }
#define ONUS_COUNT(f)                        \
    {                                        \
        .kind = ONUS_SLOT_COUNT, .fact = (f) \
    }
#define ONUS_PEOPLE(f)                        \
    {                                         \
        .kind = ONUS_SLOT_PEOPLE, .fact = (f) \
    }
#define ONUS_WORD(f)                        \
    {                                       \
        .kind = ONUS_SLOT_WORD, .fact = (f) \
    }
#define ONUS_PART(t)                        \
    {                                       \
        .kind = ONUS_SLOT_PART, .text = (t) \
    }
#define ONUS_ANY(t)                         \
    {                                       \
        .kind = ONUS_SLOT_TEXT, .text = (t) \
    }
#define ONUS_SAY(t)                       \
    {                                     \
        .kind = ONUS_SLOT_SAY, .say = (t) \
    }
#endif
