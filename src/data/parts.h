/* SPDX-License-Identifier: Apache-2.0
 * parts.h - what the files of data/ share behind dataset.h: the steps of opening a dataset, in
 * order. */
#ifndef ONUS_DATA_PARTS_H
#define ONUS_DATA_PARTS_H
#include "base/words.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/disclosure.h"
#include "num/kernels.h"

enum { ONUS_FEATURES_MAX = 1 << 24 };

/* An input column of the encoder: what of it goes into the model and how. */
typedef struct {
    onus_input_column pub;
    double shift, scale; /* number: (x - shift) / scale */
    bool has_fill;
    double fill;        /* number: for a missing value */
    int64_t fill_value; /* category: index in values; -1: all features 0 */
    bool clamp;
    double lower, upper;
    bool closed; /* category: the recipe's list; another value is an error */
} onus_encoded_column;

struct onus_encoder {
    const onus_allocator *mem;
    onus_arena arena;
    onus_task task;
    const char **labels;  /* (n_labels): names; "" where the data gives none */
    const char **classes; /* (n_labels, n_classes) */
    int64_t n_labels, n_classes;
    onus_encoded_column *columns;
    int64_t n_columns, n_features;
    int64_t pixels;            /* > 0: images of that many bytes, divided by 255 */
    onus_shape image;          /* (channels, height, width) */
    onus_tokenizer *tokenizer; /* text; rows are context tokens */
    int64_t context;
};

/* A column of the table while it is being read. */
typedef struct {
    const char *name;
    const onus_column_spec *spec; /* may be NULL */
    onus_role role;               /* resolved: never AUTO after typing */
    onus_missing missing;
    bool is_label, is_protected, has_bins, is_feature, constant;
    double *number; /* role NUMBER, or bins: (rows), NaN where missing */
    int64_t n_missing;
} onus_data_column;

typedef struct {
    const char *name;
    const char **groups;
    int64_t n_groups;
    int32_t *group;
} onus_data_attribute;

/* Rows of tokens. */
typedef struct {
    bool any;
    int64_t column;                    /* of a table */
    int32_t *ids;                      /* of all rows, one after the other */
    int64_t n_ids, max_ids, truncated; /* truncated: texts longer than the context */
    int64_t *first;                    /* a table's: row r is ids [first[r], first[r + 1]) */
    int64_t *starts;                   /* one long text's windows: row r begins at starts[r] */
    int64_t end[ONUS_PART_COUNT];      /* and its parts end there */
} onus_text_rows;

struct onus_dataset {
    const onus_allocator *mem;
    const onus_data_spec *spec;
    const onus_kernels *kernels;
    onus_arena arena;
    onus_csv csv[2]; /* source, test source */
    int64_t n_raw;   /* rows of both */
    int64_t *raw;    /* (rows): place in the tables, those of csv[1] after those of csv[0] */
    int64_t n_rows;
    onus_data_column *cols;
    int64_t n_cols, weight_col;
    int64_t *by_name;   /* (n_cols): columns in the order of their names */
    int64_t *input_col; /* (encoder's columns): where each stands in the table */
    int64_t dropped_missing, dropped_duplicates;

    onus_encoder *encoder;     /* own, or */
    const onus_encoder *given; /* the caller's */
    onus_task task;
    const char *const *labels; /* (n_labels): the recipe's names */
    int64_t n_labels;          /* columns of labels; where there are none 1 */
    int64_t *label_cols;       /* (n_labels): where they stand in the table */
    const char **classes;      /* (n_labels, n_classes) */
    int64_t n_classes;         /* of each label */
    bool has_labels;
    float *x, *y, *w; /* encoded; y (rows, n_labels); images: x NULL */
    float *target;    /* a number that is trained on: the label, scaled; else NULL */
    double label_shift, label_scale;
    onus_buf images[2];
    const uint8_t *pixels[2]; /* rows of images[k] start here */
    int64_t n_images[2];
    onus_text_rows text;
    uint64_t seed;   /* of what is drawn for examples */
    int64_t *unseen; /* (encoder's columns): categories not seen in training */

    int64_t *part[ONUS_PART_COUNT], n_part[ONUS_PART_COUNT];
    onus_data_attribute *attributes;
    int64_t n_attributes;
    const char **fitted;
    int64_t n_fitted;
    onus_disclosure *told[ONUS_PART_COUNT]; /* NULL: everything is told */
    uint8_t file_sha[4][32];
};

