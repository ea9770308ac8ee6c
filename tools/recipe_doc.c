/* SPDX-License-Identifier: Apache-2.0
 * recipe_doc.c - what the schema of a recipe says of every key, as the beginning of a row of
 * docs/RECIPE.md; tools/check_docs.sh compares the two. */
#include <stdio.h>
#include <string.h>

#include "run/schema.h"

static void print_kind(const onus_yaml_field *f)
{
    const char *comma = "";
    switch (f->kind) {
    case ONUS_YAML_TEXT: printf("text"); break;
    case ONUS_YAML_CHAR: printf("one character"); break;
    case ONUS_YAML_INT: printf("whole, %.0f to %.0f", f->lower, f->upper); break;
    case ONUS_YAML_SEED: printf("whole, 0 to 2^64 - 1"); break;
    case ONUS_YAML_REAL: printf("number, %g to %g", f->lower, f->upper); break;
    case ONUS_YAML_BOOL: printf("true or false"); break;
    case ONUS_YAML_ENUM:
        for (int i = 0; f->words[i]; i++) {
            if (f->words[i][0] == '-') continue;
            printf("%s%s", comma, f->words[i]);
            comma = ", ";
        }
        break;
    case ONUS_YAML_TEXTS: printf("list of texts"); break;
    case ONUS_YAML_INTS: printf("list of whole, %.0f to %.0f", f->lower, f->upper); break;
    case ONUS_YAML_REALS: printf("list of numbers"); break;
    case ONUS_YAML_MAP: printf("mapping"); break;
    case ONUS_YAML_CUSTOM: break; /* a reader of its own: the document says it in words */
    }
}

/* Numbers and words of train and explain as a recipe has them that says nothing. */
static void print_default(const onus_yaml_field *f, const void *base)
{
    const char *at = (const char *)base + f->offset;
    switch (f->kind) {
    case ONUS_YAML_INT: printf(" %lld |", (long long)*(const int64_t *)(const void *)at); break;
    case ONUS_YAML_REAL: printf(" %g |", *(const double *)(const void *)at); break;
    case ONUS_YAML_ENUM: printf(" %s |", f->words[*(const int *)(const void *)at]); break;
    default: break;
    }
}

/* Defaults that follow from other keys are left to the document's words. */
static bool follows(const char *name)
{
    static const char *const names[] = {"train.gamma", "train.checkpoint", "explain.method"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

static void print_fields(const onus_yaml_field *fields, const char *where, const void *base)
{
    for (const onus_yaml_field *f = fields; f->key; f++) {
        char name[200];
        snprintf(name, sizeof name, "%s%s%s", where, *where ? "." : "", f->key);
        printf("| `%s`%s |", name, f->required ? " *" : "");
        if (f->kind != ONUS_YAML_CUSTOM) {
            printf(" ");
            print_kind(f);
            printf(" |");
        }
        const bool known = strncmp(name, "train.", 6) == 0 || strncmp(name, "explain.", 8) == 0;
        if (known && !follows(name)) print_default(f, base);
        printf("\n");
        if (f->sub) print_fields(f->sub, name, (const char *)base + f->offset);
    }
}

int main(void)
{
    static const char least[] = "onus: 1\nname: a\nseed: 1\n"
                                "data: {source: a, label: b, protected: none}\n"
                                "model: {kind: mlp}\nprivacy: off\n";
    onus_recipe *r = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_recipe_parse(&r, "least", NULL, least, sizeof least - 1, NULL, &err) != ONUS_OK) {
        fprintf(stderr, "recipe_doc: %s\n", err.msg);
        return 1;
    }
    print_fields(onus_recipe_fields, "", r);
    onus_recipe_close(r);
    return 0;
}
