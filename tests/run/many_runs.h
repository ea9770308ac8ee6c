/* SPDX-License-Identifier: Apache-2.0
 * many_runs.h - small runs of every kind that the registry of names knows: tasks, inputs,
 * privacy, both explanations, demands on what is claimed, observed and said. Data is made up
 * and drawn by a fixed sequence. */
#ifndef ONUS_TESTS_MANY_RUNS_H
#define ONUS_TESTS_MANY_RUNS_H
#include "run_room.h"

typedef struct {
    const char *name, *recipe; /* lines behind onus, name and seed */
    bool trained;
} small_run;

#define COLUMNS_BUT(a, b, c) "  columns: {" a ": drop, " b ": drop, " c ": drop}\n"
#define PARTS                "  split: {train: 0.6, valid: 0.2, test: 0.2}\n"
#define NET                  "model: {kind: mlp, hidden: [2]}\n"
#define SHORTLY              "train: {epochs: 3, batch: 16, checkpoint: 1}\n"
#define TWO_GROUPS           "  protected: [sex, {column: age, bins: [40]}]\n"

static const small_run small_runs[] = {
    {"plain",
     "purpose: a test\n"
     "data:\n  source: people.csv\n  label: {column: y, positive: yes}\n" TWO_GROUPS PARTS
         COLUMNS_BUT(
             "text", "score",
             "z") "  clean: {missing: mean}\n  licence: none\n  origin: made up\n  "
                  "description: a test\n" NET "train: {epochs: 3, batch: 16, checkpoint: 1, "
                                              "optimiser: adamw, class_weights: balanced}\n"
                  "privacy: off\nexplain: {method: both, rows: 3, background: 3}\n"
                  "policy: [accuracy >= 0.1, energy.joules >= 0, data.missing.nobody <= 1]\n",
     false},
    {"private",
     "data:\n  source: people.csv\n  label: {column: y, positive: yes}\n"
     "  protected: [sex]\n" PARTS COLUMNS_BUT(
         "text", "score", "z") "  clean: {missing: mean}\n" NET
                               "train: {epochs: 3, batch: 16, checkpoint: 1, keep: last}\n"
                               "privacy: {noise: 1.2, delta: 1e-4, clip: 1}\nexplain: off\n"
                               "policy: [privacy.epsilon <= 100, privacy.target.delta <= 0.1, "
                               "carbon.grams >= 0]\n",
     false},
    {"labels",
     "data:\n  source: people.csv\n  test: others.csv\n"
     "  label: {columns: [y, z], positive: [yes, yes]}\n  protected: [sex]\n"
     "  split: {train: 0.8, valid: 0.2, test: 0}\n  clean: {missing: drop}\n"
     "  columns: {text: drop, score: drop}\n" NET SHORTLY
     "privacy: off\nexplain: {method: both, rows: 3, background: 3}\n"
     "policy: [f1.micro >= 0.1, label.z.accuracy >= 0]\n",
     false},
    {"values",
     "data:\n  source: people.csv\n  label: {column: score, type: number}\n"
     "  protected: [sex]\n" PARTS COLUMNS_BUT(
         "text", "y",
         "z") "  clean: {missing: mean, duplicates: drop}\n" NET SHORTLY
              "privacy: off\nexplain: {rows: 3, background: 3}\npolicy: [mae <= 100]\n",
     false},
    {"tokens",
     "data:\n  format: text\n  source: words.txt\n  predict: next\n  context: 6\n"
     "  protected: none\n" PARTS "model: {kind: gru, embedding: 3, hidden: 3}\n" SHORTLY
     "privacy: off\nexplain: off\npolicy: [perplexity <= 1000]\n",
     false},
    {"moods",
     "data:\n  source: people.csv\n  label: {column: y, positive: yes}\n  protected: [sex]\n"
     "  columns: {text: text, x: drop, kind: drop, age: drop, one: drop, score: drop, z: "
     "drop}\n"
     "  tokenizer: {kind: word}\n  context: 4\n" PARTS
     "model: {kind: gru, embedding: 3, hidden: 3}\n" SHORTLY
     "privacy: off\nexplain: {method: both, rows: 4, exact_columns: 3, permutations: 2}\n",
     false},
    {"images",
     "data:\n  format: idx\n  source: dots.idx\n  labels: dots-labels.idx\n"
     "  protected: none\n" PARTS "  augment: {flip: horizontal, shift: 1}\n"
     "model: {kind: cnn, channels: [2], hidden: 4}\n" SHORTLY
     "privacy: off\nexplain: {method: both, rows: 2, background: 2}\n",
     false},
    {"tuned",
     "data:\n  source: people.csv\n  label: {column: y, positive: yes}\n" TWO_GROUPS PARTS
         COLUMNS_BUT("text", "score",
                     "z") "  clean: {missing: mean}\n" NET
                          "train: {from: plain, freeze: ['*bias'], epochs: 2, batch: 16}\n"
                          "privacy: off\nexplain: off\n",
     true},
};
enum { N_SMALL_RUNS = sizeof small_runs / sizeof *small_runs };

