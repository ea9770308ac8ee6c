/* SPDX-License-Identifier: Apache-2.0
 * report.c - the report as a whole: head, sections in the order in which a reader asks, and the
 * evidence last, because only then is it known which entries were used. */
#include "base/fail.h"
#include "base/hash.h"
#include "report/report.h"
#include "report/sections.h"

void onus_document_open(onus_page *p, onus_text title, const char *name)
{
    onus_page_raw(p,
                  "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                  "'none'; style-src 'unsafe-inline'; img-src data:\"/>\n"
                  "<meta name=\"color-scheme\" content=\"light dark\"/>"
                  "<meta name=\"referrer\" content=\"no-referrer\"/><title>");
    onus_page_text(p, name);
    onus_page_raw(p, " \xc2\xb7 ");
    onus_page_say(p, title);
    onus_page_raw(p, "</title><style>");
    onus_page_raw(p, onus_style);
    onus_page_raw(p, "</style></head>\n<body>");
}

void onus_document_close(onus_page *p)
{
    onus_page_raw(p, "</body></html>\n");
}

static void contents(onus_page *p)
{
    static const struct {
        const char *id;
        onus_text text;
    } rows[] = {{"policy", ONUS_TEXT_POLICY},     {"quality", ONUS_TEXT_QUALITY},
                {"fairness", ONUS_TEXT_FAIRNESS}, {"explanation", ONUS_TEXT_EXPLANATION},
                {"privacy", ONUS_TEXT_PRIVACY},   {"data", ONUS_TEXT_DATA},
                {"training", ONUS_TEXT_TRAINING}, {"energy", ONUS_TEXT_ENERGY},
                {"unproven", ONUS_TEXT_UNPROVEN}, {"proof", ONUS_TEXT_PROOF_HEADING},
                {"evidence", ONUS_TEXT_EVIDENCE}};
    onus_page_raw(p, "<nav aria-label=\"");
    onus_page_say(p, ONUS_TEXT_CONTENTS);
    onus_page_raw(p, "\">");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_page_printf(p, "<a href=\"#%s\">", rows[i].id);
        onus_page_say(p, rows[i].text);
        onus_page_raw(p, "</a> ");
    }
    onus_page_raw(p, "</nav>\n");
}

static void write_all(onus_page *p)
{
    const char *name = onus_fact_text(onus_page_fact(p, "run.name"));
    onus_document_open(p, ONUS_TEXT_REPORT, name ? name : "");
    onus_section_head(p);
    contents(p);
    onus_page_raw(p, "<main>\n");
    onus_section_policy(p);
    onus_section_quality(p);
    onus_section_fairness(p);
    onus_section_explain(p);
    onus_section_privacy(p);
    onus_section_data(p);
    onus_section_training(p);
    onus_section_energy(p);
    onus_section_unproven(p);
    onus_section_proof(p);
    onus_section_evidence(p);
    onus_page_raw(p, "</main>");
    onus_document_close(p);
}

onus_status onus_report_html(const onus_log *log, int64_t n, onus_buf *out,
                             const onus_allocator *mem, onus_err *err)
{
    if (!log || !out || n < 0 || n > onus_log_count(log))
        return onus_fail(err, ONUS_BAD_ARG,
                         "report: a ledger of at least %lld events is needed", (long long)n);
    onus_page p = {.out = out, .log = log, .n = n, .language = ONUS_ENGLISH};
    onus_arena_init(&p.arena, mem);
    uint8_t root[32];
    onus_log_root(log, n, root);
    onus_hex(root, sizeof root, p.head);
    p.used = onus_alloc(mem, (size_t)n + 1, sizeof *p.used);
    if (p.used)
        write_all(&p);
    else
        p.st = ONUS_NO_MEM;
    onus_free(mem, p.used);
    onus_arena_release(&p.arena);
    if (p.st == ONUS_NO_MEM) return onus_fail_mem(err, "report");
    onus_status st = onus_log_sound(log, err);
    if (st != ONUS_OK) return st;
    if (p.st != ONUS_OK) return onus_fail(err, p.st, "report: a text of the table is broken");
    return onus_buf_status(out, "report", err);
}
