/* SPDX-License-Identifier: Apache-2.0
 * file.c - whole files in and out, gzip, directories, paths. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/words.h"

static onus_status fail_io(onus_err *err, const char *verb, const char *path)
{
    return onus_fail(err, ONUS_IO, "cannot %s '%s': %s", verb, path, strerror(errno));
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Files, and pipes that somebody writes to. What a stranger's folder or recipe names may be a
 * pipe that nobody ever opens, or a device without end: neither may hold a reader up. */
static onus_status open_file(const char *path, int *fd, size_t *size, onus_err *err)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) return fail_io(err, "open", path);
    onus_status st = ONUS_OK;
    if (fstat(*fd, &info) != 0) {
        st = fail_io(err, "read", path);
    } else if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        st = fail_io(err, "read", path);
    } else if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) {
        st = onus_fail(err, ONUS_IO, "cannot read '%s': neither a file nor a pipe", path);
    } else if (fcntl(*fd, F_SETFL, 0) != 0) { /* a pipe's writer is waited for */
        st = fail_io(err, "read", path);
    }
    if (st != ONUS_OK)
        close(*fd);
    else
        *size = S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
    return st;
}

static onus_status too_large(const char *path, const onus_buf *out, onus_err *err)
{
    return onus_fail(err, ONUS_BAD_INPUT, "%s: larger than the limit of %zu bytes", path,
                     out->len_max);
}

/* Room for n bytes more and a zero. */
static onus_status make_room(onus_buf *out, size_t n, const char *path, onus_err *err)
{
    if (out->cap >= out->len + n + 1) return ONUS_OK;
    char *data = onus_resize(out->mem, out->data, out->len + n + 1, 1);
    if (!data) return onus_fail_mem(err, path);
    out->data = data;
    out->cap = out->len + n + 1;
    return ONUS_OK;
}

onus_status onus_file_read(const char *path, onus_buf *out, onus_err *err)
{
    int fd;
    size_t size;
    onus_status st = open_file(path, &fd, &size, err);
    if (st != ONUS_OK) return st;
    /* Room for the whole file at once; a file that grows meanwhile is read on in pieces. */
    char piece[64 << 10];
    size_t used = 0; /* of piece: what was read may be a key */
    if (size > out->len_max) {
        close(fd);
        return too_large(path, out, err);
    }
    if (size > 0 && (st = make_room(out, size, path, err)) != ONUS_OK) {
        close(fd);
        return st;
    }
    for (;;) {
        const size_t room = out->cap > out->len + 1 ? out->cap - out->len - 1 : 0;
        const bool direct = room >= sizeof piece;
        const ssize_t n =
            direct ? read(fd, out->data + out->len, room) : read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) st = fail_io(err, "read", path);
        if (n <= 0) break;
        if (!direct && (size_t)n > used) used = (size_t)n;
        if (direct && (size_t)n <= out->len_max - out->len) {
            out->len += (size_t)n;
            out->data[out->len] = '\0';
        } else {
            onus_buf_add(out, piece, (size_t)n);
        }
        if (out->st != ONUS_OK) break;
    }
    close(fd);
    onus_wipe(piece, used);
    if (st == ONUS_OK && out->st == ONUS_OK && !out->data) onus_buf_add(out, "", 0);
    if (st == ONUS_OK && out->st == ONUS_BAD_INPUT) return too_large(path, out, err);
    return st == ONUS_OK ? onus_buf_status(out, path, err) : st;
}

onus_status onus_file_open(const char *path, int *fd, size_t *size, onus_err *err)
{
    struct stat info;
    onus_status st = open_file(path, fd, size, err);
    if (st != ONUS_OK) return st;
    if (fstat(*fd, &info) == 0 && S_ISREG(info.st_mode)) return ONUS_OK;
    close(*fd);
    return onus_fail(err, ONUS_IO, "cannot read '%s' from the middle: it is a pipe", path);
}

