/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_write.c - a tokenizer as Hugging Face's tokenizer.json.
 *
 * Each kind has one form, which that library loads and which gives the same ids there:
 *
 *   character  WordLevel behind a Split at every character
 *   word       WordLevel behind a Split by a regular expression, after Lowercase if asked for
 *   bpe        BPE behind ByteLevel, whose pattern is GPT-2's
 *   wordpiece  WordPiece behind BertNormalizer and BertPreTokenizer
 *
 * Fields stand in the order in which that library writes them; one token a line, so that files
 * can be compared. The texts of the forms are in tokenizer_form.h, where the reader finds them,
 * too. */
#include "base/json.h"
#include "data/tokenizer_form.h"
#include "data/tokenizer_parts.h"

static const char *token(const onus_tokenizer *t, int32_t id)
{
    return onus_tokenizer_token(t, id);
}

static const char *truth(bool b)
{
    return b ? "true" : "false";
}

static void write_added(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, "  \"added_tokens\": [");
    int64_t n = 0;
    for (int64_t id = 0; id < t->vocab.n; id++) {
        if (!t->is_added[id]) continue;
        onus_buf_printf(out, "%s\n    {\"id\": %lld, \"content\": ", n++ ? "," : "",
                        (long long)id);
        onus_json_string(out, token(t, (int32_t)id));
        onus_buf_printf(out,
                        ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                        "\"normalized\": false, \"special\": %s}",
                        truth(t->special[id]));
    }
    onus_buf_str(out, n ? "\n  ],\n" : "],\n");
}

static void write_normalizer(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, "  \"normalizer\": ");
    if (t->kind == ONUS_TOKENIZER_WORDPIECE)
        onus_buf_printf(out,
                        "{\"type\": \"BertNormalizer\", \"clean_text\": %s, "
                        "\"handle_chinese_chars\": %s, \"strip_accents\": %s, "
                        "\"lowercase\": %s}",
                        truth(t->clean), truth(t->chinese), truth(t->strip), truth(t->lower));
    else
        onus_buf_str(out, t->lower ? "{\"type\": \"Lowercase\"}" : "null");
    onus_buf_str(out, ",\n");
}

static void write_pre_tokenizer(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, "  \"pre_tokenizer\": ");
    switch (t->kind) {
    case ONUS_TOKENIZER_CHARACTER:
        onus_buf_str(out, "{\"type\": \"Split\", \"pattern\": {\"String\": \"\"}, "
                          "\"behavior\": \"Isolated\", \"invert\": false}");
        break;
    case ONUS_TOKENIZER_WORD:
        onus_buf_str(out, "{\"type\": \"Split\", \"pattern\": {\"Regex\": ");
        onus_json_string(out, ONUS_FORM_WORDS);
        onus_buf_str(out, "}, \"behavior\": \"Removed\", \"invert\": true}");
        break;
    case ONUS_TOKENIZER_BPE:
        onus_buf_str(out, "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                          "\"trim_offsets\": true, \"use_regex\": true}");
        break;
    case ONUS_TOKENIZER_WORDPIECE: onus_buf_str(out, "{\"type\": \"BertPreTokenizer\"}"); break;
    }
    onus_buf_str(out, ",\n");
}

/* The ids of a frame as pieces of a template, a comma behind or before each. */
static void write_frame(const onus_tokenizer *t, const int32_t *ids, int64_t n, int type,
                        bool comma_before, onus_buf *out)
{
    for (int64_t i = 0; i < n; i++) {
        onus_buf_str(out, comma_before ? ", " : "");
        onus_buf_str(out, "{\"SpecialToken\": {\"id\": ");
        onus_json_string(out, token(t, ids[i]));
        onus_buf_printf(out, ", \"type_id\": %d}}%s", type, comma_before ? "" : ", ");
    }
}

static bool first_of_frame(const onus_tokenizer *t, int64_t k, int32_t id)
{
    for (int64_t i = 0; i < k; i++) {
        if ((i < t->n_before ? t->before[i] : t->after[i - t->n_before]) == id) return false;
    }
    return true;
}

