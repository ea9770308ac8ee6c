/* SPDX-License-Identifier: Apache-2.0
 * operations_doc.c - prints docs/OPERATIONS.md from the table of operations (src/op/op.h), so
 * that the document cannot say what the table does not. `make docs` writes it,
 * tools/check_docs.sh compares. */
#include <stdio.h>
#include <string.h>

#include "op/terms.h"

enum { EXAMPLES = 32 };

/* The first of a few shapes that the operation takes. */
static onus_shape example_shape(const onus_op *op, const onus_attr *attr)
{
    static const onus_shape some[] = {{1, {8}}, {1, {1}}, {2, {4, 8}}, {3, {3, 8, 8}}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        onus_shape in[ONUS_IN_MAX], out;
        for (int k = 0; k < ONUS_IN_MAX; k++) in[k] = some[i];
        if (op->shape(attr, in, op->n_in_min, &out, NULL) == ONUS_OK) return some[i];
    }
    return some[0];
}

static void print_attrs(const onus_op *op)
{
    for (int i = 0; i < op->n_attrs; i++) {
        const onus_attr_def *a = &op->attrs[i];
        printf("- Setting `%s`: %s; a %s from %.8g to %.8g, standard %.8g.\n", a->name, a->help,
               a->kind == ONUS_ATTR_INT ? "whole number" : "number", a->lower, a->upper,
               a->standard);
    }
}

static void print_params(const onus_op *op, const onus_attr *attr, const onus_shape in[])
{
    static const char *const starts[] = {
        [ONUS_INIT_ZERO] = "0",
        [ONUS_INIT_ONE] = "1",
        [ONUS_INIT_HE_UNIFORM] = "uniform within sqrt(6 / fan_in)",
        [ONUS_INIT_LINEAR] = "uniform within 1 / sqrt(fan_in)",
        [ONUS_INIT_NORMAL] = "normal",
    };
    onus_param_def param[ONUS_PARAM_MAX];
    const int n = op->params(attr, in, param);
    char text[96];
    if (!n) printf("- Parameters: none.\n");
    for (int i = 0; i < n; i++) {
        onus_shape_text(&param[i].shape, text, sizeof text);
        printf("- Parameter `%s`: here of shape %s; starts at %s; weight decay %s.\n",
               param[i].name, text, starts[param[i].init],
               param[i].decay ? "applies" : "does not apply");
    }
}

static void print_cell(const char *what, const char *can, const char *refused)
{
    printf("- %s: %s%s.\n", what, refused ? "refused: " : "", refused ? refused : can);
}

static void print_cost(const onus_op *op, const onus_attr *attr, const onus_shape in[])
{
    static const struct {
        onus_pass pass;
        const char *name;
    } passes[] = {{ONUS_PASS_FORWARD, "forward"},
                  {ONUS_PASS_BACKWARD, "backward"},
                  {ONUS_PASS_GRAD, "parameter gradients"}};
    printf("- Cost of a batch of %d:", EXAMPLES);
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        const onus_cost c = op->cost.fn(attr, in, EXAMPLES, passes[i].pass);
        if (c.multiply_adds == 0 && c.bytes == 0) continue;
        printf("%s %s %.0f multiply-adds, %.0f bytes", i ? ";" : "", passes[i].name,
               c.multiply_adds, c.bytes);
    }
    printf(".\n");
}

/* What an example's gradient of its parameters is made up of (op/terms.h). */
static void print_terms(const onus_op *op, const onus_attr *attr, const onus_shape in[],
                        const onus_shape *out)
{
    onus_call c = {.attr = attr, .n_in = op->n_in_min, .out_shape = *out};
    onus_terms_step s;
    if (op->terms.refused) {
        print_cell("Terms of one example's gradient (private training)", "", op->terms.refused);
        return;
    }
    memcpy(c.in_shape, in, sizeof c.in_shape);
    (void)op->terms.fn(&c, -1, &s);
    printf("- Terms of one example's gradient (private training): %s",
           s.n_blocks ? "" : "none");
    for (int i = 0; i < s.n_blocks; i++) {
        const onus_terms *t = &s.block[i];
        const long long rows = t->rows, u = t->u, n = t->n;
        printf("%s", i ? "; " : "");
        if (t->kind == ONUS_TERM_OUTER)
            printf("%lld outer product%s (%lld, %lld)", rows, rows == 1 ? "" : "s", u, n);
        else if (t->kind == ONUS_TERM_PICK)
            printf("%lld row%s of %lld, each where its token says", rows, rows == 1 ? "" : "s",
                   u);
        else
            printf("a vector of %lld", u);
    }
    printf(".\n");
}

static void print_row(const onus_op *op)
{
    onus_attr attr[ONUS_ATTR_MAX] = {{0}};
    for (int i = 0; i < op->n_attrs; i++)
        attr[i] = (onus_attr){(int64_t)op->attrs[i].standard, op->attrs[i].standard};
    const onus_shape shape = example_shape(op, attr);
    onus_shape in[ONUS_IN_MAX], out;
    char from[96], to[96];
    for (int k = 0; k < ONUS_IN_MAX; k++) in[k] = shape;
    onus_err err = {.code = ONUS_OK};
    if (op->shape(attr, in, op->n_in_min, &out, &err) != ONUS_OK) out = shape;
    onus_shape_text(&in[0], from, sizeof from);
    onus_shape_text(&out, to, sizeof to);

    printf("\n## %s\n\n`%s`%s\n\n", op->name, op->help,
           op->flags & ONUS_OP_LOSS
               ? " (a loss: one number an example; takes the label and the example's weight)"
               : "");
    printf("- Inputs: %d", op->n_in_min);
    if (op->n_in_max > op->n_in_min) printf(" to %d", op->n_in_max);
    printf(". Here: an example of shape %s gives %s.\n", from, to);
    print_attrs(op);
    print_params(op, attr, in);
    printf("- Memory: may %swrite over its input; keeps %s for the way back, and %zu bytes of "
           "its own.\n",
           op->flags & ONUS_OP_INPLACE ? "" : "not ",
           op->keeps & ONUS_KEEPS_IN
               ? op->keeps & ONUS_KEEPS_OUT ? "input and output" : "its input"
           : op->keeps & ONUS_KEEPS_OUT ? "its output"
                                        : "nothing",
           op->saved(attr, in, EXAMPLES));
    print_cell("Gradient", "yes", op->backward.refused);
    print_terms(op, attr, in, &out);
    print_cell("Relevance (explanation)", "yes", op->relevance.refused);
    if (op->cost.fn)
        print_cost(op, attr, in);
    else
        print_cell("Cost", "", op->cost.refused);
}

int main(void)
{
    int n;
    const onus_op *const *ops = onus_ops(&n);
    printf(
        "# Operations\n\n"
        "Made from the table in `src/op/` by `make docs`; do not edit. Every operation of the "
        "engine is one row of\nthat table. A cell is filled or refused with a reason; private "
        "or explained runs refuse a model by that\nreason. `tests/op` walks the table and "
        "checks every cell.\n\n");
    printf("| operation | what | private training | explanation |\n|---|---|---|---|\n");
    for (int i = 0; i < n; i++)
        printf("| [%s](#%s) | `%s` | %s | %s |\n", ops[i]->name, ops[i]->name, ops[i]->help,
               ops[i]->terms.refused ? "refused" : "yes",
               ops[i]->relevance.refused ? "refused" : "yes");
    for (int i = 0; i < n; i++) print_row(ops[i]);
    return fflush(stdout) != 0 || ferror(stdout);
}
