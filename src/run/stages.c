/* SPDX-License-Identifier: Apache-2.0
 * stages.c - the table of stages, and the two that every run begins with. A stage calls one
 * layer and says what came of it in events; it decides nothing that a recipe could decide.
 *
 * CHECKLIST: a new stage wants a function (stage_NAME.c), a row here, rows of the registry that
 * name it (proof/names.h) and sections of EVIDENCE.md for its events, and a rule in
 * report/section_unproven.c where `absent` has a text. */
#include "run/stages.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"

/* ---- beginning --------------------------------------------------------------------------- */

const char *const onus_ends_texts[] = {"trained", "reported"};

/* Words, numbers, pictures, as the recipe has them. */
static const char *input_of(const onus_data_spec *d)
{
    bool text = d->format == ONUS_FORMAT_TEXT;
    for (int64_t i = 0; i < d->n_columns; i++)
        text = text || d->columns[i].role == ONUS_ROLE_TEXT;
    return text ? "text" : d->format == ONUS_FORMAT_IDX ? "images" : "columns";
}

void onus_begin_claims(onus_event_builder *e, const onus_recipe *r, onus_ends ends)
{
    static const char *const formats[] = {"csv", "idx", "jsonl", "text"};
    static const char *const predicts[] = {"label", "next", "masked"};
    uint8_t recipe_sha[32];
    char seed[32];
    onus_sha256_of(r->bytes.data, r->bytes.len, recipe_sha);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
    onus_event_text(e, r->name, "run.name");
    if (r->purpose) onus_event_text(e, r->purpose, "run.purpose");
    onus_event_sha256(e, recipe_sha, "run.recipe.sha256");
    onus_event_text(e, seed, "run.seed");
    onus_event_int(e, ONUS_NUMERICS_VERSION, "run.numerics");
    onus_event_text(e, onus_ends_texts[ends], "run.ends");
    onus_event_text(e, formats[r->data.format], "run.format");
    onus_event_text(e, input_of(&r->data), "run.input");
    onus_event_text(e, predicts[r->data.predict], "run.predict");
    onus_event_text(e, r->data.test_source ? "file" : "split", "run.test");
    onus_event_text(e, r->train.from ? "yes" : "no", "run.from");
    onus_event_int(e, r->train.n_freeze, "run.freeze");
    onus_event_text(e, r->privacy.off ? "off" : "on", "run.privacy");
    onus_event_int(e, r->data.n_protected, "run.protected");
    onus_event_text(e,
                    r->explain.off          ? "off"
                    : !r->explain.relevance ? "shap"
                    : r->explain.shapley    ? "both"
                                            : "relevance",
                    "run.explain");
    onus_event_int(e, r->n_policies, "run.policies");
}

/* The processor's name as the system tells it; "unknown" where it does not. */
static void cpu_name(char *out, size_t size)
{
    snprintf(out, size, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, size, "%.120s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    fclose(f);
}

onus_status onus_stage_begin(onus_session *s, onus_err *err)
{
    char cpu[128];
    onus_place place = {.is_public = true};
    cpu_name(cpu, sizeof cpu);
    onus_status st = s->observes ? onus_place_find(s, &place, err) : ONUS_OK;
    if (st != ONUS_OK) return st;
    onus_event_builder *e = &s->event;
    onus_event_begin(e, "run.begin");
    onus_begin_claims(e, s->recipe, s->ends);
    onus_event_observed(e, true);
    onus_event_text(e, ONUS_VERSION, "run.version");
    onus_event_text(e, onus_isa_name(s->isa), "run.isa");
    onus_event_int(e, onus_pool_size(s->pool), "run.threads");
    onus_event_text(e, cpu, "run.cpu");
    if (s->observes && place.is_public) onus_event_text(e, place.way, "run.recipe.dir");
    st = onus_session_emit(s, err);
    return st == ONUS_OK ? onus_place_write(s, &place, err) : st;
}

/* A test part that is the file which the model learns from proves nothing. */
static onus_status check_test_file(const onus_session *s, onus_err *err)
{
    const onus_data_spec *d = &s->recipe->data;
    const bool images = d->format == ONUS_FORMAT_IDX; /* each file is followed by its labels */
    const onus_field *source = onus_facts_find(s->facts, "data.file.1.sha256"),
                     *test = onus_facts_find(s->facts, images ? "data.file.3.sha256"
                                                              : "data.file.2.sha256");
    if (!d->test_source || !source || !test || strcmp(source->text, test->text) != 0)
        return ONUS_OK;
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "%s:%d: data.test: '%.200s' holds the same bytes as data.source; a model that "
        "is tested on what it learned from proves nothing",
        s->recipe->path, d->line, d->test_source);
}

