/* SPDX-License-Identifier: Apache-2.0
 * sheet.c - what the ledger says of the data: counts and hashes, never values of people.
 *
 * docs/EVIDENCE.md has the names. Lists of columns and what is said of each one are left out
 * where a table has more than ONUS_COLUMNS_LISTED columns; the counts are always there. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/hash.h"
#include "data/parts.h"

/* What is said of a hash of the data: in a private run HMAC-SHA-256 of it under a key of the
 * run's. */
static void put_hash(const onus_dataset *d, onus_event_builder *b, const uint8_t sha[32],
                     const char *name)
{
    uint8_t said[32];
    if (d->spec->hash_key)
        onus_hmac_sha256(d->spec->hash_key, sha, 32, said);
    else
        memcpy(said, sha, sizeof said);
    onus_event_sha256(b, said, "%s", name);
}

onus_status onus_emit_read(const onus_dataset *d, const char *path, const uint8_t sha[32],
                           int64_t rows, int number, const onus_sink *sink, onus_err *err)
{
    char name[64];
    const char *slash = strrchr(path, '/');
    struct stat info;
    onus_event_builder b;
    onus_event_init(&b, d->mem);
    onus_event_begin(&b, "data.read");
    onus_event_text(&b, slash ? slash + 1 : path, "data.file.%d.name", number + 1);
    if (stat(path, &info) == 0)
        onus_event_int(&b, (int64_t)info.st_size, "data.file.%d.bytes", number + 1);
    snprintf(name, sizeof name, "data.file.%d.sha256", number + 1);
    put_hash(d, &b, sha, name);
    if (rows >= 0) onus_event_int(&b, rows, "data.file.%d.rows", number + 1);
    onus_status st = onus_event_emit(&b, sink, err);
    onus_event_release(&b);
    return st;
}

onus_status onus_unread(const onus_dataset *d, onus_status st, const char *path,
                        const uint8_t sha[32], int number, const onus_sink *sink, onus_err *err)
{
    static const uint8_t unhashed[32]; /* too large to be read: nothing is known of it */
    onus_err told = {.code = ONUS_OK};
    if (st != ONUS_BAD_INPUT || memcmp(sha, unhashed, sizeof unhashed) == 0 ||
        onus_emit_read(d, path, sha, -1, number, sink, &told) != ONUS_MISMATCH)
        return st;
    if (err) *err = told;
    return ONUS_MISMATCH;
}

/* ---- groups that are told ---------------------------------------------------------------- */

/* Are rows dealt to the parts by a protected attribute? */
static bool dealt_by_group(const onus_data_spec *s)
{
    for (int64_t k = 0; k < s->n_stratify; k++) {
        for (int64_t a = 0; a < s->n_protected; a++)
            if (strcmp(s->stratify[k], s->protected_[a].column) == 0) return true;
    }
    return false;
}

static onus_status group_part(onus_dataset *d, int p, onus_err *err)
{
    const size_t k = (size_t)d->n_attributes, n = (size_t)d->n_part[p];
    onus_grouped *rows = onus_arena_alloc(&d->arena, 1, sizeof *rows);
    int64_t *n_groups = onus_arena_alloc(&d->arena, k + 1, sizeof *n_groups);
    const int32_t **group = onus_arena_alloc(&d->arena, k + 1, sizeof *group);
    if (!rows || !n_groups || !group) return onus_fail_mem(err, "data");
    for (size_t a = 0; a < k; a++) {
        int32_t *of = onus_arena_alloc(&d->arena, n + 1, sizeof *of);
        if (!of) return onus_fail_mem(err, "data");
        for (size_t i = 0; i < n; i++) of[i] = d->attributes[a].group[d->part[p][i]];
        n_groups[a] = d->attributes[a].n_groups;
        group[a] = of;
    }
    *rows = (onus_grouped){(int64_t)n, (int64_t)k, n_groups, group};
    return onus_disclosure_sizes(&d->told[p], rows, &d->arena, err);
}

static onus_status decide_groups(onus_dataset *d, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (d->given || d->n_attributes == 0) return ONUS_OK;
    for (int p = 0; p < ONUS_PART_COUNT && st == ONUS_OK; p++) st = group_part(d, p, err);
    if (st == ONUS_OK && dealt_by_group(d->spec))
        onus_disclosure_join(d->told, ONUS_PART_COUNT);
    return st;
}

/* Is anything of that attribute withheld? How many rows lack it is withheld, too, then. */
static bool withholds(const onus_dataset *d, int64_t attribute)
{
    bool any = false;
    for (int p = 0; p < ONUS_PART_COUNT; p++)
        any = any || (d->told[p] && !onus_disclosure_tells_all(d->told[p], attribute));
    return any;
}

