/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_read.c - Hugging Face's tokenizer.json, checked.
 *
 * A file that means other ids than ours would be worse than one that is refused. So every part
 * that decides about ids must be of a form that is known here, and every one of its settings is
 * either read or must have the value that changes nothing; what only concerns offsets, rows of
 * text or decoding is let pass. Vocabulary, added tokens and merges are hostile until their ids
 * are 0 .. n-1, each once, and every merge joins tokens that there are into one that there is.
 */
#include "base/json.h"
#include "data/tokenizer_form.h"
#include "data/tokenizer_parts.h"

/* What is read, and where it goes. */
typedef struct {
    const char *what;
    const json_t *root, *model;
    onus_tokenizer *t;
    const char **by_id; /* (n): pointers into root */
    int64_t n;
} source;

/* ---- pieces of JSON ---------------------------------------------------------------------- */

/* The value of a key; NULL where it is absent or null. */
static const json_t *value_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(value_of(object, key));
    return text ? text : "";
}

static bool is_type(const json_t *object, const char *type)
{
    return strcmp(text_of(object, "type"), type) == 0;
}

static bool is_true(const json_t *object, const char *key, bool otherwise)
{
    const json_t *v = value_of(object, key);
    return v ? json_is_true(v) : otherwise;
}

/* Whether a setting is off: absent, null, false, 0 or "". */
static bool is_off(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v) ||
           (json_is_number(v) && json_number_value(v) == 0) ||
           (json_is_string(v) && json_string_length(v) == 0);
}

/* The form of a part, for messages: its type, or what it is instead. */
static const char *form_of(const json_t *part)
{
    const char *type = text_of(part, "type");
    return *type ? type : json_is_object(part) ? "one without a type" : "no object";
}

/* Every key of a part must be among those, which a blank ends each. */
static onus_status check_keys(const source *s, const json_t *part, const char *name,
                              const char *known, onus_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)part, key, v)
    {
        const size_t n = strlen(key);
        const char *at = n && !strchr(key, ' ') ? strstr(known, key) : NULL;
        while (at && ((at != known && at[-1] != ' ') || at[n] != ' ')) at = strstr(at + 1, key);
        if (!at)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: %s.%.80s is not known here", s->what,
                             name, key);
    }
    return ONUS_OK;
}

static onus_status refuse_part(const source *s, const char *name, const json_t *part,
                               const char *expected, onus_err *err)
{
    return onus_fail(err, ONUS_BAD_INPUT, "%s: %s is %.80s; with a %s tokenizer, %s is read",
                     s->what, name, part ? form_of(part) : "null",
                     onus_tokenizer_kinds[s->t->kind], expected);
}

/* ---- the vocabulary ---------------------------------------------------------------------- */

/* Gives an id its token. */
static onus_status place(source *s, const char *token, const json_t *id, onus_err *err)
{
    const json_int_t i = json_is_integer(id) ? json_integer_value(id) : -1;
    if (i < 0 || i >= s->n)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: token '%.80s' has id %lld; %lld tokens have ids from 0 on",
                         s->what, token, (long long)i, (long long)s->n);
    if (s->by_id[i])
        return onus_fail(err, ONUS_BAD_INPUT, "%s: id %lld is both '%.80s' and '%.80s'",
                         s->what, (long long)i, s->by_id[i], token);
    s->by_id[i] = token;
    return ONUS_OK;
}

static onus_status place_added(source *s, const json_t *vocab, const json_t *added,
                               onus_err *err)
{
    const char *token = text_of(added, "content");
    const json_t *id = json_object_get(added, "id"), *known = json_object_get(vocab, token);
    if (!known) return place(s, token, id, err);
    if (json_is_integer(id) && json_is_integer(known) && json_equal(id, known)) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: token '%.80s' has id %lld among the added tokens, %lld in the "
                     "vocabulary",
                     s->what, token, (long long)json_integer_value(id),
                     (long long)json_integer_value(known));
}

