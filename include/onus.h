/* SPDX-License-Identifier: Apache-2.0
 * onus.h - the public interface of libonus, in the order in which a model lives:
 * ground (status, memory, events, facts), then recipe and run, model, evaluation, proof.
 *
 * Whatever the program `onus` does, a C or C++ program can do through this header alone.
 * Conventions: everything that can fail returns onus_status; results come through
 * out-arguments, written only on success; err is last and may be NULL; every destroy accepts
 * NULL. Strings are UTF-8. No function prints, exits, or listens. */
#ifndef ONUS_H
#define ONUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ONUS_VERSION          "0.2.0"
#define ONUS_NUMERICS_VERSION 3 /* the numerics contract, docs/NUMERICS.md */

#if defined(__GNUC__)
#define ONUS_CHECKED      __attribute__((warn_unused_result))
#define ONUS_API          __attribute__((visibility("default")))
#define ONUS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ONUS_API
#define ONUS_CHECKED
#define ONUS_PRINTF(f, a)
#endif

/* ---- status and error -------------------------------------------------------------------- */

#define ONUS_STATUS_MAP(X)                                            \
    X(OK, 0, "success")                                               \
    X(BAD_ARG, -1, "argument out of range")                           \
    X(NO_MEM, -2, "allocation failed")                                \
    X(IO, -3, "file or device failed")                                \
    X(TAMPER, -4, "evidence does not match its hashes")               \
    X(BAD_INPUT, -5, "malformed recipe, table, model or ledger")      \
    X(REFUSED, -6, "an operation's table row refuses what was asked") \
    X(DIVERGED, -7, "loss is not finite")                             \
    X(MISMATCH, -8, "recomputed evidence differs")                    \
    X(STOPPED, -9, "stopped by the caller")                           \
    X(UNPROVEN, -10, "evidence that would prove it is missing")

typedef enum {
#define X(name, code, text) ONUS_##name = (code),
    ONUS_STATUS_MAP(X)
#undef X
} onus_status;

/* One factual line naming file, line, column, value and what was expected; the hint, if
 * any, says what to do about it. */
typedef struct {
    onus_status code;
    char msg[1024];
    char hint[256];
} onus_err;

/* The text of a status; never NULL. */
ONUS_API const char *onus_status_text(onus_status st);

/* ---- memory ------------------------------------------------------------------------------ */

/* The caller's allocator. resize(ctx, NULL, n) allocates n bytes aligned as malloc does;
 * resize(ctx, p, n) grows or shrinks; resize(ctx, p, 0) frees and returns NULL. It may be
 * called from several threads. NULL stands for the C library's. */
typedef struct {
    void *(*resize)(void *ctx, void *ptr, size_t size);
    void *ctx;
} onus_allocator;

/* ---- events ------------------------------------------------------------------------------ */

typedef enum {
    ONUS_FIELD_INT,       /* i; |i| <= 2^53 */
    ONUS_FIELD_REAL,      /* r; a value that is not finite becomes UNDEFINED */
    ONUS_FIELD_TEXT,      /* text */
    ONUS_FIELD_UNDEFINED, /* written "undefined" */
    ONUS_FIELD_REALS,     /* reals[n]; entries that are not finite are written null */
    ONUS_FIELD_TEXTS      /* texts[n] */
} onus_field_kind;

/* One named value of an event. Names are dotted ("accuracy.lower") and mean the same in
 * events, facts, policies and --json. */
typedef struct {
    const char *name;
    onus_field_kind kind;
    bool observed; /* false: claim (a replay must find it again); true: observed here */
    int64_t i;
    double r;
    const char *text;
    const double *reals;
    const char *const *texts;
    int64_t n;
} onus_field;

typedef struct {
    const char *type; /* "train.epoch", "metric", ... */
    const onus_field *fields;
    int64_t n_fields;
} onus_event;

