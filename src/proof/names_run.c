/* SPDX-License-Identifier: Apache-2.0
 * names_run.c - names of the run itself, its files, its energy, its verdicts and its end. */
#include "data/spec.h"
#include "proof/names_rows.h"

/* clang-format off */

/* ---- the beginning ----------------------------------------------------------------------- */

static const onus_name_row run_begin[] = {
    {"run.name", SAID, TEXT, .doc = "as the recipe says"},
    {"run.purpose", SAID, TEXT, .may = true, .text = "PURPOSE_UNSAID", .doc = "what the model is for, as the recipe says"},
    {"run.recipe.sha256", CLAIM, HASH, .doc = "the recipe's bytes"},
    {"run.seed", CLAIM, TEXT, .choices = "0*|1*|2*|3*|4*|5*|6*|7*|8*|9*", .doc = "the recipe's seed, in digits (it may exceed 2^53)"},
    {"run.numerics", CLAIM, WHOLE, ONUS_FROM_1, .doc = "version of the numerics contract"},
    {"run.ends", CLAIM, TEXT, .choices = "trained|reported", .doc = "what the run ends in: later stages have no event in a trained run"},
    {"run.format", CLAIM, TEXT, .choices = "csv|jsonl|idx|text", .doc = "form of the data"},
    {"run.input", CLAIM, TEXT, .choices = "columns|images|text", .doc = "what the model reads"},
    {"run.predict", CLAIM, TEXT, .choices = "label|next|masked", .doc = "what it predicts"},
    {"run.test", CLAIM, TEXT, .choices = "split|file", .doc = "where the test rows come from: split off, or a file of their own"},
    {"run.from", CLAIM, TEXT, .choices = "yes|no", .doc = "whether weights are taken from elsewhere (train.from)"},
    {"run.freeze", CLAIM, WHOLE, ONUS_COUNT, .doc = "patterns of tensors that keep their values (train.freeze)"},
    {"run.privacy", CLAIM, TEXT, .choices = "on|off", .doc = "whether training is private"},
    {"run.explain", CLAIM, TEXT, .choices = "off|shap|relevance|both", .doc = "which explanations were asked for"},
    {"run.protected", CLAIM, WHOLE, .ranged = true, .lo = 0, .hi = ONUS_PROTECTED_MAX, .doc = "protected columns"},
    {"run.policies", CLAIM, WHOLE, ONUS_COUNT, .doc = "demands"},
    {"run.version", OBSERVED, TEXT, .doc = "the program's version"},
    {"run.isa", OBSERVED, TEXT, .choices = "ref|avx2|avx512|neon", .doc = "instruction set"},
    {"run.threads", OBSERVED, WHOLE, ONUS_FROM_1, .doc = "threads"},
    {"run.cpu", OBSERVED, TEXT, .doc = "the processor's name"},
    {"run.recipe.dir", OBSERVED, TEXT, .may = true,
     .doc = "the way from the run folder to the recipe's folder, for replays; only where both lie in the directory that "
            "the run was started in, so that it names nothing of the machine. Else private/recipe.dir keeps it"},
};
const onus_event_row onus_names_run_begin = {
    "run.begin", .stage = "begin", ONUS_ROWS(run_begin), .file = "recipe.yaml", .hash_field = "run.recipe.sha256",
    .synced = true,     .doc = "What was asked for, and where it runs."};

static const onus_name_row run_place[] = {
    {"private.file", OBSERVED, TEXT, .choices = "private/recipe.dir", .doc = "the file that keeps the way to the recipe's folder"},
    {"private.sha256", OBSERVED, HASH, .doc = "its hash"},
};
const onus_event_row onus_names_run_place = {
    "private", "place", "begin", ONUS_TIMES_MAYBE, ONUS_ROWS(run_place), .file_field = "private.file",
    .hash_field = "private.sha256", .may_lack = true,
    .doc = "Where the recipe lay, where that is nobody else's business."};

