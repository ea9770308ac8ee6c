/* SPDX-License-Identifier: Apache-2.0
 * log.c - a ledger read whole: every line checked for its form, held as JSON, found by name. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/facts.h"
#include "proof/ledger.h"
#include "proof/line.h"
#include "proof/merkle.h"

/* A name in an entry. Nodes of a bucket hang together, the newest first. */
typedef struct {
    uint64_t hash;
    const char *name;
    const json_t *value;
    int64_t entry, older; /* indices; older: node + 1, 0 at the end */
} name_node;

struct onus_log {
    const onus_allocator *mem;
    onus_buf bytes;
    onus_entry *entries;
    json_t **roots;
    int64_t n, cap;
    name_node *nodes;
    int64_t *buckets; /* (mask + 1): newest node + 1, 0 where there is none */
    uint64_t mask;
};

void onus_log_close(onus_log *log)
{
    if (!log) return;
    for (int64_t i = 0; i < log->n; i++) json_decref(log->roots[i]);
    onus_free(log->mem, log->entries);
    onus_free(log->mem, log->roots);
    onus_free(log->mem, log->nodes);
    onus_free(log->mem, log->buckets);
    onus_buf_release(&log->bytes);
    onus_free(log->mem, log);
}

/* "2026-11-22T14:03:11Z" */
static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    size_t i = 0;
    for (; text && text[i] && form[i]; i++) {
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
    }
    return text && !text[i] && !form[i];
}

/* Names are said to people: no ledger of ours has control characters in them. */
static bool plain_names(const json_t *body)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)body, name, v)
    {
        if (!onus_is_plain(name)) return false;
    }
    return true;
}

/* Canonical bytes, exactly five members of the right types, number and order. */
onus_status onus_line_parse(onus_entry *out, json_t **root, const char *line, size_t len,
                            int64_t number, const char *what, onus_err *err)
{
    json_t *v = NULL;
    char where[512];
    snprintf(where, sizeof where, "%.400s: event %lld", what, (long long)number);
    onus_status st = onus_json_parse(&v, line, len, where, err);
    if (st != ONUS_OK) return st;
    onus_buf again;
    onus_buf_init(&again, NULL, ONUS_LINE_MAX);
    const json_t *claim = json_object_get(v, "claim"),
                 *observed = json_object_get(v, "observed"), *n = json_object_get(v, "n");
    const char *time = json_string_value(json_object_get(v, "time")),
               *type = json_string_value(json_object_get(v, "type"));
    if (json_object_size(v) != 5 || !json_is_object(claim) || !json_is_object(observed) ||
        !json_is_integer(n) || !is_time(time) || !type || !*type) {
        st = onus_fail(err, ONUS_TAMPER, "%s: expected claim, n, observed, time and type",
                       where);
        goto done;
    }
    if (!onus_is_plain(type) || !plain_names(claim) || !plain_names(observed)) {
        st = onus_fail(err, ONUS_TAMPER, "%s: a name holds control characters", where);
        goto done;
    }
    if (json_integer_value(n) != number) {
        st = onus_fail(err, ONUS_TAMPER, "%s: says it is event %lld", where,
                       (long long)json_integer_value(n));
        goto done;
    }
    onus_json_canonical(&again, v);
    ONUS_TRY(onus_buf_status(&again, where, err));
    if (again.len != len || memcmp(again.data, line, len) != 0) {
        st = onus_fail(err, ONUS_TAMPER, "%s: not canonical JSON (RFC 8785)", where);
        goto done;
    }
    *out = (onus_entry){.n = number,
                        .time = time,
                        .type = type,
                        .claim = (json_t *)claim,
                        .observed = (json_t *)observed,
                        .line = line,
                        .line_len = len};
    *root = v;
    v = NULL;
done:
    onus_buf_release(&again);
    json_decref(v);
    return st;
}

static bool make_room(onus_log *log)
{
    if (log->n < log->cap) return true;
    const int64_t cap = log->cap ? 2 * log->cap : 128;
    onus_entry *entries = onus_resize(log->mem, log->entries, (size_t)cap, sizeof *entries);
    if (!entries) return false;
    log->entries = entries;
    json_t **roots = onus_resize(log->mem, log->roots, (size_t)cap, sizeof *roots);
    if (!roots) return false;
    log->roots = roots;
    log->cap = cap;
    return true;
}

static onus_status parse_lines(onus_log *log, const char *what, onus_err *err)
{
    const char *text = log->bytes.data ? log->bytes.data : "";
    for (size_t at = 0; at < log->bytes.len;) {
        const char *end = memchr(text + at, '\n', log->bytes.len - at);
        if (!end)
            return onus_fail(
                err, ONUS_TAMPER,
                "%s: the last line has no end (a run was killed there: --resume drops it)",
                what);
        if (!make_room(log)) return onus_fail_mem(err, what);
        const size_t len = (size_t)(end - text) - at;
        if (len > ONUS_LINE_MAX)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: event %lld is longer than %d bytes",
                             what, (long long)log->n + 1, ONUS_LINE_MAX);
        onus_status st = onus_line_parse(&log->entries[log->n], &log->roots[log->n], text + at,
                                         len, log->n + 1, what, err);
        if (st != ONUS_OK) return st;
        log->n++;
        at += len + 1;
    }
    return ONUS_OK;
}

/* ---- names ------------------------------------------------------------------------------- */

/* FNV-1a, folded: a ledger has few enough names, and nobody gains by making them collide. */
static uint64_t hash_of(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        h = (h ^ *c) * 0x100000001b3u;
    return h ^ h >> 32;
}

