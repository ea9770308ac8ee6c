/* SPDX-License-Identifier: Apache-2.0
 * Goal: files are read whole or not at all, replaced whole or left alone, and hashed as FIPS
 * 180-4 says. Method: a folder of our own under TMPDIR; a limit on file sizes (setrlimit) in
 * the place of a full disk; gzip data cut and flipped at every byte. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/writer.h"
#include "failing_mem.h"

static char room[ONUS_PATH_MAX];

static const char *in_room(const char *name)
{
    static char path[4][ONUS_PATH_MAX + 64];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", room, name);
    return path[next];
}

static void put(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void assert_file(const char *path, const char *want)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    assert_int_equal(onus_file_read(path, &b, NULL), ONUS_OK);
    assert_int_equal(b.len, strlen(want));
    assert_memory_equal(b.data, want, b.len);
    onus_buf_release(&b);
}

/* Names in a folder below the room. */
static int64_t count_files(const char *dir)
{
    onus_arena a;
    const char **names;
    int64_t n = -1;
    onus_arena_init(&a, NULL);
    assert_int_equal(onus_dir_list(dir, &a, &names, &n, NULL), ONUS_OK);
    onus_arena_release(&a);
    return n;
}

/* ---- hashes ------------------------------------------------------------------------------ */

static void sha256_of_fips_180_4(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t sha[32];
    char hex[ONUS_HEX_LEN];
    assert_true(onus_crypto_start() && onus_crypto_start());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_sha256_of(rows[i].text, strlen(rows[i].text), sha);
        onus_hex(sha, 32, hex);
        assert_string_equal(hex, rows[i].hex);
    }
    onus_sha256 h; /* a million times 'a', in uneven pieces */
    char piece[997];
    memset(piece, 'a', sizeof piece);
    onus_sha256_init(&h);
    for (size_t left = 1000000; left > 0;) {
        const size_t n = left < sizeof piece ? left : sizeof piece;
        onus_sha256_add(&h, piece, n);
        left -= n;
    }
    onus_sha256_end(&h, sha);
    onus_hex(sha, 32, hex);
    assert_string_equal(hex,
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    put(in_room("abc"), "abc", 3);
    assert_int_equal(onus_file_sha256(in_room("abc"), sha, NULL), ONUS_OK);
    onus_hex(sha, 32, hex);
    assert_string_equal(hex, rows[1].hex);
    onus_err err;
    assert_int_equal(onus_file_sha256(in_room("none"), sha, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "none"));
    assert_int_equal(onus_file_sha256(room, sha, NULL), ONUS_IO); /* a folder */
}

