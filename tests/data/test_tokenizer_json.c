/* SPDX-License-Identifier: Apache-2.0
 * Goal: a tokenizer.json whose ids could be other than those of whoever made it is refused, in
 * one line that names what it has and what is read. Method: one small file of each form; lies
 * in their place, one at a time; every truncation; every allocation failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/tokenizer.h"
#include "failing_mem.h"

static const char bpe[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":5,"
    "\"content\":\"<|end|>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":"
    "\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},"
    "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\","
    "\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,"
    "\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,"
    "\"ignore_merges\":false,\"vocab\":{\"t\":0,\"h\":1,\"e\":2,\"th\":3,\"the\":4},"
    "\"merges\":[[\"t\",\"h\"],[\"th\",\"e\"]]}}";

static const char wordpiece[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\",\"normalized\":false,\"special\":true},"
    "{\"id\":1,\"content\":\"[CLS]\",\"normalized\":false,\"special\":true}],\"normalizer\":{"
    "\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
    "\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":"
    "\"BertPreTokenizer\"},\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{"
    "\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\","
    "\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[1],"
    "\"tokens\":[\"[CLS]\"]}}},\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\","
    "\"cleanup\":true},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
    "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{"
    "\"[UNK]\":0,\"[CLS]\":1,\"the\":2,\"##y\":3}}}";

static const char words[] =
    "{\"added_tokens\":[],\"normalizer\":{\"type\":\"Lowercase\"},\"pre_tokenizer\":{\"type\":"
    "\"Split\",\"pattern\":{\"Regex\":\"[\\\\p{L}\\\\p{M}\\\\p{N}]+|[^\\\\s\\\\p{L}\\\\p{M}"
    "\\\\p{N}]\"},\"behavior\":\"Removed\",\"invert\":true},\"post_processor\":null,"
    "\"decoder\":null,\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"[UNK]\":0,\"the\":1},"
    "\"unk_token\":\"[UNK]\"}}";

static onus_status read(const char *json, onus_tokenizer **t, onus_err *err)
{
    *t = NULL;
    return onus_tokenizer_read(t, json, strlen(json), "t.json", NULL, err);
}

/* The first `from` of json becomes `to`. */
static char *changed(const char *json, const char *from, const char *to)
{
    const char *at = strstr(json, from);
    if (!at) fail_msg("no '%s' in the file", from);
    const size_t n = (size_t)(at - json), size = strlen(json) + strlen(to) + 1;
    char *out = malloc(size);
    assert_non_null(out);
    memcpy(out, json, n);
    strcpy(out + n, to);
    strcat(out, at + strlen(from));
    return out;
}

typedef struct {
    const char *json, *from, *to, *said;
} lie;