bool onus_withholds_column(const onus_dataset *d, const char *column)
{
    bool any = false;
    for (int64_t a = 0; a < d->n_attributes; a++)
        any = any || (strcmp(d->attributes[a].name, column) == 0 && withholds(d, a));
    return any;
}

/* ---- the events -------------------------------------------------------------------------- */

static onus_status emit_clean(onus_dataset *d, onus_event_builder *b, const onus_sink *sink,
                              onus_err *err)
{
    const char **constant =
        onus_arena_alloc(&d->arena, (size_t)d->n_cols + 1, sizeof *constant);
    if (!constant) return onus_fail_mem(err, "data");
    int64_t n = 0, n_missing = 0;
    bool any_withheld = false;
    const bool listed = d->n_cols <= ONUS_COLUMNS_LISTED;
    char part[512];
    onus_event_begin(b, "data.clean");
    onus_event_int(b, d->n_raw, "data.rows.raw");
    onus_event_int(b, d->dropped_missing, "data.dropped.missing");
    onus_event_int(b, d->dropped_duplicates, "data.dropped.duplicates");
    for (int64_t c = 0; c < d->n_cols; c++) {
        onus_status st = onus_name_part(part, sizeof part, d->cols[c].name, err);
        if (st != ONUS_OK) return st;
        n_missing += d->cols[c].n_missing;
        const bool withheld = onus_withholds_column(d, d->cols[c].name);
        any_withheld = any_withheld || withheld;
        if (withheld && listed)
            onus_event_undefined(b, "data.missing.%s", part);
        else if (d->cols[c].n_missing && listed)
            onus_event_int(b, d->cols[c].n_missing, "data.missing.%s", part);
        if (d->cols[c].constant) constant[n++] = d->cols[c].name;
    }
    if (any_withheld)
        onus_event_undefined(b, "data.missing_cells");
    else
        onus_event_int(b, n_missing, "data.missing_cells");
    onus_event_int(b, n, "data.constants");
    if (listed) onus_event_texts(b, constant, n, "data.constant");
    return onus_event_emit(b, sink, err);
}

/* Rows as the model sees them. Images and their labels are hashed with their files; here only
 * which rows a part holds. */
static void hash_part(const onus_dataset *d, int p, uint8_t out[32])
{
    onus_sha256 h;
    onus_sha256_init(&h);
    const int64_t *rows = d->part[p], width = d->encoder->n_features;
    const size_t labels = (size_t)d->n_labels * sizeof *d->y;
    if (!d->x) onus_sha256_add(&h, rows, (size_t)d->n_part[p] * sizeof *rows);
    for (int64_t i = 0, n; d->text.any && i < d->n_part[p]; i++) {
        const int32_t *ids = onus_text_row(d, rows[i], &n);
        onus_sha256_add(&h, ids, (size_t)n * sizeof *ids);
        onus_sha256_add(&h, d->y + rows[i] * d->n_labels, labels);
    }
    for (int64_t i = 0; d->x && i < d->n_part[p]; i++) {
        onus_sha256_add(&h, &rows[i], sizeof *rows);
        onus_sha256_add(&h, d->x + rows[i] * width, (size_t)width * sizeof *d->x);
        onus_sha256_add(&h, d->y + rows[i] * d->n_labels, labels);
    }
    onus_sha256_end(&h, out);
}

static onus_status emit_split(onus_dataset *d, onus_event_builder *b, const onus_sink *sink,
                              onus_err *err)
{
    onus_event_begin(b, "data.split");
    onus_event_int(b, d->n_rows, "data.rows");
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        uint8_t sha[32];
        char name[64];
        hash_part(d, p, sha);
        onus_event_int(b, d->n_part[p], "data.rows.%s", onus_part_names[p]);
        snprintf(name, sizeof name, "data.sha256.%s", onus_part_names[p]);
        put_hash(d, b, sha, name);
    }
    const onus_status st = onus_emit_overlap(d, b, err);
    return st == ONUS_OK ? onus_event_emit(b, sink, err) : st;
}

/* ".NAME" of one of several labels, "" of the only one. */
static onus_status label_part(const onus_dataset *d, int64_t l, char out[513], onus_err *err)
{
    out[0] = d->n_labels > 1 ? '.' : '\0';
    return d->n_labels > 1 ? onus_name_part(out + 1, 512, d->labels[l], err) : ONUS_OK;
}

