/* SPDX-License-Identifier: Apache-2.0
 * diff.c - where two runs part: the first claim that differs, and, where that is a state of
 * training whose checkpoints are there, the first tensor and the operation it belongs to. Of
 * two recipes the first line that differs is shown, and the first claim after run.begin. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "base/file.h"
#include "net/model.h"
#include "proof/ledger.h"
#include "run/session.h"

typedef struct {
    const char *dir[2];
    onus_log *log[2];
    const onus_allocator *mem;
    onus_buf notes;
    onus_event_builder facts;
} differ;

/* The next entry with a claim at or after *at, taken; *there is false at the end. */
static onus_status next_claim(const onus_log *log, int64_t *at, onus_taken *out, bool *there,
                              onus_err *err)
{
    const int64_t n = onus_log_count(log);
    while (*at < n && !onus_log_claims(log, *at)) ++*at;
    *there = *at < n;
    return *there ? onus_log_take(log, (*at)++, out, err) : ONUS_OK;
}

static onus_status add_value(onus_buf *out, const json_t *v)
{
    if (!v)
        onus_buf_str(out, "absent");
    else
        onus_json_canonical(out, v);
    return out->st;
}

/* The first field, in the order of names, that is not the same in both. */
static const char *first_field(const json_t *a, const json_t *b)
{
    const char *key, *first = NULL;
    json_t *v;
    json_object_foreach((json_t *)a, key, v)
    {
        if (!json_equal(v, json_object_get(b, key)) && (!first || strcmp(key, first) < 0))
            first = key;
    }
    json_object_foreach((json_t *)b, key, v)
    {
        if (!json_object_get(a, key) && (!first || strcmp(key, first) < 0)) first = key;
    }
    return first;
}

/* Whether two files have the same numbers there. */
static onus_status compare_numbers(const differ *d, onus_safetensors *const file[2],
                                   const onus_tensor_view *const v[2], bool *same)
{
    const int64_t n = onus_shape_numel(&v[0]->shape);
    *same = false;
    if (!onus_tensor_is_float(v[0]) || !onus_tensor_is_float(v[1]) ||
        onus_shape_numel(&v[1]->shape) != n)
        return ONUS_OK;
    float *x = onus_alloc(d->mem, (size_t)n + 1, 2 * sizeof *x);
    onus_status st = x ? ONUS_OK : ONUS_NO_MEM;
    for (int i = 0; st == ONUS_OK && i < 2; i++) {
        onus_tensor_place place = {v[i], x + i * n};
        st = onus_safetensors_take(file[i], &place, 1, NULL, NULL);
    }
    *same = st == ONUS_OK && memcmp(x, x + n, (size_t)n * sizeof *x) == 0;
    onus_free(d->mem, x);
    return st;
}

/* First tensor of two checkpoints that differs; its name begins with the node's. Nothing is
 * said of files that cannot be read. */
static void compare_checkpoints(differ *d, int64_t step)
{
    onus_safetensors *file[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        char name[64], path[ONUS_PATH_MAX];
        snprintf(name, sizeof name, "checkpoints/%lld.safetensors", (long long)step);
        if (onus_path_join(path, sizeof path, d->dir[i], name, NULL) != ONUS_OK ||
            onus_safetensors_open(&file[i], path, d->mem, NULL) != ONUS_OK)
            goto done;
    }
    for (int64_t i = 0; i < onus_safetensors_count(file[0]); i++) {
        const onus_tensor_view *a = onus_safetensors_at(file[0], i);
        const onus_tensor_view *b = onus_safetensors_find(file[1], a->name);
        bool same = false;
        if (b && compare_numbers(d, file, (const onus_tensor_view *[]){a, b}, &same) != ONUS_OK)
            goto done;
        if (same) continue;
        onus_buf_printf(&d->notes,
                        "checkpoint of step %lld: tensor '%s' is the first that differs\n",
                        (long long)step, onus_is_plain(a->name) ? a->name : "?");
        onus_event_text(&d->facts, a->name, "diff.tensor");
        break;
    }
done:
    onus_safetensors_close(file[0]);
    onus_safetensors_close(file[1]);
}

static onus_status part(differ *d, const onus_entry *a, const onus_entry *b, onus_err *err)
{
    const char *field = strcmp(a->type, b->type) == 0 ? first_field(a->claim, b->claim) : NULL;
    onus_buf text;
    onus_buf_init(&text, d->mem, 1 << 16);
    onus_event_int(&d->facts, a->n, "diff.event.1");
    onus_event_int(&d->facts, b->n, "diff.event.2");
    onus_event_text(&d->facts, a->type, "diff.type.1");
    onus_event_text(&d->facts, b->type, "diff.type.2");
    if (!field) {
        onus_buf_printf(&text, "event %lld of %s is %s, event %lld of %s is %s",
                        (long long)a->n, d->dir[0], a->type, (long long)b->n, d->dir[1],
                        b->type);
    } else {
        const json_t *trained = json_object_get(a->claim, "train.step");
        const int64_t step =
            json_is_integer(trained) ? json_integer_value(trained) : onus_checkpoint_step(a);
        onus_buf_printf(&text, "event %lld (%s)", (long long)a->n, a->type);
        onus_event_text(&d->facts, field, "diff.field");
        if (step >= 0) {
            onus_event_int(&d->facts, step, "diff.step");
            onus_buf_printf(&text, ", step %lld", (long long)step);
        }
        onus_buf_printf(&text, ": %s is ", field);
        (void)add_value(&text, json_object_get(a->claim, field));
        onus_buf_str(&text, " and ");
        (void)add_value(&text, json_object_get(b->claim, field));
        if (step >= 0) compare_checkpoints(d, step);
    }
    onus_status st = onus_fail(err, ONUS_MISMATCH, "the runs part at %s",
                               text.data ? text.data : "an event");
    onus_buf_release(&text);
    return st;
}