static inline const char *onus_cell(const onus_dataset *d, int64_t row, int64_t col)
{
    const int64_t r = d->raw ? d->raw[row] : row, n0 = d->csv[0].n_rows;
    const onus_csv *t = r < n0 ? &d->csv[0] : &d->csv[1];
    return t->cells[(r < n0 ? r : r - n0) * t->n_columns + col];
}

/* The column of that name, -1 if there is none. */
int64_t onus_find_col(const onus_dataset *d, const char *name);
/* "'NAME' is no column of FILE, which has ..." */
onus_status onus_no_column(const onus_dataset *d, int line, const char *what, const char *name,
                           onus_err *err) ONUS_CHECKED;
bool onus_is_missing(const onus_data_spec *s, const char *cell);
/* "FILE:LINE" of a row, into out. */
void onus_row_place(const onus_dataset *d, int64_t row, char out[512]);

onus_status onus_read_tables(onus_dataset *d, const onus_sink *sink,
                             onus_err *err) ONUS_CHECKED;
onus_status onus_assign_roles(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_clean_rows(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_type_columns(onus_dataset *d, onus_err *err) ONUS_CHECKED;
/* label.c: columns of labels, their classes, every row's. */
onus_status onus_assign_labels(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_find_classes(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_find_groups(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_split_rows(onus_dataset *d, uint64_t seed, onus_err *err) ONUS_CHECKED;
onus_status onus_fit_encoder(onus_dataset *d, const onus_sink *sink,
                             onus_err *err) ONUS_CHECKED;
onus_status onus_encode_rows(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_open_images(onus_dataset *d, uint64_t seed, const onus_sink *sink,
                             onus_err *err) ONUS_CHECKED;
/* augment.c: is anything done to images in training; can it be done to those of this shape;
 * row's pixels as the epoch (above 0) shows them, into x. */
bool onus_augments(const onus_data_spec *s);
onus_status onus_augment_check(const onus_data_spec *s, const onus_shape *image,
                               onus_err *err) ONUS_CHECKED;
void onus_augment_image(const onus_dataset *d, uint64_t seed, uint32_t epoch, int64_t row,
                        const uint8_t *pixels, float *x);
/* text.c: one long text; a text column: found, its tokenizer fitted, its rows encoded. */
onus_status onus_open_text(onus_dataset *d, const onus_sink *sink, onus_err *err) ONUS_CHECKED;
onus_status onus_find_text(onus_dataset *d, onus_err *err) ONUS_CHECKED;
onus_status onus_fit_tokenizer(onus_dataset *d, const onus_tokenizer_text *texts, int64_t n,
                               const onus_sink *sink, onus_err *err) ONUS_CHECKED;
onus_status onus_fit_text_column(onus_dataset *d, const onus_sink *sink,
                                 onus_err *err) ONUS_CHECKED;
onus_status onus_encode_texts(onus_dataset *d, onus_err *err) ONUS_CHECKED;
/* A row's ids: at most context, and one more where the next token is asked for. */
const int32_t *onus_text_row(const onus_dataset *d, int64_t row, int64_t *n);
void onus_text_example(const onus_dataset *d, uint64_t seed, uint32_t epoch, int64_t row,
                       float *x, float *y);
/* jsonl.c: a table whose rows are JSON objects, one a line, all of the same keys. */
onus_status onus_jsonl_read(onus_csv *out, const char *path, uint8_t sha256[32],
                            const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
onus_status onus_jsonl_parse(onus_csv *out, const char *text, size_t len, const char *what,
                             const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
onus_status onus_emit_read(const onus_dataset *d, const char *path, const uint8_t sha[32],
                           int64_t rows, int number, const onus_sink *sink,
                           onus_err *err) ONUS_CHECKED;
/* A file that could not be understood (st), said to the sink without its rows: where a run is
 * done again, that the file is another one says more than what is wrong in it. */
onus_status onus_unread(const onus_dataset *d, onus_status st, const char *path,
                        const uint8_t sha[32], int number, const onus_sink *sink,
                        onus_err *err);
/* Is anything withheld of the groups of that protected column? */
bool onus_withholds_column(const onus_dataset *d, const char *column);
/* overlap.c: rows of the other parts that also stand in the training part. */
onus_status onus_emit_overlap(const onus_dataset *d, onus_event_builder *b,
                              onus_err *err) ONUS_CHECKED;
/* Its pixels; images only. */
const uint8_t *onus_image_of(const onus_dataset *d, int64_t row);
onus_status onus_emit_sheet(onus_dataset *d, const onus_sink *sink, onus_err *err) ONUS_CHECKED;
/* Columns of an image: its pixels. */
onus_status onus_encoder_image(onus_encoder *e, const onus_shape *image,
                               onus_err *err) ONUS_CHECKED;
#endif