static void hex_is_strict(void **state)
{
    (void)state;
    uint8_t out[4] = {1, 2, 3, 4};
    char text[9];
    assert_true(onus_unhex("00ff10a9", out, 4));
    const uint8_t want[4] = {0x00, 0xff, 0x10, 0xa9};
    assert_memory_equal(out, want, 4);
    onus_hex(out, 4, text);
    assert_string_equal(text, "00ff10a9");
    static const char *const refused[] = {"00ff10a",  "00ff10a90", "00FF10a9", "00ff10ag",
                                          " 0ff10a9", "0x0ff10a",  "",         "00ff10a\xb9"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(onus_unhex(refused[i], out, 4));
    assert_true(onus_unhex("", out, 0));
}

static void secrets_are_drawn_and_vanish(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    onus_random_bytes(a, 32);
    onus_random_bytes(b, 32);
    assert_memory_not_equal(a, b, 32); /* wrong once in 2^256 */
    onus_wipe(a, 32);
    for (int i = 0; i < 32; i++) assert_int_equal(a[i], 0);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void files_are_read_up_to_the_limit(void **state)
{
    (void)state;
    onus_err err;
    static char data[200001];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 31 % 251);
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t n = sizes[i];
        put(in_room("data"), data, n);
        onus_buf b;
        onus_buf_init(&b, NULL, n + 3);
        onus_buf_str(&b, "abc"); /* the file is appended */
        assert_int_equal(onus_file_read(in_room("data"), &b, &err), ONUS_OK);
        assert_int_equal(b.len, n + 3);
        assert_memory_equal(b.data, "abc", 3);
        assert_memory_equal(b.data + 3, data, n);
        assert_int_equal(b.data[b.len], 0);
        onus_buf_release(&b);
        if (n == 0) continue;
        onus_buf_init(&b, NULL, n - 1);
        assert_int_equal(onus_file_read(in_room("data"), &b, &err), ONUS_BAD_INPUT);
        assert_non_null(strstr(err.msg, "data"));
        onus_buf_release(&b);
    }
    onus_buf b;
    onus_buf_init(&b, NULL, 100);
    assert_int_equal(onus_file_read(in_room("absent"), &b, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "absent"));
    assert_int_equal(onus_file_read(room, &b, &err), ONUS_IO);
    assert_int_equal(onus_file_read("/proc/self/status", &b, &err),
                     ONUS_BAD_INPUT); /* size 0 */
    onus_buf_release(&b);
    onus_buf_init(&b, NULL, 1 << 20);
    assert_int_equal(onus_file_read("/proc/self/status", &b, &err), ONUS_OK);
    assert_non_null(strstr(b.data, "Pid:"));
    onus_buf_release(&b);
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Goal: what a stranger's folder names instead of a file holds nobody up. Method: a pipe that
 * nobody writes to, a device without end, a sparse file beyond the limit; a pipe with a writer
 * is read. */
static void pipes_and_devices_hold_nobody_up(void **state)
{
    (void)state;
    onus_err err;
    uint8_t sha[32];
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    assert_int_equal(mkfifo(in_room("pipe"), 0600), 0);
    assert_int_equal(onus_file_read(in_room("pipe"), &b, &err), ONUS_OK);
    assert_int_equal(b.len, 0);
    assert_int_equal(unlink(in_room("pipe")), 0);
    assert_int_equal(onus_file_read("/dev/zero", &b, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "'/dev/zero': neither a file nor a pipe"));
    assert_int_equal(onus_file_sha256("/dev/zero", sha, &err), ONUS_IO);
    put(in_room("sparse"), "", 0);
    assert_int_equal(truncate(in_room("sparse"), (off_t)1 << 40), 0);
    assert_int_equal(onus_file_read(in_room("sparse"), &b, &err), ONUS_BAD_INPUT);
    assert_int_equal(unlink(in_room("sparse")), 0);
    int ends[2];
    char path[40];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a,b\n", 4), 4);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(onus_file_read(path, &b, &err), ONUS_OK);
    assert_string_equal(b.data, "a,b\n");
    close(ends[0]);
    onus_buf_release(&b);
}

/* Goal: a user's words neither break an error's line nor turn or steer the terminal. Method:
 * C0, C1, separators, overrides and isolates; an Arabic word with its mark of direction
 * stays. */
static void errors_are_one_line_that_steers_nothing(void **state)
{
    (void)state;
    onus_err err;
    (void)onus_fail(&err, ONUS_BAD_INPUT,
                    "a\nb\x1b[31mc\xc2\x9b"
                    "4md\xe2\x80\xae"
                    "e\xe2\x80\xa8"
                    "f\xe2\x81\xa7"
                    "g");
    assert_string_equal(err.msg, "a?b?[31mc?4md?e?f?g");
    (void)onus_hint(&err, ONUS_BAD_INPUT, "x\ry");
    assert_string_equal(err.hint, "x?y");
    (void)onus_fail(&err, ONUS_BAD_INPUT, "\xd8\xb9\xe2\x80\x8f\xe2\x80\x9c\xc2\xa0");
    assert_string_equal(err.msg, "\xd8\xb9\xe2\x80\x8f\xe2\x80\x9c\xc2\xa0");
}

static void replaced_whole(void **state)
{
    (void)state;
    char dir[ONUS_PATH_MAX + 64], path[ONUS_PATH_MAX + 128];
    snprintf(dir, sizeof dir, "%s/deep/er", room);
    assert_int_equal(onus_dir_make(dir, 0755, NULL), ONUS_OK);
    assert_int_equal(onus_dir_make(dir, 0755, NULL), ONUS_OK);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_false(onus_file_exists(path));
    assert_int_equal(onus_file_replace(path, "old", 3, 0644, NULL), ONUS_OK);
    assert_file(path, "old");
    const mode_t mask = umask(0077);
    assert_int_equal(onus_file_replace(path, "new and longer", 14, 0640, NULL), ONUS_OK);
    umask(mask);
    assert_file(path, "new and longer");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);                          /* the umask holds */
    assert_int_equal(onus_file_create(path, "x", 1, 0644, NULL), ONUS_IO); /* it is there */
    assert_file(path, "new and longer");
    assert_int_equal(onus_file_replace(path, NULL, 0, 0600, NULL), ONUS_OK);
    assert_file(path, "");
    assert_int_equal(count_files(dir), 1);
}

