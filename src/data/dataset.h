/* SPDX-License-Identifier: Apache-2.0
 * dataset.h - people's data, ready for training: read, typed, cleaned, split, encoded.
 *
 * A dataset keeps the raw table (for groups, explanations and the data sheet) and serves
 * batches of encoded rows. The encoder (means, categories) is fitted on the training part only
 * and travels in the model file, so that a model can read any other table of its form. What a
 * row is: index into the cleaned table, 0 .. n-1; parts are ascending lists of rows. */
#ifndef ONUS_DATA_DATASET_H
#define ONUS_DATA_DATASET_H
#include "base/event.h"
#include "base/file.h"
#include "data/disclosure.h"
#include "data/spec.h"
#include "data/tokenizer.h"
#include "op/op.h"

typedef enum {
    ONUS_TASK_BINARY,
    ONUS_TASK_CLASSES,
    ONUS_TASK_REGRESSION,
    ONUS_TASK_TOKENS, /* next ones, or masked ones */
    ONUS_TASK_LABELS, /* several, each yes or no */
    ONUS_TASK_COUNT
} onus_task;
typedef enum { ONUS_PART_TRAIN, ONUS_PART_VALID, ONUS_PART_TEST, ONUS_PART_COUNT } onus_part;
/* As events, recipes and model files say them: "binary", "classes", "regression", "tokens",
 * "labels"; "train", "valid", "test". */
extern const char *const onus_task_names[ONUS_TASK_COUNT];
extern const char *const onus_part_names[ONUS_PART_COUNT];
extern const char *const onus_flip_names[]; /* of onus_flip, then NULL */
/* A data sheet lists so many classes, and columns where they are no more. */
enum { ONUS_CLASSES_LISTED = 1000, ONUS_COLUMNS_LISTED = 2000 };

/* One input column as the model sees it: a number is one feature, a category a run of one-hot
 * features. */
typedef struct {
    const char *name;
    bool category;
    int64_t first, n;          /* features [first, first + n) */
    const char *const *values; /* category: the text of feature first + i; number: NULL */
    bool is_protected;
} onus_input_column;

typedef struct onus_encoder onus_encoder; /* fitted; also the label's classes */
typedef struct onus_dataset onus_dataset;

/* Reads, checks, cleans, splits, fits, encodes. seed drives the split (ONUS_DRAW_SPLIT). Emits
 * through sink: one `data.read` a file (claim: name without directory, bytes, sha256, rows),
 * one `data.clean`, one `data.split`, one `data.sheet` (claim: counts by part, label and
 * protected group, missing values by column, constants, duplicates, hashes of the encoded
 * parts; see docs/EVIDENCE.md for names). `encoder` NULL: fit; else use this one (evaluation of
 * another table: all rows become the test part, the split is not read). */
