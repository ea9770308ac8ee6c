/* SPDX-License-Identifier: Apache-2.0
 * verify_head.c - what stands over a ledger: the owner's signature, those of witnesses whose
 * keys the reader brings, a time stamp by an authority whose certificate the reader brings.
 * Signatures of others are passed over, as signed-note wants it, and are said to be there. */
#include "run/verify_head.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "proof/stamp.h"

void onus_utc_text(int64_t unix_s, char out[24])
{
    struct tm tm;
    const time_t t = (time_t)unix_s;
    if (unix_s > 253402300799 || !gmtime_r(&t, &tm) || !strftime(out, 24, "%FT%TZ", &tm))
        snprintf(out, 24, "after the year 9999");
}

/* ---- the owner's head -------------------------------------------------------------------- */

static onus_status check_origin(const onus_signed_head *h, const onus_log *log, onus_err *err)
{
    const onus_entry *begin =
        onus_log_type(log, "run.begin", 0); /* after a run.resume, maybe */
    const char *name =
        begin ? json_string_value(json_object_get(begin->claim, "run.name")) : NULL;
    if (!name)
        return onus_fail(err, ONUS_TAMPER, "%s: no event run.begin names a run", h->path);
    if (strncmp(h->note.origin, "onus/", 5) != 0 || strcmp(h->note.origin + 5, name) != 0)
        return onus_fail(err, ONUS_TAMPER,
                         "%s: its origin is '%s', and event %lld begins the run '%s'", h->path,
                         h->note.origin, (long long)begin->n, name);
    return ONUS_OK;
}

/* Whose signature the report announces must be the one that stands under the head. */
static onus_status check_signer(const onus_signed_head *h, const onus_log *log, onus_err *err)
{
    const onus_entry *e = onus_log_type(log, "run.signer", 0);
    const char *name =
        e ? json_string_value(json_object_get(e->observed, "run.signer")) : h->owner.name;
    if (name && strcmp(name, h->owner.name) == 0) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "%s: signed by '%s', and event %lld says that '%s' signs", h->path,
                     h->owner.name, (long long)e->n, name ? name : "nobody");
}

onus_status onus_signed_head_open(onus_signed_head *h, const char *run, const onus_log *log,
                                  const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    char key_path[ONUS_PATH_MAX];
    uint8_t root[32];
    onus_buf_init(&h->text, mem, ONUS_NOTE_MAX);
    ONUS_TRY(onus_path_join(key_path, sizeof key_path, run, "key.pub", err));
    ONUS_TRY(onus_path_join(h->path, sizeof h->path, run, ONUS_NOTE_FILE, err));
    ONUS_TRY(onus_key_load(&h->owner, key_path, err));
    if (h->owner.type != ONUS_KEY_SIGNS) {
        st = onus_fail(err, ONUS_TAMPER, "%s is a witness's key: it signs no run", key_path);
        goto done;
    }
    ONUS_TRY(onus_file_read(h->path, &h->text, err));
    ONUS_TRY(onus_note_verify(&h->note, h->text.data, h->text.len, h->path, &h->owner, err));
    onus_log_root(log, onus_log_count(log), root);
    if (h->note.n != (uint64_t)onus_log_count(log) ||
        memcmp(h->note.root, root, sizeof root) != 0) {
        st = onus_fail(
            err, ONUS_TAMPER,
            "%s/ledger.jsonl was changed: its %lld events do not have the signed head", run,
            (long long)onus_log_count(log));
        goto done;
    }
    ONUS_TRY(check_origin(h, log, err));
    ONUS_TRY(check_signer(h, log, err));
done:
    return st;
}

void onus_signed_head_close(onus_signed_head *h)
{
    onus_key_wipe(&h->owner);
    onus_buf_release(&h->text);
}

/* The key that the reader knows must be the owner's. */
static onus_status check_known(const onus_signed_head *h, const onus_verify_opts *o,
                               onus_err *err)
{
    onus_key known;
    onus_status st = onus_key_load(&known, o->key, err);
    if (st != ONUS_OK) return st;
    if (memcmp(known.pub, h->owner.pub, sizeof known.pub) != 0)
        st = onus_fail(err, ONUS_TAMPER, "%s is signed by '%s', not by the key in %s", o->run,
                       h->owner.name, o->key);
    else
        st = onus_note_check(&h->note, h->path, &known, NULL, err);
    onus_key_wipe(&known);
    return st;
}

