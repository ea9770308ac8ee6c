/* SPDX-License-Identifier: Apache-2.0
 * place.c - where a run's recipe lay, so that a replay finds the data.
 *
 * A ledger is for strangers, and the way from a run folder to its recipe may lead through the
 * names of a machine and its users. Where both lie in the working directory, as in a project
 * that is checked out elsewhere, the way is harmless and stands in the ledger (run.recipe.dir).
 * Else it is kept in private/recipe.dir, whose hash alone is evidence: the path, and a line of
 * random digits so that nobody finds the path by trying. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "run/session.h"

onus_status onus_folder_check(const char *run, const onus_allocator *mem, onus_err *err)
{
    const char **names;
    int64_t n;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    const onus_status st = onus_dir_list(run, &arena, &names, &n, err);
    onus_arena_release(&arena);
    return st;
}

static const char place_file[] = "private/recipe.dir";

/* From one real path to another: ".." and names. */
static bool way_between(const char *a, const char *b, char out[ONUS_PATH_MAX])
{
    size_t common = 0, i = 0, n = 0;
    for (; a[i] && a[i] == b[i]; i++) {
        if (a[i] == '/') common = i;
    }
    if ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/')) common = i;
    out[0] = '\0';
    for (size_t k = common; a[k] && n < ONUS_PATH_MAX; k++) {
        if (a[k] == '/' && a[k + 1])
            n += (size_t)snprintf(out + n, ONUS_PATH_MAX - n, "%s..", n ? "/" : "");
    }
    const char *rest = b[common] == '/' ? b + common + 1 : b + common;
    if (*rest && n < ONUS_PATH_MAX)
        n += (size_t)snprintf(out + n, ONUS_PATH_MAX - n, "%s%s", n ? "/" : "", rest);
    if (n == 0) snprintf(out, ONUS_PATH_MAX, ".");
    return n < ONUS_PATH_MAX;
}

static bool is_below(const char *path, const char *dir)
{
    const size_t n = strlen(dir);
    return n > 1 && strncmp(path, dir, n) == 0 && (path[n] == '/' || !path[n]);
}

onus_status onus_place_find(const onus_session *s, onus_place *out, onus_err *err)
{
    char from[PATH_MAX], to[PATH_MAX], here[PATH_MAX];
    if (!realpath(s->dir, from) || !realpath(s->recipe->dir, to))
        return onus_fail(err, ONUS_IO, "cannot resolve '%s' or '%s'", s->dir, s->recipe->dir);
    if (!way_between(from, to, out->way))
        return onus_fail(err, ONUS_IO, "the way from '%s' to '%s' is too long", s->dir,
                         s->recipe->dir);
    out->is_public =
        getcwd(here, sizeof here) != NULL && is_below(from, here) && is_below(to, here);
    return ONUS_OK;
}

onus_status onus_place_write(onus_session *s, const onus_place *place, onus_err *err)
{
    static const char *const names[] = {"private.file", "private.sha256", NULL};
    char path[ONUS_PATH_MAX], hex[33], text[ONUS_PATH_MAX + 40];
    uint8_t salt[16], sha[32];
    const onus_entry *begin = onus_ledger_matched(s->ledger);
    /* a run that is done again follows what event 1 says */
    if (begin ? json_object_get(begin->observed, "run.recipe.dir") != NULL : place->is_public)
        return ONUS_OK;
    if (begin && (!s->observes || !onus_ledger_at_end(s->ledger))) {
        onus_status st = onus_session_expect(s, "private", names, err);
        if (st != ONUS_OK) return st;
        json_t *file = json_string(place_file);
        st = onus_ledger_require(s->ledger, "private.file", file, err);
        json_decref(file);
        return st;
    }
    onus_random_bytes(salt, sizeof salt);
    onus_hex(salt, sizeof salt, hex);
    const int len = snprintf(text, sizeof text, "%s\n%s\n", place->way, hex);
    onus_status st = onus_path_join(path, sizeof path, s->dir, "private", err);
    if (st == ONUS_OK) st = onus_dir_make(path, 0700, err);
    if (st == ONUS_OK) st = onus_path_join(path, sizeof path, s->dir, place_file, err);
    if (st == ONUS_OK) st = onus_file_replace(path, text, (size_t)len, 0600, err);
    if (st != ONUS_OK) return st;
    onus_sha256_of(text, (size_t)len, sha);
    onus_event_begin(&s->event, "private");
    onus_event_observed(&s->event, true);
    onus_event_text(&s->event, place_file, "private.file");
    onus_event_sha256(&s->event, sha, "private.sha256");
    return onus_session_emit(s, err);
}

onus_status onus_place_read(const onus_log *log, const char *run, char dir[ONUS_PATH_MAX],
                            onus_err *err)
{
    char path[ONUS_PATH_MAX];
    const onus_entry *begin = onus_log_type(log, "run.begin", 0);
    const char *way =
        begin ? json_string_value(json_object_get(begin->observed, "run.recipe.dir")) : NULL;
    if (!begin) return onus_fail(err, ONUS_BAD_INPUT, "%s/ledger.jsonl has no run.begin", run);
    if (way) return onus_path_join(dir, ONUS_PATH_MAX, run, way, err);
    onus_status st = onus_path_join(path, sizeof path, run, place_file, err);
    if (st != ONUS_OK) return st;
    if (!onus_file_exists(path))
        return onus_fail(err, ONUS_BAD_ARG,
                         "%s does not say where its recipe lay, which its relative paths start "
                         "from (say --recipe-dir DIR)",
                         run);
    onus_buf text;
    onus_buf_init(&text, NULL, ONUS_PATH_MAX + 40);
    st = onus_file_read(path, &text, err);
    if (st == ONUS_OK) {
        text.data[strcspn(text.data, "\n")] = '\0';
        st = onus_path_join(dir, ONUS_PATH_MAX, run, text.data, err);
    }
    onus_buf_release(&text);
    return st;
}
