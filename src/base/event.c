/* SPDX-License-Identifier: Apache-2.0
 * event.c - the builder of events, and the escaping of users' words in dotted names. */
#include "base/event.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"

void onus_event_init(onus_event_builder *b, const onus_allocator *mem)
{
    *b = (onus_event_builder){.type = ""};
    onus_arena_init(&b->arena, mem);
}

void onus_event_release(onus_event_builder *b)
{
    if (!b) return;
    onus_arena_release(&b->arena);
    *b = (onus_event_builder){.type = ""};
}

void onus_event_within(onus_event_builder *b, const char *prefix)
{
    b->within = prefix;
}

void onus_event_begin(onus_event_builder *b, const char *type)
{
    onus_arena_reset(&b->arena);
    b->type = type;
    b->fields = NULL;
    b->n = b->cap = 0;
    b->observed = false;
    b->st = ONUS_OK;
}

void onus_event_observed(onus_event_builder *b, bool observed)
{
    b->observed = observed;
}

/* Room for one more field with its name; NULL after the first failure. */
static onus_field *add(onus_event_builder *b, onus_field_kind kind, const char *fmt,
                       va_list args)
{
    if (b->st != ONUS_OK) return NULL;
    if (b->n == b->cap) {
        const int64_t cap = b->cap ? 2 * b->cap : 16;
        onus_field *fields = onus_arena_alloc(&b->arena, (size_t)cap, sizeof *fields);
        if (fields && b->n) memcpy(fields, b->fields, (size_t)b->n * sizeof *fields);
        if (!fields) {
            b->st = ONUS_NO_MEM;
            return NULL;
        }
        b->fields = fields;
        b->cap = cap;
    }
    char name[1024];
    const int before = snprintf(name, sizeof name, "%s", b->within ? b->within : "");
    const size_t room = sizeof name - (size_t)before;
    const int len =
        (size_t)before < sizeof name ? vsnprintf(name + before, room, fmt, args) : -1;
    const bool fits = len >= 0 && (size_t)len < room;
    const char *copy = fits ? onus_arena_strdup(&b->arena, name) : NULL;
    if (!copy) {
        b->st = fits ? ONUS_NO_MEM : ONUS_BAD_ARG;
        return NULL;
    }
    onus_field *f = &b->fields[b->n++];
    *f = (onus_field){.name = copy, .kind = kind, .observed = b->observed};
    return f;
}

/* The functions below differ in what they store: ADD names the field, then the statement fills
 * it. */
#define ADD(kind, store)                         \
    do {                                         \
        va_list args;                            \
        va_start(args, fmt);                     \
        onus_field *f = add(b, kind, fmt, args); \
        va_end(args);                            \
        if (f) store;                            \
    } while (0)

/* A JSON number holds integers up to 2^53 exactly. */
void onus_event_int(onus_event_builder *b, int64_t v, const char *fmt, ...)
{
    const int64_t most = INT64_C(1) << 53;
    if (b->st == ONUS_OK && (v > most || v < -most)) b->st = ONUS_BAD_ARG;
    ADD(ONUS_FIELD_INT, f->i = v);
}

void onus_event_real(onus_event_builder *b, double v, const char *fmt, ...)
{
    ADD(isfinite(v) ? ONUS_FIELD_REAL : ONUS_FIELD_UNDEFINED, f->r = isfinite(v) ? v : 0);
}

static void store_text(onus_event_builder *b, onus_field *f, const char *v)
{
    f->text = onus_arena_strdup(&b->arena, v);
    if (!f->text) b->st = ONUS_NO_MEM;
}

void onus_event_text(onus_event_builder *b, const char *v, const char *fmt, ...)
{
    ADD(ONUS_FIELD_TEXT, store_text(b, f, v));
}

void onus_event_sha256(onus_event_builder *b, const uint8_t v[32], const char *fmt, ...)
{
    char hex[ONUS_HEX_LEN];
    onus_hex(v, 32, hex);
    ADD(ONUS_FIELD_TEXT, store_text(b, f, hex));
}

void onus_event_undefined(onus_event_builder *b, const char *fmt, ...)
{
    ADD(ONUS_FIELD_UNDEFINED, f->r = 0);
}

static void store_reals(onus_event_builder *b, onus_field *f, const double *v, int64_t n)
{
    double *copy = onus_arena_alloc(&b->arena, (size_t)n + 1, sizeof *copy);
    if (copy && n) memcpy(copy, v, (size_t)n * sizeof *copy);
    if (!copy) b->st = ONUS_NO_MEM;
    f->reals = copy;
    f->n = n;
}

void onus_event_reals(onus_event_builder *b, const double *v, int64_t n, const char *fmt, ...)
{
    ADD(ONUS_FIELD_REALS, store_reals(b, f, v, n));
}

static void store_texts(onus_event_builder *b, onus_field *f, const char *const *v, int64_t n)
{
    const char **copy = onus_arena_alloc(&b->arena, (size_t)n + 1, sizeof *copy);
    if (!copy) b->st = ONUS_NO_MEM;
    for (int64_t i = 0; copy && i < n; i++) {
        copy[i] = onus_arena_strdup(&b->arena, v[i]);
        if (!copy[i]) b->st = ONUS_NO_MEM;
    }
    f->texts = copy;
    f->n = n;
}

void onus_event_texts(onus_event_builder *b, const char *const *v, int64_t n, const char *fmt,
                      ...)
{
    ADD(ONUS_FIELD_TEXTS, store_texts(b, f, v, n));
}

onus_status onus_event_emit(onus_event_builder *b, const onus_sink *sink, onus_err *err)
{
    if (b->st == ONUS_NO_MEM) return onus_fail_mem(err, b->type);
    if (b->st != ONUS_OK)
        return onus_fail(err, b->st,
                         "event %s: a field's name is longer than 1,023 bytes, or an "
                         "integer beyond 2^53",
                         b->type);
    if (!sink || !sink->emit) return ONUS_OK;
    const onus_event event = {.type = b->type, .fields = b->fields, .n_fields = b->n};
    return sink->emit(sink->ctx, &event, err);
}

onus_status onus_name_part(char *out, size_t size, const char *word, onus_err *err)
{
    size_t n = 0;
    int steers = 0; /* bytes of a character that is escaped */
    for (const unsigned char *c = (const unsigned char *)word; *c; c++) {
        steers = steers > 1 ? steers - 1 : onus_steers((const char *)c);
        const bool escape = *c == '.' || *c == '+' || *c == '%' || steers > 0;
        if (n + (escape ? 3 : 1) >= size)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "the name '%.40s...' is longer than %zu bytes", word, size / 3);
        if (escape)
            n += (size_t)snprintf(out + n, size - n, "%%%02X", *c);
        else
            out[n++] = (char)*c;
    }
    out[n] = '\0';
    return ONUS_OK;
}

double onus_field_number(const onus_field *f)
{
    return !f                           ? NAN
           : f->kind == ONUS_FIELD_INT  ? (double)f->i
           : f->kind == ONUS_FIELD_REAL ? f->r
                                        : NAN;
}

bool onus_field_is_undefined(const onus_field *f)
{
    return f->kind == ONUS_FIELD_UNDEFINED || (f->kind == ONUS_FIELD_REAL && !isfinite(f->r)) ||
           (f->kind == ONUS_FIELD_TEXT && strcmp(f->text, "undefined") == 0);
}
