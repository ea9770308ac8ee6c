/* SPDX-License-Identifier: Apache-2.0
 * language.h - quality of a model of tokens, from what each row of the test part cost. */
#ifndef ONUS_AUDIT_LANGUAGE_H
#define ONUS_AUDIT_LANGUAGE_H
#include "base/event.h"
#include "base/mem.h"

/* Of n rows: sum of the losses of the tokens that were asked for, in nats; how many there were;
 * of how many the likeliest token was the right one. */
typedef struct {
    int64_t n;
    const double *loss, *tokens, *right; /* (n) */
} onus_token_scores;

/* One "metric" event: loss, perplexity, token_accuracy, each with .lower, .upper (95%), .n,
 * .method, and .reason where something is undefined. */
onus_status onus_audit_language(const onus_token_scores *s, const onus_sink *sink,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