/* Ids in their order become the vocabulary. */
static onus_status number_tokens(source *s, int64_t n, onus_err *err)
{
    for (int64_t i = 0; i < n; i++) {
        if (!s->by_id[i])
            return onus_fail(err, ONUS_BAD_INPUT, "%s: id %lld of %lld has no token", s->what,
                             (long long)i, (long long)n);
        const size_t len = strlen(s->by_id[i]);
        if (len == 0 || len > ONUS_TOKENIZER_TOKEN_MAX)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: the token of id %lld has %zu bytes, not 1 to %d", s->what,
                             (long long)i, len, ONUS_TOKENIZER_TOKEN_MAX);
        const int32_t id = onus_vocab_add(&s->t->vocab, s->by_id[i], len);
        if (id < 0) return onus_fail_mem(err, s->what);
        if (id < i)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: ids %d and %lld are both '%.80s'",
                             s->what, (int)id, (long long)i, s->by_id[i]);
        if (len > s->t->longest) s->t->longest = len;
    }
    return ONUS_OK;
}

static onus_status read_vocab(source *s, const json_t *added, onus_err *err)
{
    onus_status st = ONUS_OK;
    const json_t *vocab = json_object_get(s->model, "vocab");
    const char *token;
    json_t *v;
    size_t i;
    if (!json_is_object(vocab))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: model.vocab is no object of tokens",
                         s->what);
    s->n = (int64_t)json_object_size(vocab);
    json_array_foreach(added, i, v) s->n += !json_object_get(vocab, text_of(v, "content"));
    if (s->n == 0 || s->n > ONUS_TOKENIZER_IDS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %lld tokens, not 1 to %d", s->what,
                         (long long)s->n, ONUS_TOKENIZER_IDS_MAX);
    s->by_id = onus_alloc(s->t->mem, (size_t)s->n, sizeof *s->by_id);
    if (!s->by_id) return onus_fail_mem(err, s->what);
    json_object_foreach((json_t *)vocab, token, v) ONUS_TRY(place(s, token, v, err));
    json_array_foreach(added, i, v) ONUS_TRY(place_added(s, vocab, v, err));
    st = number_tokens(s, s->n, err);
done:
    return st;
}

static onus_status read_added(source *s, const json_t *added, onus_err *err)
{
    onus_status st = ONUS_OK;
    size_t i;
    json_t *v;
    json_array_foreach(added, i, v)
    {
        const char *token = text_of(v, "content");
        const int32_t id = onus_tokenizer_id(s->t, token);
        static const char *const off[] = {"single_word", "lstrip", "rstrip"};
        for (size_t k = 0; k < sizeof off / sizeof *off; k++) {
            if (is_true(v, off[k], false))
                return onus_fail(err, ONUS_BAD_INPUT,
                                 "%s: added token '%.80s': %s is true; false is read", s->what,
                                 token, off[k]);
        }
        if (is_true(v, "normalized", true) && value_of(s->root, "normalizer"))
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: added token '%.80s': normalized is true, behind a "
                             "normalizer; false is read",
                             s->what, token);
        ONUS_TRY(check_keys(s, v, "added_tokens[]",
                            "id content single_word lstrip rstrip normalized special ", err));
        ONUS_TRY(onus_tokenizer_add(s->t, id, is_true(v, "special", false), err));
    }
done:
    return st;
}

/* ---- what comes before the model --------------------------------------------------------- */

static onus_status read_normalizer(source *s, onus_err *err)
{
    onus_tokenizer *t = s->t;
    const json_t *n = value_of(s->root, "normalizer");
    if (t->kind == ONUS_TOKENIZER_WORDPIECE) {
        if (!n || !is_type(n, "BertNormalizer"))
            return refuse_part(s, "normalizer", n, "BertNormalizer", err);
        t->clean = is_true(n, "clean_text", true);
        t->chinese = is_true(n, "handle_chinese_chars", true);
        t->lower = is_true(n, "lowercase", true);
        t->strip = is_true(n, "strip_accents", t->lower);
        return check_keys(s, n, "normalizer",
                          "type clean_text handle_chinese_chars strip_accents lowercase ", err);
    }
    if (!n) return ONUS_OK;
    if (t->kind != ONUS_TOKENIZER_WORD || !is_type(n, "Lowercase"))
        return refuse_part(s, "normalizer", n,
                           t->kind == ONUS_TOKENIZER_WORD ? "null or Lowercase" : "null", err);
    t->lower = true;
    return check_keys(s, n, "normalizer", "type ", err);
}