onus_status onus_file_read_at(int fd, const char *path, size_t at, void *to, size_t n,
                              onus_err *err)
{
    char *out = to;
    while (n > 0) {
        const ssize_t got = pread(fd, out, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_io(err, "read", path);
        if (got == 0)
            return onus_fail(err, ONUS_IO, "cannot read '%s': it has been cut meanwhile", path);
        out += got;
        at += (size_t)got;
        n -= (size_t)got;
    }
    return ONUS_OK;
}

onus_status onus_file_sha256(const char *path, uint8_t out[32], onus_err *err)
{
    int fd;
    size_t size;
    onus_sha256 h;
    char piece[64 << 10];
    onus_status st = open_file(path, &fd, &size, err);
    if (st != ONUS_OK) return st;
    onus_sha256_init(&h);
    for (;;) {
        const ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) st = fail_io(err, "read", path);
        if (n <= 0) break;
        onus_sha256_add(&h, piece, (size_t)n);
    }
    close(fd);
    if (st == ONUS_OK) onus_sha256_end(&h, out);
    return st;
}

/* ---- gzip -------------------------------------------------------------------------------- */

typedef struct {
    const onus_buf *bytes;
    uint8_t *sha;
} hash_job;

static void *hash_thread(void *arg)
{
    const hash_job *job = arg;
    onus_sha256_of(job->bytes->data, job->bytes->len, job->sha);
    return NULL;
}

/* The length in the trailer, believed only as far as deflate can reach (about 1,032 to 1) and
 * the limit allows. */
static size_t hinted_size(const onus_buf *z, size_t len_max)
{
    size_t hint = 0;
    for (size_t i = 0; i < 4 && i < z->len; i++)
        hint = hint << 8 | (unsigned char)z->data[z->len - 1 - i];
    const size_t most = z->len * 1032;
    const size_t size = hint < most ? hint : most;
    return (size < len_max ? size : len_max) + 64;
}

/* One member after the other; one that does not fit is begun again with twice the room. */
static onus_status inflate_all(const onus_buf *z, onus_buf *out, const char *path,
                               onus_err *err)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    if (!d) return onus_fail_mem(err, path);
    onus_status st = ONUS_OK;
    size_t at = 0, want = hinted_size(z, out->len_max);
    while (st == ONUS_OK && at < z->len) {
        if ((st = make_room(out, want, path, err)) != ONUS_OK) break;
        const size_t room = out->cap - out->len - 1, most = out->len_max - out->len;
        size_t used = 0, made = 0;
        const enum libdeflate_result rc = libdeflate_gzip_decompress_ex(
            d, z->data + at, z->len - at, out->data + out->len, room, &used, &made);
        if (rc == LIBDEFLATE_INSUFFICIENT_SPACE ? room > most : made > most)
            st = onus_fail(err, ONUS_BAD_INPUT,
                           "%s: inflates to more than the limit of %zu bytes", path,
                           out->len_max);
        else if (rc == LIBDEFLATE_INSUFFICIENT_SPACE)
            want = 2 * room < most ? 2 * room : most + 1;
        else if (rc != LIBDEFLATE_SUCCESS)
            st = onus_fail(
                err, ONUS_BAD_INPUT,
                "%s: not whole gzip data: the member from byte %zu on is cut or spoilt", path,
                at);
        else {
            at += used;
            out->len += made;
            want = at < z->len ? made + 64 : 0;
        }
    }
    libdeflate_free_decompressor(d);
    if (out->data) out->data[out->len] = '\0';
    return st;
}

