/* SPDX-License-Identifier: Apache-2.0
 * file.h - whole files in, whole files out. A file is replaced atomically: written beside,
 * fsynced, renamed, directory fsynced; whoever is killed leaves the old file or the new. */
#ifndef ONUS_BASE_FILE_H
#define ONUS_BASE_FILE_H
#include "base/buf.h"
#include "base/mem.h"

/* Appends the file's bytes to out (at most out->len_max in all). Errors name the path. */
onus_status onus_file_read(const char *path, onus_buf *out, onus_err *err) ONUS_CHECKED;
/* The same, through gzip where the file starts with its magic (1f 8b); sha256 (may be NULL) is
 * of the bytes on the disk, hashed by a second thread while the first inflates. */
onus_status onus_file_read_gzip(const char *path, onus_buf *out, uint8_t sha256[32],
                                onus_err *err) ONUS_CHECKED;
/* mode, as far as the umask allows it. create: an existing file is an error, and stays. */
onus_status onus_file_create(const char *path, const void *data, size_t len, unsigned mode,
                             onus_err *err) ONUS_CHECKED;
onus_status onus_file_replace(const char *path, const void *data, size_t len, unsigned mode,
                              onus_err *err) ONUS_CHECKED;
/* The same in pieces: begin, add.., end; until the end path's old file stands. drop, after
 * whatever came of them, leaves no trace of a file that did not end. */
#define ONUS_PATH_MAX 4096
typedef struct {
    int fd; /* -1: none */
    char path[ONUS_PATH_MAX], temp[ONUS_PATH_MAX];
} onus_replacing;
onus_status onus_replacing_begin(onus_replacing *r, const char *path, unsigned mode,
                                 onus_err *err) ONUS_CHECKED;
onus_status onus_replacing_add(onus_replacing *r, const void *data, size_t len,
                               onus_err *err) ONUS_CHECKED;
onus_status onus_replacing_end(onus_replacing *r, onus_err *err) ONUS_CHECKED;
void onus_replacing_drop(onus_replacing *r);
/* For reading anywhere; not a pipe, whose bytes come once. The caller closes fd. */
onus_status onus_file_open(const char *path, int *fd, size_t *size, onus_err *err) ONUS_CHECKED;
/* The n bytes from `at` on; fewer are an error: the file has been cut since it was opened. */
onus_status onus_file_read_at(int fd, const char *path, size_t at, void *to, size_t n,
                              onus_err *err) ONUS_CHECKED;
bool onus_file_exists(const char *path);
/* parents too; existing is fine */
onus_status onus_dir_make(const char *path, unsigned mode, onus_err *err) ONUS_CHECKED;
/* Names of regular files below dir, recursively, relative to it, sorted bytewise; the list and
 * strings belong to the arena. Symbolic links and other kinds are an error that names them. */
onus_status onus_dir_list(const char *dir, onus_arena *arena, const char ***names, int64_t *n,
                          onus_err *err) ONUS_CHECKED;
/* dir + "/" + name unless name is absolute; arena-free: writes into out[size]. */
onus_status onus_path_join(char *out, size_t size, const char *dir, const char *name,
                           onus_err *err) ONUS_CHECKED;
/* The directory part of path ("." if none). */
onus_status onus_path_dir(char *out, size_t size, const char *path, onus_err *err) ONUS_CHECKED;

/* An append-only file, one record a line; append writes line + '\n' in one write and fsyncs
 * when asked. After a write or fsync that failed every further append fails: nothing may stand
 * behind a torn line. A second appender of the same
 * file is refused (ONUS_IO) while the first is open. */
typedef struct onus_appender onus_appender;
onus_status onus_appender_open(onus_appender **out, const char *path, const onus_allocator *mem,
                               onus_err *err) ONUS_CHECKED;
onus_status onus_appender_add(onus_appender *a, const char *line, size_t len, bool sync,
                              onus_err *err) ONUS_CHECKED;
onus_status onus_appender_close(onus_appender *a, onus_err *err); /* fsyncs; NULL is fine */
#endif