onus_status onus_stage_data(onus_session *s, onus_err *err)
{
    if (s->meter) onus_meter_phase(s->meter, "data");
    const onus_sink sink = onus_session_sink(s);
    const onus_status st = onus_dataset_open(&s->data, &s->recipe->data, NULL, s->recipe->seed,
                                             &sink, s->mem, err);
    return st == ONUS_OK ? check_test_file(s, err) : st;
}

/* ---- the table --------------------------------------------------------------------------- */

static bool if_reported(const onus_recipe *r, onus_ends ends)
{
    (void)r;
    return ends == ONUS_ENDS_REPORTED;
}

static bool if_explained(const onus_recipe *r, onus_ends ends)
{
    return ends == ONUS_ENDS_REPORTED && !r->explain.off;
}

static onus_status run_energy(onus_session *s, onus_err *err)
{
    const onus_sink sink = onus_session_sink(s);
    return s->meter ? onus_meter_emit(s->meter, s->trained.multiply_adds, &sink, err) : ONUS_OK;
}

/* Which of its names a meter has depends on the machine; all are of these families. */
static onus_status again_energy(onus_session *s, onus_err *err)
{
    static const char *const families[] = {"energy.", "carbon.", "sci."};
    const char *name;
    json_t *v;
    onus_status st = onus_session_expect(s, "energy", NULL, err);
    if (st != ONUS_OK) return st;
    json_object_foreach(onus_ledger_matched(s->ledger)->observed, name, v)
    {
        bool good = strcmp(name, "sci") == 0;
        for (int i = 0; i < 3; i++)
            good = good || strncmp(name, families[i], strlen(families[i])) == 0;
        if (!good) st = onus_ledger_differ(s->ledger, name, v, NULL, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

#define LIST(...)         \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }
#define NONE              \
    (const char *const[]) \
    {                     \
        NULL              \
    }

const onus_stage onus_stages[] = {
    {"begin", NULL, onus_stage_begin, NULL, LIST("recipe.yaml", "private/recipe.dir"),
     ONUS_TEXT_COUNT},
    {"data", NULL, onus_stage_data, NULL, NONE, ONUS_TEXT_COUNT},
    {"demands", if_reported, onus_stage_demands, NULL, NONE, ONUS_TEXT_COUNT},
    {"foresee", if_explained, onus_stage_foresee, NULL, NONE, ONUS_TEXT_COUNT},
    {"train", NULL, onus_stage_train, NULL,
     LIST("private/noise.key", "checkpoints/*.safetensors", "model.safetensors"),
     ONUS_TEXT_COUNT},
    {"evaluate", if_reported, onus_stage_evaluate, NULL,
     LIST("private/mistakes.html", "private/samples.html"), ONUS_TEXT_OPEN_METRIC},
    {"explain", if_explained, onus_stage_explain, NULL,
     LIST("private/explanations.html", "private/explanations-*.html"), ONUS_TEXT_OPEN_EXPLAIN},
    {"energy", NULL, run_energy, again_energy, NONE, ONUS_TEXT_OPEN_ENERGY},
    {"policy", if_reported, onus_stage_policy, NULL, NONE, ONUS_TEXT_OPEN_POLICY},
    {"signer", NULL, onus_stage_signer, onus_again_signer, NONE, ONUS_TEXT_OPEN_SIGNER},
    {"report", if_reported, onus_stage_report, onus_again_report, LIST("report.html"),
     ONUS_TEXT_COUNT},
    {"end", NULL, onus_stage_end, onus_again_end, NONE, ONUS_TEXT_COUNT},
    {NULL},
};

bool onus_stage_emits(const onus_stage *stage, const char *type)
{
    for (int r = 0; r < onus_n_event_rows; r++) {
        const onus_event_row *row = onus_event_rows[r];
        if (row->stage && strcmp(row->stage, stage->name) == 0 && strcmp(row->type, type) == 0)
            return true;
    }
    return false;
}

const onus_stage *onus_stage_find(const char *name)
{
    const onus_stage *stage = onus_stages;
    while (stage->name && strcmp(stage->name, name) != 0) stage++;
    return stage->name ? stage : NULL;
}

onus_status onus_stages_from(onus_session *s, const onus_stage *first, onus_err *err)
{
    for (const onus_stage *stage = first; stage->name; stage++) {
        if (stage->asked && !stage->asked(s->recipe, s->ends)) continue;
        s->stage = stage;
        const onus_status st =
            stage->again && !s->observes ? stage->again(s, err) : stage->run(s, err);
        s->stage = NULL;
        if (st != ONUS_OK) return st;
        if (s->stop && *s->stop) return onus_fail(err, ONUS_STOPPED, "stopped");
        if (s->stop_step > 0 && s->trained.steps >= s->stop_step) break;
    }
    return ONUS_OK;
}

onus_status onus_stages_run(onus_session *s, onus_err *err)
{
    return onus_stages_from(s, onus_stages, err);
}