/* ByteLevel; by_pattern: the pattern is its own, not that of a Split before it. */
static onus_status check_byte_level(const source *s, const json_t *p, bool by_pattern,
                                    onus_err *err)
{
    if (!is_type(p, "ByteLevel")) return refuse_part(s, "pre_tokenizer", p, "ByteLevel", err);
    if (is_true(p, "add_prefix_space", true))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: pre_tokenizer: add_prefix_space is true; false is read", s->what);
    if (is_true(p, "use_regex", true) != by_pattern)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: pre_tokenizer: use_regex is %s; %s is read",
                         s->what, by_pattern ? "false" : "true", by_pattern ? "true" : "false");
    return check_keys(s, p, "pre_tokenizer", "type add_prefix_space trim_offsets use_regex ",
                      err);
}

/* A Split at a pattern, by that behavior. */
static bool is_split(const json_t *p, const char *kind, const char *pattern,
                     const char *behavior, bool invert)
{
    const json_t *found = json_object_get(json_object_get(p, "pattern"), kind);
    return is_type(p, "Split") && json_is_string(found) &&
           strcmp(json_string_value(found), pattern) == 0 &&
           strcmp(text_of(p, "behavior"), behavior) == 0 &&
           is_true(p, "invert", false) == invert;
}

static onus_status check_pattern(const source *s, const json_t *p, onus_err *err)
{
    if (is_split(p, "Regex", ONUS_FORM_GPT2, "Isolated", false)) return ONUS_OK;
    const json_t *pattern = json_object_get(p, "pattern");
    const char *found =
        text_of(pattern, json_object_get(pattern, "Regex") ? "Regex" : "String");
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: pre_tokenizer %.40s '%.300s' %.40s; the one that is read is GPT-2's, "
                     "'%s' Isolated",
                     s->what, form_of(p), found, text_of(p, "behavior"), ONUS_FORM_GPT2);
}

static onus_status read_pre_tokenizer(source *s, onus_err *err)
{
    const json_t *p = value_of(s->root, "pre_tokenizer");
    onus_status st = ONUS_OK;
    if (s->t->kind == ONUS_TOKENIZER_WORDPIECE)
        return p && is_type(p, "BertPreTokenizer")
                   ? check_keys(s, p, "pre_tokenizer", "type ", err)
                   : refuse_part(s, "pre_tokenizer", p, "BertPreTokenizer", err);
    if (s->t->kind != ONUS_TOKENIZER_BPE) return ONUS_OK; /* it told the kind */
    if (!p || !is_type(p, "Sequence")) return check_byte_level(s, p, true, err);
    const json_t *list = json_object_get(p, "pretokenizers");
    const size_t n = json_array_size(list);
    if (n != 1 && n != 2)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: pre_tokenizer: a sequence of %zu; ByteLevel, alone or behind a "
                         "Split, is read",
                         s->what, n);
    if (n == 2) ONUS_TRY(check_pattern(s, json_array_get(list, 0), err));
    st = check_byte_level(s, json_array_get(list, n - 1), n == 1, err);
done:
    return st;
}

/* ---- the model --------------------------------------------------------------------------- */

static onus_status kind_of(const source *s, onus_tokenizer_kind *kind, onus_err *err)
{
    const json_t *m = s->model, *p = value_of(s->root, "pre_tokenizer");
    const char *type = text_of(m, "type");
    if (!*type) /* files before 2021 do not say */
        type = json_object_get(m, "merges")                     ? "BPE"
               : json_object_get(m, "max_input_chars_per_word") ? "WordPiece"
                                                                : "WordLevel";
    if (strcmp(type, "BPE") == 0) {
        *kind = ONUS_TOKENIZER_BPE;
    } else if (strcmp(type, "WordPiece") == 0) {
        *kind = ONUS_TOKENIZER_WORDPIECE;
    } else if (strcmp(type, "WordLevel") != 0) {
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: model is %.80s; BPE, WordPiece and WordLevel are read", s->what,
                         type);
    } else if (is_split(p, "Regex", ONUS_FORM_WORDS, "Removed", true)) {
        *kind = ONUS_TOKENIZER_WORD;
    } else if (is_split(p, "String", "", "Isolated", false) ||
               is_split(p, "Regex", "", "Isolated", false)) {
        *kind = ONUS_TOKENIZER_CHARACTER;
    } else {
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: pre_tokenizer is %.80s; with WordLevel, a Split at \"\", Isolated, "
            "or at '%s', Removed and inverted, is read",
            s->what, p ? form_of(p) : "null", ONUS_FORM_WORDS);
    }
    return ONUS_OK;
}