static onus_status count_label(onus_dataset *d, int64_t l, onus_event_builder *b, onus_err *err)
{
    char label[513], part[512];
    onus_status st = label_part(d, l, label, err);
    for (int64_t c = 0; st == ONUS_OK && c < d->n_classes && c < ONUS_CLASSES_LISTED; c++) {
        st = onus_name_part(part, sizeof part, d->classes[l * d->n_classes + c], err);
        for (int p = 0; st == ONUS_OK && p < ONUS_PART_COUNT; p++) {
            int64_t n = 0;
            for (int64_t i = 0; i < d->n_part[p]; i++)
                n += d->y[d->part[p][i] * d->n_labels + l] == (float)c;
            onus_event_int(b, n, "data.label%s.%s.%s", label, part, onus_part_names[p]);
        }
    }
    return st;
}

/* Names of labels, where there are several, and of each one's classes. */
static onus_status describe_classes(const onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    char part[513];
    const int64_t n = d->n_classes < ONUS_CLASSES_LISTED ? d->n_classes : ONUS_CLASSES_LISTED;
    if (d->n_labels > 1)
        onus_event_texts(b, d->encoder->labels, d->n_labels, "data.labels");
    else if (d->encoder->labels[0][0])
        onus_event_text(b, d->encoder->labels[0], "data.target");
    for (int64_t l = 0; n > 0 && l < d->n_labels; l++) {
        onus_status st = label_part(d, l, part, err);
        if (st != ONUS_OK) return st;
        onus_event_texts(b, d->classes + l * d->n_classes, n, "data.classes%s", part);
    }
    return ONUS_OK;
}

/* What is predicted, and the order of classes and groups: a ledger sorts names. */
static onus_status describe_label(onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    char part[512];
    onus_event_text(b, onus_task_names[d->task], "data.task");
    onus_status st = describe_classes(d, b, err);
    if (st != ONUS_OK) return st;
    if (d->target) {
        onus_event_real(b, d->label_shift, "data.target.shift");
        onus_event_real(b, d->label_scale, "data.target.scale");
    }
    const char **names =
        onus_arena_alloc(&d->arena, (size_t)d->n_attributes + 1, sizeof *names);
    if (!names) return onus_fail_mem(err, "data");
    for (int64_t a = 0; a < d->n_attributes; a++) {
        names[a] = d->attributes[a].name;
        st = onus_name_part(part, sizeof part, names[a], err);
        if (st != ONUS_OK) return st;
        onus_event_texts(b, (const char *const *)d->attributes[a].groups,
                         d->attributes[a].n_groups, "data.groups.%s", part);
    }
    onus_event_texts(b, names, d->n_attributes, "data.attributes");
    return ONUS_OK;
}

static onus_status count_groups(onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    char attribute[512], group[512];
    bool any_withheld = false;
    for (int64_t a = 0; a < d->n_attributes; a++) {
        onus_status st =
            onus_name_part(attribute, sizeof attribute, d->attributes[a].name, err);
        if (st != ONUS_OK) return st;
        for (int64_t g = 0; g < d->attributes[a].n_groups; g++) {
            st = onus_name_part(group, sizeof group, d->attributes[a].groups[g], err);
            if (st != ONUS_OK) return st;
            for (int p = 0; p < ONUS_PART_COUNT; p++) {
                int64_t n = 0;
                if (d->told[p] && !onus_disclosure_tells(d->told[p], a, (uint64_t)g)) {
                    onus_event_undefined(b, "data.group.%s.%s.%s", attribute, group,
                                         onus_part_names[p]);
                    any_withheld = true;
                    continue;
                }
                for (int64_t i = 0; i < d->n_part[p]; i++)
                    n += d->attributes[a].group[d->part[p][i]] == g;
                onus_event_int(b, n, "data.group.%s.%s.%s", attribute, group,
                               onus_part_names[p]);
            }
        }
    }
    if (any_withheld) onus_event_text(b, ONUS_WITHHELD, "data.group.reason");
    return ONUS_OK;
}

static onus_status list_columns(onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    const onus_encoder *e = d->encoder;
    char part[512];
    const char **names = onus_arena_alloc(&d->arena, (size_t)e->n_columns + 1, sizeof *names);
    if (!names) return onus_fail_mem(err, "data");
    for (int64_t k = 0; k < e->n_columns; k++) {
        names[k] = e->columns[k].pub.name;
        onus_status st = onus_name_part(part, sizeof part, names[k], err);
        if (st != ONUS_OK) return st;
        onus_event_text(b, e->columns[k].pub.category ? "category" : "number", "data.column.%s",
                        part);
        if (onus_withholds_column(d, names[k]))
            onus_event_undefined(b, "data.unseen.%s", part);
        else if (d->unseen && d->unseen[k])
            onus_event_int(b, d->unseen[k], "data.unseen.%s", part);
    }
    onus_event_texts(b, names, e->n_columns, "data.columns");
    onus_event_texts(b, d->fitted, d->n_fitted, "data.fitted");
    return ONUS_OK;
}

