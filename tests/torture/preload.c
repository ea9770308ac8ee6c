/* SPDX-License-Identifier: Apache-2.0
 * preload.c - makes the Nth allocation or the Nth write of a program fail, whoever asks for it:
 * our code through the default allocator, libyaml, jansson, libdeflate, stdio.
 *
 *   LD_PRELOAD=preload.so TORTURE=malloc:17 onus run ...     the 17th malloc, calloc or realloc
 * returns NULL LD_PRELOAD=preload.so TORTURE=write:3 onus run ...       the 3rd write or fsync
 * of a regular file fails with ENOSPC LD_PRELOAD=preload.so TORTURE=count TORTURE_OUT=file
 * fails nothing, counts both: "MALLOCS WRITES" into file TORTURE_STICKY=1: everything after the
 * Nth fails, too (a full disk stays full). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static atomic_long mallocs, writes;
static long fail_malloc, fail_write;
static bool sticky, ready;

__attribute__((constructor)) static void read_settings(void)
{
    const char *what = getenv("TORTURE");
    sticky = getenv("TORTURE_STICKY") != NULL;
    if (what && strncmp(what, "malloc:", 7) == 0) fail_malloc = strtol(what + 7, NULL, 10);
    if (what && strncmp(what, "write:", 6) == 0) fail_write = strtol(what + 6, NULL, 10);
    ready = true;
}

static bool fails(atomic_long *count, long at)
{
    if (!ready) return false;
    const long n = atomic_fetch_add(count, 1) + 1;
    return at > 0 && (sticky ? n >= at : n == at);
}

/* glibc itself looks at errno, and ends the program where it is another */
static void *none(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return fails(&mallocs, fail_malloc) ? none() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails(&mallocs, fail_malloc) ? none() : __libc_calloc(n, size);
}

void *realloc(void *ptr, size_t size)
{
    return size > 0 && fails(&mallocs, fail_malloc) ? none() : __libc_realloc(ptr, size);
}

static bool is_file(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (fd > 2 && is_file(fd) && fails(&writes, fail_write)) {
        if (size > 1) { /* a disk that fills up takes what fits */
            const ssize_t part = real(fd, data, size / 2);
            if (part > 0) return part;
        }
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, size);
}

int fsync(int fd)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (is_file(fd) && fails(&writes, fail_write)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

__attribute__((destructor)) static void tell(void)
{
    const char *out = getenv("TORTURE_OUT");
    if (!out) return;
    char text[64];
    const int n =
        snprintf(text, sizeof text, "%ld %ld\n", atomic_load(&mallocs), atomic_load(&writes));
    const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    static ssize_t (*real)(int, const void *, size_t);
    real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (fd >= 0 && real(fd, text, (size_t)n) == n) close(fd);
}
