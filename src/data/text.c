/* SPDX-License-Identifier: Apache-2.0
 * text.c - rows of tokens: windows of one long text, or a text column of a table.
 *
 * A long text is cut where its parts end (the split's shares of its bytes, at the next
 * character), and each part into windows that do not overlap, so that no part has seen
 * another's words. A row of a table is one text; where the tokenizer has "[CLS]" and says
 * nothing else of what stands around a text, it begins with that.
 *
 * The tokenizer is trained on the training part, or comes from a file; it travels in the
 * encoder. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "data/parts.h"
#include "num/philox.h"

enum { SPECIALS_MAX = 3, MASK_KEPT = 10, MASK_RANDOM = 10 }; /* percent of the masked */

static onus_status place_path(const onus_dataset *d, const char *name, char path[ONUS_PATH_MAX],
                              onus_err *err)
{
    return onus_path_join(path, ONUS_PATH_MAX, d->spec->base_dir ? d->spec->base_dir : ".",
                          name, err);
}

/* ---- the tokenizer ----------------------------------------------------------------------- */

/* What a long text has in the place of rows. */
static int64_t count_lines(const onus_buf *text)
{
    int64_t n = text->len > 0 && text->data[text->len - 1] != '\n';
    for (size_t i = 0; i < text->len; i++) n += text->data[i] == '\n';
    return n;
}

static onus_status read_tokenizer(onus_dataset *d, const char *name, const onus_sink *sink,
                                  onus_err *err)
{
    enum { NUMBER = 3 }; /* after source, test source and what images have */
    char path[ONUS_PATH_MAX];
    onus_buf json;
    onus_buf_init(&json, d->mem, ONUS_TOKENIZER_JSON_MAX);
    onus_status st = place_path(d, name, path, err);
    if (st == ONUS_OK) st = onus_file_read_gzip(path, &json, d->file_sha[NUMBER], err);
    if (st == ONUS_OK)
        st =
            onus_tokenizer_read(&d->encoder->tokenizer, json.data, json.len, path, d->mem, err);
    if (st == ONUS_OK)
        st =
            onus_emit_read(d, path, d->file_sha[NUMBER], count_lines(&json), NUMBER, sink, err);
    onus_buf_release(&json);
    return st;
}

/* What every tokenizer that is trained here has: a token for what it does not know (bytes know
 * everything), for what is hidden, for the place of a text's class. */
static onus_status train_tokenizer(onus_dataset *d, const onus_tokenizer_text *texts, int64_t n,
                                   onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const char *specials[SPECIALS_MAX];
    onus_tokenizer_spec spec = {.kind = (onus_tokenizer_kind)s->text.kind,
                                .vocabulary = s->text.vocabulary,
                                .lower = s->text.lower,
                                .specials = specials};
    if (spec.kind != ONUS_TOKENIZER_BPE) specials[spec.n_specials++] = "[UNK]";
    if (s->predict == ONUS_PREDICT_MASKED) specials[spec.n_specials++] = "[MASK]";
    if (s->format != ONUS_FORMAT_TEXT && s->predict != ONUS_PREDICT_NEXT)
        specials[spec.n_specials++] = "[CLS]";
    onus_err why = {.code = ONUS_OK};
    const onus_status st =
        onus_tokenizer_train(&d->encoder->tokenizer, &spec, texts, n, d->mem, &why);
    if (st == ONUS_OK || st == ONUS_NO_MEM)
        return st == ONUS_OK ? ONUS_OK : onus_fail_mem(err, "data.tokenizer");
    return onus_fail(err, st, "%s:%d: data.tokenizer: %s", s->recipe ? s->recipe : "data",
                     s->text.line, why.msg);
}

onus_status onus_fit_tokenizer(onus_dataset *d, const onus_tokenizer_text *texts, int64_t n,
                               const onus_sink *sink, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    onus_status st = s->text.file ? read_tokenizer(d, s->text.file, sink, err)
                                  : train_tokenizer(d, texts, n, err);
    if (st != ONUS_OK) return st;
    onus_encoder *e = d->encoder;
    e->context = s->text.context;
    e->n_features = e->context;
    if (s->predict == ONUS_PREDICT_MASKED && onus_tokenizer_id(e->tokenizer, "[MASK]") < 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.predict: masked wants a token '[MASK]', which '%.200s' "
                         "lacks",
                         s->recipe ? s->recipe : "data", s->text.line, s->text.file);
    if (s->text.file) return ONUS_OK;
    d->fitted[d->n_fitted] = onus_arena_printf(&d->arena, "%s tokenizer of %lld tokens",
                                               onus_tokenizer_kinds[s->text.kind],
                                               (long long)onus_tokenizer_size(e->tokenizer));
    return d->fitted[d->n_fitted++] ? ONUS_OK : onus_fail_mem(err, "data");
}