/* Goal: whatever fails, the old file stays and nothing is left beside it. Method: a size limit
 * in the place of a full disk; a folder in the place of the file; a folder that is not
 * there. */
static void failures_leave_the_old_file(void **state)
{
    (void)state;
    onus_err err;
    char dir[ONUS_PATH_MAX + 64], path[ONUS_PATH_MAX + 128];
    snprintf(dir, sizeof dir, "%s/full", room);
    assert_int_equal(onus_dir_make(dir, 0755, NULL), ONUS_OK);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(onus_file_replace(path, "old", 3, 0644, NULL), ONUS_OK);
    static char big[100000];
    struct rlimit was, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const onus_status st = onus_file_replace(path, big, sizeof big, 0644, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(st, ONUS_IO);
    assert_non_null(strstr(err.msg, path));
    assert_non_null(strstr(err.msg, strerror(EFBIG)));
    assert_file(path, "old");
    assert_int_equal(count_files(dir), 1);
    snprintf(path, sizeof path, "%s/sub", dir);
    assert_int_equal(onus_dir_make(path, 0755, NULL), ONUS_OK);
    assert_int_equal(onus_file_replace(path, "x", 1, 0644, &err), ONUS_IO);
    assert_int_equal(count_files(dir), 1);
    assert_int_equal(onus_file_replace(in_room("nowhere/f"), "x", 1, 0644, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "nowhere"));
    char long_path[ONUS_PATH_MAX + 10];
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(onus_file_replace(long_path, "x", 1, 0644, &err), ONUS_BAD_ARG);
    assert_int_equal(onus_dir_make(long_path, 0755, &err), ONUS_BAD_ARG);
}

/* ---- in pieces ----------------------------------------------------------------------------
 */

/* Some pieces of every length, whose ends fall everywhere; the same bytes in one go. */
static char *write_pieces(const char *path, size_t *len, uint64_t *told, uint8_t sha[32])
{
    enum { MOST = 3 * ONUS_PIECE_BYTES };
    static const size_t pieces[] = {1, 7, ONUS_PIECE_BYTES - 8, ONUS_PIECE_BYTES, 4096, 100001};
    char *all = malloc(MOST);
    onus_writer *w = NULL;
    assert_non_null(all);
    for (size_t i = 0; i < MOST; i++) all[i] = (char)(i * 2654435761u >> 13);
    *len = 0;
    assert_int_equal(onus_writer_open(&w, path, 0644, NULL, NULL), ONUS_OK);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_int_equal(onus_writer_add(w, all + *len, pieces[i], NULL), ONUS_OK);
        *len += pieces[i];
    }
    assert_int_equal(onus_writer_end(w, told, sha, NULL), ONUS_OK);
    onus_writer_close(w);
    return all;
}