/* [CLS] A [SEP], and of two texts [CLS] A [SEP] B [SEP]. */
static void write_post_processor(const onus_tokenizer *t, onus_buf *out)
{
    const int64_t n = t->n_before + t->n_after;
    onus_buf_str(out, "  \"post_processor\": ");
    if (n == 0) {
        onus_buf_str(out, "null,\n");
        return;
    }
    onus_buf_str(out, "{\"type\": \"TemplateProcessing\",\n    \"single\": [");
    for (int pair = 0; pair < 2; pair++) {
        if (pair) onus_buf_str(out, "],\n    \"pair\": [");
        write_frame(t, t->before, t->n_before, 0, false, out);
        onus_buf_str(out, "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}");
        write_frame(t, t->after, t->n_after, 0, true, out);
        if (!pair) continue;
        onus_buf_str(out, ", {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}");
        write_frame(t, t->after, t->n_after, 1, true, out);
    }
    onus_buf_str(out, "],\n    \"special_tokens\": {");
    for (int64_t i = 0, written = 0; i < n; i++) {
        const int32_t id = i < t->n_before ? t->before[i] : t->after[i - t->n_before];
        if (!first_of_frame(t, i, id)) continue;
        onus_buf_str(out, written++ ? ", " : "");
        onus_json_string(out, token(t, id));
        onus_buf_str(out, ": {\"id\": ");
        onus_json_string(out, token(t, id));
        onus_buf_printf(out, ", \"ids\": [%d], \"tokens\": [", (int)id);
        onus_json_string(out, token(t, id));
        onus_buf_str(out, "]}");
    }
    onus_buf_str(out, "}},\n");
}

static void write_decoder(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, "  \"decoder\": ");
    switch (t->kind) {
    case ONUS_TOKENIZER_CHARACTER: onus_buf_str(out, "{\"type\": \"Fuse\"}"); break;
    case ONUS_TOKENIZER_WORD: onus_buf_str(out, "null"); break;
    case ONUS_TOKENIZER_BPE:
        onus_buf_str(out, "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                          "\"trim_offsets\": true, \"use_regex\": true}");
        break;
    case ONUS_TOKENIZER_WORDPIECE:
        onus_buf_str(out, "{\"type\": \"WordPiece\", \"prefix\": ");
        onus_json_string(out, t->prefix);
        onus_buf_printf(out, ", \"cleanup\": %s}", truth(t->cleanup));
        break;
    }
    onus_buf_str(out, ",\n");
}

static void write_vocab(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, "    \"vocab\": {");
    for (int64_t id = 0; id < t->vocab.n && out->st == ONUS_OK; id++) {
        onus_buf_str(out, id ? ",\n      " : "\n      ");
        onus_json_string(out, token(t, (int32_t)id));
        onus_buf_printf(out, ": %lld", (long long)id);
    }
    onus_buf_str(out, "\n    }");
}

static void write_merges(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, ",\n    \"merges\": [");
    for (int64_t i = 0; i < t->n_merges && out->st == ONUS_OK; i++) {
        onus_buf_str(out, i ? ",\n      [" : "\n      [");
        onus_json_string(out, token(t, t->merges[i].a));
        onus_buf_str(out, ", ");
        onus_json_string(out, token(t, t->merges[i].b));
        onus_buf_str(out, "]");
    }
    onus_buf_str(out, "\n    ]");
}

static void write_model(const onus_tokenizer *t, onus_buf *out)
{
    onus_buf_str(out, "  \"model\": {\n    \"type\": ");
    if (t->kind == ONUS_TOKENIZER_BPE) {
        onus_buf_str(out,
                     "\"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n    "
                     "\"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
                     "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    "
                     "\"ignore_merges\": false,\n");
    } else {
        onus_buf_str(out,
                     t->kind == ONUS_TOKENIZER_WORDPIECE ? "\"WordPiece\"" : "\"WordLevel\"");
        onus_buf_str(out, ",\n    \"unk_token\": ");
        onus_json_string(out, t->unknown >= 0 ? token(t, t->unknown) : ONUS_UNKNOWN);
        onus_buf_str(out, ",\n");
    }
    if (t->kind == ONUS_TOKENIZER_WORDPIECE) {
        onus_buf_str(out, "    \"continuing_subword_prefix\": ");
        onus_json_string(out, t->prefix);
        onus_buf_printf(out, ",\n    \"max_input_chars_per_word\": %d,\n", (int)t->n_chars_max);
    }
    write_vocab(t, out);
    if (t->kind == ONUS_TOKENIZER_BPE) write_merges(t, out);
    onus_buf_str(out, "\n  }\n");
}

onus_status onus_tokenizer_write(const onus_tokenizer *t, onus_buf *out, onus_err *err)
{
    onus_buf_str(out,
                 "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    write_added(t, out);
    write_normalizer(t, out);
    write_pre_tokenizer(t, out);
    write_post_processor(t, out);
    write_decoder(t, out);
    write_model(t, out);
    onus_buf_str(out, "}\n");
    return onus_buf_status(out, "tokenizer.json", err);
}