/* ---- witnesses --------------------------------------------------------------------------- */

typedef struct {
    int64_t n, n_lines;
} witness_count;

static bool is_same(const onus_key *a, const onus_key *b)
{
    return a->type == b->type && a->id == b->id && strcmp(a->name, b->name) == 0 &&
           memcmp(a->pub, b->pub, sizeof a->pub) == 0;
}

/* Key i of keys: its signatures count as lines that were checked; it counts as a witness where
 * no key before it has the same bytes, whatever its name. */
static onus_status check_witness(const onus_note *note, const char *what, const onus_key *keys,
                                 int64_t i, witness_count *count, const char *prefix,
                                 onus_buf *notes, onus_event_builder *facts, onus_err *err)
{
    onus_seal seal;
    char when[24] = "";
    bool again = false;
    for (int64_t k = 0; k < i; k++) {
        if (is_same(&keys[k], &keys[i])) return ONUS_OK;
        again = again || memcmp(keys[k].pub, keys[i].pub, sizeof keys[i].pub) == 0;
    }
    onus_status st = onus_note_check(note, what, &keys[i], &seal, err);
    if (st != ONUS_OK) return st;
    count->n_lines += seal.n_lines;
    if (again) return ONUS_OK;
    count->n++;
    if (keys[i].type == ONUS_KEY_COSIGNS) onus_utc_text(seal.time, when);
    if (notes)
        onus_buf_printf(notes, "%-28s witnessed by '%s'%s%s, a key that you know\n",
                        ONUS_NOTE_FILE, keys[i].name, *when ? ", " : "", when);
    onus_event_text(facts, keys[i].name, "%s.witness.%lld.name", prefix, (long long)count->n);
    if (*when)
        onus_event_text(facts, when, "%s.witness.%lld.time", prefix, (long long)count->n);
    return ONUS_OK;
}

onus_status onus_witnesses_check(const onus_note *note, const char *what, const onus_key *owner,
                                 onus_witness_keys keys, const char *prefix, onus_buf *notes,
                                 onus_event_builder *facts, const onus_allocator *mem,
                                 onus_err *err)
{
    onus_status st = ONUS_OK;
    witness_count count = {.n = 0};
    onus_seal seal;
    onus_key *read = onus_alloc(mem, (size_t)keys.n + 1, sizeof *read);
    if (!read) return onus_fail_mem(err, "witnesses");
    for (int64_t i = 0; i < keys.n; i++) {
        ONUS_TRY(onus_key_load(&read[i], keys.keys[i], err));
        if (memcmp(read[i].pub, owner->pub, sizeof owner->pub) == 0) {
            st = onus_fail(err, ONUS_BAD_INPUT,
                           "%s is the run's own key: who signs is no witness", keys.keys[i]);
            goto done;
        }
        ONUS_TRY(check_witness(note, what, read, i, &count, prefix, notes, facts, err));
    }
    ONUS_TRY(onus_note_check(note, what, owner, &seal, err));
    const int64_t unchecked = note->n_signatures - count.n_lines - seal.n_lines;
    onus_event_int(facts, count.n, "%s.witnesses", prefix);
    onus_event_int(facts, unchecked, "%s.signatures.unchecked", prefix);
    if (notes && unchecked > 0)
        onus_buf_printf(notes,
                        "%-28s %lld signature%s by others, not checked: they prove "
                        "nothing here\n",
                        ONUS_NOTE_FILE, (long long)unchecked, unchecked == 1 ? "" : "s");
done:
    for (int64_t i = 0; i < keys.n; i++) onus_key_wipe(&read[i]); /* a private one, maybe */
    onus_free(mem, read);
    return st;
}

/* ---- the time stamp ---------------------------------------------------------------------- */

