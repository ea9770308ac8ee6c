/* SPDX-License-Identifier: Apache-2.0
 * facts.c - the flat list of results, found by name through an open-addressing table of
 * places. */
#include "base/facts.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/mem.h"

struct onus_facts {
    const onus_allocator *mem;
    onus_arena arena; /* names and texts */
    onus_field *list;
    int64_t n, cap;
    int64_t *slots;  /* place + 1 in list; 0 free */
    int64_t n_slots; /* a power of two, at most half full */
};

onus_status onus_facts_create(onus_facts **out, const onus_allocator *mem, onus_err *err)
{
    onus_facts *f = onus_alloc(mem, 1, sizeof *f);
    if (!f) return onus_fail_mem(err, "facts");
    f->mem = mem;
    onus_arena_init(&f->arena, mem);
    *out = f;
    return ONUS_OK;
}

void onus_facts_destroy(onus_facts *f)
{
    if (!f) return;
    onus_arena_release(&f->arena);
    onus_free(f->mem, f->list);
    onus_free(f->mem, f->slots);
    onus_free(f->mem, f);
}

int64_t onus_facts_count(const onus_facts *f)
{
    return f ? f->n : 0;
}

const onus_field *onus_facts_at(const onus_facts *f, int64_t i)
{
    return f && i >= 0 && i < f->n ? &f->list[i] : NULL;
}

/* FNV-1a */
static uint64_t hash_name(const char *name)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *name; name++) h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return h;
}

/* The slot that holds name, or the free one where it would go. */
static int64_t slot_of(const onus_facts *f, const char *name)
{
    int64_t s = (int64_t)(hash_name(name) & (uint64_t)(f->n_slots - 1));
    while (f->slots[s] && strcmp(f->list[f->slots[s] - 1].name, name) != 0)
        s = (s + 1) & (f->n_slots - 1);
    return s;
}

const onus_field *onus_facts_find(const onus_facts *f, const char *name)
{
    if (!f || !f->n_slots || !name) return NULL;
    const int64_t s = slot_of(f, name);
    return f->slots[s] ? &f->list[f->slots[s] - 1] : NULL;
}

static bool make_room(onus_facts *f)
{
    if (f->n < f->cap) return true;
    const int64_t cap = f->cap ? 2 * f->cap : 64;
    onus_field *list = onus_resize(f->mem, f->list, (size_t)cap, sizeof *list);
    if (!list) return false;
    f->list = list;
    int64_t *slots = onus_alloc(f->mem, (size_t)(4 * cap), sizeof *slots);
    if (!slots) return false;
    onus_free(f->mem, f->slots);
    f->slots = slots;
    f->n_slots = 4 * cap;
    f->cap = cap;
    for (int64_t i = 0; i < f->n; i++) f->slots[slot_of(f, f->list[i].name)] = i + 1;
    return true;
}

onus_status onus_facts_add(onus_facts *f, const onus_field *field, onus_err *err)
{
    if (!make_room(f)) return onus_fail_mem(err, "facts");
    const int64_t s = slot_of(f, field->name);
    onus_field copy = {
        .kind = field->kind, .observed = field->observed, .i = field->i, .r = field->r};
    if (copy.kind == ONUS_FIELD_REAL && !isfinite(copy.r)) copy.kind = ONUS_FIELD_UNDEFINED;
    copy.name =
        f->slots[s] ? f->list[f->slots[s] - 1].name : onus_arena_strdup(&f->arena, field->name);
    if (field->kind == ONUS_FIELD_TEXT) copy.text = onus_arena_strdup(&f->arena, field->text);
    if (!copy.name || (field->kind == ONUS_FIELD_TEXT && !copy.text))
        return onus_fail_mem(err, "facts");
    if (!f->slots[s]) f->slots[s] = ++f->n;
    f->list[f->slots[s] - 1] = copy;
    return ONUS_OK;
}

static onus_status add_event(void *ctx, const onus_event *event, onus_err *err)
{
    for (int64_t i = 0; i < event->n_fields; i++) {
        const onus_field *field = &event->fields[i];
        if (field->kind == ONUS_FIELD_REALS || field->kind == ONUS_FIELD_TEXTS) continue;
        onus_status st = onus_facts_add(ctx, field, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

onus_sink onus_facts_sink(onus_facts *f)
{
    return (onus_sink){.emit = add_event, .ctx = f};
}

onus_status onus_facts_json(const onus_facts *f, onus_buf *out, onus_err *err)
{
    onus_status st = ONUS_NO_MEM;
    json_t *object = json_object();
    for (int64_t i = 0; object && i < f->n; i++) {
        const onus_field *e = &f->list[i];
        json_t *v = e->kind == ONUS_FIELD_INT    ? json_integer(e->i)
                    : e->kind == ONUS_FIELD_REAL ? json_real(e->r)
                    : e->kind == ONUS_FIELD_TEXT ? json_string_nocheck(e->text)
                                                 : json_string("undefined");
        /* the writer checks texts, and tells bad ones from the end of memory */
        if (json_object_set_new_nocheck(object, e->name, v) != 0) goto done;
    }
    if (!object) goto done;
    onus_json_canonical(out, object);
    st = out->st;
done:
    json_decref(object);
    return st == ONUS_NO_MEM ? onus_fail_mem(err, "facts")
           : st == ONUS_OK   ? ONUS_OK
                             : onus_buf_status(out, "facts", err);
}