onus_status onus_file_read_gzip(const char *path, onus_buf *out, uint8_t sha256[32],
                                onus_err *err)
{
    onus_buf raw;
    onus_buf_init(&raw, out->mem, out->len_max);
    onus_status st = onus_file_read(path, &raw, err);
    if (st != ONUS_OK) {
        onus_buf_release(&raw);
        return st;
    }
    const bool gzip = raw.len >= 2 && (unsigned char)raw.data[0] == 0x1f &&
                      (unsigned char)raw.data[1] == 0x8b;
    pthread_t thread;
    hash_job job = {.bytes = &raw, .sha = sha256};
    /* beside inflating, hashing costs nothing */
    const bool beside = sha256 && gzip && raw.len > (1 << 20) &&
                        pthread_create(&thread, NULL, hash_thread, &job) == 0;
    if (sha256 && !beside) onus_sha256_of(raw.data, raw.len, sha256);
    if (gzip) {
        st = inflate_all(&raw, out, path, err);
    } else if (out->len == 0) { /* hand the bytes over */
        onus_free(out->mem, out->data);
        out->data = raw.data;
        out->len = raw.len;
        out->cap = raw.cap;
        raw.data = NULL;
    } else {
        onus_buf_add(out, raw.data, raw.len);
        st = onus_buf_status(out, path, err);
    }
    if (beside) pthread_join(thread, NULL);
    onus_buf_release(&raw);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool sync_dir_of(const char *path)
{
    char dir[ONUS_PATH_MAX];
    if (onus_path_dir(dir, sizeof dir, path, NULL) != ONUS_OK) return false;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    /* some file systems cannot sync directories */
    const bool good = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return good;
}

/* A file that was not there; on failure it is not there again. The caller's umask holds: who
 * wants private runs has them. */
static bool write_new(const char *path, const void *data, size_t len, unsigned mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return false;
    bool good = write_all(fd, data, len) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good) return true;
    (void)unlink(path);
    errno = why;
    return false;
}

onus_status onus_file_create(const char *path, const void *data, size_t len, unsigned mode,
                             onus_err *err)
{
    if (!write_new(path, data, len, mode)) return fail_io(err, "create", path);
    return sync_dir_of(path) ? ONUS_OK : fail_io(err, "sync the directory of", path);
}

onus_status onus_replacing_begin(onus_replacing *r, const char *path, unsigned mode,
                                 onus_err *err)
{
    r->fd = -1;
    if (snprintf(r->path, sizeof r->path, "%s", path) >= (int)sizeof r->path ||
        snprintf(r->temp, sizeof r->temp, "%s.%ld.new", path, (long)getpid()) >=
            (int)sizeof r->temp)
        return onus_fail(err, ONUS_BAD_ARG, "path longer than %d bytes: '%.80s...'",
                         ONUS_PATH_MAX, path);
    /* What lies there is left from a kill, or a link that leads elsewhere. */
    (void)unlink(r->temp);
    r->fd = open(r->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return r->fd < 0 ? fail_io(err, "write", path) : ONUS_OK;
}

onus_status onus_replacing_add(onus_replacing *r, const void *data, size_t len, onus_err *err)
{
    return write_all(r->fd, data, len) ? ONUS_OK : fail_io(err, "write", r->path);
}

onus_status onus_replacing_end(onus_replacing *r, onus_err *err)
{
    if (fsync(r->fd) != 0) return fail_io(err, "write", r->path);
    const int fd = r->fd;
    r->fd = -1;
    if (close(fd) != 0 || rename(r->temp, r->path) != 0) {
        const int why = errno;
        (void)unlink(r->temp);
        errno = why;
        return fail_io(err, "write", r->path);
    }
    return sync_dir_of(r->path) ? ONUS_OK : fail_io(err, "sync the directory of", r->path);
}

void onus_replacing_drop(onus_replacing *r)
{
    if (r->fd < 0) return;
    close(r->fd);
    r->fd = -1;
    (void)unlink(r->temp);
}

onus_status onus_file_replace(const char *path, const void *data, size_t len, unsigned mode,
                              onus_err *err)
{
    onus_replacing r;
    onus_status st = onus_replacing_begin(&r, path, mode, err);
    if (st == ONUS_OK) st = onus_replacing_add(&r, data, len, err);
    if (st == ONUS_OK) st = onus_replacing_end(&r, err);
    onus_replacing_drop(&r);
    return st;
}

/* ---- directories and paths --------------------------------------------------------------- */

bool onus_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

onus_status onus_dir_make(const char *path, unsigned mode, onus_err *err)
{
    char part[ONUS_PATH_MAX];
    struct stat info;
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return onus_fail(err, ONUS_BAD_ARG, "path longer than %d bytes: '%.80s...'",
                         ONUS_PATH_MAX, path);
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return fail_io(err, "make the directory", part);
        if (!slash) break;
        *slash = '/';
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return fail_io(err, "make the directory", path);
    }
    return ONUS_OK;
}