static void say_stamp(const onus_stamp_said *s, onus_buf *notes, onus_event_builder *facts)
{
    onus_event_text(facts, s->known ? s->time : "not known", "verify.stamp");
    onus_event_text(facts, s->known ? "yes" : "no", "verify.stamp.known");
    onus_event_text(facts, s->authority, "verify.stamp.authority");
    if (s->known)
        onus_buf_printf(notes, "%-28s %s, by an authority that you know\n", ONUS_TOKEN_FILE,
                        s->time);
    else
        onus_buf_printf(notes, "%-28s stamped by an authority that is not known\n",
                        ONUS_TOKEN_FILE);
}

/* The token over the text that the owner signed: what stands below it may grow. */
static onus_status check_stamp(const onus_signed_head *h, const onus_verify_opts *o,
                               onus_buf *notes, onus_event_builder *facts, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    uint8_t imprint[32];
    onus_stamp_said said;
    onus_buf token, trusted;
    onus_buf_init(&token, o->mem, ONUS_STAMP_MAX);
    onus_buf_init(&trusted, o->mem, 1 << 20);
    ONUS_TRY(onus_path_join(path, sizeof path, o->run, ONUS_TOKEN_FILE, err));
    if (!onus_file_exists(path)) {
        if (o->tsa_cert)
            st =
                onus_fail(err, ONUS_TAMPER, "%s is not there: the run has no time stamp", path);
        onus_event_text(facts, "none", "verify.stamp");
        goto done;
    }
    ONUS_TRY(onus_file_read(path, &token, err));
    if (o->tsa_cert) ONUS_TRY(onus_file_read(o->tsa_cert, &trusted, err));
    onus_sha256_of(h->note.text, h->note.text_len, imprint);
    ONUS_TRY(onus_stamp_check(&said, token.data, token.len, path, imprint, NULL,
                              o->tsa_cert ? trusted.data ? trusted.data : "" : NULL,
                              trusted.len, err));
    say_stamp(&said, notes, facts);
done:
    onus_buf_release(&token);
    onus_buf_release(&trusted);
    return st;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void say_extensions(const onus_note *note, onus_buf *notes, onus_event_builder *facts)
{
    char shown[256];
    for (int64_t i = 0; i < note->n_extensions; i++) {
        const char *line;
        size_t n;
        onus_note_extension(note, i, &line, &n);
        if (n >= sizeof shown) {
            n = sizeof shown - 1;
            while (n > 0 && (line[n] & 0xc0) == 0x80) n--; /* a character stays whole */
        }
        memcpy(shown, line, n);
        shown[n] = '\0';
        onus_tame(shown);
        onus_event_text(facts, shown, "verify.extension.%lld", (long long)i + 1);
        onus_buf_printf(notes, "%-28s says besides, and nothing checks it: '%s'\n",
                        ONUS_NOTE_FILE, shown);
    }
}

onus_status onus_verify_head(const onus_verify_opts *o, const onus_log *log, onus_buf *notes,
                             onus_event_builder *facts, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_signed_head h = {.path = ""};
    const onus_witness_keys witnesses = {o->witnesses, o->n_witnesses};
    ONUS_TRY(onus_signed_head_open(&h, o->run, log, o->mem, err));
    if (o->key) ONUS_TRY(check_known(&h, o, err));
    onus_event_int(facts, (int64_t)h.note.n, "verify.events");
    onus_event_sha256(facts, h.note.root, "verify.head");
    onus_event_text(facts, h.note.origin, "verify.origin");
    onus_event_text(facts, h.owner.name, "verify.signer");
    onus_event_text(facts, o->key ? "known" : "not known", "verify.key");
    onus_buf_printf(notes, "%-28s %lld events have the signed head\n", "ledger.jsonl",
                    (long long)h.note.n);
    onus_buf_printf(notes, "%-28s signed by '%s'%s%s\n", ONUS_NOTE_FILE, h.owner.name,
                    o->key ? ", a key that you know" : ": key not known",
                    o->n_witnesses ? "" : "; unwitnessed");
    say_extensions(&h.note, notes, facts);
    ONUS_TRY(onus_witnesses_check(&h.note, h.path, &h.owner, witnesses, "verify", notes, facts,
                                  o->mem, err));
    ONUS_TRY(check_stamp(&h, o, notes, facts, err));
done:
    onus_signed_head_close(&h);
    return st;
}