/* ---- ids --------------------------------------------------------------------------------- */

/* Room for n more ids. */
static onus_status grow(onus_dataset *d, int64_t n, onus_err *err)
{
    onus_text_rows *t = &d->text;
    if (t->n_ids + n <= t->max_ids) return ONUS_OK;
    const int64_t want = 2 * t->max_ids > t->n_ids + n ? 2 * t->max_ids : t->n_ids + n;
    int32_t *more = onus_resize(d->mem, t->ids, (size_t)want, sizeof *more);
    if (!more) return onus_fail_mem(err, "data");
    t->ids = more;
    t->max_ids = want;
    return ONUS_OK;
}

/* Appends a text's ids, with what stands around it, at most `most` (0: all). */
static onus_status add_text(onus_dataset *d, onus_tokenizer_worker *w, onus_tokenizer_text text,
                            int64_t most, onus_err *err)
{
    const onus_tokenizer *k = d->encoder->tokenizer;
    onus_text_rows *t = &d->text;
    const int32_t *before, *after;
    int64_t n_before, n_after, n = 0;
    onus_tokenizer_frame(k, &before, &n_before, &after, &n_after);
    const int32_t cls = onus_tokenizer_id(k, "[CLS]");
    if (n_before == 0 && cls >= 0) {
        before = &cls;
        n_before = 1;
    }
    if (most == 0) n_before = n_after = 0; /* a long text is no sentence */
    const int64_t room = most ? most - n_before - n_after : (int64_t)text.len;
    if (most && room < 1)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "data.tokenizer: a context of %lld leaves no room beside the %lld tokens "
            "that stand around a text",
            (long long)most, (long long)(n_before + n_after));
    onus_status st = grow(d, n_before + room + n_after, err);
    if (st != ONUS_OK) return st;
    for (int64_t i = 0; i < n_before; i++) t->ids[t->n_ids++] = before[i];
    st = onus_tokenizer_encode(w, text.data, text.len, t->ids + t->n_ids, room, &n, err);
    if (st != ONUS_OK) return st;
    t->truncated += n > room;
    t->n_ids += n < room ? n : room;
    for (int64_t i = 0; i < n_after; i++) t->ids[t->n_ids++] = after[i];
    return ONUS_OK;
}

/* ---- a column ---------------------------------------------------------------------------- */

static int64_t text_column(const onus_dataset *d)
{
    for (int64_t c = 0; c < d->n_cols; c++)
        if (d->cols[c].role == ONUS_ROLE_TEXT) return c;
    return -1;
}

onus_status onus_find_text(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const int64_t c = text_column(d);
    const char *recipe = s->recipe ? s->recipe : "data";
    if (c < 0 && s->predict == ONUS_PREDICT_LABEL) return ONUS_OK;
    if (c < 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.predict: a table of tokens wants a column of type text",
                         recipe, s->line);
    for (int64_t k = 0; k < d->n_cols; k++) {
        onus_data_column *col = &d->cols[k];
        if (k == c) continue;
        if (col->role == ONUS_ROLE_TEXT || (col->spec && col->is_feature))
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "%s:%d: data.columns: a model reads one column of text, '%.80s', and "
                "nothing beside it: '%.80s' must be dropped",
                recipe, s->line, d->cols[c].name, col->name);
        col->is_feature = false; /* what is not read; the data sheet names what is */
    }
    d->text.column = c;
    d->text.any = true;
    return ONUS_OK;
}

static onus_tokenizer_text cell_text(const onus_dataset *d, int64_t row)
{
    const char *cell = onus_cell(d, row, d->text.column);
    return (onus_tokenizer_text){cell, strlen(cell)};
}