typedef struct {
    onus_arena *arena;
    const char **names;
    int64_t n, cap;
    int depth;
} dir_walk;

static onus_status keep_name(dir_walk *w, const char *name, onus_err *err)
{
    if (w->n == w->cap) {
        const int64_t cap = w->cap ? 2 * w->cap : 32;
        const char **names = onus_arena_alloc(w->arena, (size_t)cap, sizeof *names);
        if (!names) return onus_fail_mem(err, name);
        if (w->n) memcpy(names, w->names, (size_t)w->n * sizeof *names);
        w->names = names;
        w->cap = cap;
    }
    w->names[w->n++] = name;
    return ONUS_OK;
}

static onus_status walk_dir(dir_walk *w, const char *dir, const char *below, onus_err *err)
{
    DIR *d = opendir(dir);
    if (!d) return fail_io(err, "open the directory", dir);
    onus_status st = ONUS_OK;
    struct dirent *entry;
    while (st == ONUS_OK && (entry = readdir(d)) != NULL) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        struct stat info;
        char *path = onus_arena_printf(w->arena, "%s/%s", dir, entry->d_name);
        char *name =
            onus_arena_printf(w->arena, "%s%s%s", below, *below ? "/" : "", entry->d_name);
        if (!path || !name)
            st = onus_fail_mem(err, dir);
        else if (lstat(path, &info) != 0)
            st = fail_io(err, "look at", path);
        else if (S_ISDIR(info.st_mode) && w->depth < 16) {
            w->depth++;
            st = walk_dir(w, path, name, err);
            w->depth--;
        } else if (S_ISREG(info.st_mode))
            st = keep_name(w, name, err);
        else
            st = onus_fail(err, ONUS_BAD_INPUT, "'%s' is neither a file nor a directory", path);
    }
    closedir(d);
    return st;
}

onus_status onus_dir_list(const char *dir, onus_arena *arena, const char ***names, int64_t *n,
                          onus_err *err)
{
    dir_walk w = {.arena = arena};
    onus_status st = walk_dir(&w, dir, "", err);
    if (st != ONUS_OK) return st;
    if (w.n) qsort(w.names, (size_t)w.n, sizeof *w.names, onus_text_order);
    *names = w.names;
    *n = w.n;
    return ONUS_OK;
}

onus_status onus_path_join(char *out, size_t size, const char *dir, const char *name,
                           onus_err *err)
{
    const bool whole = name[0] == '/' || !strcmp(dir, ".");
    const size_t n = strlen(dir);
    const char *slash = n && dir[n - 1] == '/' ? "" : "/";
    const int len = whole   ? snprintf(out, size, "%s", name)
                    : *name ? snprintf(out, size, "%s%s%s", dir, slash, name)
                            : snprintf(out, size, "%s", dir);
    if (len < 0 || (size_t)len >= size)
        return onus_fail(err, ONUS_BAD_ARG, "path longer than %zu bytes: '%.80s/%.80s'", size,
                         dir, name);
    return ONUS_OK;
}

onus_status onus_path_dir(char *out, size_t size, const char *path, onus_err *err)
{
    const char *slash = strrchr(path, '/');
    const int n = !slash ? 1 : slash == path ? 1 : (int)(slash - path);
    const int len = snprintf(out, size, "%.*s", n, slash ? path : ".");
    if (len < 0 || (size_t)len >= size)
        return onus_fail(err, ONUS_BAD_ARG, "path longer than %zu bytes: '%.80s'", size, path);
    return ONUS_OK;
}
