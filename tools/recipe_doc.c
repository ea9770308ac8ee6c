/* SPDX-License-Identifier: Apache-2.0
 * recipe_doc.c - what the schema of a recipe says of every key, as the beginning of a row of
 * docs/RECIPE.md; tools/check_docs.sh compares the two. */
#include <stdio.h>

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

static void print_fields(const onus_yaml_field *fields, const char *where)
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
        printf("\n");
        if (f->sub) print_fields(f->sub, name);
    }
}

int main(void)
{
    print_fields(onus_recipe_fields, "");
    return 0;
}
