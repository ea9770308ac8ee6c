/* SPDX-License-Identifier: Apache-2.0
 * sections.h - the parts of the report, each a function of the ledger alone, and what they
 * share. A section whose events are absent says so or, where nothing can be said, is not there.
 *
 * CHECKLIST: a new kind of event wants a section (or a place in one), its names of counts of
 * people in section_evidence.c, and a rule in section_unproven.c for the case that it is
 * absent. */
#ifndef ONUS_REPORT_SECTIONS_H
#define ONUS_REPORT_SECTIONS_H
#include "report/chart.h"
#include "report/gaps.h"
#include "report/page.h"
#include "report/verdicts.h"

extern const char onus_style[]; /* style.c */

void onus_section_head(onus_page *p);     /* name, purpose, summary, tiles */
void onus_section_summary(onus_page *p);  /* verdict, and the rest in three sentences */
void onus_section_policy(onus_page *p);   /* what was demanded */
void onus_section_quality(onus_page *p);  /* measures, ROC, calibration, confusion */
void onus_section_fairness(onus_page *p); /* groups, gaps */
void onus_section_explain(onus_page *p);  /* what matters */
void onus_section_privacy(onus_page *p);  /* budget, what lies outside it */
void onus_section_data(onus_page *p);     /* the data sheet */
void onus_section_training(onus_page *p); /* curves, settings */
void onus_section_energy(onus_page *p);
void onus_section_unproven(onus_page *p);
void onus_section_proof(onus_page *p);    /* head, commands */
void onus_section_evidence(onus_page *p); /* the entries that numbers link to: the last one */

/* Is the model better than what costs none: a constant decision, the mean? */
typedef enum {
    ONUS_BASELINE_UNMEASURED, /* no measure of quality is in the ledger */
    ONUS_BASELINE_NONE,       /* measured, and compared with nothing */
    ONUS_BASELINE_BEATEN,
    ONUS_BASELINE_OPEN, /* neither */
    ONUS_BASELINE_WORSE /* proven to be worse */
} onus_baseline;
onus_baseline onus_page_baseline(onus_page *p);
/* The task as a condition of the registry (ONUS_IF_BINARY ..); 0: the ledger does not say. */
unsigned onus_page_task(onus_page *p);
/* Is that the task (data.task: "binary", "regression"), or none said? */
bool onus_task_may_be(onus_page *p, const char *task);
bool onus_is_measured(onus_page *p); /* is there a number of the model's quality? */
bool onus_is_private(onus_page *p);  /* are there both numbers of a budget? */
/* What weights were taken from before training (its name, else its hash); event 0: nothing. */
onus_fact onus_weights_from(onus_page *p);
/* The name of the weight of the column that weighs most, its column, and its label (NULL: the
 * only one); by "explain" or "relevance". false: nothing is explained. */
bool onus_heaviest(onus_page *p, const char *by, char full[2048], char column[2048],
                   const char **label);
int64_t onus_unproven_count(onus_page *p);
/* What an entry of fairness is about, as parts of names; all "" where it is about nothing. */
typedef struct {
    const char *name;      /* what its names begin with: "fairness.sex" */
    const char *attribute; /* "sex" */
    const char *label;     /* one of several labels; NULL: the only one */
} onus_fairness_about;
onus_fairness_about onus_fairness_of(onus_page *p, const onus_entry *e);
void onus_energy_joules(onus_page *p, const char *name); /* "41 J" */

/* A page from <!doctype> to <body>, and its end. */
void onus_document_open(onus_page *p, onus_text title, const char *name);
void onus_document_close(onus_page *p);

/* ---- shared ------------------------------------------------------------------------------ */

/* Entries of a type among those that the page may see; NULL: none. after NULL: the first. */
const onus_entry *onus_page_entry(onus_page *p, const char *type, const onus_entry *after);
/* The same by place in the ledger, from 0, at or after `from`; -1: none. Parses nothing: for
 * types of which there may be very many. */
int64_t onus_page_next(const onus_page *p, const char *type, int64_t from);

void onus_section_open(onus_page *p, const char *id, onus_text heading);
void onus_section_close(onus_page *p);
void onus_paragraph(onus_page *p, onus_text t);
/* A list of terms and what they are. */
void onus_term_open(onus_page *p, onus_text t);
void onus_term_close(onus_page *p);
/* <table> with a head of texts; a text of NONE ends the list. Texts that begin a column of
 * numbers are marked by the style, "num". */
typedef struct {
    onus_text text;
    const char *style;
} onus_heading;
void onus_table_open(onus_page *p, const char *style, const onus_heading *heads, size_t n);
void onus_table_close(onus_page *p);
void onus_details_open(onus_page *p, onus_text summary);
void onus_details_close(onus_page *p);

/* Which of n counts (of disjoint groups whose sum with the `others`, people of none of them, is
 * printed elsewhere) are printed as "≥ 10", so that the one that is under 10, or the others
 * where they are, cannot be found by subtraction: hide[n] is written. */
void onus_hide_complement(const onus_fact *counts, int64_t n, double others, bool *hide);

/* A list in the ledger as parts of dotted names: of names as they are (columns, classes), or of
 * names that are parts already (fairness.A.groups). At most `most` of them. */
onus_parts onus_page_names(onus_page *p, onus_fact list, int64_t most);
onus_parts onus_page_name_parts(onus_page *p, onus_fact list, int64_t most);
/* Several labels, none where there is one. */
onus_parts onus_page_labels(onus_page *p);
/* Classes in order, else in the ledger's; of that one of several labels, or (NULL) of the only
 * one. */
onus_parts onus_page_classes(onus_page *p, const char *label);
/* What follows "label.NAME.", of one of several labels; else the whole name. */
const char *onus_name_in_label(const char *name);
/* Is the value of that dotted name a number of people? */
bool onus_name_counts_people(const char *name);

/* A value with its interval as a drawing over [x0, x1], and a mark at bound (or none). */
void onus_mini_interval(onus_page *p, const char *style, const char *name, double x0, double x1,
                        onus_fact bound);
/* The head of a table of measures, whose first column is `what`. */
void onus_measure_table_open(onus_page *p, onus_text what);
/* Cells of a row about one measure: value, interval, drawing (x0 < x1; else none), method or
 * why it is undefined. */
void onus_measure_cells(onus_page *p, const char *name, double x0, double x1, onus_fact bound);
/* Range of a chart: takes in v where it is a number. */
void onus_range_widen(double v, double *lo, double *hi);
#endif