static onus_status read_unknown(source *s, onus_err *err)
{
    onus_tokenizer *t = s->t;
    const char *unknown = text_of(s->model, "unk_token");
    const int32_t id = onus_tokenizer_id(t, unknown);
    if (t->kind == ONUS_TOKENIZER_BPE) { /* it stands for bytes that have no token */
        for (int b = 0; *unknown && b < 256; b++) {
            char spelled[4];
            const int n = onus_utf8_put(spelled, onus_byte_spelled((uint8_t)b));
            if (onus_vocab_find(&t->vocab, spelled, (size_t)n) < 0)
                return onus_fail(err, ONUS_BAD_INPUT,
                                 "%s: byte 0x%02x has no token; with model.unk_token '%.80s' "
                                 "all 256 are needed",
                                 s->what, (unsigned)b, unknown);
        }
        return ONUS_OK;
    }
    if (id < 0 && t->kind != ONUS_TOKENIZER_CHARACTER)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: model.unk_token is '%.80s', which is not among the tokens",
                         s->what, unknown);
    t->unknown = id;
    return ONUS_OK;
}

/* Two texts of a merge; false if it has another form. */
static bool parts_of(const json_t *merge, const char *text[2], size_t len[2])
{
    const char *whole = json_string_value(merge);
    if (whole) {
        const char *blank = strchr(whole, ' ');
        if (!blank || strchr(blank + 1, ' ')) return false;
        text[0] = whole;
        len[0] = (size_t)(blank - whole);
        text[1] = blank + 1;
        len[1] = strlen(text[1]);
        return true;
    }
    if (json_array_size(merge) != 2) return false;
    for (size_t i = 0; i < 2; i++) {
        text[i] = json_string_value(json_array_get(merge, i));
        if (!text[i]) return false;
        len[i] = strlen(text[i]);
    }
    return true;
}

static onus_status read_merge(source *s, size_t i, const json_t *merge, onus_err *err)
{
    char both[2 * ONUS_TOKENIZER_TOKEN_MAX];
    const char *text[2];
    size_t len[2];
    int32_t id[2];
    if (!parts_of(merge, text, len))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: merge %zu is neither \"a b\" nor [\"a\", \"b\"]", s->what, i);
    for (size_t k = 0; k < 2; k++) {
        id[k] = onus_vocab_find(&s->t->vocab, text[k], len[k]);
        if (id[k] < 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: merge %zu joins '%.80s', which is not in the vocabulary",
                             s->what, i, text[k]);
    }
    memcpy(both, text[0], len[0]); /* tokens that there are: not too long */
    memcpy(both + len[0], text[1], len[1]);
    const int32_t made = onus_vocab_find(&s->t->vocab, both, len[0] + len[1]);
    if (made < 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: merge %zu makes '%.*s', which is not in the vocabulary", s->what,
                         i, (int)(len[0] + len[1] < 80 ? len[0] + len[1] : 80), both);
    return onus_bpe_merge(s->t, id[0], id[1], made) ? ONUS_OK : onus_fail_mem(err, s->what);
}

static onus_status read_bpe(source *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    static const char *const off[] = {"dropout",
                                      "continuing_subword_prefix",
                                      "end_of_word_suffix",
                                      "fuse_unk",
                                      "byte_fallback",
                                      "ignore_merges"};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        if (!is_off(json_object_get(s->model, off[i])))
            return onus_fail(err, ONUS_BAD_INPUT, "%s: model.%s is set; it must be off",
                             s->what, off[i]);
    }
    const json_t *merges = json_object_get(s->model, "merges");
    const size_t n = json_array_size(merges);
    if (!json_is_array(merges) || n > ONUS_TOKENIZER_IDS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: model.merges has %zu entries; a list of at most %d is read",
                         s->what, n, ONUS_TOKENIZER_IDS_MAX);
    for (size_t i = 0; i < n; i++) ONUS_TRY(read_merge(s, i, json_array_get(merges, i), err));
