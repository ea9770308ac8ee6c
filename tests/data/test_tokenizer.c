/* SPDX-License-Identifier: Apache-2.0
 * Goal: tokenizers give the ids that their definition says, give texts back, and refuse what
 * they cannot read by naming it. Method: small vocabularies worked out by hand; round trips;
 * every allocation failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/tokenizer.h"
#include "failing_mem.h"

/* n_ids ids of a text, by a worker of its own. */
static int64_t encode(const onus_tokenizer *t, const char *text, int32_t *ids, int64_t max)
{
    onus_tokenizer_worker *w = NULL;
    onus_err err;
    int64_t n = -1;
    assert_int_equal(onus_tokenizer_worker_create(&w, t, NULL, &err), ONUS_OK);
    if (onus_tokenizer_encode(w, text, strlen(text), ids, max, &n, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    onus_tokenizer_worker_destroy(w);
    return n;
}

static void assert_ids(const onus_tokenizer *t, const char *text, const int32_t *expected,
                       int64_t n)
{
    int32_t ids[64];
    assert_int_equal(encode(t, text, ids, 64), n);
    assert_memory_equal(ids, expected, (size_t)n * sizeof *ids);
}

static void assert_refused(const onus_tokenizer *t, const char *text, size_t len,
                           const char *said)
{
    onus_tokenizer_worker *w = NULL;
    onus_err err;
    int64_t n;
    assert_int_equal(onus_tokenizer_worker_create(&w, t, NULL, &err), ONUS_OK);
    assert_int_equal(onus_tokenizer_encode(w, text, len, NULL, 0, &n, &err), ONUS_BAD_INPUT);
    if (!strstr(err.msg, said)) fail_msg("'%s' does not say '%s'", err.msg, said);
    onus_tokenizer_worker_destroy(w);
}

static void assert_decoded(const onus_tokenizer *t, const int32_t *ids, int64_t n,
                           bool skip_specials, const char *expected)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    assert_int_equal(onus_tokenizer_decode(t, ids, n, skip_specials, &b, NULL), ONUS_OK);
    assert_string_equal(b.data ? b.data : "", expected);
    onus_buf_release(&b);
}

static onus_tokenizer *train(const onus_tokenizer_spec *spec, const char *text)
{
    onus_tokenizer *t = NULL;
    onus_err err;
    const onus_tokenizer_text one = {text, strlen(text)};
    if (onus_tokenizer_train(&t, spec, &one, 1, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    return t;
}

static void train_refused(const onus_tokenizer_spec *spec, const char *text, size_t len,
                          onus_status st, const char *said)
{
    onus_tokenizer *t = NULL;
    onus_err err;
    const onus_tokenizer_text two[] = {{"ok", 2}, {text, len}};
    assert_int_equal(onus_tokenizer_train(&t, spec, two, 2, NULL, &err), st);
    if (!strstr(err.msg, said)) fail_msg("'%s' does not say '%s'", err.msg, said);
    assert_null(t);
}

/* ---- characters -------------------------------------------------------------------------- */

static const char *const specials[] = {"<|end|>", "[UNK]", "<|e"};

static void characters_by_hand(void **state)
{
    (void)state;
    /* distinct, ascending: \n ' ' a b z U+00E9 U+4E2D U+1F600 */
    const onus_tokenizer_spec spec = {
        .kind = ONUS_TOKENIZER_CHARACTER, .specials = specials, .n_specials = 3};
    const char *text = "zab\n\xf0\x9f\x98\x80 \xc3\xa9\xe4\xb8\xad"
                       "a";
    onus_tokenizer *t = train(&spec, text);
    assert_int_equal(onus_tokenizer_size(t), 3 + 8);
    assert_int_equal(onus_tokenizer_kind_of(t), ONUS_TOKENIZER_CHARACTER);
    assert_int_equal(onus_tokenizer_id(t, "<|end|>"), 0);
    assert_int_equal(onus_tokenizer_id(t, "\xe4\xb8\xad"), 9);
    assert_int_equal(onus_tokenizer_id(t, "q"), -1);
    assert_string_equal(onus_tokenizer_token(t, 3), "\n");
    assert_null(onus_tokenizer_token(t, 11));
    assert_null(onus_tokenizer_token(t, -1));
    assert_true(onus_tokenizer_is_special(t, 2) && !onus_tokenizer_is_special(t, 3));
    const int32_t all[] = {7, 5, 6, 3, 10, 4, 8, 9, 5};
    assert_ids(t, text, all, 9);
    assert_decoded(t, all, 9, true, text);
    /* the longest special token at a place; half of one is text, and text that is unknown */
    const int32_t special[] = {5, 0, 2, 1, 1, 6, 1, 1, 1};
    assert_ids(t, "a<|end|><|end\xe4\xba\x8c", (const int32_t[]){5, 0, 2, 1, 1, 1}, 6);
    assert_ids(t, "a<|end|><|eqqb[U", special, 8);
    assert_decoded(t, special, 6, true, "ab");
    assert_decoded(t, special, 4, false, "a<|end|><|e[UNK]");
    onus_tokenizer_destroy(t);
}

static void room_that_is_small_truncates(void **state)
{
    (void)state;
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_CHARACTER};
    onus_tokenizer *t = train(&spec, "abcd");
    int32_t ids[4] = {9, 9, 9, 9};
    assert_int_equal(encode(t, "abcd", ids, 2), 4);
    assert_memory_equal(ids, ((const int32_t[]){0, 1, 9, 9}), sizeof ids);
    assert_int_equal(encode(t, "", NULL, 0), 0);
    onus_tokenizer_destroy(t);
}

static void what_cannot_be_encoded_is_named(void **state)
{
    (void)state;
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_CHARACTER};
    onus_tokenizer *t = train(&spec, "ab\xc3\xa9");
    onus_buf b;
    onus_err err;
    onus_buf_init(&b, NULL, 100);
    assert_refused(t, "ab\xe4\xb8\xad", 5,
                   "byte 2: '\xe4\xb8\xad' (U+4E2D) has no token in the character tokenizer");
    assert_refused(t, "a\0b", 3, "byte 1: '' (U+0000)");
    static const struct {
        const char *text;
        size_t len;
        const char *said;
    } bad[] = {{"ab\xff", 3, "byte 2: 0xff"},
               {"aaaaaaaaaaaa\xc3", 13, "byte 12: 0xc3"},
               {"\xc0\x80", 2, "byte 0: 0xc0"},         /* overlong */
               {"\xe0\x9f\xbf", 3, "byte 0: 0xe0"},     /* overlong */
               {"\xf0\x8f\xbf\xbf", 4, "byte 0: 0xf0"}, /* overlong */
               {"\xed\xa0\x80", 3, "byte 0: 0xed"},     /* a surrogate */
               {"\xf4\x90\x80\x80", 4, "byte 0: 0xf4"}, /* beyond U+10FFFF */
               {"\xc3\xa9\xe4\xb8", 4, "byte 2: 0xe4"}, /* cut */
               {"\xc3\xa9\xa9", 3, "byte 2: 0xa9"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(t, bad[i].text, bad[i].len, bad[i].said);
    assert_int_equal(onus_tokenizer_decode(t, (const int32_t[]){0, 3}, 2, false, &b, &err),
                     ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "id 3: the tokenizer 'trained here' has 0 to 2"));
    assert_int_equal(b.len, 0);
    onus_tokenizer_destroy(t);
}

static void no_text_has_no_characters(void **state)
{
    (void)state;
    onus_tokenizer *t = NULL;
    onus_err err;
    const onus_tokenizer_text empty = {"", 0};
    onus_tokenizer_spec s = {
        .kind = ONUS_TOKENIZER_CHARACTER, .specials = specials, .n_specials = 3};
    assert_int_equal(onus_tokenizer_train(&t, &s, &empty, 1, NULL, &err), ONUS_BAD_INPUT);
    assert_string_equal(err.msg, "the 1 texts hold no character");
    assert_int_equal(onus_tokenizer_train(&t, &s, NULL, 0, NULL, &err), ONUS_BAD_INPUT);
    s.kind = ONUS_TOKENIZER_BPE; /* bytes are there before any text */
    assert_int_equal(onus_tokenizer_train(&t, &s, NULL, 0, NULL, &err), ONUS_OK);
    assert_int_equal(onus_tokenizer_size(t), 259);
    onus_tokenizer_destroy(t);
}

static void specs_that_cannot_be(void **state)
{
    (void)state;
    const char *twice[] = {"[A]", "[B]", "[A]"}, *empty[] = {""}, *bad[] = {"\xff"};
    onus_tokenizer_spec s = {.kind = ONUS_TOKENIZER_CHARACTER, .vocabulary = 3};
    train_refused(&s, "abc", 3, ONUS_BAD_INPUT, "hold 5 characters and special tokens");
    s.vocabulary = -1;
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "-1");
    s.vocabulary = 0;
    train_refused(&s, "ab\x80", 3, ONUS_BAD_INPUT, "text 1, byte 2: 0x80 is not UTF-8");
    train_refused(&s, "ab\0", 3, ONUS_BAD_INPUT, "text 1, byte 2: NUL");
    s.lower = true;
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "lower");
    s.lower = false;
    s.specials = twice;
    s.n_specials = 3;
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "'[A]' stands there twice");
    s.n_specials = 1;
    s.specials = empty;
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "special token ''");
    s.specials = bad;
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "special token");
    s.n_specials = -1;
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "-1 special tokens");
    s = (onus_tokenizer_spec){.kind = ONUS_TOKENIZER_BPE, .vocabulary = 255};
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "255, less than the 256 bytes and special");
    train_refused(&(onus_tokenizer_spec){.kind = ONUS_TOKENIZER_BPE}, "ab\xff", 3,
                  ONUS_BAD_INPUT, "text 1, byte 2: 0xff is not UTF-8");
    s = (onus_tokenizer_spec){.kind = ONUS_TOKENIZER_WORDPIECE};
    train_refused(&s, "abc", 3, ONUS_BAD_ARG, "not kind 3");
}

