/* SPDX-License-Identifier: Apache-2.0
 * spec.h - what a recipe says about data. Filled by run/recipe.c from the recipe's `data:`
 * mapping (strings live in the recipe's arena); zero means "not said". Every item keeps the
 * recipe's line for error messages. */
#ifndef ONUS_DATA_SPEC_H
#define ONUS_DATA_SPEC_H
#include "onus.h"

typedef enum {
    ONUS_ROLE_AUTO,
    ONUS_ROLE_NUMBER,
    ONUS_ROLE_CATEGORY,
    ONUS_ROLE_IDENTIFIER,
    ONUS_ROLE_WEIGHT,
    ONUS_ROLE_DROP,
    ONUS_ROLE_TEXT
} onus_role;
typedef enum {
    ONUS_MISSING_UNSAID,
    ONUS_MISSING_ERROR,
    ONUS_MISSING_DROP,
    ONUS_MISSING_MEAN,
    ONUS_MISSING_MEDIAN,
    ONUS_MISSING_MODE,
    ONUS_MISSING_CATEGORY
} onus_missing;
/* A row whose label is missing. IGNORE: of several labels those that are there count. */
typedef enum {
    ONUS_LABEL_MISSING_UNSAID, /* as clean.missing: a label is never filled in */
    ONUS_LABEL_MISSING_ERROR,
    ONUS_LABEL_MISSING_DROP,
    ONUS_LABEL_MISSING_IGNORE
} onus_label_missing;
enum { ONUS_LABELS_MAX = 256, ONUS_PROTECTED_MAX = 8 };
typedef enum {
    ONUS_SCALE_UNSAID,
    ONUS_SCALE_STANDARD,
    ONUS_SCALE_MINMAX,
    ONUS_SCALE_NONE
} onus_scale;

typedef struct {
    const char *name;
    onus_role role;
    onus_missing missing; /* of this column; UNSAID: clean.missing */
    onus_scale scale;     /* numbers; UNSAID: data.scale, default standard */
    bool has_bounds; /* numbers: values are clamped to [lower, upper]; scaling then uses only
                        the bounds */
    double lower, upper; /*  (min-max from the bounds; nothing is fitted on people) */
    const char *const
        *values; /* categories: the closed list given by the recipe; nothing is fitted then */
    int64_t n_values;
    int line;
} onus_column_spec;

typedef struct {
    const char *column;
    const double *bins; /* cut points, ascending: x < bins[0] | bins[0] <= x < bins[1] | ...;
                           n_bins 0: by value */
    int64_t n_bins;
    int line;
} onus_protected_spec;

typedef enum {
    ONUS_FORMAT_CSV,
    ONUS_FORMAT_IDX,
    ONUS_FORMAT_JSONL, /* a table whose rows are JSON objects, one a line */
    ONUS_FORMAT_TEXT   /* one long text */
} onus_format;

/* What is predicted: the label; every next token; tokens that were masked. */
typedef enum { ONUS_PREDICT_LABEL, ONUS_PREDICT_NEXT, ONUS_PREDICT_MASKED } onus_predict_what;

/* How text becomes tokens. */
typedef struct {
    const char *file; /* a tokenizer.json; NULL: trained on the training part */
    int kind;         /* onus_tokenizer_kind */
    int64_t vocabulary;
    bool lower;
    int64_t context; /* tokens of a row; default 128 */
    int line;
} onus_text_spec;

/* Mirrors: bits, so that both is either or both. */
typedef enum {
    ONUS_FLIP_NONE,
    ONUS_FLIP_HORIZONTAL, /* left and right */
    ONUS_FLIP_VERTICAL,   /* top and bottom */
    ONUS_FLIP_BOTH
} onus_flip;

/* What training does to images, anew in every epoch (data/augment.c); all zero: nothing. */
typedef struct {
    int flip;      /* onus_flip */
    int64_t shift; /* moved by up to so many pixels each way; the edge's pixels follow */
    int64_t crop;  /* cut out of the image with so many zeros around it */
    bool turn;     /* by quarters; square images only */
    int line;
} onus_augment_spec;

typedef struct {
    const char *recipe;   /* the recipe's path, for messages */
    const char *base_dir; /* relative paths below are relative to it */
    onus_format format;
    onus_predict_what predict;
    double mask; /* MASKED: share of tokens, default 0.15 */
    onus_text_spec text;
    const char *source,
        *test_source; /* a table, a text; or IDX images (test may be NULL: split) */
    const char *labels, *test_labels; /* IDX label files */
    onus_augment_spec augment;        /* images */
    const char *licence, *origin, *description;
    /* CSV dialect */
    char delimiter;           /* 0: ',' ; ' ' stands for runs of blanks */
    bool trim;                /* blanks around unquoted fields go */
    char comment;             /* lines that start with it are skipped; 0: none */
    const char *const *names; /* header-less: the columns' names */
    int64_t n_names;
    const char *const *missing_tokens; /* besides the empty field */
    int64_t n_missing_tokens;
    /* roles */
    const char *label;                /* column; or */
    const char *const *label_columns; /* several, 2 to ONUS_LABELS_MAX, each yes or no */
    int64_t n_label_columns;
    /* binary: the value that counts as 1; NULL: multi-class or regression */
    const char *positive;
    const char *const *positives; /* one for each of several columns; NULL: positive, for all */
    onus_label_missing label_missing;
    bool label_number;      /* regression */
    onus_scale label_scale; /* regression: what is trained on; UNSAID: standard */
    bool label_has_bounds;  /* regression: clamped to [lower, upper] and scaled by them in */
    double label_lower, label_upper; /* training; nothing is fitted on people */
    const char *const
        *label_values; /* closed list of classes in order; n 0: found in the data, sorted */
    int64_t n_label_values;
    char label_strip; /* a character cut from the end of labels, e.g. '.' of adult.test; 0: none
                       */
    const onus_protected_spec *protected_; /* n_protected 0 and protected_none: said so */
    int64_t n_protected;
    bool protected_none;
    const onus_column_spec *columns;
    int64_t n_columns;
    onus_missing missing; /* clean.missing; UNSAID means ONUS_MISSING_ERROR */
    bool drop_duplicates; /* clean.duplicates: drop (keep by default) */
    bool keep_constant;   /* clean.constant: keep (drop by default, said in the data sheet) */
    onus_scale scale;
    double train, valid, test; /* fractions; with test_source: train + valid = 1 and test = 0 */
    const char *const *stratify;
    int64_t n_stratify;
    /* (32) hashes of files and parts are told under this key, so that nobody
     * without it can test a guess of the table; NULL: as they are */
    const uint8_t *hash_key;
    int line, label_line, split_line; /* of `data:`, `label:`, `split:` */
} onus_data_spec;
#endif