static void index_body(onus_log *log, const json_t *body, int64_t entry, int64_t *n)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)body, name, value)
    {
        const uint64_t hash = hash_of(name);
        int64_t *bucket = &log->buckets[hash & log->mask];
        log->nodes[*n] = (name_node){
            .hash = hash, .name = name, .value = value, .entry = entry, .older = *bucket};
        *bucket = ++*n;
    }
}

/* Reports ask for hundreds of names of ledgers of thousands of entries. */
static onus_status index_names(onus_log *log, const char *what, onus_err *err)
{
    size_t n_names = 0, n_buckets = 64;
    int64_t n = 0;
    for (int64_t i = 0; i < log->n; i++)
        n_names += json_object_size(log->entries[i].claim) +
                   json_object_size(log->entries[i].observed);
    while (n_buckets < n_names) n_buckets *= 2;
    log->mask = n_buckets - 1;
    log->nodes = onus_alloc(log->mem, n_names + 1, sizeof *log->nodes);
    log->buckets = onus_alloc(log->mem, n_buckets, sizeof *log->buckets);
    if (!log->nodes || !log->buckets) return onus_fail_mem(err, what);
    for (int64_t i = 0; i < log->n; i++) {
        index_body(log, log->entries[i].observed, i, &n);
        index_body(log, log->entries[i].claim, i, &n); /* last: it is found first */
    }
    return ONUS_OK;
}

/* ---- reading ----------------------------------------------------------------------------- */

static onus_status make_log(onus_log **out, const onus_allocator *mem, onus_err *err)
{
    *out = onus_alloc(mem, 1, sizeof **out);
    if (!*out) return onus_fail_mem(err, "ledger");
    (*out)->mem = mem;
    onus_buf_init(&(*out)->bytes, mem, ONUS_LEDGER_MAX);
    return ONUS_OK;
}

onus_status onus_log_parse(onus_log **out, const char *text, size_t len, const char *what,
                           const onus_allocator *mem, onus_err *err)
{
    onus_log *log = NULL;
    onus_status st = make_log(&log, mem, err);
    if (st != ONUS_OK) return st;
    onus_buf_add(&log->bytes, text, len);
    ONUS_TRY(onus_buf_status(&log->bytes, what, err));
    ONUS_TRY(parse_lines(log, what, err));
    ONUS_TRY(index_names(log, what, err));
    *out = log;
    log = NULL;
done:
    onus_log_close(log);
    return st;
}

onus_status onus_log_read(onus_log **out, const char *path, const onus_allocator *mem,
                          onus_err *err)
{
    onus_log *log = NULL;
    onus_status st = make_log(&log, mem, err);
    if (st != ONUS_OK) return st;
    ONUS_TRY(onus_file_read(path, &log->bytes, err));
    ONUS_TRY(parse_lines(log, path, err));
    ONUS_TRY(index_names(log, path, err));
    *out = log;
    log = NULL;
done:
    onus_log_close(log);
    return st;
}

int64_t onus_log_count(const onus_log *log)
{
    return log ? log->n : 0;
}

const onus_entry *onus_log_at(const onus_log *log, int64_t i)
{
    return i >= 0 && i < log->n ? &log->entries[i] : NULL;
}

const onus_entry *onus_log_find(const onus_log *log, const char *name, int64_t before,
                                const json_t **value)
{
    const uint64_t hash = hash_of(name);
    for (int64_t k = log->buckets[hash & log->mask]; k > 0; k = log->nodes[k - 1].older) {
        const name_node *node = &log->nodes[k - 1];
        if (node->hash != hash || node->entry >= before || strcmp(node->name, name) != 0)
            continue;
        if (value) *value = node->value;
        return &log->entries[node->entry];
    }
    return NULL;
}

const onus_entry *onus_log_type(const onus_log *log, const char *type, int64_t from)
{
    for (int64_t i = from; i < log->n; i++) {
        if (strcmp(log->entries[i].type, type) == 0) return &log->entries[i];
    }
    return NULL;
}

void onus_log_root(const onus_log *log, int64_t n, uint8_t root[32])
{
    onus_merkle m = {0};
    for (int64_t i = 0; i < n && i < log->n; i++)
        onus_merkle_add(&m, log->entries[i].line, log->entries[i].line_len);
    onus_merkle_root(&m, root);
}

static onus_status add_body(onus_facts *facts, const json_t *body, bool observed, onus_err *err)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)body, name, v)
    {
        const char *text = json_string_value(v);
        onus_field f = {.name = name, .observed = observed, .text = text};
        if (text)
            f.kind = strcmp(text, "undefined") == 0 ? ONUS_FIELD_UNDEFINED : ONUS_FIELD_TEXT;
        else if (json_is_integer(v))
            f.kind = ONUS_FIELD_INT, f.i = json_integer_value(v);
        else if (json_is_real(v))
            f.kind = ONUS_FIELD_REAL, f.r = json_real_value(v);
        else
            continue;
        onus_status st = onus_facts_add(facts, &f, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

onus_status onus_entry_facts(const onus_entry *e, bool observed, onus_facts *facts,
                             onus_err *err)
{
    return add_body(facts, observed ? e->observed : e->claim, observed, err);
}

onus_status onus_log_facts(const onus_log *log, int64_t n, onus_facts **out, onus_err *err)
{
    onus_facts *facts = NULL;
    onus_status st = onus_facts_create(&facts, log->mem, err);
    for (int64_t i = 0; st == ONUS_OK && i < n && i < log->n; i++) {
        st = add_body(facts, log->entries[i].claim, false, err);
        if (st == ONUS_OK) st = add_body(facts, log->entries[i].observed, true, err);
    }
    if (st == ONUS_OK)
        *out = facts;
    else
        onus_facts_destroy(facts);
    return st;
}