/* ---- words ------------------------------------------------------------------------------- */

static void words_by_hand(void **state)
{
    (void)state;
    /* the 4 times, cat and , and . twice, a dog and Cat once: ties by bytes */
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_WORD, .vocabulary = 7};
    onus_tokenizer *t = train(&spec, "the cat, the dog.\tthe cat, a\nthe Cat.");
    const char *const expected[] = {"[UNK]", "the", ",", ".", "cat", "Cat", "a"};
    assert_int_equal(onus_tokenizer_size(t), 7);
    for (int i = 0; i < 7; i++) assert_string_equal(onus_tokenizer_token(t, i), expected[i]);
    assert_ids(t, "The cat.. dog's [UNK] cat1 ca\xcc\x81t",
               (const int32_t[]){0, 4, 3, 3, 0, 0, 0, 0, 0, 0}, 10);
    assert_decoded(t, (const int32_t[]){1, 4, 0, 2}, 4, false, "the cat [UNK] ,");
    assert_decoded(t, (const int32_t[]){0, 4, 0, 2}, 4, true, "cat ,");
    onus_tokenizer_destroy(t);
}

static void small_letters(void **state)
{
    (void)state;
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_WORD, .lower = true};
    onus_tokenizer *t = train(&spec, "\xc3\x84pfel \xc3\xa4pfel \xc4\xb0X");
    assert_int_equal(onus_tokenizer_size(t), 3);
    assert_int_equal(onus_tokenizer_id(t, "\xc3\xa4pfel"), 1);
    assert_int_equal(onus_tokenizer_id(t, "i\xcc\x87x"), 2); /* U+0130 has two */
    assert_ids(t, "\xc3\x84PFEL i\xcc\x87X", (const int32_t[]){1, 2}, 2);
    onus_tokenizer_destroy(t);
}