static void written_in_pieces(void **state)
{
    (void)state;
    const char *path = in_room("pieces");
    uint8_t want[32], sha[32], on_disk[32];
    uint64_t told;
    size_t len;
    char *all = write_pieces(path, &len, &told, sha);
    onus_sha256_of(all, len, want);
    assert_int_equal(told, len);
    assert_memory_equal(sha, want, 32);
    assert_int_equal(onus_file_sha256(path, on_disk, NULL), ONUS_OK);
    assert_memory_equal(on_disk, want, 32);
    free(all);
    free(write_pieces(NULL, &len, &told, sha)); /* nothing but the hash */
    assert_memory_equal(sha, want, 32);
    onus_writer *w = NULL;
    assert_int_equal(onus_writer_open(&w, in_room("none"), 0644, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_writer_end(w, &told, sha, NULL), ONUS_OK);
    onus_writer_close(w);
    onus_sha256_of("", 0, want);
    assert_memory_equal(sha, want, 32);
    assert_file(in_room("none"), "");
}

/* Until the end the old file stands, whatever fails, and nothing is left beside it. */
static void unfinished_files_leave_no_trace(void **state)
{
    (void)state;
    static const char piece[ONUS_PIECE_BYTES];
    char dir[ONUS_PATH_MAX + 64], path[ONUS_PATH_MAX + 128];
    onus_err err;
    onus_writer *w = NULL;
    uint64_t told;
    uint8_t sha[32];
    snprintf(dir, sizeof dir, "%s/half", room);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(onus_dir_make(dir, 0755, NULL), ONUS_OK);
    assert_int_equal(onus_file_replace(path, "old", 3, 0644, NULL), ONUS_OK);
    assert_int_equal(onus_writer_open(&w, path, 0644, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_writer_add(w, piece, sizeof piece, NULL), ONUS_OK);
    assert_file(path, "old");
    onus_writer_close(w);
    assert_file(path, "old");
    assert_int_equal(count_files(dir), 1);
    struct rlimit was, small;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = sizeof piece / 2;
    assert_int_equal(onus_writer_open(&w, path, 0644, NULL, NULL), ONUS_OK);
    setrlimit(RLIMIT_FSIZE, &small);
    onus_status st = onus_writer_add(w, piece, sizeof piece - 1, &err);
    assert_int_equal(st, ONUS_OK); /* it has not left the memory */
    st = onus_writer_end(w, &told, sha, &err);
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(st, ONUS_IO);
    assert_non_null(strstr(err.msg, path));
    onus_writer_close(w);
    assert_file(path, "old");
    assert_int_equal(count_files(dir), 1);
    onus_writer_close(NULL);
    assert_int_equal(onus_writer_open(&w, in_room("nowhere/f"), 0644, NULL, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "nowhere/f"));
}

static onus_status write_two(const onus_allocator *mem, void *ctx, onus_err *err)
{
    static const char piece[ONUS_PIECE_BYTES];
    onus_writer *w = NULL;
    uint64_t told;
    uint8_t sha[32];
    onus_status st = onus_writer_open(&w, ctx, 0644, mem, err);
    if (st == ONUS_OK) st = onus_writer_add(w, piece, sizeof piece, err);
    if (st == ONUS_OK) st = onus_writer_end(w, &told, sha, err);
    onus_writer_close(w);
    return st;
}

static void writers_survive_the_end_of_memory(void **state)
{
    (void)state;
    char path[ONUS_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/w", room);
    assert_int_equal(failing_mem_walk("writer", write_two, path), 4);
}

/* Read from the middle: what is cut meanwhile is an error, a pipe is one at once. */
static void read_from_the_middle(void **state)
{
    (void)state;
    const char *path = in_room("middle");
    char two[3] = "";
    int fd;
    size_t size;
    onus_err err;
    put(path, "abcdef", 6);
    assert_int_equal(onus_file_open(path, &fd, &size, NULL), ONUS_OK);
    assert_int_equal(size, 6);
    assert_int_equal(onus_file_read_at(fd, path, 3, two, 2, NULL), ONUS_OK);
    assert_string_equal(two, "de");
    assert_int_equal(truncate(path, 4), 0);
    assert_int_equal(onus_file_read_at(fd, path, 3, two, 2, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, path));
    close(fd);
    const char *pipe_path = in_room("pipe.middle");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(onus_file_open(pipe_path, &fd, &size, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "pipe"));
    assert_int_equal(onus_file_open(in_room("absent"), &fd, &size, &err), ONUS_IO);
}

/* Goal: nobody who can write into the folder makes us write elsewhere: a link that waits at the
 * temporary name is not followed. */
static void links_are_not_followed(void **state)
{
    (void)state;
    char temp[ONUS_PATH_MAX + 64];
    put(in_room("victim"), "mine", 4);
    snprintf(temp, sizeof temp, "%s/target.%ld.new", room, (long)getpid());
    assert_int_equal(symlink(in_room("victim"), temp), 0);
    assert_int_equal(onus_file_replace(in_room("target"), "evil", 4, 0600, NULL), ONUS_OK);
    assert_file(in_room("victim"), "mine");
    assert_file(in_room("target"), "evil");
    struct stat info;
    assert_int_equal(lstat(in_room("target"), &info), 0);
    assert_true(S_ISREG(info.st_mode));
    unlink(in_room("victim"));
}

static void appends_lines(void **state)
{
    (void)state;
    onus_appender *a;
    onus_err err;
    assert_int_equal(onus_appender_open(&a, in_room("log"), NULL, NULL), ONUS_OK);
    assert_int_equal(onus_appender_add(a, "one", 3, false, NULL), ONUS_OK);
    assert_int_equal(onus_appender_add(a, "", 0, true, NULL), ONUS_OK);
    assert_int_equal(onus_appender_close(a, NULL), ONUS_OK);
    assert_int_equal(onus_appender_open(&a, in_room("log"), NULL, NULL), ONUS_OK);
    assert_int_equal(onus_appender_add(a, "two", 3, true, NULL), ONUS_OK);
    assert_int_equal(onus_appender_close(a, NULL), ONUS_OK);
    assert_int_equal(onus_appender_close(NULL, NULL), ONUS_OK);
    assert_file(in_room("log"), "one\n\ntwo\n");
    assert_int_equal(onus_appender_open(&a, in_room("no/log"), NULL, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "no/log"));
}

/* Goal: a line that was torn stays the last one: a later line behind it would make evidence
 * that nobody wrote. */
static void a_torn_line_stays_the_last(void **state)
{
    (void)state;
    onus_appender *a;
    onus_err err;
    struct rlimit was, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(onus_appender_open(&a, in_room("torn"), NULL, NULL), ONUS_OK);
    assert_int_equal(onus_appender_add(a, "first", 5, true, NULL), ONUS_OK);
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 9;
    setrlimit(RLIMIT_FSIZE, &small);
    const onus_status st = onus_appender_add(a, "second", 6, true, &err);
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(st, ONUS_IO);
    assert_int_equal(onus_appender_add(a, "third", 5, true, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "torn"));
    (void)onus_appender_close(a, NULL);
    assert_file(in_room("torn"), "first\nsec");
}

static onus_status use_appender(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_appender *a;
    char line[300];
    memset(line, 'x', sizeof line);
    onus_status st = onus_appender_open(&a, ctx, mem, err);
    if (st != ONUS_OK) return st;
    st = onus_appender_add(a, line, sizeof line, false, err);
    const onus_status end = onus_appender_close(a, NULL);
    return st != ONUS_OK ? st : end;
}

static onus_status use_readers(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_buf b;
    uint8_t sha[32];
    onus_buf_init(&b, mem, 1 << 22);
    onus_status st = onus_file_read(ctx, &b, err);
    onus_buf_clear(&b);
    if (st == ONUS_OK) st = onus_file_read_gzip(ctx, &b, sha, err);
    onus_buf_release(&b);
    return st;
}

/* ---- gzip -------------------------------------------------------------------------------- */

/* One gzip member of data, appended to z. */
static size_t zip(const void *data, size_t len, unsigned char *z, size_t room_left)
{
    z_stream s = {0};
    assert_int_equal(deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    s.next_in = (unsigned char *)data;
    s.avail_in = (unsigned)len;
    s.next_out = z;
    s.avail_out = (unsigned)room_left;
    assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
    const size_t n = s.total_out;
    deflateEnd(&s);
    return n;
}

static onus_status unzip(const void *z, size_t len, onus_buf *out, onus_err *err)
{
    put(in_room("z.gz"), z, len);
    return onus_file_read_gzip(in_room("z.gz"), out, NULL, err);
}

static const char story[] = "age,sex,risk\n41,female,good\n23,male,bad\n58,male,good\n";

static void gzip_members_follow_each_other(void **state)
{
    (void)state;
    unsigned char z[1000];
    uint8_t sha[32], want[32];
    onus_buf b;
    size_t n = zip(story, strlen(story), z, sizeof z);
    n += zip("", 0, z + n, sizeof z - n);
    n += zip("tail", 4, z + n, sizeof z - n);
    put(in_room("z.gz"), z, n);
    onus_buf_init(&b, NULL, 1000);
    onus_buf_str(&b, "+");
    assert_int_equal(onus_file_read_gzip(in_room("z.gz"), &b, sha, NULL), ONUS_OK);
    assert_int_equal(b.data[0], '+');
    assert_memory_equal(b.data + 1, story, strlen(story));
    assert_string_equal(b.data + 1 + strlen(story), "tail");
    onus_sha256_of(z, n, want); /* of the bytes on the disk */
    assert_memory_equal(sha, want, 32);
    onus_buf_release(&b);
    put(in_room("plain"), story, strlen(story)); /* no magic: as it is */
    onus_buf_init(&b, NULL, 1000);
    assert_int_equal(onus_file_read_gzip(in_room("plain"), &b, sha, NULL), ONUS_OK);
    assert_string_equal(b.data, story);
    onus_sha256_of(story, strlen(story), want);
    assert_memory_equal(sha, want, 32);
    assert_int_equal(onus_file_read_gzip(in_room("plain"), &b, NULL, NULL), ONUS_OK);
    assert_int_equal(b.len, 2 * strlen(story));
    onus_buf_release(&b);
}

/* Whatever is cut off is an error, from the magic on; so is what follows the last member. */
static void gzip_cut_anywhere_is_an_error(void **state)
{
    (void)state;
    unsigned char z[1000];
    onus_err err;
    const size_t one = zip(story, strlen(story), z, sizeof z),
                 n = one + zip("tail", 4, z + one, sizeof z - one);
    for (size_t cut = 2; cut <= n; cut++) {
        onus_buf b;
        onus_buf_init(&b, NULL, 1000);
        const onus_status st = unzip(z, cut, &b, &err);
        const bool whole = cut == one || cut == n;
        if (st != (whole ? ONUS_OK : ONUS_BAD_INPUT)) fail_msg("cut at %zu: %d", cut, (int)st);
        if (!whole) assert_non_null(strstr(err.msg, "z.gz"));
        onus_buf_release(&b);
    }
    memcpy(z + n, "\0\0junk", 6);
    onus_buf b;
    onus_buf_init(&b, NULL, 1000);
    assert_int_equal(unzip(z, n + 6, &b, &err), ONUS_BAD_INPUT);
    onus_buf_release(&b);
}

/* A flipped bit is an error or (time, system, flags of the header) changes nothing. */
static void gzip_flipped_anywhere_is_seen(void **state)
{
    (void)state;
    unsigned char z[1000];
    const size_t n = zip(story, strlen(story), z, sizeof z);
    for (size_t at = 2; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            onus_buf b;
            onus_buf_init(&b, NULL, 100000);
            z[at] ^= (unsigned char)(1 << bit);
            const onus_status st = unzip(z, n, &b, NULL);
            z[at] ^= (unsigned char)(1 << bit);
            if (st == ONUS_OK) assert_string_equal(b.data, story);
            onus_buf_release(&b);
        }
}

/* 16 MiB of zeros shrink to 16 KiB: the limit holds, and memory stays near it. */
static void gzip_bombs_stop_at_the_limit(void **state)
{
    (void)state;
    enum { SIZE = 16 << 20, LIMIT = 1 << 20 };
    char *zeros = calloc(1, SIZE);
    unsigned char *z = malloc(1 << 20);
    onus_err err;
    size_t n = zip(zeros, SIZE, z, 1 << 20);
    failing_mem m = {.most = 3 * LIMIT};
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_buf b;
    onus_buf_init(&b, &mem, LIMIT);
    assert_int_equal(unzip(z, n, &b, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "1048576"));
    onus_buf_release(&b);
    memset(z + n - 4, 0, 4); /* the trailer lies: 0 bytes */
    onus_buf_init(&b, &mem, LIMIT);
    assert_int_equal(unzip(z, n, &b, &err), ONUS_BAD_INPUT);
    onus_buf_release(&b);
    n = zip(zeros, LIMIT, z, 1 << 20); /* exactly the limit is fine */
    memset(z + n - 4, 0xff, 4);        /* the trailer lies: 4 GiB */
    onus_buf_init(&b, &mem, LIMIT);
    assert_int_equal(unzip(z, n, &b, &err), ONUS_BAD_INPUT);
    onus_buf_release(&b);
    n = zip(zeros, LIMIT, z, 1 << 20);
    onus_buf_init(&b, &mem, LIMIT);
    assert_int_equal(unzip(z, n, &b, &err), ONUS_OK);
    assert_int_equal(b.len, LIMIT);
    onus_buf_release(&b);
    assert_int_equal(m.live, 0);
    free(zeros);
    free(z);
}

static void files_survive_the_end_of_memory(void **state)
{
    (void)state;
    static unsigned char data[60000], z[70000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * i / 7 % 256);
    const size_t n = zip(data, sizeof data, z, sizeof z);
    char path[ONUS_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/again.gz", room);
    put(path, z, n);
    failing_mem_walk("readers", use_readers, path);
    snprintf(path, sizeof path, "%s/again.log", room);
    failing_mem_walk("appender", use_appender, path);
}

/* ---- folders and paths ------------------------------------------------------------------- */

static void folders_are_listed_in_order(void **state)
{
    (void)state;
    char dir[ONUS_PATH_MAX + 64], path[2 * ONUS_PATH_MAX];
    snprintf(dir, sizeof dir, "%s/list", room);
    static const char *const files[] = {"b", "a/z", "a/b/c", "a.b", "B", "a/\xff"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char of[ONUS_PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        assert_int_equal(onus_path_dir(of, sizeof of, path, NULL), ONUS_OK);
        assert_int_equal(onus_dir_make(of, 0755, NULL), ONUS_OK);
        put(path, "", 0);
    }
    static const char *const want[] = {"B", "a.b", "a/b/c", "a/z", "a/\xff", "b"};
    onus_arena a;
    const char **names;
    int64_t n;
    onus_err err;
    onus_arena_init(&a, NULL);
    assert_int_equal(onus_dir_list(dir, &a, &names, &n, NULL), ONUS_OK);
    assert_int_equal(n, 6);
    for (int i = 0; i < 6; i++) assert_string_equal(names[i], want[i]);
    snprintf(path, sizeof path, "%s/a/link", dir);
    assert_int_equal(symlink("z", path), 0);
    assert_int_equal(onus_dir_list(dir, &a, &names, &n, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "a/link"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(onus_dir_list(dir, &a, &names, &n, &err), ONUS_BAD_INPUT);
    unlink(path);
    assert_int_equal(onus_dir_list(in_room("absent"), &a, &names, &n, &err), ONUS_IO);
    onus_arena_release(&a);
    put(in_room("a-file"), "", 0);
    assert_int_equal(onus_dir_make(in_room("a-file"), 0755, &err), ONUS_IO);
    assert_int_equal(onus_dir_make(in_room("a-file/x"), 0755, &err), ONUS_IO);
}

static onus_status list(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_arena a;
    const char **names;
    int64_t n;
    onus_arena_init(&a, mem);
    const onus_status st = onus_dir_list(ctx, &a, &names, &n, err);
    onus_arena_release(&a);
    return st;
}

static void listing_survives_the_end_of_memory(void **state)
{
    (void)state;
    char dir[ONUS_PATH_MAX + 64], path[2 * ONUS_PATH_MAX];
    snprintf(dir, sizeof dir, "%s/many", room);
    assert_int_equal(onus_dir_make(dir, 0755, NULL), ONUS_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "%s/%0200d", dir, i);
        put(path, "", 0);
    }
    failing_mem_walk("list", list, dir);
}

static void paths_join(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *name, *want;
    } rows[] = {{"a", "b", "a/b"},   {"a/", "b", "a/b"},         {"a", "/b", "/b"},
                {".", "b/c", "b/c"}, {"/", "b", "/b"},           {"a", "", "a"},
                {".", "/b", "/b"},   {"a/b", "../c", "a/b/../c"}};
    char out[16];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(onus_path_join(out, sizeof out, rows[i].dir, rows[i].name, NULL),
                         ONUS_OK);
        assert_string_equal(out, rows[i].want);
    }
    onus_err err;
    assert_int_equal(onus_path_join(out, sizeof out, "0123456", "01234567", &err),
                     ONUS_BAD_ARG);
    assert_int_equal(onus_path_join(out, sizeof out, "0123456", "0123456", &err), ONUS_OK);
    static const struct {
        const char *path, *dir;
    } dirs[] = {{"a/b", "a"}, {"a", "."}, {"/a", "/"}, {"/a/b/c", "/a/b"}, {"a/", "a"}};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        assert_int_equal(onus_path_dir(out, sizeof out, dirs[i].path, NULL), ONUS_OK);
        assert_string_equal(out, dirs[i].dir);
    }
    assert_int_equal(onus_path_dir(out, sizeof out, "0123456789abcdef/x", &err), ONUS_BAD_ARG);
}

static int make_room(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(room, sizeof room, "%s/onus-files-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(room) ? 0 : -1;
}

static int clear_room(void **state)
{
    (void)state;
    char command[ONUS_PATH_MAX + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", room);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_fips_180_4),
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(secrets_are_drawn_and_vanish),
        cmocka_unit_test(files_are_read_up_to_the_limit),
        cmocka_unit_test(pipes_and_devices_hold_nobody_up),
        cmocka_unit_test(errors_are_one_line_that_steers_nothing),
        cmocka_unit_test(replaced_whole),
        cmocka_unit_test(written_in_pieces),
        cmocka_unit_test(unfinished_files_leave_no_trace),
        cmocka_unit_test(writers_survive_the_end_of_memory),
        cmocka_unit_test(read_from_the_middle),
        cmocka_unit_test(failures_leave_the_old_file),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(appends_lines),
        cmocka_unit_test(a_torn_line_stays_the_last),
        cmocka_unit_test(gzip_members_follow_each_other),
        cmocka_unit_test(gzip_cut_anywhere_is_an_error),
        cmocka_unit_test(gzip_flipped_anywhere_is_seen),
        cmocka_unit_test(gzip_bombs_stop_at_the_limit),
        cmocka_unit_test(files_survive_the_end_of_memory),
        cmocka_unit_test(folders_are_listed_in_order),
        cmocka_unit_test(listing_survives_the_end_of_memory),
        cmocka_unit_test(paths_join),
    };
    return cmocka_run_group_tests(tests, make_room, clear_room);
}
