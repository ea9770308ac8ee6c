/* SPDX-License-Identifier: Apache-2.0
 * model.h - families of models as data: a spec becomes a list of layers, a list of layers
 * becomes a net. Outside net/ no code asks for `kind`. docs/MODELS.md has the families. */
#ifndef ONUS_NET_MODEL_H
#define ONUS_NET_MODEL_H
#include "base/writer.h"
#include "net/net.h"

/* What ends the net: binary (1 logit, logistic loss, sigmoid), classes (C logits, softmax),
 * value (1 number, squared error), labels (C logits, each its own yes or no), tokens (at every
 * position one logit a token, softmax). */
typedef enum {
    ONUS_HEAD_BINARY,
    ONUS_HEAD_CLASSES,
    ONUS_HEAD_VALUE,
    ONUS_HEAD_LABELS,
    ONUS_HEAD_TOKENS,
    ONUS_HEAD_COUNT
} onus_head;
const char *onus_head_name(onus_head head);

/* What the data gives and wants. */
typedef struct {
    onus_shape input;   /* (features), (channels, height, width), or (context) of tokens */
    int64_t vocabulary; /* tokens; 0: the input holds numbers */
    onus_head head;
    int64_t classes; /* CLASSES, LABELS */
    bool next;       /* TOKENS: labels are the tokens that follow, which no place may see */
    bool masked;     /* TOKENS: labels are tokens that are hidden, amid those on both sides */
} onus_model_io;
int64_t onus_model_outputs_of(const onus_model_io *io); /* logits of an example or position */

typedef struct {
    const char *kind;     /* a family: "mlp", "decoder", "cnn" ..; or "layers" */
    const char *name;     /* of several of a kind: "resnet18"; NULL: the first */
    const char *settings; /* JSON: what else the recipe says of the model; NULL: nothing */
    double smoothing;     /* of labels: CLASSES, TOKENS */
    double label_shift, label_scale; /* regression: what the net is trained on is (label -
                                        shift) / scale, and its prediction undoes it; scale 0:
                                        0 and 1 */
} onus_model_spec;

/* Whether a spec is one of this version's at all, before the data is known. */
onus_status onus_model_check(const onus_model_spec *spec, const onus_allocator *mem,
                             onus_err *err) ONUS_CHECKED;
onus_status onus_model_build(onus_net **out, const onus_model_spec *spec,
                             const onus_model_io *io, const onus_allocator *mem,
                             onus_err *err) ONUS_CHECKED;

/* safetensors (huggingface/safetensors README): 8-byte little-endian header length, JSON
 * header, bytes. Written with canonical JSON, tensors in bytewise order of names, header padded
 * with spaces to 8 bytes. metadata: (key, value) texts. */
typedef struct {
    const char *key, *value;
} onus_meta;
typedef struct {
    const char *name;
    onus_shape shape;
    const float *data; /* what is written; of a file NULL: onus_safetensors_take reads it */
    const char *dtype; /* as the file says; what is written is F32 */
} onus_tensor_view;
/* Where the bytes go, piece by piece. */
typedef struct {
    onus_status (*add)(void *ctx, const void *bytes, size_t len, onus_err *err);
    void *ctx;
    const onus_allocator *mem;
} onus_out;
onus_out onus_out_writer(onus_writer *w, const onus_allocator *mem);
onus_status onus_safetensors_write(const onus_out *out, const onus_tensor_view *t, int64_t n,
                                   const onus_meta *meta, int64_t n_meta,
                                   onus_err *err) ONUS_CHECKED;
typedef struct onus_safetensors onus_safetensors;
/* Reads and checks what the header says before anything is used: its length (max 100 MB),
 * dtypes, shapes against offsets, overlaps, holes, duplicates. The tensors' bytes stay in the
 * file, which is open until onus_safetensors_close, or (parse) in `bytes`, which the caller
 * keeps as long. */
onus_status onus_safetensors_open(onus_safetensors **out, const char *path,
                                  const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
onus_status onus_safetensors_parse(onus_safetensors **out, const void *bytes, size_t len,
                                   const char *what, const onus_allocator *mem,
                                   onus_err *err) ONUS_CHECKED;
void onus_safetensors_close(onus_safetensors *s);
/* NULL if absent */
const char *onus_safetensors_meta(const onus_safetensors *s, const char *key);
const onus_tensor_view *onus_safetensors_find(const onus_safetensors *s, const char *name);
int64_t onus_safetensors_count(const onus_safetensors *s);
/* 0 <= i < count, in order of names */
const onus_tensor_view *onus_safetensors_at(const onus_safetensors *s, int64_t i);
/* Whether it holds what can be taken: F32, F16, BF16. Whole numbers, truth values and F64 are
 * counted and left. */
bool onus_tensor_is_float(const onus_tensor_view *v);
typedef struct {
    const onus_tensor_view *from; /* of the file; is_float */
    float *to;                    /* room for its numbers; overlaps no other's */
} onus_tensor_place;
/* Reads numbers into their places, front to back, in pieces: F32 as it is, F16 and BF16
 * widened, exactly. sha256, where it is not NULL, gets the hash of the whole file, of the very
 * bytes that were read. Sorts the list. Where it fails the places hold anything: who compares
 * the hash does so before the numbers are used. */
onus_status onus_safetensors_take(const onus_safetensors *s, onus_tensor_place *list, int64_t n,
                                  uint8_t sha256[32], onus_err *err) ONUS_CHECKED;

/* The model file: parameters plus metadata "onus.model" (canonical JSON: the flat list of
 * layers, input, head, classes, numerics version) and the caller's own entries. Holds no time,
 * host or instruction set. */
onus_status onus_model_write(const onus_out *out, const onus_net *net, const onus_meta *extra,
                             int64_t n_extra, onus_err *err) ONUS_CHECKED;
/* Rebuilds the net from a model file; names or shapes that do not fit are errors that name both
 * sides. */
onus_status onus_model_read(onus_net **out, const onus_safetensors *file,
                            const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* What came of taking weights from a file. */
typedef struct {
    int64_t loaded;      /* tensors of the net that the file had */
    int64_t initial;     /* that it lacked: they keep their values */
    int64_t unused;      /* of the file, which the net has no place for */
    const char *missing; /* the first of `initial`; NULL: none */
} onus_import;
/* Takes what fits from a file that may be another library's (Hugging Face's, torchvision's): by
 * name, where the file's lacks the net's first word ("transformer.", "bert.") without it. A
 * last layer of another number of outputs, another task's, keeps the net's values. Any other
 * tensor of the same name and another shape is an error that names both sides, and so is a file
 * that has less than half of the net's tensors; then the net is as it was, but for ONUS_IO.
 * what: names the file in messages. sha256: the file's, may be NULL. */
onus_status onus_model_import(onus_net *net, const onus_safetensors *file, const char *what,
                              onus_import *out, uint8_t sha256[32], onus_err *err) ONUS_CHECKED;
/* Copies the file's tensors into an existing net of the same names and shapes. */
onus_status onus_model_load(onus_net *net, const onus_safetensors *file,
                            onus_err *err) ONUS_CHECKED;
#endif