/* Tokens of all rows that stand for what the tokenizer has no token for. */
static int64_t unknown_tokens(const onus_dataset *d)
{
    const int32_t unknown = onus_tokenizer_unknown(d->encoder->tokenizer);
    int64_t n = 0;
    for (int64_t i = 0; unknown >= 0 && i < d->text.n_ids; i++) n += d->text.ids[i] == unknown;
    return n;
}

/* How many tokens there are and what made them: a tokenizer.json that hashes to this gives the
 * same ids. */
static onus_status describe_text(const onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    const onus_tokenizer *t = d->encoder->tokenizer;
    uint8_t sha[32];
    onus_buf json;
    onus_buf_init(&json, d->mem, ONUS_TOKENIZER_JSON_MAX);
    const onus_status st = onus_tokenizer_write(t, &json, err);
    if (st == ONUS_OK) onus_sha256_of(json.data, json.len, sha);
    onus_buf_release(&json);
    if (st != ONUS_OK) return st;
    onus_event_text(b, onus_tokenizer_kinds[onus_tokenizer_kind_of(t)], "data.tokenizer.kind");
    onus_event_int(b, onus_tokenizer_size(t), "data.tokenizer.vocabulary");
    onus_event_sha256(b, sha, "data.tokenizer.sha256");
    onus_event_int(b, d->encoder->context, "data.context");
    onus_event_int(b, d->text.truncated, "data.truncated");
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        int64_t sum = 0;
        for (int64_t i = 0, n; i < d->n_part[p]; i++) {
            (void)onus_text_row(d, d->part[p][i], &n);
            sum += d->text.first ? n : n - 1; /* windows share their last token */
        }
        onus_event_int(b, sum, "data.tokens.%s", onus_part_names[p]);
    }
    const int64_t unknown = unknown_tokens(d);
    if (unknown > 0) onus_event_int(b, unknown, "data.tokens.unknown");
    if (d->n_fitted) onus_event_texts(b, d->fitted, d->n_fitted, "data.fitted");
    return ONUS_OK;
}

/* What training sees instead of the images themselves. */
static void describe_augment(const onus_augment_spec *a, onus_event_builder *b)
{
    if (a->turn) onus_event_text(b, "by quarters", "data.augment.turn");
    if (a->flip != ONUS_FLIP_NONE)
        onus_event_text(b, onus_flip_names[a->flip], "data.augment.flip");
    if (a->shift > 0) onus_event_int(b, a->shift, "data.augment.shift");
    if (a->crop > 0) onus_event_int(b, a->crop, "data.augment.crop");
}

static onus_status describe_columns(onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    const onus_encoder *e = d->encoder;
    onus_event_int(b, e->n_features, "data.features");
    if (e->pixels) describe_augment(&d->spec->augment, b);
    if (e->pixels) return ONUS_OK;
    if (d->text.any) return describe_text(d, b, err);
    int64_t n_categories = 0;
    for (int64_t k = 0; k < e->n_columns; k++) n_categories += e->columns[k].pub.category;
    onus_event_int(b, e->n_columns - n_categories, "data.numbers");
    onus_event_int(b, n_categories, "data.categories");
    if (e->n_columns <= ONUS_COLUMNS_LISTED) return list_columns(d, b, err);
    const char *all = onus_arena_printf(&d->arena, "%lld statistics of %lld columns",
                                        (long long)d->n_fitted, (long long)e->n_columns);
    if (!all) return onus_fail_mem(err, "data");
    onus_event_texts(b, &all, 1, "data.fitted");
    return ONUS_OK;
}

onus_status onus_emit_sheet(onus_dataset *d, const onus_sink *sink, onus_err *err)
{
    onus_status st = ONUS_OK;
    const onus_data_spec *s = d->spec;
    onus_event_builder b;
    onus_event_init(&b, d->mem);
    ONUS_TRY(decide_groups(d, err));
    if (!d->encoder->pixels && d->csv[0].cells) ONUS_TRY(emit_clean(d, &b, sink, err));
    ONUS_TRY(emit_split(d, &b, sink, err));
    onus_event_begin(&b, "data.sheet");
    if (s->licence) onus_event_text(&b, s->licence, "data.licence");
    if (s->origin) onus_event_text(&b, s->origin, "data.origin");
    if (s->description) onus_event_text(&b, s->description, "data.description");
    ONUS_TRY(describe_columns(d, &b, err));
    ONUS_TRY(describe_label(d, &b, err));
    for (int64_t l = 0; d->has_labels && l < d->n_labels; l++)
        ONUS_TRY(count_label(d, l, &b, err));
    ONUS_TRY(count_groups(d, &b, err));
    ONUS_TRY(onus_event_emit(&b, sink, err));
done:
    onus_event_release(&b);
    return st;
}
