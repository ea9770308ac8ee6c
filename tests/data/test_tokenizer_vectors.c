/* SPDX-License-Identifier: Apache-2.0
 * Goal: tokenizers are those of Hugging Face's library, id by id. Method: tokenizer.json files
 * that it made, and its ids and texts for what is hard (make_tokenizer_vectors.py): emoji,
 * marks, scripts, blanks, contractions, controls, long runs, special tokens; training gives its
 * merges; what is written reads back as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/tokenizer.h"
#include "tokenizer_vectors.h"

enum { N_TEXTS = sizeof vector_texts / sizeof *vector_texts };

typedef struct {
    const char *name, *json;
    onus_tokenizer_kind kind;
    const int *n;
    const int32_t *ids;
    const char *const *decoded;
} vectors;
#define VECTORS(name, kind)                                                             \
    {                                                                                   \
#name, name##_json, ONUS_TOKENIZER_##kind, name##_n, name##_ids, name##_decoded \
    }
static const vectors all[] = {
    VECTORS(bpe, BPE),
    VECTORS(bpe_old, BPE),
    VECTORS(wordpiece, WORDPIECE),
    VECTORS(wordpiece_cased, WORDPIECE),
    VECTORS(wordpiece_raw, WORDPIECE),
    VECTORS(words, WORD),
    VECTORS(words_lower, WORD),
    VECTORS(characters, CHARACTER),
};
enum { N_ALL = sizeof all / sizeof *all };

static onus_tokenizer *read(const char *name, const char *json)
{
    onus_tokenizer *t = NULL;
    onus_err err;
    if (onus_tokenizer_read(&t, json, strlen(json), name, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return t;
}

static char *written(const onus_tokenizer *t)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    assert_int_equal(onus_tokenizer_write(t, &b, NULL), ONUS_OK);
    char *text = strdup(b.data);
    assert_non_null(text);
    onus_buf_release(&b);
    return text;
}

/* Texts in turn, and once more, when the cache is full of them. */
static void check_ids(const vectors *v, const onus_tokenizer *t)
{
    onus_tokenizer_worker *w = NULL;
    onus_err err;
    assert_int_equal(onus_tokenizer_worker_create(&w, t, NULL, &err), ONUS_OK);
    for (int turn = 0; turn < 2; turn++) {
        const int32_t *expected = v->ids;
        for (int i = 0; i < N_TEXTS; i++) {
            /* a copy that ends where the text ends, so that a sanitizer sees who reads on */
            char *text = malloc(vector_texts[i].len + 1);
            assert_non_null(text);
            memcpy(text, vector_texts[i].text, vector_texts[i].len);
            char *exact = realloc(text, vector_texts[i].len ? vector_texts[i].len : 1);
            int32_t ids[512];
            int64_t n = -1;
            if (onus_tokenizer_encode(w, exact, vector_texts[i].len, ids, 512, &n, &err) !=
                ONUS_OK)
                fail_msg("%s, text %d: %s", v->name, i, err.msg);
            free(exact);
            assert_true(n <= (int64_t)vector_texts[i].len);
            for (int k = 0; k < n && k < v->n[i]; k++) {
                if (ids[k] != expected[k])
                    fail_msg("%s, text %d '%s', id %d of %d: %d '%s', not %d '%s'", v->name, i,
                             vector_texts[i].text, k, v->n[i], (int)ids[k],
                             onus_tokenizer_token(t, ids[k]), (int)expected[k],
                             onus_tokenizer_token(t, expected[k]));
            }
            if (n != v->n[i])
                fail_msg("%s, text %d: %d ids, not %d", v->name, i, (int)n, v->n[i]);
            expected += v->n[i];
        }
    }
    onus_tokenizer_worker_destroy(w);
}

static void ids_are_those_of_hugging_face(void **state)
{
    (void)state;
    for (int i = 0; i < N_ALL; i++) {
        onus_tokenizer *t = read(all[i].name, all[i].json);
        assert_int_equal(onus_tokenizer_kind_of(t), all[i].kind);
        check_ids(&all[i], t);
        onus_tokenizer_destroy(t);
    }
}

