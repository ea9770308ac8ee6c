/* SPDX-License-Identifier: Apache-2.0
 * names_audit.c - names of what audits measure: quality, fairness, explanation. A measured name
 * stands for its value, .lower, .upper, .n, and .method or .reason. */
#include "proof/names_rows.h"

/* clang-format off */

/* ---- quality ----------------------------------------------------------------------------- */

static const onus_name_row tokens[] = {
    {"perplexity", CLAIM, MEASURED, ONUS_AT_0, .better = -1, .headline = true, .text = "PERPLEXITY", .doc = "e to the mean loss"},
    {"loss", CLAIM, MEASURED, ONUS_AT_0, .unit = "nats", .better = -1, .headline = true, .text = "TOKEN_LOSS", .doc = "mean loss of a token"},
    {"token_accuracy", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "TOKEN_ACCURACY", .doc = "how often the likeliest token is right. Tokens of a row hang together, so rows are what is drawn"},
};
const onus_event_row onus_names_tokens = {
    "metric", "tokens", "evaluate", .when = ONUS_IF_REPORTED | ONUS_IF_TOKENS, ONUS_ROWS(tokens), .doc = "Models that predict tokens."};

static const onus_name_row values[] = {
    {"rmse", CLAIM, MEASURED, ONUS_AT_0, .better = -1, .headline = true, .text = "RMSE", .doc = "its root, in the label's unit"},
    {"mae", CLAIM, MEASURED, ONUS_AT_0, .better = -1, .headline = true, .text = "MAE", .doc = "mean absolute error"},
    {"mean_error", CLAIM, MEASURED, .text = "MEAN_ERROR", .doc = "mean of prediction minus label"},
    {"mse", CLAIM, MEASURED, ONUS_AT_0, .better = -1, .headline = true, .text = "MSE", .doc = "mean squared error"},
    {"r2", CLAIM, MEASURED, .ranged = true, .lo = -0x1.fffffffffffffp1023, .hi = 1, .better = 1, .headline = true, .text = "R2", .doc = "1 - squared errors / squared distances of the label from its mean"},
};
const onus_event_row onus_names_values = {
    "metric", "numbers", "evaluate", .when = ONUS_IF_REPORTED | ONUS_IF_VALUES, ONUS_ROWS(values), .doc = "Predicted numbers."};