/* ---- pairs of bytes ---------------------------------------------------------------------- */

/* Ids of bytes as characters spell them, in ascending order: 188 that Latin-1 shows, then the
 * rest. */
static int32_t byte_id(unsigned char b)
{
    if (b > 0x20 && b < 0x7f) return b - 0x21;
    if (b > 0xa0 && b < 0xad) return 94 + b - 0xa1;
    if (b > 0xad) return 106 + b - 0xae;
    return b <= 0x20 ? 188 + b : b < 0xa1 ? 221 + b - 0x7f : 255;
}

static void pairs_by_hand(void **state)
{
    (void)state;
    /* "aaab" and " aaab" once each. aa 4 times; then ab and aa+a twice, and the smaller ids
     * win; then aa+ab twice; then the blank before it, once. */
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_BPE, .vocabulary = 1000};
    onus_tokenizer *t = train(&spec, "aaab aaab");
    const int32_t blank = 220;
    assert_int_equal(onus_tokenizer_size(t), 260);
    const char *const merged[] = {"aa", "ab", "aaab", "\304\240aaab"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(onus_tokenizer_token(t, 256 + i), merged[i]);
    for (int b = 1; b < 0x80; b++) {
        const char text[] = {(char)b, '\0'};
        assert_ids(t, text, (const int32_t[]){byte_id((unsigned char)b)}, 1);
    }
    assert_ids(t, "aaab aaab", (const int32_t[]){258, 259}, 2);
    assert_ids(t, " aaaaab", (const int32_t[]){blank, 256, 258}, 3);
    assert_ids(t, "\xc3\xa9", (const int32_t[]){byte_id(0xc3), byte_id(0xa9)}, 2);
    onus_tokenizer_destroy(t);
}

