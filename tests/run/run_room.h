/* SPDX-License-Identifier: Apache-2.0
 * run_room.h - what the tests of whole runs share: a folder of their own with a small table and
 * recipes on it, and runs made through the public header alone. */
#ifndef ONUS_TESTS_RUN_ROOM_H
#define ONUS_TESTS_RUN_ROOM_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "onus.h"

static char run_room[] = "/tmp/onus-run-XXXXXX";

static inline const char *in_room(const char *name)
{
    static char paths[8][512];
    static int at;
    at = (at + 1) % 8;
    snprintf(paths[at], sizeof paths[at], "%s/%s", run_room, name);
    return paths[at];
}

static inline void put_text(const char *name, const char *text)
{
    onus_err err;
    if (onus_file_replace(in_room(name), text, strlen(text), 0644, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
}

/* Forty people whose label follows x but for some. */
static inline void put_table(const char *name)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    onus_buf_str(&b, "x,kind,sex,age,y\n");
    for (int i = 0; i < 40; i++)
        onus_buf_printf(&b, "%d.%d,%c,%s,%d,%s\n", i * 7 % 40, i % 10, "uvw"[i * 5 % 3],
                        i * 3 % 7 < 3 ? "f" : "m", 18 + i * 11 % 50,
                        (i * 7 % 40 > 20) != (i % 9 == 0) ? "yes" : "no");
    put_text(name, b.data);
    onus_buf_release(&b);
}

#define RECIPE_HEAD                                                 \
    "onus: 1\nname: small\npurpose: a test\nseed: 7\n"              \
    "data:\n  source: t.csv\n  label: {column: y, positive: yes}\n" \
    "  protected: [sex, {column: age, bins: [40]}]\n"               \
    "  split: {train: 0.6, valid: 0.2, test: 0.2, stratify: [y]}\n" \
    "model: {kind: mlp, hidden: [3], dropout: 0.1}\nexplain: {rows: 3, background: 3}\n"
static const char plain_recipe[] =
    RECIPE_HEAD "train: {epochs: 4, batch: 8, checkpoint: 1}\nprivacy: off\n"
                "policy: [accuracy >= 0.1, energy.joules >= 0, data.missing.nobody <= 1]\n";
static const char private_recipe[] =
    RECIPE_HEAD "train: {epochs: 4, batch: 8, checkpoint: 1, keep: last}\n"
                "privacy: {noise: 1.2, delta: 1e-4, clip: 1}\npolicy: none\n";

typedef struct {
    const char *recipe, *out, *key;
    bool resume;
    onus_sink sink;
    const volatile int *stop;
    const onus_allocator *mem;
} run_how;

static inline onus_status try_run(const run_how *how, onus_run_result *result, onus_err *err)
{
    const onus_run_opts opts = {.recipe = in_room(how->recipe),
                                .out = in_room(how->out),
                                .key = how->key ? in_room(how->key) : NULL,
                                .threads = 1,
                                .resume = how->resume,
                                .sink = how->sink,
                                .stop = how->stop,
                                .mem = how->mem};
    return onus_run(&opts, result, err);
}

static inline void must_run(const run_how *how)
{
    onus_run_result result = {.dir = ""};
    onus_err err = {.msg = ""};
    if (try_run(how, &result, &err) != ONUS_OK) fail_msg("%s: %s", how->out, err.msg);
    onus_run_result_release(&result);
}

static inline void remove_run(const char *name)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", in_room(name));
    assert_int_equal(system(command), 0);
}

static inline void model_hash(const char *run, char hex[ONUS_HEX_LEN])
{
    char name[128];
    uint8_t sha[32];
    snprintf(name, sizeof name, "%s/model.safetensors", run);
    assert_int_equal(onus_file_sha256(in_room(name), sha, NULL), ONUS_OK);
    onus_hex(sha, 32, hex);
}

static inline int open_run_room(void **state)
{
    (void)state;
    if (!onus_crypto_start() || !mkdtemp(run_room)) return -1;
    put_table("t.csv");
    put_text("plain.yaml", plain_recipe);
    put_text("private.yaml", private_recipe);
    return 0;
}

static inline int close_run_room(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", run_room);
    return system(command);
}
#endif