static const onus_name_row run_resume[] = {
    {"run.resume.step", OBSERVED, WHOLE, ONUS_COUNT, .doc = "step of the checkpoint that it goes on from; 0: the start"},
    {"run.resume.torn_bytes", OBSERVED, WHOLE, ONUS_COUNT, .doc = "bytes cut off the end of the ledger"},
};
const onus_event_row onus_names_run_resume = {
    "run.resume", .stage = NULL, .times = ONUS_TIMES_ANYWHERE, ONUS_ROWS(run_resume),
    .doc = "After an interruption: where the run goes on."};

static const onus_name_row run_stop[] = {
    {"run.stop.step", OBSERVED, WHOLE, ONUS_COUNT, .doc = "steps done"},
    {"run.stop.epoch", OBSERVED, WHOLE, ONUS_COUNT, .doc = "epochs done"},
    {"run.stop.checkpoint.sha256", OBSERVED, HASH, .doc = "the checkpoint that was written there; a resumed run removes it at its end"},
    {"run.stop.checkpoint.bytes", OBSERVED, WHOLE, ONUS_COUNT, .doc = "its size"},
};
const onus_event_row onus_names_run_stop = {
    "run.stop", .stage = NULL, .times = ONUS_TIMES_ANYWHERE, ONUS_ROWS(run_stop), .synced = true,
    .doc = "A run was stopped (Ctrl-C) and left a checkpoint to go on from."};

/* ---- files ------------------------------------------------------------------------------- */

static const onus_name_row model[] = {
    {"model.description", CLAIM, TEXT, .headline = true, .doc = "family and widths"},
    {"model.parameters", CLAIM, WHOLE, ONUS_COUNT, .doc = "parameters"},
    {"model.multiply_adds", CLAIM, NUMBER, ONUS_AT_0, .doc = "of one prediction, counted by the table of operations"},
    {"model.bytes", CLAIM, WHOLE, ONUS_COUNT, .unit = "bytes", .doc = "size of model.safetensors"},
    {"model.sha256", CLAIM, HASH, .headline = true, .doc = "model.safetensors: it holds no time, host or instruction set"},
};
const onus_event_row onus_names_model = {
    "model", .stage = "train", ONUS_ROWS(model), .file = "model.safetensors", .hash_field = "model.sha256",
    .doc = "The model that training ended in."};