onus_status onus_fit_text_column(onus_dataset *d, const onus_sink *sink, onus_err *err)
{
    const int64_t *rows = d->part[ONUS_PART_TRAIN], n = d->n_part[ONUS_PART_TRAIN];
    onus_tokenizer_text *texts = onus_alloc(d->mem, (size_t)n + 1, sizeof *texts);
    if (!texts) return onus_fail_mem(err, "data");
    for (int64_t i = 0; i < n; i++) texts[i] = cell_text(d, rows[i]);
    onus_status st = onus_fit_tokenizer(d, texts, n, sink, err);
    onus_free(d->mem, texts);
    onus_encoder *e = d->encoder;
    if (st != ONUS_OK) return st;
    e->columns[0] = (onus_encoded_column){.pub = {.first = 0, .n = e->context}, .scale = 1};
    e->columns[0].pub.name = onus_arena_strdup(&e->arena, d->cols[d->text.column].name);
    if (!e->columns[0].pub.name) return onus_fail_mem(err, "data");
    e->n_columns = 1;
    d->input_col[0] = d->text.column;
    return ONUS_OK;
}

onus_status onus_encode_texts(onus_dataset *d, onus_err *err)
{
    onus_text_rows *t = &d->text;
    onus_tokenizer_worker *w = NULL;
    const int64_t most = d->encoder->context + (d->spec->predict == ONUS_PREDICT_NEXT);
    onus_status st = onus_tokenizer_worker_create(&w, d->encoder->tokenizer, d->mem, err);
    if (st != ONUS_OK) return st;
    t->first = onus_arena_alloc(&d->arena, (size_t)d->n_rows + 1, sizeof *t->first);
    if (!t->first) st = onus_fail_mem(err, "data");
    for (int64_t r = 0; st == ONUS_OK && r < d->n_rows; r++) {
        char place[512];
        onus_err why = {.code = ONUS_OK};
        t->first[r] = t->n_ids;
        st = add_text(d, w, cell_text(d, r), most, &why);
        if (st == ONUS_OK) continue;
        onus_row_place(d, r, place);
        st = onus_fail(err, st, "%s: column '%.80s': %s", place, d->cols[t->column].name,
                       why.msg);
    }
    if (st == ONUS_OK) t->first[d->n_rows] = t->n_ids;
    onus_tokenizer_worker_destroy(w);
    return st;
}

/* ---- one long text ----------------------------------------------------------------------- */

/* Where a part that ends at about `at` ends: at a character. */
static size_t character_at(const onus_buf *text, double share)
{
    size_t at = (size_t)(share * (double)text->len + 0.5);
    while (at < text->len && ((unsigned char)text->data[at] & 0xc0) == 0x80) at++;
    return at < text->len ? at : text->len;
}

static void cut_parts(const onus_dataset *d, onus_tokenizer_text part[ONUS_PART_COUNT])
{
    const onus_data_spec *s = d->spec;
    const onus_buf *text = &d->images[0], *test = &d->images[1];
    memset(part, 0, ONUS_PART_COUNT * sizeof *part);
    if (d->given) {
        part[ONUS_PART_TEST] = (onus_tokenizer_text){text->data, text->len};
        return;
    }
    const size_t one = character_at(text, s->train),
                 two = s->test_source ? text->len : character_at(text, s->train + s->valid);
    part[ONUS_PART_TRAIN] = (onus_tokenizer_text){text->data, one};
    part[ONUS_PART_VALID] = (onus_tokenizer_text){text->data + one, two - one};
    part[ONUS_PART_TEST] = s->test_source
                               ? (onus_tokenizer_text){test->data, test->len}
                               : (onus_tokenizer_text){text->data + two, text->len - two};
}

static onus_status read_text(onus_dataset *d, int k, const char *name, const onus_sink *sink,
                             onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_buf_init(&d->images[k], d->mem, (size_t)4 << 30);
    onus_status st = place_path(d, name, path, err);
    if (st == ONUS_OK) st = onus_file_read_gzip(path, &d->images[k], d->file_sha[k], err);
    if (st == ONUS_OK && d->images[k].len < 2)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: no text", path);
    return st == ONUS_OK ? onus_emit_read(d, path, d->file_sha[k], count_lines(&d->images[k]),
                                          k, sink, err)
                         : st;
}

/* Windows of the ids [from, to): each but the last of context + 1, of which one is the next
 * window's first; a last one that would be shorter is left out, unless it is the only one. */
