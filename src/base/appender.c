/* SPDX-License-Identifier: Apache-2.0
 * appender.c - an append-only file of lines: one write a line, so that a kill tears at most the
 * last one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"

struct onus_appender {
    const onus_allocator *mem;
    int fd;
    bool failed; /* the last line may be torn, or not on the disk: nothing may follow it */
    onus_buf line;
    char *path;
};

onus_status onus_appender_open(onus_appender **out, const char *path, const onus_allocator *mem,
                               onus_err *err)
{
    onus_appender *a = onus_alloc(mem, 1, sizeof *a);
    if (!a) return onus_fail_mem(err, path);
    a->mem = mem;
    a->fd = -1;
    onus_buf_init(&a->line, mem, (size_t)64 << 20);
    a->path = onus_strdup(mem, path);
    onus_status st = a->path ? ONUS_OK : onus_fail_mem(err, path);
    if (st == ONUS_OK) a->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (st == ONUS_OK && a->fd < 0)
        st = onus_fail(err, ONUS_IO, "cannot open '%s': %s", path, strerror(errno));
    /* One writer at a time, as long as the descriptor lives; where a file system cannot lock,
     * nobody is kept out. */
    if (st == ONUS_OK && flock(a->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        st = onus_fail(err, ONUS_IO, "'%s' is being written by another process", path);
    if (st != ONUS_OK) {
        (void)onus_appender_close(a, NULL);
        return st;
    }
    *out = a;
    return ONUS_OK;
}

onus_status onus_appender_add(onus_appender *a, const char *line, size_t len, bool sync,
                              onus_err *err)
{
    onus_buf_clear(&a->line);
    onus_buf_add(&a->line, line, len);
    onus_buf_add(&a->line, "\n", 1);
    onus_status st = onus_buf_status(&a->line, a->path, err);
    if (st != ONUS_OK) return st;
    if (a->failed)
        return onus_fail(err, ONUS_IO, "cannot append to '%s': an earlier line failed",
                         a->path);
    const char *at = a->line.data;
    size_t left = a->line.len;
    a->failed = true;
    while (left > 0) {
        const ssize_t n = write(a->fd, at, left);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return onus_fail(err, ONUS_IO, "cannot append to '%s': %s", a->path,
                             strerror(errno));
        at += n;
        left -= (size_t)n;
    }
    if (sync && fsync(a->fd) != 0)
        return onus_fail(err, ONUS_IO, "cannot sync '%s': %s", a->path, strerror(errno));
    a->failed = false;
    return ONUS_OK;
}

onus_status onus_appender_close(onus_appender *a, onus_err *err)
{
    if (!a) return ONUS_OK;
    onus_status st = ONUS_OK;
    if (a->fd >= 0) {
        if (fsync(a->fd) != 0)
            st = onus_fail(err, ONUS_IO, "cannot sync '%s': %s", a->path, strerror(errno));
        if (close(a->fd) != 0 && st == ONUS_OK)
            st = onus_fail(err, ONUS_IO, "cannot close '%s': %s", a->path, strerror(errno));
    }
    onus_buf_release(&a->line);
    onus_free(a->mem, a->path);
    onus_free(a->mem, a);
    return st;
}