static const lie lies[] = {
    /* ids */
    {bpe, "\"e\":2", "\"e\":6", "token 'e' has id 6; 6 tokens have ids from 0 on"},
    {bpe, "\"e\":2", "\"e\":-1", "token 'e' has id -1"},
    {bpe, "\"e\":2", "\"e\":2.0", "token 'e' has id -1"},
    {bpe, "\"e\":2", "\"e\":1", "id 1 is both 'h' and 'e'"},
    {bpe, "\"t\":0", "\"t\":0,\"t\":0", "duplicate object key"},
    {bpe, "\"id\":5", "\"id\":9", "token '<|end|>' has id 9"},
    {bpe, "\"id\":5", "\"id\":4", "id 4 is both 'the' and '<|end|>'"},
    {bpe, "\"content\":\"<|end|>\"", "\"content\":\"the\"",
     "token 'the' has id 5 among the added tokens, 4 in the vocabulary"},
    {bpe, "\"t\":0", "\"\":0", "the token of id 0 has 0 bytes"},
    {bpe, "{\"t\":0,\"h\":1,\"e\":2,\"th\":3,\"the\":4}", "[]", "no object of tokens"},
    {wordpiece, "\"##y\":3", "\"##y\":4", "token '##y' has id 4"},
    /* added tokens */
    {bpe, "\"lstrip\":false", "\"lstrip\":true", "added token '<|end|>': lstrip is true"},
    {bpe, "\"rstrip\":false", "\"rstrip\":true", "rstrip is true"},
    {bpe, "\"single_word\":false", "\"single_word\":true", "single_word is true"},
    {bpe, "\"special\":true", "\"wild\":true", "added_tokens[].wild is not known here"},
    {wordpiece, "\"normalized\":false", "\"normalized\":true", "normalized is true"},
    {words, "\"added_tokens\":[]", "\"added_tokens\":{}", "added_tokens is no list"},
    /* merges */
    {bpe, "[\"th\",\"e\"]", "[\"th\",\"x\"]", "merge 1 joins 'x', which is not"},
    {bpe, "[\"th\",\"e\"]", "[\"h\",\"e\"]", "merge 1 makes 'he', which is not"},
    {bpe, "[\"th\",\"e\"]", "[\"t\",\"h\"]", "merges 0 and 1 are both 't h'"},
    {bpe, "[\"th\",\"e\"]", "[\"th\"]", "merge 1 is neither"},
    {bpe, "[\"th\",\"e\"]", "\"th e x\"", "merge 1 is neither"},
    {bpe, "[\"th\",\"e\"]", "7", "merge 1 is neither"},
    {bpe, "\"merges\":[[\"t\",\"h\"],[\"th\",\"e\"]]", "\"merges\":null", "model.merges has 0"},
    /* settings that would change ids */
    {bpe, "\"dropout\":null", "\"dropout\":0.1", "model.dropout is set"},
    {bpe, "\"byte_fallback\":false", "\"byte_fallback\":true", "model.byte_fallback is set"},
    {bpe, "\"ignore_merges\":false", "\"ignore_merges\":true", "model.ignore_merges is set"},
    {bpe, "\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"",
     "model.end_of_word_suffix is set"},
    {bpe, "\"fuse_unk\":false", "\"fuse\":false", "model.fuse is not known here"},
    {bpe, "\"unk_token\":null", "\"unk_token\":\"t\"", "byte 0x00 has no token"},
    {bpe, "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}",
     "normalizer is NFC; with a bpe tokenizer, null is read"},
    {bpe, "\"add_prefix_space\":false", "\"add_prefix_space\":true",
     "add_prefix_space is true"},
    {bpe, "\"use_regex\":true", "\"use_regex\":false", "use_regex is false; true is read"},
    {bpe, "\"type\":\"ByteLevel\",\"add", "\"type\":\"Metaspace\",\"add",
     "pre_tokenizer is Metaspace; with a bpe tokenizer, ByteLevel is read"},
    {bpe,
     "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
     "\"use_regex\":true}",
     "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
     "\"\\\\d{1,3}\"},\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\"}]}",
     "pre_tokenizer Split '\\d{1,3}' Isolated; the one that is read is GPT-2's"},
    {bpe, "\"decoder\":{\"type\":\"ByteLevel\"}", "\"decoder\":{\"type\":\"Fuse\"}",
     "decoder is Fuse"},
    {bpe, "\"post_processor\":null", "\"post_processor\":{\"type\":\"Other\"}",
     "post_processor is Other"},
    {bpe, "\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model is Unigram"},
    {bpe, "\"version\"", "\"edition\"", "tokenizer.edition is not known here"},
    {bpe, "\"model\"", "\"modal\"", "it has no object \"model\""},
    {wordpiece, "\"type\":\"BertNormalizer\"", "\"type\":\"NFD\"", "BertNormalizer is read"},
    {wordpiece, "\"type\":\"BertPreTokenizer\"", "\"type\":\"Whitespace\"",
     "pre_tokenizer is Whitespace"},
    {wordpiece, "\"unk_token\":\"[UNK]\"", "\"unk_token\":\"[OOV]\"",
     "model.unk_token is '[OOV]', which is not among"},
    {wordpiece, "\"max_input_chars_per_word\":100", "\"max_input_chars_per_word\":1000000",
     "max_input_chars_per_word is not 0 to 512"},
    {wordpiece, "_prefix\":\"##\"", "_prefix\":\"#################\"", "at most 16 bytes"},
    {wordpiece, "\"prefix\":\"##\"", "\"prefix\":\"@@\"",
     "decoder.prefix is '@@', model.continuing_subword_prefix '##'"},
    {wordpiece, "\"ids\":[1]", "\"ids\":[4]", "post_processor: id 4 is not one of 4"},
    {wordpiece, "\"ids\":[1]", "\"ids\":[1,1,1,1,1,1,1,1,1]", "or one too many"},
    {wordpiece, "{\"[CLS]\":{\"id\"", "{\"[SEP]\":{\"id\"", "'[CLS]' is not among its"},
    {wordpiece, "{\"Sequence\"", "{\"Song\"", "single[1] is neither"},
    {words, "\"behavior\":\"Removed\"", "\"behavior\":\"Isolated\"", "pre_tokenizer is Split"},
    {words, "\"invert\":true", "\"invert\":false", "pre_tokenizer is Split"},
    {words, "\"type\":\"Lowercase\"", "\"type\":\"NFKC\"", "null or Lowercase is read"},
    {words, "\"unk_token\":\"[UNK]\"", "\"unk_token\":\"<unk>\"", "model.unk_token is '<unk>'"},
};

static void lies_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        char *json = changed(lies[i].json, lies[i].from, lies[i].to);
        onus_tokenizer *t;
        onus_err err;
        if (read(json, &t, &err) != ONUS_BAD_INPUT) fail_msg("read: %s", lies[i].to);
        if (!strstr(err.msg, lies[i].said) || !strstr(err.msg, "t.json"))
            fail_msg("'%s' does not say '%s'", err.msg, lies[i].said);
        assert_null(t);
        free(json);
    }
}