/* Where events go. A status that is not ONUS_OK stops whatever emitted the event. emit is
 * called from the thread that called the library, never from a worker. */
typedef struct {
    onus_status (*emit)(void *ctx, const onus_event *event, onus_err *err);
    void *ctx;
} onus_sink;

/* ---- facts: results by dotted name ------------------------------------------------------- */

/* A flat list from dotted names ("fairness.sex.group.female.tpr") to values. */
typedef struct onus_facts onus_facts;

ONUS_API void onus_facts_destroy(onus_facts *f);
ONUS_API int64_t onus_facts_count(const onus_facts *f);
/* Entry i, 0 <= i < count; the pointer lives as long as f and nothing is added. */
ONUS_API const onus_field *onus_facts_at(const onus_facts *f, int64_t i);
/* The entry of that name, or NULL. */
ONUS_API const onus_field *onus_facts_find(const onus_facts *f, const char *name);

/* What a progress bar shows. Given on the caller's thread at most five times a second and at
 * the end of every epoch of training; "evaluate" and "explain" are only announced. */
typedef struct {
    /* "memory": only planned_bytes is set, once, before the first step; "work": only
     * planned_rows is, before that, where it is above a million; "train", "evaluate",
     * "explain"; the numbers below are training's */
    const char *phase;
    int64_t planned_bytes; /* most memory that the process will have in training */
    int64_t epoch, epochs, step, steps;
    double loss;                     /* running mean of the epoch; NAN in private runs */
    double valid_loss, valid_metric; /* NAN until known; the metric is accuracy, or RMSE */
    double rows_per_s, left_s;
    double joules; /* so far; NAN where the caller of training has no meter */
    bool epoch_end;
    double planned_rows; /* that explaining will put through the model */
} onus_progress;

/* ---- runs: from a recipe to a signed report ---------------------------------------------- */

/* Zero means the default. */
typedef struct {
    const char *recipe; /* path; required */
    const char *out;    /* run folder; NULL: runs/NAME-N, the first N that is free */
    /* private key file that signs the ledger's head; NULL: a throw-away key, called that */
    const char *key;
    int threads;     /* 0: ONUS_THREADS, else the processors this process may use */
    bool resume;     /* go on with the run in `out` after a kill or a stop */
    bool train_only; /* data and training; no evaluation, policy, report */
    bool profile;    /* measure where the time of training goes: the result's profile */
    void (*progress)(void *ctx, const onus_progress *p); /* may be NULL */
    void *progress_ctx;
    /* set to 1 (by a signal handler): the run stops after the step, and is resumed there */
    const volatile int *stop;
    onus_sink sink;            /* sees every event, after the ledger; may be zero */
    const onus_allocator *mem; /* NULL: the C library's; must outlive the result */
} onus_run_opts;

typedef struct {
    char dir[4096]; /* the run folder */
    int64_t policies, policies_met;
    onus_facts *facts; /* every scalar of the ledger; owned */
    char *profile;     /* asked for: a table for a person; owned; no part of the evidence */
    const onus_allocator *mem;
} onus_run_result;

/* Reads the data, trains, evaluates, audits, judges, and leaves a run folder with model,
 * ledger, signed head and report. A policy that is not met is no error: compare policies_met.
 * On failure the folder keeps what is needed to resume. */
ONUS_API onus_status onus_run(const onus_run_opts *opts, onus_run_result *out,
                              onus_err *err) ONUS_CHECKED;
ONUS_API void onus_run_result_release(onus_run_result *r); /* a zeroed one is fine */

/* The data sheet of a recipe's data: reads, cleans, splits, trains nothing. Owned by the
 * caller: onus_facts_destroy. */
