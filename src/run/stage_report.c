/* SPDX-License-Identifier: Apache-2.0
 * stage_report.c - how a run ends: who signs, the report, the last event. All three are
 * observed, so a replay has no such events of its own; it expects them in their places, and
 * builds the report from what it recomputed. */
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "proof/note.h"
#include "report/report.h"
#include "run/stages.h"

/* Before the report, which tells whose signature will stand under its head. A run that was
 * killed after this is signed by the same name. */
onus_status onus_stage_signer(onus_session *s, onus_err *err)
{
    const onus_entry *old = s->before ? onus_log_type(s->before, "run.signer", 0) : NULL;
    const char *name =
        old ? json_string_value(json_object_get(old->observed, "run.signer")) : NULL;
    if (name && strcmp(name, s->key->name) != 0)
        return onus_fail(err, ONUS_BAD_ARG,
                         "event %lld says that '%s' signs this run; the key now is '%s'",
                         (long long)old->n, name, s->key->name);
    onus_event_begin(&s->event, "run.signer");
    onus_event_observed(&s->event, true);
    onus_event_text(&s->event, s->key->name, "run.signer");
    return onus_session_emit(s, err);
}

/* The report from everything before its own event. A run killed after that event has it in the
 * ledger already. */
onus_status onus_stage_report(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    uint8_t sha[32], root[32];
    onus_log *log = NULL;
    onus_buf html;
    onus_buf_init(&html, s->mem, 64 << 20);
    ONUS_TRY(onus_ledger_settle(s->ledger, err));
    ONUS_TRY(onus_path_join(path, sizeof path, s->dir, "ledger.jsonl", err));
    ONUS_TRY(onus_log_read(&log, path, s->mem, err));
    const onus_entry *old = onus_log_type(log, "report", 0);
    const int64_t n = old ? old->n - 1 : onus_log_count(log);
    ONUS_TRY(onus_report_html(log, n, &html, s->mem, err));
    ONUS_TRY(onus_path_join(path, sizeof path, s->dir, "report.html", err));
    ONUS_TRY(onus_file_replace(path, html.data, html.len, 0644, err));
    onus_sha256_of(html.data, html.len, sha);
    onus_log_root(log, n, root);
    onus_event_begin(&s->event, "report");
    onus_event_observed(&s->event, true);
    onus_event_sha256(&s->event, sha, "report.sha256");
    onus_event_int(&s->event, n, "report.events");
    onus_event_sha256(&s->event, root, "report.head");
    ONUS_TRY(onus_session_emit(s, err));
done:
    onus_buf_release(&html);
    onus_log_close(log);
    return st;
}

onus_status onus_stage_end(onus_session *s, onus_err *err)
{
    onus_event_begin(&s->event, "run.end");
    onus_event_observed(&s->event, true);
    onus_event_text(&s->event, onus_ends_texts[s->ends], "run.state");
    onus_event_real(&s->event, onus_clock_s() - s->began_s, "run.seconds");
    onus_event_real(&s->event, onus_clock_cpu_s(), "run.cpu_seconds");
    return onus_session_emit(s, err);
}

/* ---- in a replay ------------------------------------------------------------------------- */

onus_status onus_again_signer(onus_session *s, onus_err *err)
{
    static const char *const names[] = {"run.signer", NULL};
    return onus_session_expect(s, "run.signer", names, err);
}

static onus_status require(onus_session *s, const char *name, json_t *value, onus_err *err)
{
    const onus_status st = onus_ledger_require(s->ledger, name, value, err);
    json_decref(value);
    return st;
}

/* Bytes of the file against bytes built now. */
static onus_status compare_file(onus_session *s, const onus_buf *html, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX], mine[ONUS_HEX_LEN], theirs[ONUS_HEX_LEN];
    uint8_t sha[32];
    json_t *stored = NULL, *found = NULL;
    ONUS_TRY(onus_path_join(path, sizeof path, s->dir, "report.html", err));
    onus_sha256_of(html->data, html->len, sha);
    onus_hex(sha, sizeof sha, mine);
    if (onus_file_exists(path)) {
        ONUS_TRY(onus_file_sha256(path, sha, err));
        onus_hex(sha, sizeof sha, theirs);
        stored = json_string(theirs);
    }
    found = json_string(mine);
    if (!found) st = onus_fail_mem(err, "report");
    if (st == ONUS_OK && !(stored && strcmp(mine, theirs) == 0))
        st = onus_ledger_differ(s->ledger, "report.html", stored, found, err);
    if (st == ONUS_OK) st = onus_ledger_require(s->ledger, "report.sha256", found, err);
done:
    json_decref(stored);
    json_decref(found);
    return st;
}

/* The report of what was recomputed, around the values that were observed then: the page that
 * people read is the one that the recipe gives. Where a claim differs, it does, too. */
onus_status onus_again_report(onus_session *s, onus_err *err)
{
    static const char *const names[] = {"report.events", "report.head", "report.sha256", NULL};
    onus_status st = ONUS_OK;
    const onus_mismatch *list;
    char head[ONUS_HEX_LEN];
    uint8_t root[32];
    onus_log *log = NULL;
    onus_buf html;
    onus_buf_init(&html, s->mem, 64 << 20);
    ONUS_TRY(onus_session_expect(s, "report", names, err));
    if (onus_ledger_mismatches(s->ledger, &list) > 0) goto done;
    const int64_t n = onus_ledger_matched(s->ledger)->n - 1;
    ONUS_TRY(onus_ledger_again(s->ledger, n, &log, err));
    onus_log_root(log, n, root);
    onus_hex(root, sizeof root, head);
    ONUS_TRY(require(s, "report.events", json_integer(n), err));
    ONUS_TRY(require(s, "report.head", json_string(head), err));
    ONUS_TRY(onus_report_html(log, n, &html, s->mem, err));
    ONUS_TRY(compare_file(s, &html, err));
done:
    onus_buf_release(&html);
    onus_log_close(log);
    return st;
}

onus_status onus_again_end(onus_session *s, onus_err *err)
{
    static const char *const names[] = {"run.cpu_seconds", "run.seconds", "run.state", NULL};
    onus_status st = onus_session_expect(s, "run.end", names, err);
    if (st == ONUS_OK) st = require(s, "run.state", json_string(onus_ends_texts[s->ends]), err);
    if (st == ONUS_OK) st = onus_ledger_end(s->ledger, err);
    const onus_entry *end = onus_ledger_matched(s->ledger);
    return st == ONUS_OK && end->n < onus_log_count(s->before)
               ? onus_fail(err, ONUS_MISMATCH,
                           "event %lld (%s) stands behind the end of the run",
                           (long long)end->n + 1, onus_log_at(s->before, end->n)->type)
               : st;
}