static const onus_name_row data_test[] = {
    {"data.test.rows", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows of the test split"},
    {"data.test.use", CLAIM, TEXT, .choices = "read once, after selection", .doc = "how they are used"},
};
const onus_event_row onus_names_data_test = {
    "data.test", .stage = "evaluate", .when = ONUS_IF_REPORTED, ONUS_ROWS(data_test),
    .doc = "The test split is read here, once, after selection."};

static const onus_name_row samples[] = {
    {"private.file", CLAIM, TEXT, .choices = "private/samples.html", .doc = "what a model of the next token writes"},
    {"private.sha256", CLAIM, HASH, .doc = "its hash"},
};
const onus_event_row onus_names_samples = {
    "private", "samples", "evaluate", ONUS_TIMES_MAYBE, ONUS_IF_REPORTED | ONUS_IF_NEXT, ONUS_ROWS(samples),
    .file_field = "private.file", .hash_field = "private.sha256", .may_lack = true,
    .doc = "Texts that the model wrote, beside the test rows themselves; none where rows are too short."};

static const onus_name_row mistakes[] = {
    {"private.file", CLAIM, TEXT, .choices = "private/mistakes.html", .doc = "texts and pictures that a classifier got wrong"},
    {"private.sha256", CLAIM, HASH, .doc = "its hash"},
};
const onus_event_row onus_names_mistakes = {
    "private", "mistakes", "evaluate", ONUS_TIMES_MAYBE,
    ONUS_IF_REPORTED | ONUS_IF_DECISIONS | ONUS_IF_IMAGES | ONUS_IF_TEXT, ONUS_ROWS(mistakes),
    .file_field = "private.file", .hash_field = "private.sha256", .may_lack = true,
    .doc = "What a classifier of texts or pictures got wrong; none without test rows."};

static const onus_name_row explanations[] = {
    {"private.file", CLAIM, TEXT, .choices = "private/explanations*", .doc = "explanations of a few single rows; of several labels a page each"},
    {"private.sha256", CLAIM, HASH, .doc = "its hash"},
};
const onus_event_row onus_names_explanations = {
    "private", "explanations", "explain", ONUS_TIMES_ONCE, ONUS_IF_REPORTED | ONUS_IF_EXPLAINED, 3, true, ONUS_ROWS(explanations),
    .file_field = "private.file", .hash_field = "private.sha256", .may_lack = true,
    .doc = "What made the scores of five rows of the test split."};

/* ---- energy ------------------------------------------------------------------------------ */

static const onus_name_row energy[] = {
    {"energy.joules", OBSERVED, NUMBER, ONUS_AT_0, .unit = "J", .better = -1, .headline = true, .text = "ENERGY", .doc = "of the run so far"},
    {"energy.joules.lower", OBSERVED, NUMBER, .open = true, ONUS_AT_0, .unit = "J", .doc = "lower bound of the power model; undefined with counters, whose makers publish no error"},
    {"energy.joules.upper", OBSERVED, NUMBER, .open = true, ONUS_AT_0, .unit = "J", .doc = "upper bound"},
    {"energy.joules.reason", OBSERVED, TEXT, .may = true, .doc = "why the bounds are undefined"},
    {"energy.method", OBSERVED, TEXT, .choices = "rapl|processor time times a power model", .doc = "rapl: the processors' counters, of the whole machine"},
    {"energy.power_model", OBSERVED, TEXT, .doc = "watts for a busy processor"},
    {"energy.source", OBSERVED, TEXT, .doc = "where they are from"},
    {"energy.seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "time"},
    {"energy.cpu_seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "processor time of all threads"},
    {"energy.phase.data.joules", OBSERVED, NUMBER, ONUS_AT_0, .unit = "J", .doc = "of a phase"},
    {"energy.phase.data.seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "time of a phase"},
    {"energy.phase.train.joules", OBSERVED, NUMBER, ONUS_AT_0, .unit = "J", .doc = "of a phase"},
    {"energy.phase.train.seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "time of a phase"},
    {"energy.phase.evaluate.joules", OBSERVED, NUMBER, ONUS_IF_REPORTED, ONUS_AT_0, .unit = "J", .doc = "of a phase"},
    {"energy.phase.evaluate.seconds", OBSERVED, NUMBER, ONUS_IF_REPORTED, ONUS_AT_0, .unit = "s", .doc = "time of a phase"},
    {"energy.phase.explain.joules", OBSERVED, NUMBER, ONUS_IF_REPORTED | ONUS_IF_EXPLAINED, ONUS_AT_0, .unit = "J", .doc = "of a phase"},
    {"energy.phase.explain.seconds", OBSERVED, NUMBER, ONUS_IF_REPORTED | ONUS_IF_EXPLAINED, ONUS_AT_0, .unit = "s", .doc = "time of a phase"},
    {"energy.multiply_adds", OBSERVED, NUMBER, .may = true, ONUS_AT_0, .doc = "of the training"},
    {"carbon.grams", OBSERVED, NUMBER, ONUS_AT_0, .unit = "g", .better = -1, .headline = true, .text = "CARBON", .doc = "joules times intensity, CO2 equivalent"},
    {"carbon.grams.lower", OBSERVED, NUMBER, .open = true, ONUS_AT_0, .unit = "g", .doc = "from the joules' lower bound alone"},
    {"carbon.grams.upper", OBSERVED, NUMBER, .open = true, ONUS_AT_0, .unit = "g", .doc = "from the joules' upper bound alone"},
    {"carbon.intensity", OBSERVED, NUMBER, ONUS_AT_0, .unit = "g/kWh", .doc = "grams of CO2 equivalent per kilowatt-hour generated, a yearly mean of the region"},
    {"carbon.region", OBSERVED, TEXT, .doc = "region of the grid"},
    {"carbon.source", OBSERVED, TEXT, .doc = "where the intensity is from"},
    {"carbon.year", OBSERVED, WHOLE, ONUS_FROM_1, .doc = "its year"},
    {"sci", OBSERVED, NUMBER, .open = true, ONUS_AT_0, .doc = "Software Carbon Intensity (E I + M) / R: undefined, the embodied emissions M of the machine are not known"},
    {"sci.reason", OBSERVED, TEXT, .doc = "why it is undefined"},
    {"sci.operational", OBSERVED, NUMBER, ONUS_AT_0, .unit = "g", .doc = "E I / R"},
    {"sci.per", OBSERVED, TEXT, .doc = "R"},
};
const onus_event_row onus_names_energy = {
    "energy", .stage = "energy", ONUS_ROWS(energy),
    .doc = "All observed: no replay can find the same joules."};

/* ---- verdicts ---------------------------------------------------------------------------- */

static const onus_name_row policy[] = {
    {"policy.<k>.demand", CLAIM, TEXT, .doc = "the recipe's line"},
    {"policy.<k>.name", CLAIM, TEXT, .doc = "the name that it judges"},
    {"policy.<k>.bound", CLAIM, NUMBER, .doc = "the number that it compares with"},
    {"policy.<k>.verdict", JUDGED, TEXT, .choices = "met|not met|undefined|absent", .doc = "undefined and absent are never met"},
    {"policy.<k>.found", JUDGED, NUMBER, .open = true, .doc = "the value that was judged"},
};
const onus_event_row onus_names_policy = {
    "policy", .stage = "policy", .times = ONUS_TIMES_POLICIES, .when = ONUS_IF_REPORTED, ONUS_ROWS(policy),
    .doc = "One a demand. Verdict and found value are observed where the value is, else claims."};

static const onus_name_row policy_result[] = {
    {"policy.count", CLAIM, WHOLE, ONUS_COUNT, .doc = "demands"},
    {"policy.met", JUDGED, WHOLE, ONUS_COUNT, .doc = "of them met"},
    {"policy.met.claims", CLAIM, WHOLE, ONUS_COUNT, .doc = "met, and judged by claims"},
    {"policy.met.observed", JUDGED, WHOLE, ONUS_COUNT, .doc = "met, and judged by what was observed, or said by the owner"},
};
const onus_event_row onus_names_policy_result = {
    "policy.result", .stage = "policy", .when = ONUS_IF_REPORTED, ONUS_ROWS(policy_result), .doc = "All demands together."};

/* ---- the end ----------------------------------------------------------------------------- */

static const onus_name_row signer[] = {
    {"run.signer", OBSERVED, TEXT, .doc = "name of the key that signs the head; \"throw-away\" where none was given"},
};
const onus_event_row onus_names_signer = {"run.signer", .stage = "signer", ONUS_ROWS(signer),
                                          .doc = "Who signs. Before the report, so that the report can tell."};

static const onus_name_row report[] = {
    {"report.sha256", OBSERVED, HASH, .doc = "report.html"},
    {"report.events", OBSERVED, WHOLE, ONUS_FROM_1, .doc = "events that it was made from: those before this one"},
    {"report.head", OBSERVED, HASH, .doc = "their head"},
};
const onus_event_row onus_names_report = {
    "report", .stage = "report", .when = ONUS_IF_REPORTED, ONUS_ROWS(report), .file = "report.html",
    .hash_field = "report.sha256", .synced = true, .doc = "The page made from the events before this one."};

static const onus_name_row run_end[] = {
    {"run.state", OBSERVED, TEXT, .choices = "trained|reported", .doc = "what it ended in, as run.ends says"},
    {"run.seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "time of the run, or of its last part"},
    {"run.cpu_seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "processor time of it"},
};
const onus_event_row onus_names_run_end = {"run.end", .stage = "end", ONUS_ROWS(run_end), .synced = true, .doc = "The end."};

/* clang-format on */
