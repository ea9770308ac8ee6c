/* SPDX-License-Identifier: Apache-2.0
 * session.h - one execution of a recipe: a run, a resumed run, a replay. They are the same
 * stages over a ledger in another mode, so that what a replay checks is what a run does. */
#ifndef ONUS_RUN_SESSION_H
#define ONUS_RUN_SESSION_H
#include "audit/energy.h"
#include "audit/explain.h"
#include "audit/predictions.h"
#include "proof/judge.h"
#include "proof/note.h"
#include "run/recipe.h"

/* What a run ends in: a model, or a report on it. Event 1 says so (run.ends). */
typedef enum { ONUS_ENDS_TRAINED, ONUS_ENDS_REPORTED } onus_ends;
extern const char *const onus_ends_texts[];

typedef struct onus_stage onus_stage; /* stages.h */

typedef struct {
    const onus_allocator *mem;
    onus_recipe *recipe;
    onus_ends ends;
    const char *dir;         /* the run folder */
    const onus_key *key;     /* signs the head; NULL in a replay */
    bool writes;             /* false in a replay: nothing in the folder changes */
    bool observes;           /* meters, report and signature: false in a replay */
    const onus_stage *stage; /* the one that runs; events are of its types */

    onus_pool *pool;
    onus_exec ex;
    onus_isa isa;

    onus_ledger *ledger;
    onus_judge *judge; /* of what is written; NULL in a replay */
    onus_log *before;  /* RESUME, REPLAY: the ledger as it stood, else NULL */
    onus_facts *facts;
    onus_event_builder event;
    onus_sink user;
    onus_meter *meter;

    /* training starts from, ends at these checkpoints; 0: start, end */
    int64_t start_step, stop_step;
    uint8_t start_sha[32]; /* of start_step's checkpoint, as the ledger has it */
    bool start_stopped;    /* that checkpoint is the state of a stopped run */
    int64_t start_event;   /* the last event of the ledger that lies before that state */
    bool skipped;          /* the ledger has been moved there */

    onus_dataset *data;
    onus_net *net;
    onus_noise_key noise;
    uint8_t hash_key[32]; /* private runs: of the hashes of data, derived from noise */
    onus_train_result trained;
    double began_s;

    void (*progress)(void *ctx, const onus_progress *p);
    void *progress_ctx;
    const volatile int *stop;
    onus_buf *profile; /* where training writes its profile; NULL: it makes none */
} onus_session;

/* Threads, instruction set, facts, event builder. Everything is released by onus_session_close,
 * whatever failed. */
onus_status onus_session_open(onus_session *s, int threads, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
void onus_session_close(onus_session *s);
/* Ledger first, then facts, then the caller's own sink. */
onus_sink onus_session_sink(onus_session *s);
onus_status onus_session_emit(onus_session *s, onus_err *err) ONUS_CHECKED; /* s->event */
/* A phase begins: for the meter and for who watches. */
void onus_session_announce(const onus_session *s, const char *phase);
/* A page for private/, by its name in the run folder: written, and its hash said. */
onus_status onus_session_keep_private(onus_session *s, const char *name, const onus_buf *page,
                                      onus_err *err) ONUS_CHECKED;

/* A replay, or a run resumed after it: the next event of the ledger is of that type and claims
 * nothing. It observed these names (ending with NULL; NULL: whatever), which the session's
 * facts take as stored. */
onus_status onus_session_expect(onus_session *s, const char *type, const char *const *names,
                                onus_err *err) ONUS_CHECKED;
/* The claims of event 1: from recipe and end alone, so that whoever has the recipe knows what
 * they must be. */
void onus_begin_claims(onus_event_builder *e, const onus_recipe *r, onus_ends ends);

/* Head of an ONUS_HEAD for a task. */
onus_head onus_head_of(onus_task task);
/* Predictions of part `rows` by the session's net as audits want them; arrays live in arena. */
onus_status onus_predictions_of(onus_net *net, const onus_exec *ex, const onus_dataset *d,
                                const int64_t *rows, int64_t n, onus_arena *arena,
                                onus_predictions *out, onus_err *err) ONUS_CHECKED;

/* Loss, perplexity and accuracy of a model of tokens on part `rows`: the metric event. */
onus_status onus_tokens_measure(onus_session *s, const int64_t *rows, int64_t n,
                                onus_err *err) ONUS_CHECKED;

/* Where the recipe lies, seen from the run folder; public where that tells nothing of the
 * machine. */
typedef struct {
    char way[ONUS_PATH_MAX];
    bool is_public;
} onus_place;
onus_status onus_place_find(const onus_session *s, onus_place *out, onus_err *err) ONUS_CHECKED;
/* Keeps a place that is not public in private/recipe.dir: a "private" event, observed. Where
 * the ledger has it already, its place there is passed. */
onus_status onus_place_write(onus_session *s, const onus_place *place,
                             onus_err *err) ONUS_CHECKED;
/* A run folder holds files and folders. A link, pipe or device among them is an error that
 * names it: in a stranger's folder it may lead to a file of ours, whose words an error would
 * show. */
onus_status onus_folder_check(const char *run, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
/* The directory that the recipe's relative paths start from. ONUS_BAD_ARG where the run folder
 * does not say. */
onus_status onus_place_read(const onus_log *log, const char *run, char dir[ONUS_PATH_MAX],
                            onus_err *err) ONUS_CHECKED;
/* Step of a "checkpoint" event, -1 if it has none that is a whole number. */
int64_t onus_checkpoint_step(const onus_entry *e);

/* What an event builder has gathered, as facts. */
onus_status onus_event_facts(onus_event_builder *b, onus_facts **out, const onus_allocator *mem,
                             onus_err *err) ONUS_CHECKED;
/* The buffer's text, for a caller outside: onus_text_free. */
onus_status onus_buf_hand_out(const onus_buf *text, char **out, const char *what,
                              onus_err *err) ONUS_CHECKED;

/* The noise key of a private run is there: hashes of its data are told under a key of it. Where
 * the log (or NULL) commits to another one, that is the mismatch, rather than every hash. */
onus_status onus_session_key_hashes(onus_session *s, const onus_log *log,
                                    onus_err *err) ONUS_CHECKED;
/* private/noise.key: 64 hexadecimal digits and a newline. */
onus_status onus_noise_key_write(const char *dir, const onus_noise_key *k,
                                 onus_err *err) ONUS_CHECKED;
/* ONUS_UNPROVEN if absent */
onus_status onus_noise_key_read(const char *dir, onus_noise_key *k, onus_err *err) ONUS_CHECKED;
#endif
