/* SPDX-License-Identifier: Apache-2.0
 * Goal: the table of stages is what runs do: every event and every file of a real run belongs
 * to a row, in the rows' order, events of one row to that stage alone; event 1 says beforehand
 * what follows; what a stage has not left is said by the report; every type has its section in
 * EVIDENCE.md. Method: runs of tables, of private training, of texts, tokens and pictures, of
 * taken and frozen weights, trained only and resumed, whose ledgers and folders are walked with
 * the table in hand. */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proof/ledger.h"
#include "report/report.h"
#include "run/stages.h"
#include "run_room.h"

#define ENDING "explain: {rows: 3, background: 3}\nprivacy: off\npolicy: none\n"
#define ALONE  "protected: none\n  split: {train: 0.6, valid: 0.2, test: 0.2}\n"

static const struct {
    const char *name, *recipe;
    bool trained;
    /* run.format, run.input, run.predict, run.test, run.from; run.freeze */
    const char *said[5];
    int freeze;
} kinds[] = {
    {"columns", plain_recipe, false, {"csv", "columns", "label", "split", "no"}, 0},
    {"secret", private_recipe, false, {"csv", "columns", "label", "split", "no"}, 0},
    {"half", plain_recipe, true, {"csv", "columns", "label", "split", "no"}, 0},
    {"rows",
     "onus: 1\nname: rows\nseed: 1\ndata:\n  format: jsonl\n  source: words.jsonl\n"
     "  label: {column: mood, positive: good}\n  columns: {words: text}\n"
     "  tokenizer: {kind: word}\n  context: 6\n  " ALONE
     "model: {kind: gru, embedding: 4, hidden: 4}\n"
     "train: {epochs: 2, batch: 8}\nexplain: {rows: 3}\nprivacy: off\npolicy: none\n",
     false,
     {"jsonl", "text", "label", "split", "no"},
     0},
    {"next",
     "onus: 1\nname: next\nseed: 1\ndata:\n  format: text\n  source: play.txt\n"
     "  predict: next\n  tokenizer: {kind: character}\n  context: 8\n  " ALONE
     "model: {kind: decoder, layers: 1, width: 8, heads: 2}\n"
     "train: {epochs: 1, batch: 8}\nexplain: off\nprivacy: off\npolicy: none\n",
     false,
     {"text", "text", "next", "split", "no"},
     0},
    {"masked",
     "onus: 1\nname: masked\nseed: 1\ndata:\n  format: text\n  source: play.txt\n"
     "  predict: masked\n  tokenizer: {kind: word}\n  context: 8\n  " ALONE
     "model: {kind: encoder, layers: 1, width: 8, heads: 2}\n"
     "train: {epochs: 1, batch: 8}\nexplain: off\nprivacy: off\npolicy: none\n",
     false,
     {"text", "text", "masked", "split", "no"},
     0},
    {"pictures",
     "onus: 1\nname: pictures\nseed: 1\ndata:\n  format: idx\n  source: a.idx\n"
     "  labels: a-labels.idx\n  test: b.idx\n  test_labels: b-labels.idx\n"
     "  protected: none\n  split: {train: 0.8, valid: 0.2}\n"
     "model: {kind: mlp, hidden: [3]}\ntrain: {epochs: 1, batch: 8}\n" ENDING,
     false,
     {"idx", "images", "label", "file", "no"},
     0},
    {"tuned",
     RECIPE_HEAD
     "train: {epochs: 1, batch: 8, from: columns, freeze: ['*.bias', 'layers.0.*']}\n"
     "privacy: off\npolicy: none\n",
     false,
     {"csv", "columns", "label", "split", "yes"},
     2},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* ---- data -------------------------------------------------------------------------------- */

static void put_idx(const char *name, const unsigned char *head, size_t n_head, int n_bytes)
{
    FILE *f = fopen(in_room(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(head, 1, n_head, f), n_head);
    for (int i = 0; i < n_bytes; i++)
        assert_true(fputc(n_head == 8 ? i % 2 : (i * 37 + i / 16 * 90) % 251, f) != EOF);
    assert_int_equal(fclose(f), 0);
}

static void put_data(void)
{
    static const char *const words[] = {"sun", "rain", "fog", "wind", "snow", "heat", "ice"};
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    for (int i = 0; i < 60; i++)
        onus_buf_printf(&b, "{\"words\":\"%s %s %s\",\"mood\":\"%s\"}\n", words[i % 7],
                        words[i * 3 % 5], words[i * 5 % 7], i % 3 ? "good" : "bad");
    put_text("words.jsonl", b.data);
    onus_buf_clear(&b);
    for (int i = 0; i < 900; i++) onus_buf_printf(&b, "%s ", words[i * i % 7]);
    put_text("play.txt", b.data);
    onus_buf_release(&b);
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 4, 0, 0, 0, 4},
                               labels[] = {0, 0, 8, 1, 0, 0, 0, 40};
    put_idx("a.idx", images, sizeof images, 40 * 16);
    put_idx("a-labels.idx", labels, sizeof labels, 40);
    unsigned char others[sizeof images], other_labels[sizeof labels];
    memcpy(others, images, sizeof images);
    memcpy(other_labels, labels, sizeof labels);
    others[7] = other_labels[7] = 20;
    put_idx("b.idx", others, sizeof others, 20 * 16);
    put_idx("b-labels.idx", other_labels, sizeof other_labels, 20);
}

static void make(int k)
{
    char recipe[40];
    onus_run_result result = {.dir = ""};
    onus_err err = {.msg = ""};
    snprintf(recipe, sizeof recipe, "%s.yaml", kinds[k].name);
    put_text(recipe, kinds[k].recipe);
    const onus_run_opts opts = {.recipe = in_room(recipe),
                                .out = in_room(kinds[k].name),
                                .threads = 1,
                                .train_only = kinds[k].trained};
    if (onus_run(&opts, &result, &err) != ONUS_OK) fail_msg("%s: %s", kinds[k].name, err.msg);
    onus_run_result_release(&result);
}

static onus_log *log_of(const char *run)
{
    char name[64];
    onus_log *log = NULL;
    snprintf(name, sizeof name, "%s/ledger.jsonl", run);
    assert_int_equal(onus_log_read(&log, in_room(name), NULL, NULL), ONUS_OK);
    return log;
}

static bool in_list(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0) list++;
    return *list != NULL;
}

