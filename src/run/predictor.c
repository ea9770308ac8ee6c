/* SPDX-License-Identifier: Apache-2.0
 * predictor.c - a finished model, opened from its file alone: parameters, graph and the encoder
 * of its table. */
#include "run/predictor.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/fp.h"
#include "base/hash.h"
#include "run/session.h"

/* Numbers that a net of this encoder's task gives. */
static int64_t outputs_of(const onus_encoder *e)
{
    switch (onus_encoder_task(e)) {
    case ONUS_TASK_CLASSES: return onus_encoder_classes(e);
    case ONUS_TASK_TOKENS: return onus_encoder_features(e) * onus_encoder_vocabulary(e);
    default: return onus_encoder_labels(e);
    }
}

/* In a run folder the ledger says which bytes the model has: nothing is measured or predicted
 * with others. A folder without a ledger makes no such claim. */
static onus_status check_claim(const char *run, const char *model, const onus_allocator *mem,
                               onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX], hex[65];
    uint8_t sha[32];
    onus_log *log = NULL;
    const json_t *said = NULL;
    ONUS_TRY(onus_path_join(path, sizeof path, run, "ledger.jsonl", err));
    if (access(path, F_OK) != 0) return ONUS_OK;
    ONUS_TRY(onus_log_read(&log, path, mem, err));
    /* another version's model has its hash all the same */
    onus_err why = {.code = ONUS_OK};
    st = onus_judge_log(log, onus_log_count(log), false, mem, &why);
    if (st != ONUS_OK && st != ONUS_UNPROVEN) {
        st = onus_fail(err, st, "%s: %s", path, why.msg);
        goto done;
    }
    st = ONUS_OK;
    (void)onus_log_find(log, "model.sha256", onus_log_count(log), &said);
    if (!json_is_string(said)) goto done;
    ONUS_TRY(onus_file_sha256(model, sha, err));
    onus_hex(sha, sizeof sha, hex);
    if (strcmp(hex, json_string_value(said)) != 0)
        st = onus_fail(err, ONUS_TAMPER,
                       "%s is not the model of the ledger: its SHA-256 is %.16s..., the ledger "
                       "says %.16s...",
                       model, hex, json_string_value(said));
done:
    onus_log_close(log);
    return st;
}

onus_status onus_predictor_open(onus_net **net, onus_encoder **encoder, const char *path,
                                const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_safetensors *file = NULL;
    onus_net *n = NULL;
    onus_encoder *e = NULL;
    char inner[ONUS_PATH_MAX];
    struct stat info;
    onus_err why = {.code = ONUS_OK};
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        ONUS_TRY(onus_path_join(inner, sizeof inner, path, "model.safetensors", err));
        ONUS_TRY(check_claim(path, inner, mem, err));
        path = inner;
    }
    ONUS_TRY(onus_safetensors_open(&file, path, mem, err));
    st = onus_model_read(&n, file, mem, &why);
    if (st != ONUS_OK) {
        st = onus_fail(err, st, "%s: %s", path, why.msg);
        goto done;
    }
    const char *json = onus_safetensors_meta(file, "onus.encoder");
    if (!json) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s has no metadata 'onus.encoder': how its table is read is not known",
                       path);
        goto done;
    }
    ONUS_TRY(onus_encoder_read(&e, json, strlen(json), path, mem, err));
    if (onus_encoder_vocabulary(e) != onus_net_vocabulary(n)) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: the tokenizer has %lld tokens, the net %lld",
                       path, (long long)onus_encoder_vocabulary(e),
                       (long long)onus_net_vocabulary(n));
        goto done;
    }
    const int64_t width = onus_net_inputs(n), outputs = outputs_of(e);
    if (onus_encoder_features(e) != width || onus_net_outputs(n) != outputs) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s: the encoder gives %lld features and %lld outputs, the net takes "
                       "%lld and gives %lld",
                       path, (long long)onus_encoder_features(e), (long long)outputs,
                       (long long)width, (long long)onus_net_outputs(n));
        goto done;
    }
    *net = n;
    *encoder = e;
    n = NULL;
    e = NULL;
done:
    onus_safetensors_close(file);
    onus_net_destroy(n);
    onus_encoder_destroy(e);
    return st;
}

struct onus_model {
    const onus_allocator *mem;
    onus_net *net;
    onus_encoder *encoder;
    onus_plan *plan;
    onus_exec ex;
};

onus_status onus_model_open(onus_model **out, const char *path, const onus_allocator *mem,
                            onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_fp_set();
    if (!out || !path) return onus_fail(err, ONUS_BAD_ARG, "model: a path is needed");
    onus_model *m = onus_alloc(mem, 1, sizeof *m);
    if (!m) return onus_fail_mem(err, path);
    m->mem = mem;
    onus_isa isa;
    ONUS_TRY(onus_isa_default(&isa, err));
    m->ex = (onus_exec){.k = onus_kernels_of(isa)};
    ONUS_TRY(onus_predictor_open(&m->net, &m->encoder, path, mem, err));
    if (onus_encoder_task(m->encoder) == ONUS_TASK_TOKENS) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s: a model of tokens has no prediction of a row; eval measures one",
                       path);
        goto done;
    }
    ONUS_TRY(onus_plan_create(&m->plan, m->net, &m->ex, ONUS_PLAN_PREDICT, 1, mem, err));
    *out = m;
    m = NULL;
done:
    onus_model_close(m);
    return st;
}

void onus_model_close(onus_model *m)
{
    if (!m) return;
    onus_plan_destroy(m->plan);
    onus_net_destroy(m->net);
    onus_encoder_destroy(m->encoder);
    onus_free(m->mem, m);
}

int64_t onus_model_outputs(const onus_model *m)
{
    return onus_net_outputs(m->net);
}

const char *onus_model_class(const onus_model *m, int64_t c)
{
    if (onus_encoder_task(m->encoder) != ONUS_TASK_LABELS)
        return onus_encoder_class_name(m->encoder, c);
    return c >= 0 && c < onus_encoder_labels(m->encoder)
               ? onus_encoder_label_name(m->encoder, c)
               : NULL;
}

int64_t onus_model_columns(const onus_model *m)
{
    return onus_encoder_columns(m->encoder);
}

const char *onus_model_column(const onus_model *m, int64_t i)
{
    return i >= 0 && i < onus_encoder_columns(m->encoder)
               ? onus_encoder_column(m->encoder, i)->name
               : NULL;
}

onus_status onus_model_predict(onus_model *m, const char *const *names,
                               const char *const *values, int64_t n, double *out, onus_err *err)
{
    if (!m || !out || n < 0 || (n > 0 && (!names || !values)))
        return onus_fail(err, ONUS_BAD_ARG, "predict: model, names, values and out are needed");
    onus_fp_set(); /* a host's -Ofast object may have changed the mode */
    onus_status st =
        onus_encoder_encode(m->encoder, names, values, n, onus_plan_input(m->plan), err);
    if (st != ONUS_OK) return st;
    const onus_batch batch = {.B = 1};
    onus_plan_forward(m->plan, &batch);
    for (int64_t i = 0; i < onus_net_outputs(m->net); i++)
        out[i] = (double)onus_plan_prediction(m->plan)[i];
    return ONUS_OK;
}