done:
    return st;
}

static onus_status read_wordpiece(source *s, onus_err *err)
{
    enum { CHARS_MAX = 512, CHARS = 100 };
    onus_tokenizer *t = s->t;
    const json_t *most = value_of(s->model, "max_input_chars_per_word"),
                 *prefix = json_object_get(s->model, "continuing_subword_prefix");
    const json_int_t n = most ? json_integer_value(most) : CHARS;
    if ((most && !json_is_integer(most)) || n < 0 || n > CHARS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: model.max_input_chars_per_word is not 0 to %d", s->what,
                         CHARS_MAX);
    if (!json_is_string(prefix) || json_string_length(prefix) > ONUS_PREFIX_MAX)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: model.continuing_subword_prefix is not a text of at most %d bytes", s->what,
            ONUS_PREFIX_MAX);
    t->n_chars_max = (int32_t)n;
    t->n_prefix = json_string_length(prefix);
    memcpy(t->prefix, json_string_value(prefix), t->n_prefix + 1);
    return ONUS_OK;
}

static onus_status read_model(source *s, onus_err *err)
{
    onus_status st = read_unknown(s, err);
    const onus_tokenizer_kind kind = s->t->kind;
    if (st == ONUS_OK && kind == ONUS_TOKENIZER_BPE) st = read_bpe(s, err);
    if (st == ONUS_OK && kind == ONUS_TOKENIZER_WORDPIECE) st = read_wordpiece(s, err);
    if (st != ONUS_OK) return st;
    return check_keys(s, s->model, "model",
                      kind == ONUS_TOKENIZER_BPE
                          ? "type dropout unk_token continuing_subword_prefix "
                            "end_of_word_suffix fuse_unk byte_fallback ignore_merges vocab "
                            "merges "
                      : kind == ONUS_TOKENIZER_WORDPIECE
                          ? "type unk_token continuing_subword_prefix "
                            "max_input_chars_per_word vocab "
                          : "type unk_token vocab ",
                      err);
}

/* ---- what comes behind the model --------------------------------------------------------- */

static onus_status frame_id(source *s, bool before, const json_t *id, onus_err *err)
{
    onus_tokenizer *t = s->t;
    int64_t *n = before ? &t->n_before : &t->n_after;
    const json_int_t i = json_is_integer(id) ? json_integer_value(id) : -1;
    if (i < 0 || i >= t->vocab.n || *n == ONUS_FRAME_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: post_processor: id %lld is not one of %lld, or one too many",
                         s->what, (long long)i, (long long)t->vocab.n);
    (before ? t->before : t->after)[(*n)++] = (int32_t)i;
    return ONUS_OK;
}

static onus_status read_template(source *s, const json_t *p, onus_err *err)
{
    onus_status st = ONUS_OK;
    const json_t *special = json_object_get(p, "special_tokens");
    bool before = true;
    size_t i, k;
    json_t *piece, *id;
    json_array_foreach(json_object_get(p, "single"), i, piece)
    {
        const json_t *token = json_object_get(piece, "SpecialToken");
        if (!token) {
            if (!before || !json_object_get(piece, "Sequence")) {
                st = onus_fail(err, ONUS_BAD_INPUT,
                               "%s: post_processor.single[%zu] is neither a SpecialToken nor "
                               "the only Sequence",
                               s->what, i);
                goto done;
            }
            before = false;
            continue;
        }
        const json_t *ids =
            json_object_get(json_object_get(special, text_of(token, "id")), "ids");
        if (json_array_size(ids) == 0) {
            st = onus_fail(err, ONUS_BAD_INPUT,
                           "%s: post_processor: '%.80s' is not among its special_tokens",
                           s->what, text_of(token, "id"));
            goto done;
        }
        json_array_foreach(ids, k, id) ONUS_TRY(frame_id(s, before, id, err));
    }
    if (before)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: post_processor.single has no Sequence",
                       s->what);