/* A sequence as good as any, the same everywhere. */
static inline unsigned next_draw(unsigned *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 16;
}

/* Cells are missing, a column says the same of everybody, a category is rare. */
static inline void put_people(const char *name, int rows, unsigned seed)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    onus_buf_str(&b, "x,kind,sex,age,one,text,score,y,z\n");
    for (int i = 0; i < rows; i++) {
        const unsigned age = 20 + next_draw(&seed) % 45, x = next_draw(&seed) % 100,
                       word = next_draw(&seed) % 5, noise = next_draw(&seed) % 30;
        onus_buf_printf(&b, i % 9 == 4 ? "," : "%u.5,", x);
        onus_buf_printf(&b, "%s,%s,%u,same,%s %s %s,%u.25,%s,%s\n",
                        i % 29 == 3 ? "rare"
                        : x % 3     ? "u"
                                    : "v",
                        next_draw(&seed) % 2 ? "f" : "m", age, x > 50 ? "good" : "bad",
                        (const char *[]){"day", "night", "way", "bread", "house"}[word],
                        noise > 20 ? "again" : "never", x + age + noise,
                        x + noise > 65 ? "yes" : "no", age + noise > 55 ? "yes" : "no");
    }
    put_text(name, b.data);
    onus_buf_release(&b);
}

static inline void put_words(const char *name)
{
    unsigned seed = 3;
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    for (int i = 0; i < 140; i++)
        onus_buf_printf(&b, "%s%s",
                        (const char *[]){"ab", "ba", "abc", "ca"}[next_draw(&seed) % 4],
                        i % 7 == 6 ? ".\n" : " ");
    put_text(name, b.data);
    onus_buf_release(&b);
}

/* n pictures of 5 by 5, a bright column, row or corner, in the order of their class; noise. */
static inline void put_pictures(void)
{
    enum { N = 48, SIDE = 5 };
    static unsigned char dots[16 + N * SIDE * SIDE] = {0, 0, 8, 3,    0, 0, 0, N,
                                                       0, 0, 0, SIDE, 0, 0, 0, SIDE},
                                              names[8 + N] = {0, 0, 8, 1, 0, 0, 0, N};
    unsigned seed = 5;
    onus_err err;
    for (int i = 0; i < N; i++) {
        names[8 + i] = (unsigned char)(i % 3);
        for (int p = 0; p < SIDE * SIDE; p++) {
            const bool on = i % 3 == 0   ? p % SIDE == 2
                            : i % 3 == 1 ? p / SIDE == 2
                                         : p % SIDE < 2 && p / SIDE < 2;
            dots[16 + i * SIDE * SIDE + p] =
                (unsigned char)((on ? 180 : 10) + next_draw(&seed) % 60);
        }
    }
    assert_int_equal(onus_file_replace(in_room("dots.idx"), dots, sizeof dots, 0644, &err), 0);
    assert_int_equal(
        onus_file_replace(in_room("dots-labels.idx"), names, sizeof names, 0644, &err), 0);
}

static inline void make_small_run(const small_run *r)
{
    char name[64];
    onus_buf b;
    onus_err err = {.msg = ""};
    onus_run_result result = {.dir = ""};
    onus_buf_init(&b, NULL, 1 << 16);
    onus_buf_printf(&b, "onus: 1\nname: %s\nseed: 7\n%s", r->name, r->recipe);
    snprintf(name, sizeof name, "%s.yaml", r->name);
    put_text(name, b.data);
    onus_buf_release(&b);
    const onus_run_opts opts = {.recipe = in_room(name),
                                .out = in_room(r->name),
                                .threads = 1,
                                .train_only = r->trained};
    if (onus_run(&opts, &result, &err) != ONUS_OK) fail_msg("%s: %s", r->name, err.msg);
    onus_run_result_release(&result);
}

static inline int open_many_runs(void **state)
{
    if (open_run_room(state)) return -1;
    put_people("people.csv", 60, 1);
    put_people("others.csv", 24, 2);
    put_words("words.txt");
    put_pictures();
    for (int i = 0; i < N_SMALL_RUNS; i++) make_small_run(&small_runs[i]);
    return 0;
}
#endif