static const onus_name_row labels[] = {
    {"subset_accuracy", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "SUBSET_ACCURACY", .doc = "share of rows whose labels are all decided rightly, of those whose labels are all known"},
    {"hamming_loss", CLAIM, MEASURED, ONUS_SHARE, .better = -1, .headline = true, .baseline = "hamming_loss.baseline", .text = "HAMMING_LOSS", .doc = "share of all labels that are decided wrongly"},
    {"hamming_loss.baseline", CLAIM, NUMBER, .open = true, ONUS_SHARE, .doc = "the same of always deciding for each label's majority class"},
    {"hamming_loss.gain", CLAIM, MEASURED, ONUS_SIGNED, .better = 1, .text = "HAMMING_GAIN", .doc = "baseline less loss, on the same rows"},
    {"precision.micro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .text = "PRECISION_MICRO", .doc = "of all decisions on all labels, yes being positive"},
    {"precision.macro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .text = "PRECISION_MACRO", .doc = "mean over labels"},
    {"recall.micro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .text = "RECALL_MICRO", .doc = "of all decisions on all labels"},
    {"recall.macro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .text = "RECALL_MACRO", .doc = "mean over labels"},
    {"f1.micro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "F1_MICRO", .doc = "of all decisions on all labels"},
    {"f1.macro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "F1_MACRO", .doc = "mean over labels"},
};
const onus_event_row onus_names_labels = {
    "metric", "labels", "evaluate", .when = ONUS_IF_REPORTED | ONUS_IF_LABELS, ONUS_ROWS(labels), .doc = "Multi-label: all labels together."};

static const onus_name_row decisions[] = {
    {"accuracy", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .baseline = "accuracy.baseline", .text = "ACCURACY", .doc = "share of right decisions"},
    {"accuracy.baseline", CLAIM, NUMBER, .open = true, ONUS_SHARE, .doc = "share of the majority class: what always deciding for it gives"},
    {"accuracy.gain", CLAIM, MEASURED, ONUS_SIGNED, .better = 1, .text = "GAIN", .doc = "accuracy less that, on the same rows"},
    {"balanced_accuracy", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "BALANCED_ACCURACY", .doc = "mean over classes of the share that is found"},
    {"precision", CLAIM, MEASURED, ONUS_IF_BINARY, ONUS_SHARE, .better = 1, .text = "PRECISION", .doc = "of those decided positive, the share that is"},
    {"recall", CLAIM, MEASURED, ONUS_IF_BINARY, ONUS_SHARE, .better = 1, .text = "RECALL", .doc = "of the positive ones, the share that is found"},
    {"f1", CLAIM, MEASURED, ONUS_IF_BINARY, ONUS_SHARE, .better = 1, .headline = true, .text = "F1", .doc = "harmonic mean of precision and recall"},
    {"precision.macro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .text = "PRECISION_MACRO", .doc = "mean over classes that occur"},
    {"recall.macro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .text = "RECALL_MACRO", .doc = "balanced_accuracy by another name"},
    {"f1.macro", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "F1_MACRO", .doc = "mean over classes"},
    {"confusion.<class>.<class>", CLAIM, WHOLE, .unless = "confusion.reason", ONUS_COUNT, .unit = "rows", .doc = "rows by label and decision; of more than 32 classes those that are not zero"},
    {"confusion.reason", CLAIM, TEXT, .may = true, .doc = "why they are left out"},
    {"class.<class>.precision", CLAIM, MEASURED, ONUS_IF_CLASSES, .unless = "class.reason", ONUS_SHARE, .better = 1, .doc = "of one class"},
    {"class.<class>.recall", CLAIM, MEASURED, ONUS_IF_CLASSES, .unless = "class.reason", ONUS_SHARE, .better = 1, .doc = "of one class"},
    {"class.<class>.f1", CLAIM, MEASURED, ONUS_IF_CLASSES, .unless = "class.reason", ONUS_SHARE, .better = 1, .doc = "of one class"},
    {"class.reason", CLAIM, TEXT, ONUS_IF_CLASSES, .may = true, .doc = "why they are left out"},
};
const onus_event_row onus_names_decisions = {
    "metric", "decisions", "evaluate", .when = ONUS_IF_REPORTED | ONUS_IF_DECISIONS, .block = 1, ONUS_ROWS(decisions),
    .doc = "Decisions against labels. Multi-label: one event for each label, every name begins with label.LABEL."};

static const onus_name_row scores[] = {
    {"auc", CLAIM, MEASURED, ONUS_IF_BINARY, ONUS_SHARE, .better = 1, .headline = true, .text = "AUC", .doc = "chance that a positive one scores above a negative one; equal scores count half"},
    {"average_precision", CLAIM, MEASURED, ONUS_IF_BINARY, ONUS_SHARE, .better = 1, .baseline = "average_precision.baseline", .text = "AVERAGE_PRECISION", .doc = "sum of precision times the step in recall, equal scores one step"},
    {"average_precision.baseline", CLAIM, NUMBER, ONUS_IF_BINARY, .open = true, ONUS_SHARE, .doc = "share of positives: the value of scores without order"},
    {"roc.fpr", CLAIM, NUMBERS, ONUS_IF_BINARY, .doc = "corners of the ROC curve, at most 256"},
    {"roc.tpr", CLAIM, NUMBERS, ONUS_IF_BINARY, .doc = "the same"},
    {"log_loss", CLAIM, MEASURED, ONUS_AT_0, .unit = "nats", .better = -1, .headline = true, .text = "LOG_LOSS", .doc = "mean of -log of the probability of what happened, kept within 2^-23 of 0 and 1"},
    {"brier", CLAIM, MEASURED, .ranged = true, .lo = 0, .hi = 2, .better = -1, .headline = true, .text = "BRIER", .doc = "mean squared distance of the positive class's probability from 0 or 1; more classes: summed over classes"},
    {"calibration_error", CLAIM, MEASURED, ONUS_SHARE, .better = -1, .headline = true, .text = "CALIBRATION_ERROR", .doc = "expected calibration error over bins of equal mass, at most 10, at least 10 rows each; more than two classes: of the decided class"},
    {"calibration.of", CLAIM, TEXT, .choices = "probability of the positive class|probability of the decided class", .doc = "whose probability it is"},
    {"calibration.predicted", CLAIM, NUMBERS, .doc = "one entry a bin"},
    {"calibration.observed", CLAIM, NUMBERS, .doc = "one entry a bin"},
    {"calibration.lower", CLAIM, NUMBERS, .doc = "Wilson, of calibration.observed"},
    {"calibration.upper", CLAIM, NUMBERS, .doc = "Wilson, of calibration.observed"},
    {"calibration.n", CLAIM, NUMBERS, .unit = "rows", .doc = "rows of a bin"},
};
const onus_event_row onus_names_scores = {
    "metric", "scores", "evaluate", .when = ONUS_IF_REPORTED | ONUS_IF_DECISIONS, .block = 1, ONUS_ROWS(scores),
    .doc = "Scores against labels."};

/* ---- fairness ---------------------------------------------------------------------------- */

#define ONUS_TWO ONUS_IF_BINARY

static const onus_name_row fairness[] = {
    {"fairness.<set>.groups", CLAIM, TEXTS, .doc = "the groups, as names have them; of an intersection those that somebody is in"},
    {"fairness.<set>.missing", CLAIM, WHOLE, .open = true, ONUS_COUNT, .unit = "rows", .doc = "rows in no group: the attribute is missing"},
    {"fairness.<set>.empty", CLAIM, WHOLE, .open = true, ONUS_COUNT, .doc = "combinations that nobody is in"},
    {"fairness.<set>.withheld", CLAIM, TEXT, .may = true, .doc = "why groups are withheld, where any is"},
    {"fairness.<set>.reason", CLAIM, TEXT, .may = true, .doc = "where groups are too many to fit into a line of the ledger (some 200): the gaps are undefined"},
    {"fairness.<set>.group.<group>.n", CLAIM, WHOLE, .open = true, ONUS_COUNT, .unit = "rows", .doc = "rows"},
    {"fairness.<set>.group.<group>.positives", CLAIM, WHOLE, ONUS_TWO, .open = true, ONUS_COUNT, .unit = "rows", .doc = "positive labels"},
    {"fairness.<set>.group.<group>.selected", CLAIM, WHOLE, ONUS_TWO, .open = true, ONUS_COUNT, .unit = "rows", .doc = "positive decisions"},
    {"fairness.<set>.group.<group>.selection_rate", CLAIM, MEASURED, ONUS_TWO, ONUS_SHARE, .text = "SELECTION_RATE", .doc = "selected over rows"},
    {"fairness.<set>.group.<group>.tpr", CLAIM, MEASURED, ONUS_TWO, ONUS_SHARE, .better = 1, .text = "TPR", .doc = "true positive rate"},
    {"fairness.<set>.group.<group>.fpr", CLAIM, MEASURED, ONUS_TWO, ONUS_SHARE, .better = -1, .text = "FPR", .doc = "false positive rate"},
    {"fairness.<set>.group.<group>.ppv", CLAIM, MEASURED, ONUS_TWO, ONUS_SHARE, .better = 1, .text = "PPV", .doc = "precision"},
    {"fairness.<set>.group.<group>.accuracy", CLAIM, MEASURED, ONUS_TWO | ONUS_IF_CLASSES, ONUS_SHARE, .better = 1, .text = "ACCURACY", .doc = "share of right decisions"},
    {"fairness.<set>.group.<group>.mean_prediction", CLAIM, MEASURED, ONUS_IF_VALUES, .text = "MEAN_PREDICTION", .doc = "mean of what is predicted"},
    {"fairness.<set>.group.<group>.mean_error", CLAIM, MEASURED, ONUS_IF_VALUES, .text = "MEAN_ERROR", .doc = "mean of prediction minus label"},
    {"fairness.<set>.group.<group>.mae", CLAIM, MEASURED, ONUS_IF_VALUES, ONUS_AT_0, .better = -1, .text = "MAE", .doc = "mean absolute error"},
    {"fairness.<set>.demographic_parity_difference", CLAIM, MEASURED, ONUS_SHARE, .better = -1, .headline = true, .text = "DP_DIFFERENCE", .doc = "largest minus smallest selection rate"},
    {"fairness.<set>.demographic_parity_ratio", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "DP_RATIO", .doc = "smallest over largest selection rate"},
    {"fairness.<set>.equal_opportunity_difference", CLAIM, MEASURED, ONUS_SHARE, .better = -1, .headline = true, .text = "OPP_DIFFERENCE", .doc = "the same of true positive rates"},
    {"fairness.<set>.equal_opportunity_ratio", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "OPP_RATIO", .doc = "the same of true positive rates"},
    {"fairness.<set>.equalized_odds_difference", CLAIM, MEASURED, ONUS_SHARE, .better = -1, .headline = true, .text = "EO_DIFFERENCE", .doc = "the larger difference of true and of false positive rates"},
    {"fairness.<set>.equalized_odds_ratio", CLAIM, MEASURED, ONUS_SHARE, .better = 1, .headline = true, .text = "EO_RATIO", .doc = "the smaller ratio of them"},
    {"fairness.<set>.average_absolute_odds_difference", CLAIM, MEASURED, ONUS_SHARE, .better = -1, .headline = true, .text = "ABSOLUTE_ODDS", .doc = "mean of the two differences"},
    {"fairness.<set>.average_odds_difference", CLAIM, MEASURED, ONUS_SIGNED, .headline = true, .text = "ODDS_DIFFERENCE", .doc = "mean of the differences in true and in false positive rate, with sign: group .first minus group .second; two groups only"},
    {"fairness.<set>.average_odds_difference.first", CLAIM, TEXT, ONUS_TWO, .may = true, .doc = "the group that is compared"},
    {"fairness.<set>.average_odds_difference.second", CLAIM, TEXT, ONUS_TWO, .may = true, .doc = "the group that it is compared with"},
    {"fairness.<set>.accuracy_difference", CLAIM, MEASURED, ONUS_IF_CLASSES, ONUS_SHARE, .better = -1, .headline = true, .text = "ACCURACY_DIFFERENCE", .doc = "largest minus smallest accuracy"},
    {"fairness.<set>.accuracy_ratio", CLAIM, MEASURED, ONUS_IF_CLASSES, ONUS_SHARE, .better = 1, .headline = true, .text = "ACCURACY_RATIO", .doc = "smallest over largest accuracy"},
    {"fairness.<set>.mean_prediction_difference", CLAIM, MEASURED, ONUS_IF_VALUES, ONUS_AT_0, .better = -1, .headline = true, .text = "PREDICTION_DIFFERENCE", .doc = "largest minus smallest mean prediction"},
    {"fairness.<set>.mean_error_difference", CLAIM, MEASURED, ONUS_IF_VALUES, ONUS_AT_0, .better = -1, .headline = true, .text = "ERROR_DIFFERENCE", .doc = "largest minus smallest mean error"},
    {"fairness.<set>.mae_difference", CLAIM, MEASURED, ONUS_IF_VALUES, ONUS_AT_0, .better = -1, .headline = true, .text = "MAE_DIFFERENCE", .doc = "largest minus smallest mean absolute error"},
    {"fairness.<set>.<word>.n.min", CLAIM, WHOLE, .may = true, ONUS_FROM_1, .unit = "rows", .doc = "of a gap: the smallest support of a group that was compared"},
    {"fairness.<set>.<word>.lowest", CLAIM, TEXT, .may = true, .doc = "of a gap: the group with the smallest rate"},
    {"fairness.<set>.<word>.highest", CLAIM, TEXT, .may = true, .doc = "of a gap: the group with the largest rate"},
};
const onus_event_row onus_names_fairness = {
    "fairness", NULL, "evaluate", ONUS_TIMES_SETS, ONUS_IF_REPORTED | ONUS_IF_GROUPS | ONUS_IF_DECISIONS | ONUS_IF_VALUES, 2, false,
    ONUS_ROWS(fairness),
    .doc = "One event for every protected attribute A, for every two of them (A+B), and for all of them together. "
           "Multi-label: for each label, every name begins with label.LABEL."};

/* ---- explanation ------------------------------------------------------------------------- */

/* What both ways say, under their own first word. */
#define ONUS_EXPLAINED_ROWS(P)                                                                                                             \
    {P ".of", CLAIM, TEXT, .doc = "the score that was explained"},                                                                         \
    {P ".rows", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows explained"},                                                        \
    {P ".background", CLAIM, WHOLE, ONUS_IF_COLUMNS | ONUS_IF_IMAGES, ONUS_COUNT, .unit = "rows", .doc = "rows that stand for \"elsewhere\""}, \
    {P ".residual", CLAIM, NUMBER, .open = true, ONUS_AT_0, .better = -1, .headline = true,                                                \
     .doc = "largest distance of a row's values' sum from its score minus that of the background, or of the reference"},                   \
    {P ".evaluations", CLAIM, NUMBER, .open = true, ONUS_AT_0, .doc = "coalitions scored, undefined where sizes of groups are withheld; pairs of a row and a reference"}, \
    {P ".values.sha256", CLAIM, HASH, .doc = "of the values, (rows, columns or places) binary64: single people's values stay out of the ledger"}, \
    {P ".<shown>.mean_abs", CLAIM, NUMBER, ONUS_IF_COLUMNS | ONUS_IF_IMAGES, .open = true, ONUS_AT_0, .doc = "mean of abs(value) over rows; undefined of a protected column of which sizes of groups are withheld"}, \
    {P ".<shown>.mean_abs.se", CLAIM, NUMBER, ONUS_IF_COLUMNS | ONUS_IF_IMAGES, .open = true, ONUS_AT_0, .doc = "its standard error over rows"}, \
    {P ".withheld", CLAIM, TEXT, ONUS_IF_COLUMNS, .may = true, .doc = "why numbers of protected columns are, where any is"},                \
    {P ".columns", CLAIM, TEXTS, ONUS_IF_COLUMNS | ONUS_IF_IMAGES, .doc = "columns by falling mean, at most 64"},                          \
    {P ".protected", CLAIM, TEXTS, ONUS_IF_COLUMNS | ONUS_IF_IMAGES, .doc = "those of them that are protected"},                           \
    {P ".map", CLAIM, NUMBERS, ONUS_IF_IMAGES, .doc = "mean of abs(value) over rows by place, row-major, pixels of a cell added"},         \
    {P ".map.rows", CLAIM, WHOLE, ONUS_IF_IMAGES, ONUS_FROM_1, .doc = "at most 16"},                                                       \
    {P ".map.columns", CLAIM, WHOLE, ONUS_IF_IMAGES, ONUS_FROM_1, .doc = "at most 16"},                                                    \
    {P ".texts", CLAIM, WHOLE, ONUS_IF_TEXT, ONUS_COUNT, .doc = "texts that have shares"},                                                 \
    {P ".tokens", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_AT_0, .unit = "tokens", .doc = "tokens of one, without what stands around it, on average"}, \
    {P ".place.1.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "share of a text's absolute values on the first quarter of its tokens, on average over texts"}, \
    {P ".place.2.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "share of a text's absolute values on the second quarter of its tokens, on average over texts"}, \
    {P ".place.3.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "share of a text's absolute values on the third quarter of its tokens, on average over texts"}, \
    {P ".place.4.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "share of a text's absolute values on the last quarter of its tokens, on average over texts"}, \
    {P ".largest.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "the same, on its largest token"},                  \
    {P ".largest_three.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, .ranged = true, .lo = 0, .hi = 1.0000001, .doc = "the same, on its largest three"}, \
    {P ".unknown.share", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "the same, on tokens that the vocabulary does not know"}, \
    {P ".unknown.tokens", CLAIM, NUMBER, ONUS_IF_TEXT, .open = true, ONUS_SHARE, .doc = "their share of the tokens"}

static const onus_name_row explain[] = {
    ONUS_EXPLAINED_ROWS("explain"),
    {"explain.method", CLAIM, TEXT, .choices = "shapley, exact|shapley, paired permutations above the exact limit", .doc = "exact, or with paired permutations"},
    {"explain.exact", CLAIM, NUMBER, .open = true, ONUS_SHARE, .doc = "share of pairs (row, background row), or of texts, that were enumerated; below 1 undefined where sizes of groups are withheld"},
    {"explain.std_error.max", CLAIM, NUMBER, .open = true, ONUS_AT_0, .better = -1, .doc = "largest standard error of a value; 0 where all is exact, undefined where a pair of rows had one pair of permutations only"},
    {"explain.columns_differing", CLAIM, NUMBER, ONUS_IF_COLUMNS | ONUS_IF_IMAGES, .open = true, ONUS_AT_0, .doc = "columns that differ in a pair, on average; undefined where sizes of groups are withheld"},
};
const onus_event_row onus_names_explain = {
    "explain", NULL, "explain", ONUS_TIMES_ONCE, ONUS_IF_REPORTED | ONUS_IF_SHAPLEY, 3, false, ONUS_ROWS(explain), .doc = "Shapley values."};

static const onus_name_row relevance[] = {
    ONUS_EXPLAINED_ROWS("relevance"),
    {"relevance.method", CLAIM, TEXT, .choices = "relevance by multipliers of differences from a reference (DeepLIFT)", .doc = "the method"},
    {"relevance.reference", CLAIM, TEXT, .doc = "what the rows were compared with"},
    {"relevance.shared.mean", CLAIM, NUMBER, .open = true, ONUS_AT_0, .doc = "mean of abs(score - reference's score): what there was to share"},
    {"relevance.agreement", CLAIM, NUMBER, ONUS_IF_BOTH_WAYS, .open = true, .ranged = true, .lo = -1.0000001, .hi = 1.0000001, .better = 1, .doc = "where both were made: correlation of a row's values in the two ways, on average over rows"},
    {"relevance.agreement.n", CLAIM, WHOLE, ONUS_IF_BOTH_WAYS, ONUS_COUNT, .unit = "rows", .doc = "rows in which neither is constant"},
};
const onus_event_row onus_names_relevance = {
    "relevance", NULL, "explain", ONUS_TIMES_ONCE, ONUS_IF_REPORTED | ONUS_IF_RELEVANCE, 3, false, ONUS_ROWS(relevance), .doc = "Relevance."};

/* clang-format on */