done:
    return st;
}

static onus_status read_post_processor(source *s, const json_t *p, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (!p || is_type(p, "ByteLevel")) return ONUS_OK; /* concerns offsets only */
    if (s->t->n_before || s->t->n_after)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: post_processor: more than one adds tokens",
                         s->what);
    if (is_type(p, "TemplateProcessing")) return read_template(s, p, err);
    if (is_type(p, "BertProcessing") || is_type(p, "RobertaProcessing")) {
        st = frame_id(s, true, json_array_get(json_object_get(p, "cls"), 1), err);
        return st == ONUS_OK
                   ? frame_id(s, false, json_array_get(json_object_get(p, "sep"), 1), err)
                   : st;
    }
    return refuse_part(s, "post_processor", p,
                       "null, ByteLevel, TemplateProcessing, BertProcessing or "
                       "RobertaProcessing",
                       err);
}

static onus_status read_post_processors(source *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    const json_t *p = value_of(s->root, "post_processor");
    if (!p || !is_type(p, "Sequence")) return read_post_processor(s, p, err);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(p, "processors"), i, one)
        ONUS_TRY(read_post_processor(s, one, err));
done:
    return st;
}

/* It decides about no id; but what is shown must be what the file means. */
static onus_status read_decoder(source *s, onus_err *err)
{
    static const char *const forms[] = {"Fuse", "", "ByteLevel", "WordPiece"};
    const json_t *d = value_of(s->root, "decoder");
    if (!d) return ONUS_OK;
    if (!is_type(d, forms[s->t->kind]) || !*forms[s->t->kind])
        return refuse_part(s, "decoder", d, *forms[s->t->kind] ? forms[s->t->kind] : "null",
                           err);
    if (s->t->kind != ONUS_TOKENIZER_WORDPIECE) return ONUS_OK;
    if (strcmp(text_of(d, "prefix"), s->t->prefix) != 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: decoder.prefix is '%.80s', model.continuing_subword_prefix '%s'",
                         s->what, text_of(d, "prefix"), s->t->prefix);
    s->t->cleanup = is_true(d, "cleanup", true);
    return ONUS_OK;
}

/* ---- the file ---------------------------------------------------------------------------- */

static onus_status read_parts(source *s, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_tokenizer_kind kind = ONUS_TOKENIZER_BPE;
    const json_t *added = value_of(s->root, "added_tokens");
    s->model = json_object_get(s->root, "model");
    if (added && !json_is_array(added))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: added_tokens is no list", s->what);
    if (!json_is_object(s->model))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: no tokenizer.json: it has no object \"model\"", s->what);
    ONUS_TRY(check_keys(s, s->root, "tokenizer",
                        "version truncation padding added_tokens normalizer pre_tokenizer "
                        "post_processor decoder model ",
                        err));
    ONUS_TRY(kind_of(s, &kind, err));
    ONUS_TRY(onus_tokenizer_begin(&s->t, kind, s->what, mem, err));
    ONUS_TRY(read_vocab(s, added, err));
    ONUS_TRY(read_added(s, added, err));
    ONUS_TRY(read_normalizer(s, err));
    ONUS_TRY(read_pre_tokenizer(s, err));
    ONUS_TRY(read_model(s, err));
    ONUS_TRY(read_post_processors(s, err));
    ONUS_TRY(read_decoder(s, err));
    st = onus_tokenizer_end(s->t, err);
done:
    return st;
}

onus_status onus_tokenizer_read(onus_tokenizer **out, const char *json, size_t len,
                                const char *what, const onus_allocator *mem, onus_err *err)
{
    if (len > ONUS_TOKENIZER_JSON_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes; at most %d are read", what, len,
                         ONUS_TOKENIZER_JSON_MAX);
    json_t *root = NULL;
    onus_status st = onus_json_parse(&root, json, len, what, err);
    if (st != ONUS_OK) return st;
    source s = {.what = what, .root = root};
    st = read_parts(&s, mem, err);
    if (st == ONUS_OK) {
        *out = s.t;
        s.t = NULL;
    }
    onus_free(mem, s.by_id);
    onus_tokenizer_destroy(s.t);
    json_decref(root);
    return st;
}