/* ---- the tests --------------------------------------------------------------------------- */

static bool emits_any(const onus_stage *stage)
{
    for (int r = 0; r < onus_n_event_rows; r++)
        if (onus_stage_emits(stage, onus_event_rows[r]->type)) return true;
    return false;
}

/* Stage by stage: each event is of the stage that has the turn, or of a later one that the
 * recipe asks for; each that it asks for has left its first event, where it has any. */
static void walk(int k, const onus_log *log, const onus_recipe *r)
{
    const onus_stage *at = onus_stages;
    const onus_ends ends = kinds[k].trained ? ONUS_ENDS_TRAINED : ONUS_ENDS_REPORTED;
    bool seen[20] = {false};
    for (int64_t i = 0; i < onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i);
        if (onus_event_between(e->type)) continue;
        while (at->name &&
               ((at->asked && !at->asked(r, ends)) || !onus_stage_emits(at, e->type)))
            at++;
        if (!at->name)
            fail_msg("%s: event %d (%s) is of no stage", kinds[k].name, (int)e->n, e->type);
        seen[at - onus_stages] = true;
    }
    for (at = onus_stages; at->name; at++) {
        const bool asked = !at->asked || at->asked(r, ends);
        if (emits_any(at) && asked != seen[at - onus_stages])
            fail_msg("%s: stage %s was %s", kinds[k].name, at->name,
                     asked ? "asked for, and left nothing" : "not asked for");
    }
}

/* Rows of the registry name stages of the table; those without one happen to a run. */
static void rows_name_stages(void **state)
{
    (void)state;
    for (int r = 0; r < onus_n_event_rows; r++) {
        const onus_event_row *row = onus_event_rows[r];
        if (row->stage ? !onus_stage_find(row->stage) : !onus_event_between(row->type))
            fail_msg("%s: no stage emits it", row->type);
    }
}

static void events_and_files(void **state)
{
    (void)state;
    static const char *const own[] = {"ledger.jsonl", "ledger.note", "key.pub", NULL};
    for (int k = 0; k < N_KINDS; k++) {
        onus_arena arena;
        onus_recipe *r = NULL;
        onus_err err = {.msg = ""};
        const char **files;
        int64_t n = 0;
        char recipe[40];
        make(k);
        snprintf(recipe, sizeof recipe, "%s.yaml", kinds[k].name);
        assert_int_equal(onus_recipe_open(&r, in_room(recipe), NULL, NULL, &err), ONUS_OK);
        onus_log *log = log_of(kinds[k].name);
        walk(k, log, r);
        onus_arena_init(&arena, NULL);
        assert_int_equal(onus_dir_list(in_room(kinds[k].name), &arena, &files, &n, &err),
                         ONUS_OK);
        assert_true(n >= 6);
        for (int64_t i = 0; i < n; i++) {
            bool known = in_list(own, files[i]);
            for (const onus_stage *s = onus_stages; s->name; s++)
                for (const char *const *f = s->files; *f; f++)
                    known = known || fnmatch(*f, files[i], FNM_PATHNAME) == 0;
            if (!known) fail_msg("%s: %s is of no stage", kinds[k].name, files[i]);
        }
        onus_arena_release(&arena);
        onus_recipe_close(r);
        onus_log_close(log);
        const onus_replay_opts opts = {.run = in_room(kinds[k].name), .threads = 1};
        if (onus_replay(&opts, NULL, NULL, &err) != ONUS_OK)
            fail_msg("%s: %s", kinds[k].name, err.msg);
    }
}

