/* SPDX-License-Identifier: Apache-2.0
 * rows.h - what pages about single rows share: pages for private/, which hold what the report
 * never may. */
#ifndef ONUS_REPORT_ROWS_H
#define ONUS_REPORT_ROWS_H
#include "audit/explain.h"
#include "report/page.h"

/* A page with its warning, its title and what it is about; then its end. */
void onus_rows_page_open(onus_page *p, onus_text title, const char *run_name, onus_text lead);
onus_status onus_rows_page_close(onus_page *p, onus_buf *out, const char *what,
                                 onus_err *err) ONUS_CHECKED;
/* A picture x of shape (channels, height, width), 0 black to 1 white: a mean over channels. */
void onus_picture(onus_page *p, const float *x, const onus_shape *s);
void onus_row_number(onus_page *p, double v, int decimals); /* or "undefined" */
/* What the label of explained row i says; of several labels, of the one explained. */
void onus_row_label(onus_page *p, const onus_explanation *x, int64_t i, const onus_dataset *d);
#endif
