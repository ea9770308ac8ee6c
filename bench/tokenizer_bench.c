/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_bench.c - tokenizers on the stopwatch, and a hand for
 * tests/data/check_tokenizers.py.
 *
 * usage: tokenizer_bench train TEXT KIND VOCABULARY REPS OUT.json [SPECIAL...]
 *            trains on the lines of TEXT (KIND ending in "/whole": on it as one), writes OUT
 *        tokenizer_bench encode TOKENIZER.json TEXT CHUNK REPS IDS
 *            encodes TEXT in chunks of about so many bytes (0: as one), writes int32 ids
 *
 * Prints {"seconds": best of REPS, "tokens": n}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "data/tokenizer.h"

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int failed(const onus_err *err)
{
    fprintf(stderr, "tokenizer_bench: %s\n", err->msg);
    return 1;
}

static int write_out(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    const bool good = f && fwrite(data, 1, len, f) == len;
    if (f && fclose(f) == 0 && good) return 0;
    fprintf(stderr, "tokenizer_bench: cannot write %s\n", path);
    return 1;
}

/* Pieces of at least `least` bytes, each but the last ended by a newline, or where least is
 * large by the beginning of a character; least 0: one piece. */
static int64_t cut(const onus_buf *text, size_t least, bool at_lines, onus_tokenizer_text *out)
{
    int64_t n = 0;
    for (size_t i = 0, end; i < text->len; i = end) {
        end = least && least < text->len - i ? i + least : text->len;
        while (end < text->len && (at_lines ? text->data[end - 1] != '\n'
                                            : ((unsigned char)text->data[end] & 0xc0) == 0x80))
            end++;
        out[n++] = (onus_tokenizer_text){text->data + i, end - i};
    }
    return n;
}

static int train(char **argv, int n_specials, onus_buf *text, onus_tokenizer_text *pieces)
{
    onus_tokenizer_spec spec = {.vocabulary = atoll(argv[4]),
                                .specials = (const char *const *)argv + 7,
                                .n_specials = n_specials};
    char *whole = strstr(argv[3], "/whole");
    if (whole) *whole = '\0';
    while (spec.kind < ONUS_TOKENIZER_WORDPIECE &&
           strcmp(argv[3], onus_tokenizer_kinds[spec.kind]) != 0)
        spec.kind++;
    const int64_t n = cut(text, whole ? 0 : 1, true, pieces);
    double best = 1e30;
    onus_tokenizer *t = NULL;
    onus_err err;
    for (int i = 0; i < atoi(argv[5]); i++) {
        onus_tokenizer_destroy(t);
        t = NULL;
        const double start = now_s();
        if (onus_tokenizer_train(&t, &spec, pieces, n, NULL, &err) != ONUS_OK)
            return failed(&err);
        const double s = now_s() - start;
        best = s < best ? s : best;
    }
    onus_buf json;
    onus_buf_init(&json, NULL, ONUS_TOKENIZER_JSON_MAX);
    if (onus_tokenizer_write(t, &json, &err) != ONUS_OK) return failed(&err);
    if (write_out(argv[6], json.data, json.len)) return 1;
    printf("{\"seconds\": %.6f, \"tokens\": %lld}\n", best, (long long)onus_tokenizer_size(t));
    onus_buf_release(&json);
    onus_tokenizer_destroy(t);
    return 0;
}

static int encode(char **argv, onus_buf *text, onus_tokenizer_text *pieces)
{
    onus_buf json;
    onus_err err;
    onus_tokenizer *t = NULL;
    onus_tokenizer_worker *w = NULL;
    onus_buf_init(&json, NULL, ONUS_TOKENIZER_JSON_MAX);
    if (onus_file_read(argv[2], &json, &err) != ONUS_OK ||
        onus_tokenizer_read(&t, json.data, json.len, argv[2], NULL, &err) != ONUS_OK)
        return failed(&err);
    const int64_t n = cut(text, (size_t)atoll(argv[4]), false, pieces);
    int32_t *ids = malloc((text->len + 1) * sizeof *ids);
    if (!ids) return 1;
    double best = 1e30;
    int64_t used = 0;
    for (int i = 0; i < atoi(argv[5]); i++) {
        const double start = now_s();
        onus_tokenizer_worker_destroy(w); /* each turn begins with an empty cache */
        w = NULL;
        if (onus_tokenizer_worker_create(&w, t, NULL, &err) != ONUS_OK) return failed(&err);
        used = 0;
        for (int64_t k = 0; k < n; k++) {
            int64_t got;
            if (onus_tokenizer_encode(w, pieces[k].data, pieces[k].len, ids + used,
                                      (int64_t)text->len - used, &got, &err) != ONUS_OK)
                return failed(&err);
            used += got;
        }
        const double s = now_s() - start;
        best = s < best ? s : best;
    }
    if (write_out(argv[6], ids, (size_t)used * sizeof *ids)) return 1;
    printf("{\"seconds\": %.6f, \"tokens\": %lld}\n", best, (long long)used);
    free(ids);
    onus_buf_release(&json);
    onus_tokenizer_worker_destroy(w);
    onus_tokenizer_destroy(t);
    return 0;
}

int main(int argc, char **argv)
{
    const bool trains = argc >= 7 && strcmp(argv[1], "train") == 0;
    if (!trains && !(argc == 7 && strcmp(argv[1], "encode") == 0)) {
        fputs("usage: tokenizer_bench train TEXT KIND VOCABULARY REPS OUT.json [SPECIAL...]\n"
              "       tokenizer_bench encode TOKENIZER.json TEXT CHUNK REPS IDS\n",
              stderr);
        return 2;
    }
    onus_buf text;
    onus_err err;
    onus_buf_init(&text, NULL, (size_t)1 << 30);
    if (onus_file_read(trains ? argv[2] : argv[3], &text, &err) != ONUS_OK) return failed(&err);
    onus_tokenizer_text *pieces = calloc(text.len + 1, sizeof *pieces);
    if (!pieces) return 1;
    const int code =
        trains ? train(argv, argc - 7, &text, pieces) : encode(argv, &text, pieces);
    free(pieces);
    onus_buf_release(&text);
    return code;
}