ONUS_API onus_status onus_data_profile(const char *recipe, onus_facts **out,
                                       const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* ---- models ------------------------------------------------------------------------------ */

typedef struct onus_model onus_model;

/* Opens the model of a run folder, or a model file; not one of tokens, which predicts no row
 * (ONUS_BAD_INPUT). One thread at a time. */
ONUS_API onus_status onus_model_open(onus_model **out, const char *path,
                                     const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
ONUS_API void onus_model_close(onus_model *m);
/* Width of a prediction: 1 for binary (probability of the positive class) and regression (the
 * value, in the label's own unit), the number of classes, or of labels (each one's probability
 * of yes). */
ONUS_API int64_t onus_model_outputs(const onus_model *m);
/* Name of class c; binary: 0 the other, 1 the positive one; of several labels the name of label
 * c. NULL out of range and for regression. */
ONUS_API const char *onus_model_class(const onus_model *m, int64_t c);
ONUS_API int64_t onus_model_columns(const onus_model *m);
ONUS_API const char *onus_model_column(const onus_model *m, int64_t i);
/* Predicts one row given as texts by column name, as they would stand in the table: names[n],
 * values[n]; every column of the model once, others are errors. out: (outputs), written on
 * success. */
ONUS_API onus_status onus_model_predict(onus_model *m, const char *const *names,
                                        const char *const *values, int64_t n, double *out,
                                        onus_err *err) ONUS_CHECKED;

/* ---- evaluation -------------------------------------------------------------------------- */

/* Either run and data, or predictions with label and score or prediction. */
typedef struct {
    const char *run, *data; /* a run folder's model on a table or text of its form */
    /* CSV of label, prediction, score by line of the table, of several labels NAME.label and so
     * on for each; NULL: none */
    const char *predictions_out;
    const char *predictions; /* a CSV of predictions made elsewhere */
    /* its columns; positive: the label's value that counts as 1 */
    const char *label, *positive, *score, *prediction;
    const char *const *protected_; /* its protected columns */
    int64_t n_protected;
    bool regression; /* label and prediction are numbers, not classes */
    int threads;
    const onus_allocator *mem;
} onus_eval_opts;
ONUS_API onus_status onus_eval(const onus_eval_opts *opts, onus_facts **out,
                               onus_err *err) ONUS_CHECKED;

/* Explains rows of a run's test part, or one row of its table. text receives a page for the
 * terminal, owned by the caller: onus_text_free. */
typedef struct {
    const char *run;
    const char *recipe_dir; /* where the recipe's relative paths start; NULL: as recorded */
    int64_t rows;           /* how many, 0: as the recipe says; or */
    int64_t line;           /* one row, by its line in the table */
    int threads;
    const onus_allocator *mem;
} onus_explain_opts;
ONUS_API onus_status onus_explain_run(const onus_explain_opts *opts, onus_facts **out,
                                      char **text, onus_err *err) ONUS_CHECKED;
ONUS_API void onus_text_free(const onus_allocator *mem, char *text);

/* ---- proof ------------------------------------------------------------------------------- */

/* Three questions to finished runs. notes (may be NULL) receives one line for everything looked
 * at; facts (may be NULL) the same for machines: verify.*, replay.*, diff.* (docs/EVIDENCE.md).
 * Both are owned by the caller (onus_text_free, onus_facts_destroy), and are also handed out
 * where the answer is no (ONUS_TAMPER, ONUS_MISMATCH, ONUS_UNPROVEN) or there is none, as of a
 * folder that is not there; arguments that make no question leave both as they were. */

/* Zero means the default. */
typedef struct {
    const char *run; /* run folder; required */
    const char *key; /* the .pub file of a key that the caller knows; NULL: "key not known" */
    /* .pub files of witnesses that the caller knows: each must have signed the head */
    const char *const *witnesses;
    int64_t n_witnesses;
    /* certificates (PEM) of time-stamp authorities that the caller knows, or of those who vouch
     * for them: the run must have a token that leads to one of them. NULL: none is known */
    const char *tsa_cert;
    const onus_allocator *mem; /* NULL: the C library's; must outlive the results */
} onus_verify_opts;
/* Checks hashes, tree, signatures, time stamp, files, and builds the report again.
 * verify.verdict is "verified" with a key that holds, "intact" without one; else the status is
 * not ONUS_OK, and ONUS_TAMPER names the first thing that changed. */
ONUS_API onus_status onus_verify(const onus_verify_opts *opts, onus_facts **facts, char **notes,
                                 onus_err *err) ONUS_CHECKED;

typedef struct {
    const char *run;
    const char *recipe_dir; /* where the recipe's relative paths start; NULL: as recorded */
    int64_t from, to;       /* checkpoints' steps; 0: the start, the end */
    /* so many of the stretches between neighbouring checkpoints (start and end are bounds,
     * too), drawn by SHA-256 from the ledger's head and seed; 0: the whole, as are all of them
     */
    int64_t sample;
    const char *seed; /* of a sample: the verifier's choice, after the head was signed */
    int threads;
    void (*progress)(void *ctx, const onus_progress *p);
    void *progress_ctx;
    const volatile int *stop;
    const onus_allocator *mem;
} onus_replay_opts;
/* Recomputes every claim from recipe, data and code, and the report from these; every event
 * must stand in its place. Of a stretch or a sample the verdict says so. ONUS_MISMATCH names
 * the first event that differs; ONUS_UNPROVEN where a private run's key is not there, or the
 * checkpoint that a stretch which was drawn starts from. */
ONUS_API onus_status onus_replay(const onus_replay_opts *opts, onus_facts **facts, char **notes,
                                 onus_err *err) ONUS_CHECKED;

/* Where two runs part: ONUS_OK and a text that says so where their claims are the same;
 * ONUS_MISMATCH with the first event, step and operation. */
ONUS_API onus_status onus_diff(const char *run1, const char *run2, onus_facts **facts,
                               char **notes, const onus_allocator *mem,
                               onus_err *err) ONUS_CHECKED;

/* The report, built again from the run's ledger, and every scalar of that ledger by name.
 * Either may be NULL; owned by the caller: onus_text_free, onus_facts_destroy. */
ONUS_API onus_status onus_report(const char *run, onus_facts **facts, char **html,
                                 const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* What noise costs, without a run: epsilon of the Poisson-subsampled Gaussian mechanism after
 * `steps` steps, one row added or removed. The ideal mechanism, whose numbers are real: a run's
 * own privacy.epsilon also counts what computing its noise adds (docs/PRIVACY.md).
 *
 *   noise          deviation of the noise over the clipping norm, > 0
 *   sampling_rate  probability with which a row enters a step, above 0, at most 1
 *   steps          1 to 2^53
 *   delta          above 0, below 1
 *
 * facts: epsilon.pld (privacy loss distributions) and epsilon.rdp (Renyi), each an upper bound;
 * epsilon, the smaller of both, and epsilon.by, which it is; epsilon.every_step, exact, where
 * the row takes part in every step (no secret sample protects it); epsilon.order, the Renyi
 * order, and epsilon.order.last, whether it is the largest that was tried. What nothing was
 * proven of is undefined. text: for a person. Either may be NULL; owned by the caller:
 * onus_facts_destroy, onus_text_free. ONUS_BAD_ARG names the number that is out of its range.
 */
ONUS_API onus_status onus_epsilon(double noise, double sampling_rate, int64_t steps,
                                  double delta, onus_facts **facts, char **text,
                                  const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* Every name that a result can have, as the registry has it: kind, range, unit, event, body,
 * meaning. pattern: a part of the name, or with * ? [ a shell pattern; NULL: all. facts:
 * NAME.kind, .event, .body, .meaning; text: for a person. Either may be NULL; owned by the
 * caller: onus_facts_destroy, onus_text_free. ONUS_BAD_ARG where no name matches. */
ONUS_API onus_status onus_names_list(const char *pattern, onus_facts **facts, char **text,
                                     const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* What the registry says of a result's name: it is among the first that a person wants; it is
 * the owner's own word, which a replay finds again because the recipe says it. */
ONUS_API bool onus_name_is_headline(const char *name);
ONUS_API bool onus_name_is_said(const char *name);

/* ---- heads: keys, witnesses, time, single events ----------------------------------------- */

typedef struct {
    const char *path; /* the private half (mode 0600); the public one is path.pub; required */
    const char *name; /* the signer's name in notes; required */
    bool witness;     /* a key for onus_witness; else one that signs runs */
    const onus_allocator *mem;
} onus_keygen_opts;
/* Makes a signing key. Existing files are never overwritten. facts: key.name, key.file,
 * key.public_file, key.kind (signs, witnesses), and key.public, what the second file says;
 * never the private half. May be NULL; owned by the caller: onus_facts_destroy. */
ONUS_API onus_status onus_keygen(const onus_keygen_opts *opts, onus_facts **facts,
                                 onus_err *err) ONUS_CHECKED;

typedef struct {
    const char *run; /* run folder; required */
    const char *key; /* private half of a witness's key; required */
    const onus_allocator *mem;
} onus_witness_opts;
/* Checks signature, number of lines and root of the run's head, and adds a cosignature of now
 * (C2SP tlog-cosignature, "cosignature/v1") to ledger.note, below what is there. ONUS_TAMPER
 * where the head does not hold, ONUS_REFUSED where this key has signed it already. facts (may
 * be NULL): witness.*. */
ONUS_API onus_status onus_witness(const onus_witness_opts *opts, onus_facts **facts,
                                  onus_err *err) ONUS_CHECKED;

/* One of request, token, url. */
typedef struct {
    const char *run;     /* run folder; required */
    const char *request; /* writes the query (RFC 3161, DER) here; an existing file stays */
    const char *token;   /* takes a reply, or a token, got elsewhere */
    const char *url;     /* asks this authority: http:// only, nothing else is contacted */
    const onus_allocator *mem;
} onus_stamp_opts;
/* A time-stamp token over the text of the run's head that its owner signed, kept as
 * ledger.note.tst once its form, its imprint and its own signature hold. Whether the authority
 * is to be believed is asked by onus_verify. ONUS_TAMPER: a token of something else;
 * ONUS_BAD_INPUT: no token; ONUS_REFUSED: the run has one. facts (may be NULL): stamp.*. */
ONUS_API onus_status onus_stamp(const onus_stamp_opts *opts, onus_facts **facts,
                                onus_err *err) ONUS_CHECKED;

typedef struct {
    const char *run; /* run folder; required */
    int64_t event;   /* from 1 */
    const onus_allocator *mem;
} onus_prove_opts;
/* One event with its way to the signed head (C2SP tlog-proof@v1): who gets this text and knows
 * the key needs no other part of the run. proof: owned by the caller, onus_text_free. */
ONUS_API onus_status onus_prove(const onus_prove_opts *opts, char **proof,
                                onus_err *err) ONUS_CHECKED;

typedef struct {
    const char *proof; /* file that onus_prove's text was kept in; required */
    const char *key;   /* .pub file of the run's signer; required */
    const char *const *witnesses;
    int64_t n_witnesses; /* as in onus_verify_opts */
    const onus_allocator *mem;
} onus_prove_check_opts;
/* Whether the event is under a head that this key signed. facts (may be NULL): prove.verdict
 * (proven), .event, .events, .origin, .signer, .head, .witnesses, .line; ONUS_TAMPER where it
 * is not. line (may be NULL): the event's bytes, owned by the caller. */
ONUS_API onus_status onus_prove_check(const onus_prove_check_opts *opts, onus_facts **facts,
                                      char **line, onus_err *err) ONUS_CHECKED;

/* Facts as one canonical JSON object (RFC 8785); owned by the caller: onus_text_free. */
ONUS_API onus_status onus_facts_text(const onus_facts *f, char **json,
                                     const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
