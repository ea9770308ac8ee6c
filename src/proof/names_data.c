/* SPDX-License-Identifier: Apache-2.0
 * names_data.c - names of the data: what the tables held and what became of them, as counts and
 * hashes; never a value of a person. */
#include "data/dataset.h"
#include "proof/names_rows.h"

/* clang-format off */

static const onus_name_row data_read[] = {
    {"data.file.<k>.name", CLAIM, TEXT, .doc = "the file's name, without its folder"},
    {"data.file.<k>.bytes", CLAIM, WHOLE, ONUS_COUNT, .unit = "bytes", .doc = "the file as it lies on the disk (gzip is not undone)"},
    {"data.file.<k>.sha256", CLAIM, HASH, .doc = "its hash"},
    {"data.file.<k>.rows", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows, images, labels or lines"},
};
const onus_event_row onus_names_data_read = {
    "data.read", .stage = "data", .times = ONUS_TIMES_FILES, ONUS_ROWS(data_read),
    .doc = "One a file, in the order of reading: 1 the table, text or images, 2 the test table or the labels, 3 test images, "
           "4 test labels, or a tokenizer."};

static const onus_name_row data_clean[] = {
    {"data.rows.raw", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows of all files"},
    {"data.dropped.missing", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows left out because something was missing"},
    {"data.dropped.duplicates", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows left out because an earlier one has the same cells"},
    {"data.missing_cells", CLAIM, WHOLE, .open = true, ONUS_COUNT, .doc = "missing values before cleaning, in all; undefined where a column's are"},
    {"data.missing.<word>", CLAIM, WHOLE, .may = true, .open = true, ONUS_FROM_1, .doc = "and by column, where there are any; undefined of a protected column of which groups are withheld"},
    {"data.constants", CLAIM, WHOLE, ONUS_COUNT, .doc = "columns that say the same of everybody in the training split, so that nothing can be learned from them"},
    {"data.constant", CLAIM, TEXTS, .may = true, .doc = "their names"},
};
const onus_event_row onus_names_data_clean = {
    "data.clean", .stage = "data", .when = ONUS_IF_CELLS, ONUS_ROWS(data_clean), .doc = "Tables only."};

static const onus_name_row data_split[] = {
    {"data.rows", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows after cleaning"},
    {"data.rows.<split>", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "of them in train, valid, test"},
    {"data.sha256.<split>", CLAIM, HASH, .doc = "over the split's rows: number, and for tables encoded features and label (of images, data.file.K.sha256 are)"},
    {"data.overlap.valid.features", CLAIM, WHOLE, ONUS_IF_VALID, .open = true, ONUS_COUNT, .unit = "rows", .better = -1, .headline = true, .doc = "rows of which the training split has one that the model cannot tell from it: the same encoded columns, pixels or tokens; undefined where a group that is withheld has no row in training"},
    {"data.overlap.valid.rows", CLAIM, WHOLE, ONUS_IF_VALID | ONUS_IF_LABELLED, .open = true, ONUS_COUNT, .unit = "rows", .better = -1, .doc = "the same, with the same label, too"},
    {"data.overlap.test.features", CLAIM, WHOLE, ONUS_IF_TESTED, .open = true, ONUS_COUNT, .unit = "rows", .better = -1, .headline = true, .doc = "rows of which the training split has one that the model cannot tell from it: the same encoded columns, pixels or tokens; undefined where a group that is withheld has no row in training"},
    {"data.overlap.test.rows", CLAIM, WHOLE, ONUS_IF_TESTED | ONUS_IF_LABELLED, .open = true, ONUS_COUNT, .unit = "rows", .better = -1, .doc = "the same, with the same label, too"},
};
const onus_event_row onus_names_data_split = {
    "data.split", .stage = "data", ONUS_ROWS(data_split), .doc = "How the rows were divided."};

static const onus_name_row data_sheet[] = {
    {"data.licence", SAID, TEXT, .may = true, .doc = "as the recipe says"},
    {"data.origin", SAID, TEXT, .may = true, .doc = "as the recipe says"},
    {"data.description", SAID, TEXT, .may = true, .doc = "as the recipe says"},
    {"data.task", CLAIM, TEXT, .choices = "binary|classes|regression|tokens|labels", .doc = "what kind of answer is predicted"},
    {"data.target", CLAIM, TEXT, ONUS_IF_BINARY | ONUS_IF_CLASSES | ONUS_IF_VALUES, .doc = "the label's column"},
    {"data.labels", CLAIM, TEXTS, ONUS_IF_LABELS, .ranged = true, .lo = 2, .hi = ONUS_LABELS_MAX, .doc = "multi-label: their columns in order, instead of data.target"},
    {"data.target.shift", CLAIM, NUMBER, ONUS_IF_VALUES, .may = true, .doc = "a label that is a number: trained on is (label - shift) / scale"},
    {"data.target.scale", CLAIM, NUMBER, ONUS_IF_VALUES, .may = true, .doc = "see data.target.shift"},
    {"data.classes", CLAIM, TEXTS, ONUS_IF_BINARY | ONUS_IF_CLASSES, .ranged = true, .lo = 2, .hi = ONUS_CLASSES_LISTED, .doc = "the label's values in order, of more the first 1,000; of two the second is the positive one"},
    {"data.classes.<label>", CLAIM, TEXTS, ONUS_IF_LABELS, .ranged = true, .lo = 2, .hi = 2, .doc = "of each of several labels"},
    {"data.attributes", CLAIM, TEXTS, .ranged = true, .lo = 0, .hi = ONUS_PROTECTED_MAX, .doc = "protected attributes"},
    {"data.groups.<attribute>", CLAIM, TEXTS, .doc = "the groups of each, in order"},
    {"data.features", CLAIM, WHOLE, ONUS_COUNT, .doc = "width of an encoded row"},
    {"data.numbers", CLAIM, WHOLE, ONUS_IF_COLUMNS, ONUS_COUNT, .doc = "columns of numbers that the model reads"},
    {"data.categories", CLAIM, WHOLE, ONUS_IF_COLUMNS, ONUS_COUNT, .doc = "columns of categories"},
    {"data.columns", CLAIM, TEXTS, ONUS_IF_COLUMNS, .may = true, .ranged = true, .lo = 0, .hi = ONUS_COLUMNS_LISTED, .doc = "their names in order, where they are at most 2,000"},
    {"data.column.<column>", CLAIM, TEXT, ONUS_IF_COLUMNS, .choices = "number|category", .doc = "the kind of each"},
    {"data.unseen.<column>", CLAIM, WHOLE, ONUS_IF_COLUMNS, .may = true, .open = true, ONUS_FROM_1, .unit = "rows", .headline = true, .doc = "rows with a category that the training split does not have: all its features are 0; undefined of a protected column of which groups are withheld"},
    {"data.tokenizer.kind", CLAIM, TEXT, ONUS_IF_TEXT, .doc = "what made the tokens"},
    {"data.tokenizer.vocabulary", CLAIM, WHOLE, ONUS_IF_TEXT, ONUS_FROM_1, .unit = "tokens", .doc = "tokens that it knows"},
    {"data.tokenizer.sha256", CLAIM, HASH, ONUS_IF_TEXT, .doc = "of its tokenizer.json"},
    {"data.context", CLAIM, WHOLE, ONUS_IF_TEXT, ONUS_FROM_1, .unit = "tokens", .doc = "tokens of a row"},
    {"data.truncated", CLAIM, WHOLE, ONUS_IF_TEXT, ONUS_COUNT, .unit = "rows", .doc = "texts that were longer"},
    {"data.tokens.<split>", CLAIM, WHOLE, ONUS_IF_TEXT, ONUS_COUNT, .unit = "tokens", .doc = "tokens of a split"},
    {"data.tokens.unknown", CLAIM, WHOLE, ONUS_IF_TEXT, .may = true, ONUS_FROM_1, .unit = "tokens", .headline = true, .doc = "tokens of all rows that stand for what the tokenizer does not know, where there are any"},
    {"data.augment.turn", CLAIM, TEXT, ONUS_IF_IMAGES, .may = true, .choices = "by quarters", .doc = "training turns images"},
    {"data.augment.flip", CLAIM, TEXT, ONUS_IF_IMAGES, .may = true, .choices = "horizontal|vertical|both", .doc = "training mirrors them"},
    {"data.augment.shift", CLAIM, WHOLE, ONUS_IF_IMAGES, .may = true, ONUS_FROM_1, .unit = "pixels", .doc = "training moves them each way"},
    {"data.augment.crop", CLAIM, WHOLE, ONUS_IF_IMAGES, .may = true, ONUS_FROM_1, .unit = "pixels", .doc = "training cuts them out of a border"},
    {"data.fitted", CLAIM, TEXTS, ONUS_IF_COLUMNS | ONUS_IF_TEXT, .may = true, .doc = "what was computed from people of the training split (means, fill-ins, categories)"},
    {"data.label.<class>.<split>", CLAIM, WHOLE, ONUS_IF_BINARY | ONUS_IF_CLASSES, ONUS_COUNT, .unit = "rows", .doc = "rows by class"},
    {"data.label.<label>.<class>.<split>", CLAIM, WHOLE, ONUS_IF_LABELS, ONUS_COUNT, .unit = "rows", .doc = "of each of several labels"},
    {"data.group.<attribute>.<group>.<split>", CLAIM, WHOLE, .open = true, ONUS_COUNT, .unit = "rows", .doc = "rows by group of a protected attribute; undefined where the group is withheld"},
    {"data.group.reason", CLAIM, TEXT, .may = true, .doc = "why groups are withheld, where any is"},
};
const onus_event_row onus_names_data_sheet = {
    "data.sheet", .stage = "data", ONUS_ROWS(data_sheet),
    .doc = "Of tables with more than 2,000 columns what is said of each single one is left out."};

/* clang-format on */