static onus_status add_windows(onus_dataset *d, int p, int64_t from, int64_t to, onus_err *err)
{
    const int64_t context = d->encoder->context, n = to - from - 1;
    const int64_t windows = n < 1 ? 0 : n < context ? 1 : n / context;
    onus_text_rows *t = &d->text;
    d->part[p] = onus_arena_alloc(&d->arena, (size_t)windows + 1, sizeof **d->part);
    int64_t *first =
        onus_resize(d->mem, t->starts, (size_t)(d->n_rows + windows) + 1, sizeof *first);
    if (first) t->starts = first;
    if (!d->part[p] || !first) return onus_fail_mem(err, "data");
    for (int64_t w = 0; w < windows; w++) {
        t->starts[d->n_rows] = from + w * context;
        d->part[p][d->n_part[p]++] = d->n_rows++;
    }
    t->end[p] = to;
    return ONUS_OK;
}

static onus_status encode_parts(onus_dataset *d, const onus_tokenizer_text *part, onus_err *err)
{
    onus_tokenizer_worker *w = NULL;
    onus_status st = onus_tokenizer_worker_create(&w, d->encoder->tokenizer, d->mem, err);
    for (int p = 0; st == ONUS_OK && p < ONUS_PART_COUNT; p++) {
        const int64_t from = d->text.n_ids;
        onus_err why = {.code = ONUS_OK};
        if (part[p].len) st = add_text(d, w, part[p], 0, &why);
        if (st != ONUS_OK)
            st = onus_fail(err, st, "%s: the %s part: %s", d->spec->source, onus_part_names[p],
                           why.msg);
        if (st == ONUS_OK) st = add_windows(d, p, from, d->text.n_ids, err);
    }
    onus_tokenizer_worker_destroy(w);
    return st;
}

static onus_status text_encoder(onus_dataset *d, const onus_tokenizer_text *train,
                                const onus_sink *sink, onus_err *err)
{
    onus_encoder *e = onus_alloc(d->mem, 1, sizeof *e);
    if (!e) return onus_fail_mem(err, "data");
    d->encoder = e;
    e->mem = d->mem;
    onus_arena_init(&e->arena, d->mem);
    e->task = d->task;
    e->n_labels = 1;
    e->labels = onus_arena_alloc(&e->arena, 1, sizeof *e->labels);
    e->columns = onus_arena_alloc(&e->arena, 1, sizeof *e->columns);
    e->classes = onus_arena_alloc(&e->arena, 1, sizeof *e->classes);
    d->fitted = onus_arena_alloc(&d->arena, 2, sizeof *d->fitted);
    if (!e->labels || !e->columns || !e->classes || !d->fitted)
        return onus_fail_mem(err, "data");
    e->labels[0] = "";
    return onus_fit_tokenizer(d, train, 1, sink, err);
}

static onus_status check_long_text(const onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const char *recipe = s->recipe ? s->recipe : "data";
    if (s->predict == ONUS_PREDICT_LABEL)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.predict: one long text has no labels: next or masked",
                         recipe, s->line);
    if (s->n_protected || s->n_stratify || s->n_columns || s->label || s->n_label_columns)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: one long text has no columns: protected must be none; label, "
                         "columns and stratify have no place",
                         recipe, s->line);
    return ONUS_OK;
}

static onus_status check_windows(const onus_dataset *d, onus_err *err)
{
    const double wanted[] = {d->spec->train, d->spec->valid,
                             d->spec->test_source ? 1 : d->spec->test};
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        if (d->n_part[p] || !(wanted[p] > 0) || (d->given && p != ONUS_PART_TEST)) continue;
        return onus_fail(err, ONUS_BAD_INPUT, "%s: the %s part has no two tokens",
                         d->spec->source, onus_part_names[p]);
    }
    return ONUS_OK;
}

