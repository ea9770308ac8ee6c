/* SPDX-License-Identifier: Apache-2.0
 * forge.h - a ledger in its owner's hands: lines changed, added, taken out, numbered again, and
 * a report and a head made to go with them. */
#ifndef ONUS_TESTS_FORGE_H
#define ONUS_TESTS_FORGE_H
#include "base/json.h"
#include "report/report.h"
#include "proof/ledger.h"
#include "proof/note.h"
#include "run_room.h"

enum { LINES_MAX = 200 };

typedef struct {
    json_t *line[LINES_MAX];
    int n;
} book;

static inline void book_read(book *b, const char *run)
{
    char name[64];
    onus_log *log = NULL;
    onus_err err = {.msg = ""};
    snprintf(name, sizeof name, "%s/ledger.jsonl", run);
    if (onus_log_read(&log, in_room(name), NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    b->n = (int)onus_log_count(log);
    assert_true(b->n + 4 < LINES_MAX);
    for (int i = 0; i < b->n; i++) {
        const onus_entry *e = onus_log_at(log, i);
        assert_int_equal(onus_json_parse(&b->line[i], e->line, e->line_len, "line", &err), 0);
    }
    onus_log_close(log);
}

static inline void book_write(book *b, const char *run)
{
    char name[64];
    onus_buf text;
    onus_buf_init(&text, NULL, 16 << 20);
    for (int i = 0; i < b->n; i++) {
        assert_int_equal(json_object_set_new(b->line[i], "n", json_integer(i + 1)), 0);
        onus_json_canonical(&text, b->line[i]);
        onus_buf_str(&text, "\n");
        json_decref(b->line[i]);
    }
    snprintf(name, sizeof name, "%s/ledger.jsonl", run);
    put_text(name, text.data);
    onus_buf_release(&text);
}

static inline const char *type_at(const book *b, int i)
{
    return json_string_value(json_object_get(b->line[i], "type"));
}

static inline int look_for(const book *b, const char *type, int nth)
{
    for (int i = 0; i < b->n; i++) {
        if (strcmp(type_at(b, i), type) == 0 && nth-- == 0) return i;
    }
    return -1;
}

/* Place of the nth event of a type, from 0. */
static inline int find(const book *b, const char *type, int nth)
{
    const int i = look_for(b, type, nth);
    if (i < 0) fail_msg("no event %s", type);
    return i;
}

static inline json_t *body(const book *b, int i, const char *which)
{
    return json_object_get(b->line[i], which);
}

static inline void put_in(book *b, int at, json_t *line)
{
    for (int i = b->n; i > at; i--) b->line[i] = b->line[i - 1];
    b->line[at] = line;
    b->n++;
}

static inline void insert(book *b, int at, const char *type, const char *claim,
                          const char *observed)
{
    json_t *line =
        json_pack("{s:s, s:s, s:o, s:o}", "type", type, "time", "2026-11-22T14:03:11Z", "claim",
                  json_loads(claim, 0, NULL), "observed", json_loads(observed, 0, NULL));
    assert_non_null(line);
    put_in(b, at, line);
}

static inline void take_out(book *b, int at)
{
    json_decref(b->line[at]);
    for (int i = at; i + 1 < b->n; i++) b->line[i] = b->line[i + 1];
    b->n--;
}

static inline void drop(book *b, const char *type)
{
    int n = 0;
    for (int i = b->n - 1; i >= 0; i--) {
        if (strcmp(type_at(b, i), type) != 0) continue;
        take_out(b, i);
        n++;
    }
    assert_true(n > 0);
}

static inline void swap(book *b, int i, int k)
{
    json_t *x = b->line[i];
    b->line[i] = b->line[k];
    b->line[k] = x;
}

static inline void copy_run(const char *from)
{
    char line[300];
    snprintf(line, sizeof line, "cd %s && rm -rf run && cp -r %s run", run_room, from);
    assert_int_equal(system(line), 0);
}

static inline void book_release(book *b)
{
    for (int i = 0; i < b->n; i++) json_decref(b->line[i]);
    b->n = 0;
}

/* report.html of the first n events, by the report's own function: a forger's program would
 * judge nothing. Its hash, and the head of these events. false: no report can be made of them.
 */
static inline bool forge_report(const char *run, int n, char sha_hex[ONUS_HEX_LEN],
                                char root_hex[ONUS_HEX_LEN])
{
    char name[64];
    uint8_t sha[32], root[32];
    onus_buf html;
    onus_log *log = NULL;
    onus_err err = {.msg = ""};
    snprintf(name, sizeof name, "%s/ledger.jsonl", run);
    if (onus_log_read(&log, in_room(name), NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    onus_buf_init(&html, NULL, 64 << 20);
    const bool made = onus_report_html(log, n, &html, NULL, &err) == ONUS_OK;
    if (made) {
        snprintf(name, sizeof name, "%s/report.html", run);
        put_text(name, html.data);
        onus_sha256_of(html.data, html.len, sha);
        onus_hex(sha, sizeof sha, sha_hex);
        onus_log_root(log, n, root);
        onus_hex(root, sizeof root, root_hex);
    }
    onus_log_close(log);
    onus_buf_release(&html);
    return made;
}

/* The report of the forged lines, and their head, where the report event speaks of both. false:
 * there is no such event, or no report. */
static inline bool settle(const char *run)
{
    char sha[ONUS_HEX_LEN], root[ONUS_HEX_LEN];
    book b;
    book_read(&b, run);
    const int at = look_for(&b, "report", 0);
    if (at < 0 || !forge_report(run, at, sha, root)) {
        book_release(&b);
        return false;
    }
    json_t *seen = body(&b, at, "observed");
    json_object_set_new(seen, "report.sha256", json_string(sha));
    json_object_set_new(seen, "report.head", json_string(root));
    json_object_set_new(seen, "report.events", json_integer(at));
    book_write(&b, run);
    return true;
}

/* The head of what stands there now, signed with a key of the forger's own. */
static inline void sign_again(const char *run, const char *origin)
{
    char name[64], pub[300], seed_file[] = "forger";
    uint8_t root[32];
    onus_log *log = NULL;
    onus_key key;
    onus_buf note;
    onus_err err = {.msg = ""};
    const onus_keygen_opts opts = {.path = in_room(seed_file), .name = "throw-away"};
    if (!onus_file_exists(in_room(seed_file)))
        assert_int_equal(onus_keygen(&opts, NULL, &err), ONUS_OK);
    assert_int_equal(onus_key_load(&key, in_room(seed_file), &err), ONUS_OK);
    snprintf(name, sizeof name, "%s/ledger.jsonl", run);
    if (onus_log_read(&log, in_room(name), NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    onus_log_root(log, onus_log_count(log), root);
    onus_buf_init(&note, NULL, 4096);
    assert_int_equal(
        onus_note_sign(&note, &key, origin, (uint64_t)onus_log_count(log), root, &err),
        ONUS_OK);
    snprintf(name, sizeof name, "%s/ledger.note", run);
    put_text(name, note.data);
    onus_key_public_text(&key, pub);
    strcat(pub, "\n");
    snprintf(name, sizeof name, "%s/key.pub", run);
    put_text(name, pub);
    onus_buf_release(&note);
    onus_log_close(log);
}

/* ---- what more than one test forges ------------------------------------------------------ */

static inline void empty_attack(book *b)
{
    insert(b, find(b, "energy", 0), "privacy.attack", "{}", "{}");
}

static inline void empty_robustness(book *b)
{
    insert(b, find(b, "energy", 0), "robustness", "{}", "{}");
}

static inline void empty_metric(book *b)
{
    insert(b, find(b, "energy", 0), "metric", "{}", "{}");
}
#endif
