/* SPDX-License-Identifier: Apache-2.0
 * report.h - the pages that people read. The report is a pure function of the ledger's first n
 * entries: the same entries give the same bytes, a number of the ledger links to the entry that
 * holds it (but for those in drawings, which have a table), what is absent reads "not proven",
 * what has no support "undefined". No script, no network. */
#ifndef ONUS_REPORT_REPORT_H
#define ONUS_REPORT_REPORT_H
#include "audit/explain.h"
#include "audit/predictions.h"
#include "proof/ledger.h"

/* The whole HTML file into out. */
onus_status onus_report_html(const onus_log *log, int64_t n, onus_buf *out,
                             const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* The page about single people for private/: waterfalls of n_show explained rows (indices into
 * e->rows), with the row's values, its score, its label. other: the same rows explained in
 * another way, whose values stand beside, or NULL. Holds personal data: never part of the
 * report. */
onus_status onus_report_people(const onus_explanation *e, const onus_explanation *other,
                               const onus_dataset *d, const char *run_name, const int64_t *show,
                               int64_t n_show, onus_buf *out, const onus_allocator *mem,
                               onus_err *err) ONUS_CHECKED;
/* The same of texts, whose tokens are marked by their shares, and of pictures, beside which a
 * map of shares stands: the first n_show rows. */
onus_status onus_report_shares(const onus_explanation *e, const onus_explanation *other,
                               const onus_dataset *d, const char *run_name, int64_t n_show,
                               onus_buf *out, const onus_allocator *mem,
                               onus_err *err) ONUS_CHECKED;

/* Rows of a classifier's test part that it got wrong, for private/: at most `most`, the surest
 * first, as pictures or texts. */
typedef struct {
    const onus_dataset *data;
    const onus_predictions *predictions; /* with decisions and scores */
    const int64_t *rows;                 /* (predictions->n) of the dataset */
    int most;
    float *room; /* (features) */
} onus_mistakes;
onus_status onus_report_mistakes(const onus_mistakes *m, const char *run_name, onus_buf *out,
                                 const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* What a model of tokens writes, beside what it was given and what really follows. */
typedef struct {
    const char *given, *written, *real;
} onus_sample;
onus_status onus_report_samples(const onus_sample *samples, int64_t n, const char *run_name,
                                onus_buf *out, const onus_allocator *mem,
                                onus_err *err) ONUS_CHECKED;
#endif