onus_status onus_open_text(onus_dataset *d, const onus_sink *sink, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    onus_status st = ONUS_OK;
    onus_tokenizer_text part[ONUS_PART_COUNT];
    d->task = ONUS_TASK_TOKENS;
    d->has_labels = d->text.any = true;
    ONUS_TRY(check_long_text(d, err));
    ONUS_TRY(read_text(d, 0, s->source, sink, err));
    if (s->test_source) ONUS_TRY(read_text(d, 1, s->test_source, sink, err));
    cut_parts(d, part);
    if (d->given)
        d->encoder = (onus_encoder *)d->given; /* read only, never destroyed here */
    else
        ONUS_TRY(text_encoder(d, &part[ONUS_PART_TRAIN], sink, err));
    ONUS_TRY(encode_parts(d, part, err));
    ONUS_TRY(check_windows(d, err));
    d->csv[0].path = s->source;
    d->n_raw = d->n_rows;
    d->csv[0].n_rows = d->n_rows;
    d->y = onus_arena_alloc(&d->arena, (size_t)d->n_rows + 1, sizeof *d->y);
    d->raw = onus_arena_alloc(&d->arena, (size_t)d->n_rows + 1, sizeof *d->raw);
    if (!d->y || !d->raw) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_rows; r++) d->raw[r] = r;
done:
    return st;
}

/* ---- rows -------------------------------------------------------------------------------- */

const int32_t *onus_text_row(const onus_dataset *d, int64_t row, int64_t *n)
{
    const onus_text_rows *t = &d->text;
    if (t->first) {
        *n = t->first[row + 1] - t->first[row];
        return t->ids + t->first[row];
    }
    const int64_t from = t->starts[row], most = d->encoder->context + 1;
    int p = 0;
    while (from >= t->end[p]) p++;
    *n = t->end[p] - from < most ? t->end[p] - from : most;
    return t->ids + from;
}

/* BERT's task (Devlin et al. 2019, section 3.1): a token is chosen with probability `mask`; of
 * the chosen 80% are hidden, 10% become another, 10% stay. Words 3i, 3i + 1, 3i + 2 of the
 * row's stream say whether, how, and what for position i. Special tokens are never chosen. */
static void mask_row(const onus_dataset *d, uint64_t seed, uint32_t epoch, int64_t row,
                     const int32_t *ids, int64_t n, float *x, float *y)
{
    enum { AT_ONCE = 64 };
    const onus_tokenizer *k = d->encoder->tokenizer;
    const onus_stream s = {
        .seed = seed, .step = epoch, .node = (uint32_t)row, .purpose = ONUS_DRAW_AUGMENT};
    const double share = d->spec->mask > 0 ? d->spec->mask : 0.15;
    const uint32_t below = (uint32_t)(share * 0x1p32);
    const int32_t mask = onus_tokenizer_id(k, "[MASK]");
    uint32_t w[3 * AT_ONCE];
    for (int64_t i = 0; i < n; i++) {
        if (i % AT_ONCE == 0) onus_stream_words(&s, (uint64_t)(3 * i), 3 * AT_ONCE, w);
        const uint32_t *draw = w + 3 * (i % AT_ONCE);
        const bool chosen = draw[0] < below && !onus_tokenizer_is_special(k, ids[i]);
        const uint32_t way = (uint32_t)((uint64_t)draw[1] * 100 >> 32);
        float shown = (float)ids[i];
        if (chosen && way < MASK_RANDOM)
            shown = (float)((uint64_t)draw[2] * (uint64_t)onus_tokenizer_size(k) >> 32);
        else if (chosen && way >= MASK_RANDOM + MASK_KEPT)
            shown = (float)mask;
        if (x) x[i] = shown;
        if (y) y[i] = chosen ? (float)ids[i] : -1.0f;
    }
}

void onus_text_example(const onus_dataset *d, uint64_t seed, uint32_t epoch, int64_t row,
                       float *x, float *y)
{
    int64_t n;
    const int32_t *ids = onus_text_row(d, row, &n);
    const int64_t context = d->encoder->context;
    const bool tokens = d->task == ONUS_TASK_TOKENS;
    if (d->spec->predict == ONUS_PREDICT_NEXT) n--; /* the last one is only a next one */
    if (n > context) n = context;
    if (n < 0) n = 0;
    for (int64_t i = n; i < context; i++) {
        if (x) x[i] = -1.0f;
        if (y && tokens) y[i] = -1.0f;
    }
    if (d->spec->predict == ONUS_PREDICT_MASKED) {
        mask_row(d, seed, epoch, row, ids, n, x, y);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        if (x) x[i] = (float)ids[i];
        if (y && tokens) y[i] = (float)ids[i + 1];
    }
}