/* What a stage says of another one's is refused before it is written. */
static void stages_keep_to_their_own(void **state)
{
    (void)state;
    onus_session s = {.stage = onus_stage_find("train")};
    const onus_sink sink = onus_session_sink(&s);
    assert_int_equal(onus_facts_create(&s.facts, NULL, NULL), ONUS_OK);
    for (int i = 0; i < onus_n_event_rows; i++) {
        const onus_event_row *row = onus_event_rows[i];
        const onus_event e = {.type = row->type};
        const bool own = row->times == ONUS_TIMES_ANYWHERE || strcmp(row->stage, "train") == 0;
        onus_err err = {.msg = ""};
        assert_int_equal(sink.emit(sink.ctx, &e, &err), own ? ONUS_OK : ONUS_BAD_ARG);
        if (!own) assert_non_null(strstr(err.msg, row->type));
    }
    onus_facts_destroy(s.facts);
}

/* By hand, from the recipes above. */
static void event_one(void **state)
{
    (void)state;
    static const char *const names[] = {"run.format", "run.input", "run.predict", "run.test",
                                        "run.from"};
    for (int k = 0; k < N_KINDS; k++) {
        onus_log *log = log_of(kinds[k].name);
        const json_t *claim = onus_log_at(log, 0)->claim;
        assert_string_equal(onus_log_at(log, 0)->type, "run.begin");
        assert_string_equal(json_string_value(json_object_get(claim, "run.ends")),
                            kinds[k].trained ? "trained" : "reported");
        for (int i = 0; i < 5; i++)
            assert_string_equal(json_string_value(json_object_get(claim, names[i])),
                                kinds[k].said[i]);
        assert_int_equal(json_integer_value(json_object_get(claim, "run.freeze")),
                         kinds[k].freeze);
        onus_log_close(log);
    }
}

/* A ledger that lacks what a stage says: the report tells what is therefore not proven. */
static void absence_is_said(void **state)
{
    (void)state;
    int n_said = 0;
    for (const onus_stage *s = onus_stages; s->name; s++) {
        if (s->absent == ONUS_TEXT_COUNT) continue;
        const char *text = onus_text_of(s->absent, ONUS_ENGLISH);
        for (int without = 0; without < 2; without++) {
            onus_log *log = log_of("columns"), *less = NULL;
            onus_buf lines, html;
            onus_buf_init(&lines, NULL, 16 << 20);
            onus_buf_init(&html, NULL, 64 << 20);
            int64_t n = 0;
            for (int64_t i = 0; i < onus_log_count(log); i++) {
                const onus_entry *e = onus_log_at(log, i);
                if (without && onus_stage_emits(s, e->type)) continue;
                json_t *line = json_pack("{s:O, s:O, s:I, s:s, s:s}", "claim", e->claim,
                                         "observed", e->observed, "n", (json_int_t)++n, "time",
                                         e->time, "type", e->type);
                onus_json_canonical(&lines, line);
                onus_buf_str(&lines, "\n");
                json_decref(line);
            }
            assert_int_equal(onus_log_parse(&less, lines.data, lines.len, "less", NULL, NULL),
                             ONUS_OK);
            assert_int_equal(onus_report_html(less, n, &html, NULL, NULL), ONUS_OK);
            if ((strstr(html.data, text) != NULL) != (without == 1))
                fail_msg("stage %s, %s: '%s'", s->name, without ? "absent" : "there", text);
            onus_log_close(log);
            onus_log_close(less);
            onus_buf_release(&lines);
            onus_buf_release(&html);
        }
        n_said++;
    }
    assert_true(n_said >= 5);
}

static void types_are_described(void **state)
{
    (void)state;
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    assert_int_equal(onus_file_read("docs/EVIDENCE.md", &b, NULL), ONUS_OK);
    for (int i = 0; i < onus_n_event_rows; i++) {
        bool found = false;
        const char *type = onus_event_rows[i]->type;
        const size_t len = strlen(type);
        for (const char *line = strstr(b.data, "\n### "); line && !found;
             line = strstr(line + 1, "\n### ")) {
            const char *end = strchr(line + 1, '\n');
            for (const char *at = line + 5; at + len <= end && !found; at++)
                found = strncmp(at, type, len) == 0 && strchr(" ", at[-1]) &&
                        strchr(" ,\n", at[len]);
        }
        if (!found) fail_msg("EVIDENCE.md has no section of %s", type);
    }
    onus_buf_release(&b);
}

static int open_room(void **state)
{
    if (open_run_room(state) != 0) return -1;
    put_data();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_name_stages), cmocka_unit_test(stages_keep_to_their_own),
        cmocka_unit_test(events_and_files), cmocka_unit_test(event_one),
        cmocka_unit_test(absence_is_said),  cmocka_unit_test(types_are_described),
    };
    return cmocka_run_group_tests(tests, open_room, close_run_room);
}