/* The example of the standard (Unicode 15, table 3-11): how many U+FFFD stand for what. */
static void bytes_that_are_no_text(void **state)
{
    (void)state;
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_BPE, .vocabulary = 256};
    onus_tokenizer *t = train(&spec, "whatever");
    static const unsigned char bytes[] = {0x61, 0xf1, 0x80, 0x80, 0xe1, 0x80, 0xc2,
                                          0x62, 0x80, 0x63, 0x80, 0xbf, 0x64};
    int32_t ids[sizeof bytes];
    for (size_t i = 0; i < sizeof bytes; i++) ids[i] = byte_id(bytes[i]);
#define U "\xef\xbf\xbd"
    assert_decoded(t, ids, sizeof bytes, false, "a" U U U "b" U "c" U U "d");
    assert_decoded(t, ids, 4, false, "a" U);
    ids[0] = byte_id(0xed); /* a surrogate begins none */
    ids[1] = byte_id(0xa0);
    assert_decoded(t, ids, 2, false, U U);
#undef U
    onus_tokenizer_destroy(t);
}

/* A pair does not reach over texts, and what is learnt does not depend on their order. */
static void texts_are_apart(void **state)
{
    (void)state;
    const onus_tokenizer_spec spec = {.kind = ONUS_TOKENIZER_BPE, .vocabulary = 300};
    const onus_tokenizer_text one[] = {{"ab", 2}, {"cd", 2}, {"cd", 2}},
                              two[] = {{"cd", 2}, {"ab", 2}, {"cd", 2}};
    onus_tokenizer *a = NULL, *b = NULL;
    assert_int_equal(onus_tokenizer_train(&a, &spec, one, 3, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_tokenizer_train(&b, &spec, two, 3, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_tokenizer_size(a), 258);
    assert_int_equal(onus_tokenizer_size(b), 258);
    assert_string_equal(onus_tokenizer_token(a, 256), "cd");
    assert_string_equal(onus_tokenizer_token(b, 256), "cd");
    assert_string_equal(onus_tokenizer_token(b, 257), "ab");
    onus_tokenizer_destroy(a);
    onus_tokenizer_destroy(b);
}

/* ---- memory that ends -------------------------------------------------------------------- */

static onus_status train_encode_decode(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const onus_tokenizer_spec *spec = ctx;
    static const char text[] = "one two two three, three; three four four four four.";
    const onus_tokenizer_text one = {text, sizeof text - 1};
    onus_tokenizer *t = NULL;
    onus_tokenizer_worker *w = NULL;
    int32_t ids[64];
    int64_t n;
    onus_status st = onus_tokenizer_train(&t, spec, &one, 1, mem, err);
    if (st == ONUS_OK) st = onus_tokenizer_worker_create(&w, t, mem, err);
    if (st == ONUS_OK) st = onus_tokenizer_encode(w, text, sizeof text - 1, ids, 64, &n, err);
    if (st == ONUS_OK) {
        onus_buf b;
        onus_buf_init(&b, mem, 1 << 20);
        st = onus_tokenizer_decode(t, ids, n, false, &b, err);
        onus_buf_release(&b);
    }
    onus_tokenizer_worker_destroy(w);
    onus_tokenizer_destroy(t);
    return st;
}

static void memory_that_ends(void **state)
{
    (void)state;
    static const char *const end[] = {"<|end|>"};
    onus_tokenizer_spec spec = {
        .kind = ONUS_TOKENIZER_CHARACTER, .specials = end, .n_specials = 1};
    assert_true(failing_mem_walk("characters", train_encode_decode, &spec) > 5);
    spec.kind = ONUS_TOKENIZER_WORD;
    spec.lower = true;
    assert_true(failing_mem_walk("words", train_encode_decode, &spec) > 10);
    spec = (onus_tokenizer_spec){.kind = ONUS_TOKENIZER_BPE, .vocabulary = 270};
    assert_true(failing_mem_walk("pairs", train_encode_decode, &spec) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_by_hand),
        cmocka_unit_test(room_that_is_small_truncates),
        cmocka_unit_test(what_cannot_be_encoded_is_named),
        cmocka_unit_test(no_text_has_no_characters),
        cmocka_unit_test(specs_that_cannot_be),
        cmocka_unit_test(words_by_hand),
        cmocka_unit_test(small_letters),
        cmocka_unit_test(pairs_by_hand),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(texts_are_apart),
        cmocka_unit_test(memory_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