/* Where the line at text ends. */
static size_t line_len(const char *text)
{
    return strcspn(text, "\n");
}

/* The first line that is not the same in both recipes; nothing where one is withheld. */
static void compare_recipes(differ *d)
{
    onus_buf text[2];
    bool read = true;
    for (int i = 0; i < 2; i++) {
        char path[ONUS_PATH_MAX];
        onus_buf_init(&text[i], d->mem, 1 << 20);
        read = read &&
               onus_path_join(path, sizeof path, d->dir[i], "recipe.yaml", NULL) == ONUS_OK &&
               onus_file_read(path, &text[i], NULL) == ONUS_OK;
    }
    const char *a = read ? text[0].data : "", *b = read ? text[1].data : "";
    for (int line = 1; *a || *b; line++) {
        const size_t n = line_len(a), m = line_len(b);
        if (n != m || memcmp(a, b, n) != 0) {
            onus_buf_printf(&d->notes, "recipe.yaml, line %d: '%.*s' and '%.*s'\n", line,
                            n < 300 ? (int)n : 300, a, m < 300 ? (int)m : 300, b);
            onus_event_int(&d->facts, line, "diff.recipe.line");
            break;
        }
        a += n + (a[n] == '\n');
        b += m + (b[m] == '\n');
    }
    onus_buf_release(&text[0]);
    onus_buf_release(&text[1]);
}

/* Two recipes part at once, in what their runs say of themselves; what came of it is further
 * on. */
static bool is_beginning(const onus_entry *a, const onus_entry *b)
{
    return strcmp(a->type, "run.begin") == 0 && strcmp(b->type, "run.begin") == 0;
}

static onus_status compare(differ *d, onus_err *err)
{
    int64_t began[2] = {-1, -1}, at[2] = {0, 0}, same = 0;
    onus_status st = ONUS_OK;
    while (st == ONUS_OK) {
        onus_taken t[2] = {{.root = NULL}, {.root = NULL}};
        const onus_entry *a = &t[0].entry, *b = &t[1].entry;
        bool is_a = false, is_b = false;
        st = next_claim(d->log[0], &at[0], &t[0], &is_a, err);
        if (st == ONUS_OK) st = next_claim(d->log[1], &at[1], &t[1], &is_b, err);
        if (st == ONUS_OK && is_a != is_b)
            st = onus_fail(err, ONUS_MISMATCH,
                           "the runs part at the end: %s claims more after %lld events that "
                           "are the same",
                           is_a ? d->dir[0] : d->dir[1], (long long)same);
        else if (st == ONUS_OK && is_a) {
            if (strcmp(a->type, b->type) == 0 && json_equal(a->claim, b->claim))
                same++;
            else if (is_beginning(a, b))
                began[0] = a->n - 1, began[1] = b->n - 1;
            else
                st = part(d, a, b, err);
        }
        onus_taken_release(&t[0]);
        onus_taken_release(&t[1]);
        if (!is_a && !is_b) break;
    }
    if (began[0] >= 0) compare_recipes(d);
    if (st == ONUS_OK && began[0] >= 0) {
        st = part(d, onus_log_at(d->log[0], began[0]), onus_log_at(d->log[1], began[1]), err);
        for (int i = 0; i < 2; i++) {
            onus_status sound = onus_log_sound(d->log[i], err);
            if (sound != ONUS_OK) st = sound;
        }
    }
    onus_event_int(&d->facts, same, "diff.same");
    onus_event_text(&d->facts, st == ONUS_OK ? "same" : "part", "diff.verdict");
    onus_buf_printf(&d->notes, "%lld events claim the same in both runs%s\n", (long long)same,
                    st == ONUS_OK ? "" : " before they part");
    return st;
}

static onus_status open_ledger(differ *d, int i, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_status st = onus_folder_check(d->dir[i], d->mem, err);
    if (st == ONUS_OK) st = onus_path_join(path, sizeof path, d->dir[i], "ledger.jsonl", err);
    return st == ONUS_OK ? onus_log_read_judged(&d->log[i], path, d->mem, err) : st;
}

onus_status onus_diff(const char *run1, const char *run2, onus_facts **facts, char **notes,
                      const onus_allocator *mem, onus_err *err)
{
    onus_fp_set();
    if (!run1 || !run2) return onus_fail(err, ONUS_BAD_ARG, "diff: two run folders are needed");
    onus_status st = ONUS_OK;
    onus_err why = {.code = ONUS_OK};
    differ d = {.dir = {run1, run2}, .mem = mem};
    onus_buf_init(&d.notes, mem, 1 << 20);
    onus_event_init(&d.facts, mem);
    onus_event_begin(&d.facts, "diff");
    for (int i = 0; i < 2 && st == ONUS_OK; i++) st = open_ledger(&d, i, &why);
    if (st == ONUS_OK) {
        st = compare(&d, &why);
    } else {
        onus_event_text(&d.facts, "not compared", "diff.verdict");
        onus_event_text(&d.facts, why.msg, "diff.error");
    }
    onus_status told = facts ? onus_event_facts(&d.facts, facts, mem, &why) : ONUS_OK;
    if (told == ONUS_OK && notes) told = onus_buf_hand_out(&d.notes, notes, "diff", &why);
    if (told != ONUS_OK) st = told;
    if (st != ONUS_OK && err) *err = why;
    onus_event_release(&d.facts);
    onus_buf_release(&d.notes);
    onus_log_close(d.log[0]);
    onus_log_close(d.log[1]);
    return st;
}
