/* SPDX-License-Identifier: Apache-2.0
 * tokenizer.json: what is read can be written, reads back as the same bytes, and gives ids of
 * texts that lie within its vocabulary and can be decoded. Then the input is taken for a text:
 * a kind trains on it (which one, the length says), and characters and pairs give it back. */
#include "data/tokenizer.h"
#include "fuzz.h"

enum { TEXT_MAX = 4096 };

/* Whether the ids of a text, if it has any, are ids; back: and whether they give it back. */
static void encode(const onus_tokenizer *t, const char *text, size_t len, bool back)
{
    onus_tokenizer_worker *w = NULL;
    onus_err err = {.msg = ""};
    int64_t n = 0;
    int32_t *ids = malloc((len + 1) * sizeof *ids);
    FUZZ_CHECK(ids && onus_tokenizer_worker_create(&w, t, NULL, &err) == ONUS_OK);
    const onus_status st = onus_tokenizer_encode(w, text, len, ids, (int64_t)len, &n, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        onus_buf out;
        onus_buf_init(&out, NULL, SIZE_MAX / 2);
        FUZZ_CHECK(n >= 0 && n <= (int64_t)len);
        for (int64_t i = 0; i < n; i++)
            FUZZ_CHECK(ids[i] >= 0 && ids[i] < onus_tokenizer_size(t));
        FUZZ_CHECK(onus_tokenizer_decode(t, ids, n, false, &out, &err) == ONUS_OK);
        if (back) FUZZ_CHECK(out.len == len && (!len || memcmp(out.data, text, len) == 0));
        onus_buf_release(&out);
    }
    onus_tokenizer_worker_destroy(w);
    free(ids);
}

/* Written, read and written again. */
static void write_again(const onus_tokenizer *t)
{
    onus_tokenizer *again = NULL;
    onus_err err = {.msg = ""};
    onus_buf a, b;
    onus_buf_init(&a, NULL, SIZE_MAX / 2);
    onus_buf_init(&b, NULL, SIZE_MAX / 2);
    FUZZ_CHECK(onus_tokenizer_write(t, &a, &err) == ONUS_OK);
    FUZZ_CHECK(onus_tokenizer_read(&again, a.data, a.len, "again", NULL, &err) == ONUS_OK);
    FUZZ_CHECK(onus_tokenizer_size(again) == onus_tokenizer_size(t));
    FUZZ_CHECK(onus_tokenizer_write(again, &b, &err) == ONUS_OK);
    FUZZ_CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    onus_buf_release(&a);
    onus_buf_release(&b);
    onus_tokenizer_destroy(again);
}

static void train_on(const char *text, size_t len)
{
    static const char *const specials[] = {"[UNK]", "<|end|>"};
    const onus_tokenizer_text one = {text, len};
    onus_tokenizer_spec spec = {.kind = (onus_tokenizer_kind)(len % ONUS_TOKENIZER_WORDPIECE),
                                .specials = specials,
                                .n_specials = 2};
    onus_tokenizer *t = NULL;
    onus_err err = {.msg = ""};
    if (spec.kind != ONUS_TOKENIZER_CHARACTER) spec.vocabulary = 300;
    spec.lower = spec.kind == ONUS_TOKENIZER_WORD && len % 2;
    const onus_status st = onus_tokenizer_train(&t, &spec, &one, 1, NULL, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return;
    encode(t, text, len, spec.kind != ONUS_TOKENIZER_WORD);
    write_again(t);
    onus_tokenizer_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hard[] =
        "the  \t\n don't it's I'LL <|end|>[MASK] 12\xc2\xbd \xe6\x9d\xb1\xe4"
        "\xba\xac \xf0\x9f\x98\x80\xe2\x80\x8d e\xcc\x81\xc4\xb0 \xed\x95\x9c";
    const size_t len = size < TEXT_MAX ? size : TEXT_MAX;
    onus_tokenizer *t = NULL;
    onus_err err = {.msg = ""};
    const onus_status st =
        onus_tokenizer_read(&t, (const char *)data, size, "tokenizer.json", NULL, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        write_again(t);
        encode(t, hard, sizeof hard - 1, false);
        encode(t, (const char *)data, len, false);
        onus_tokenizer_destroy(t);
    }
    train_on((const char *)data, len);
    return 0;
}