static void pieces_are_refused(void **state)
{
    (void)state;
    const char *const files[] = {bpe, wordpiece, words};
    onus_tokenizer *t;
    onus_err err;
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        assert_int_equal(read(files[k], &t, &err), ONUS_OK);
        onus_tokenizer_destroy(t);
        t = NULL;
        for (size_t n = 0; n < strlen(files[k]); n++) {
            err.msg[0] = '\0';
            assert_int_equal(onus_tokenizer_read(&t, files[k], n, "t.json", NULL, &err),
                             ONUS_BAD_INPUT);
            assert_true(strncmp(err.msg, "t.json", 6) == 0);
        }
    }
    assert_int_equal(read("[]", &t, &err), ONUS_BAD_INPUT);
    assert_int_equal(
        onus_tokenizer_read(&t, bpe, (size_t)ONUS_TOKENIZER_JSON_MAX + 1, "t.json", NULL, &err),
        ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "at most 268435456 are read"));
}

/* A vocabulary without all bytes, as Hugging Face's trainer makes it where it is not told: what
 * it lacks is named. */
static void lacking_bytes_are_named(void **state)
{
    (void)state;
    onus_tokenizer *t;
    onus_tokenizer_worker *w = NULL;
    onus_err err;
    int32_t ids[8];
    int64_t n;
    assert_int_equal(read(bpe, &t, &err), ONUS_OK);
    assert_int_equal(onus_tokenizer_worker_create(&w, t, NULL, &err), ONUS_OK);
    assert_int_equal(onus_tokenizer_encode(w, "thehte<|end|>", 13, ids, 8, &n, &err), ONUS_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(ids, ((const int32_t[]){4, 1, 0, 2, 5}), 5 * sizeof *ids);
    assert_int_equal(onus_tokenizer_encode(w, "the\xe2\x82\xac", 6, ids, 8, &n, &err),
                     ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "byte 3: '\xe2\x82\xac' (U+20AC) has no token in the bpe "
                                    "tokenizer 't.json' of 6 tokens"));
    onus_tokenizer_worker_destroy(w);
    onus_tokenizer_destroy(t);
}

static void both_patterns_and_both_frames(void **state)
{
    (void)state;
    char *json = changed(
        bpe,
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
        "\"use_regex\":true}",
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
        "\"'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|"
        "\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":"
        "\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}");
    char *framed =
        changed(json, "\"post_processor\":null",
                "\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":"
                "\"ByteLevel\"},{\"type\":\"RobertaProcessing\",\"sep\":[\"the\",4],"
                "\"cls\":[\"<|end|>\",5]}]}");
    onus_tokenizer *t;
    onus_err err;
    if (read(framed, &t, &err) != ONUS_OK) fail_msg("%s", err.msg);
    const int32_t *before, *after;
    int64_t n_before, n_after;
    onus_tokenizer_frame(t, &before, &n_before, &after, &n_after);
    assert_true(n_before == 1 && before[0] == 5 && n_after == 1 && after[0] == 4);
    onus_tokenizer_destroy(t);
    free(framed);
    free(json);
}

static onus_status read_and_encode(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const char *json = ctx;
    onus_tokenizer *t = NULL;
    onus_tokenizer_worker *w = NULL;
    int32_t ids[128];
    int64_t n;
    char text[120];
    for (size_t i = 0; i < sizeof text; i++) text[i] = "the"[i % 3]; /* one long piece */
    onus_status st = onus_tokenizer_read(&t, json, strlen(json), "t.json", mem, err);
    if (st == ONUS_OK) st = onus_tokenizer_worker_create(&w, t, mem, err);
    if (st == ONUS_OK) st = onus_tokenizer_encode(w, text, sizeof text, ids, 128, &n, err);
    if (st == ONUS_OK) {
        onus_buf b;
        onus_buf_init(&b, mem, 1 << 20);
        st = onus_tokenizer_write(t, &b, err);
        onus_buf_release(&b);
    }
    onus_tokenizer_worker_destroy(w);
    onus_tokenizer_destroy(t);
    return st;
}

static void memory_that_ends(void **state)
{
    (void)state;
    assert_true(failing_mem_walk("bpe", read_and_encode, (void *)(intptr_t)bpe) > 10);
    assert_true(failing_mem_walk("wordpiece", read_and_encode, (void *)(intptr_t)wordpiece) >
                8);
    assert_true(failing_mem_walk("words", read_and_encode, (void *)(intptr_t)words) > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lies_are_named),
        cmocka_unit_test(pieces_are_refused),
        cmocka_unit_test(lacking_bytes_are_named),
        cmocka_unit_test(both_patterns_and_both_frames),
        cmocka_unit_test(memory_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