static void texts_are_those_of_hugging_face(void **state)
{
    (void)state;
    for (int i = 0; i < N_ALL; i++) {
        onus_tokenizer *t = read(all[i].name, all[i].json);
        const int32_t *ids = all[i].ids;
        for (int k = 0; k < N_TEXTS; ids += all[i].n[k++]) {
            onus_buf b;
            onus_buf_init(&b, NULL, 1 << 20);
            assert_int_equal(onus_tokenizer_decode(t, ids, all[i].n[k], true, &b, NULL),
                             ONUS_OK);
            assert_string_equal(b.data ? b.data : "", all[i].decoded[k]);
            onus_buf_release(&b);
        }
        onus_tokenizer_destroy(t);
    }
}

static void bytes_come_back(void **state)
{
    (void)state;
    onus_tokenizer *t = read("bpe", bpe_json);
    const int32_t *ids = bpe_ids;
    for (int k = 0; k < N_TEXTS; ids += bpe_n[k++]) {
        onus_buf b;
        onus_buf_init(&b, NULL, 1 << 20);
        assert_int_equal(onus_tokenizer_decode(t, ids, bpe_n[k], false, &b, NULL), ONUS_OK);
        assert_string_equal(b.data ? b.data : "", vector_texts[k].text);
        onus_buf_release(&b);
    }
    onus_tokenizer_destroy(t);
}

static void written_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < N_ALL; i++) {
        onus_tokenizer *t = read(all[i].name, all[i].json);
        char *first = written(t);
        onus_tokenizer *again = read("again", first);
        char *second = written(again);
        assert_string_equal(first, second);
        check_ids(&all[i], again);
        const int32_t *before, *after;
        int64_t n_before, n_after;
        onus_tokenizer_frame(again, &before, &n_before, &after, &n_after);
        const bool bert = all[i].kind == ONUS_TOKENIZER_WORDPIECE;
        assert_int_equal(n_before, bert);
        assert_int_equal(n_after, bert);
        if (bert) assert_int_equal(before[0], onus_tokenizer_id(t, "[CLS]"));
        if (bert) assert_int_equal(after[0], onus_tokenizer_id(t, "[SEP]"));
        free(first);
        free(second);
        onus_tokenizer_destroy(again);
        onus_tokenizer_destroy(t);
    }
}

/* Training here writes, byte for byte, what reading Hugging Face's training writes. */
static void training_gives_the_same_file(void **state)
{
    (void)state;
    static const char *const bpe_specials[] = {"<|end|>", "[PAD]"}, *const specials[] = {
                                                                        "[UNK]", "<|end|>"};
    static const struct {
        onus_tokenizer_spec spec;
        const char *json;
    } trained[] = {
        {{.kind = ONUS_TOKENIZER_BPE,
          .vocabulary = 520,
          .specials = bpe_specials,
          .n_specials = 2},
         bpe_json},
        {{.kind = ONUS_TOKENIZER_CHARACTER, .specials = specials, .n_specials = 2},
         characters_json},
        {{.kind = ONUS_TOKENIZER_WORD,
          .vocabulary = 100,
          .specials = specials,
          .n_specials = 2},
         words_json},
        {{.kind = ONUS_TOKENIZER_WORD,
          .vocabulary = 100,
          .lower = true,
          .specials = specials,
          .n_specials = 2},
         words_lower_json},
    };
    const onus_tokenizer_text text = {vector_corpus, sizeof vector_corpus - 1};
    for (size_t i = 0; i < sizeof trained / sizeof *trained; i++) {
        onus_tokenizer *ours = NULL, *theirs = read("theirs", trained[i].json);
        onus_err err;
        if (onus_tokenizer_train(&ours, &trained[i].spec, &text, 1, NULL, &err) != ONUS_OK)
            fail_msg("%s", err.msg);
        char *a = written(ours), *b = written(theirs);
        assert_string_equal(a, b);
        free(a);
        free(b);
        onus_tokenizer_destroy(ours);
        onus_tokenizer_destroy(theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_hugging_face),
        cmocka_unit_test(texts_are_those_of_hugging_face),
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(written_reads_back),
        cmocka_unit_test(training_gives_the_same_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