onus_status onus_dataset_open(onus_dataset **out, const onus_data_spec *spec,
                              const onus_encoder *encoder, uint64_t seed, const onus_sink *sink,
                              const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
void onus_dataset_close(onus_dataset *d);

onus_task onus_dataset_task(const onus_dataset *d);
int64_t onus_dataset_rows(const onus_dataset *d);
int64_t onus_dataset_features(const onus_dataset *d); /* numbers of an encoded row */
/* What a net reads of a row: (features), (channels, height, width), or (context) of tokens. */
onus_shape onus_dataset_input(const onus_dataset *d);
int64_t onus_dataset_vocabulary(const onus_dataset *d); /* tokens; 0: rows hold numbers */
int64_t onus_dataset_labels(const onus_dataset *d);     /* numbers of a row's label */
/* Name of label l < labels: the column's, "" where the data has none; not of tokens. */
const char *onus_dataset_label_name(const onus_dataset *d, int64_t l);
/* Of each label: 2 for binary and for several labels, 0 for regression. */
int64_t onus_dataset_classes(const onus_dataset *d);
/* binary: 0 other value(s), 1 positive; of several labels, label l's are 2 l and 2 l + 1 */
const char *onus_dataset_class_name(const onus_dataset *d, int64_t c);
/* a table to predict on may lack the label column */
bool onus_dataset_has_labels(const onus_dataset *d);
const int64_t *onus_dataset_part(const onus_dataset *d, onus_part part, int64_t *n);
int64_t onus_dataset_columns(const onus_dataset *d);
const onus_input_column *onus_dataset_column(const onus_dataset *d, int64_t i);
const onus_encoder *onus_dataset_encoder(const onus_dataset *d);
/* Text: what made its tokens; else NULL. */
const onus_tokenizer *onus_dataset_tokenizer(const onus_dataset *d);

/* Encoded rows rows[n] into x (n, features); label into y (n), of several labels (n, labels):
 * class index, 0/1, or the number, below 0 where it is missing and may be; weight into w (n; 1
 * where no weight column). Each of the three may be NULL. Pure; called from worker threads. */
void onus_dataset_fetch(const onus_dataset *d, const int64_t *rows, int64_t n, float *x,
                        float *y, float *w);
bool onus_dataset_windows(const onus_dataset *d);  /* rows are cut out of one long text */
uint64_t onus_dataset_seed(const onus_dataset *d); /* that it was opened with */
/* What a net is trained on: x (n, features) and y (n, labels); either may be NULL. The labels,
 * and where it is a number (float)((label - shift) / scale): the model's last node undoes it
 * (net/model.h), so that everybody but the trainer sees the label's own unit. Tokens: the next
 * one at every position, or those that were masked; below 0 where nothing is asked. Images:
 * turned, mirrored, moved as the recipe says. What is drawn belongs to (seed, epoch, row), so
 * that order never matters; epoch 0: as evaluated. seed: onus_dataset_seed, or a sealed one: a
 * row's number shifts when a row before it leaves.
 * Pure; called from worker threads. */
void onus_dataset_examples(const onus_dataset *d, uint64_t seed, uint32_t epoch,
                           const int64_t *rows, int64_t n, float *x, float *y);
void onus_dataset_label_scale(const onus_dataset *d, double *shift, double *scale);

/* Protected attributes: value of row's attribute a as group index 0 .. n_groups-1, -1 where
 * missing. */
int64_t onus_dataset_attributes(const onus_dataset *d);
const char *onus_dataset_attribute_name(const onus_dataset *d, int64_t a);
int64_t onus_dataset_groups(const onus_dataset *d, int64_t a);
/* "female", "<25", ">=25", "25-40" */
const char *onus_dataset_group_name(const onus_dataset *d, int64_t a, int64_t g);
int32_t onus_dataset_group(const onus_dataset *d, int64_t a, int64_t row);
/* Which groups of a part the sheet tells of, and whoever speaks of that part after it; NULL:
 * all, where the rows are somebody's own table to evaluate on. */
const onus_disclosure *onus_dataset_disclosure(const onus_dataset *d, onus_part part);

/* The raw text of an input column in a row, for explanations in private/ (as read; "" if
 * missing). */
const char *onus_dataset_text(const onus_dataset *d, int64_t row, int64_t column);
/* Line of the source file on which the row starts (data line, for people who look it up). */
int64_t onus_dataset_line(const onus_dataset *d, int64_t row);

/* What was fitted on people and what came from the recipe: n texts such as "mean and deviation
 * of duration", for the report of a private run. */
const char *const *onus_dataset_fitted(const onus_dataset *d, int64_t *n);

/* The encoder as canonical JSON (model.safetensors metadata "onus.encoder") and back; hostile
 * text is checked. */
onus_status onus_encoder_write(const onus_encoder *e, onus_buf *out,
                               onus_err *err) ONUS_CHECKED;
onus_status onus_encoder_read(onus_encoder **out, const char *json, size_t len,
                              const char *what, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
void onus_encoder_destroy(onus_encoder *e);
onus_task onus_encoder_task(const onus_encoder *e);
int64_t onus_encoder_features(const onus_encoder *e);
int64_t onus_encoder_vocabulary(const onus_encoder *e); /* tokens; 0: rows hold numbers */
int64_t onus_encoder_labels(const onus_encoder *e);     /* columns of labels; 1 where none */
const char *onus_encoder_label_name(const onus_encoder *e, int64_t l);
int64_t onus_encoder_classes(const onus_encoder *e); /* of each label */
/* NULL where there is none; of several labels, label l's are 2 l and 2 l + 1 */
const char *onus_encoder_class_name(const onus_encoder *e, int64_t c);
int64_t onus_encoder_columns(const onus_encoder *e);
const onus_input_column *onus_encoder_column(const onus_encoder *e, int64_t i);
/* Encodes one row given as texts by column name (prediction through onus.h): names[i] ->
 * values[i]. Unknown columns, unknown categories and words where numbers stand are
 * ONUS_BAD_INPUT. x: (features). */
onus_status onus_encoder_encode(const onus_encoder *e, const char *const *names,
                                const char *const *values, int64_t n, float *x,
                                onus_err *err) ONUS_CHECKED;
#endif
