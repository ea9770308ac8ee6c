/* SPDX-License-Identifier: Apache-2.0
 * Goal: heads are C2SP signed notes that others read, and notes of others are read; keys are
 * kept as such files are kept elsewhere; whatever is changed is noticed. Method: checkpoints
 * that sum.golang.org published, the example key of golang.org/x/mod/sumdb/note, signatures
 * computed with another implementation (Python's cryptography 48); every byte of a note and of
 * a key changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proof/note.h"

#define DASH "\xe2\x80\x94 "

static const char golang_key[] =
    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
static const char golang_note[] =
    "go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n" DASH
    "sum.golang.org "
    "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL"
    "+o3GeoWwOoAw=\n";
static const char golang_witnessed[] =
    "go.sum database tree\n15067302\ngJyioq6dwR9n+NjEWORfYmH+ubeYm3kH42BBQ0bTpYI=\n\n" DASH
    "sum.golang.org "
    "Az3grp1rvWOs5NKlr/xR4GLN/CDyzzakmt1o61uSxYKpK1SerqOP2ClbX/peKUZjYnyomH5Xz7GZG3T"
    "pB7OeKn4E2ww=\n" DASH "test.example.com "
    "qTGhC/xIPQ0AXKHK6Y+9ypRfuvMZWPjRXM8NiOg5M1WREn07VQXyuIXM3NRNav3ieVFLUqDRK77PW"
    "DmL6w8w84UqeAw=\n";

static const char example_pub[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char example_key[] =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
/* root of the eight-leaf test tree, signed by the key above (cryptography 48) */
static const char example_note[] =
    "onus/german-credit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n" DASH
    "PeterNeumann "
    "x08go8gWYY0mXLzv4LnQtCDIrH+FH0lUIgJL3p7hWnsmHKpqc/gCfN4Bv/+GClFgaScH0qhnYQcpHTOBh"
    "uuqMyIXnAE=\n";

static onus_key public_key(const char *text)
{
    onus_key k;
    onus_err err;
    if (onus_key_public_parse(&k, text, "key", &err) != ONUS_OK) fail_msg("%s", err.msg);
    return k;
}

static onus_status verify(const char *text, size_t len, const onus_key *k, onus_err *err)
{
    onus_note note;
    return onus_note_verify(&note, text, len, "n.note", k, err);
}

static void notes_of_others(void **state)
{
    (void)state;
    const onus_key k = public_key(golang_key);
    onus_note note;
    onus_err err;
    assert_int_equal(k.id, 0x033de0ae);
    assert_int_equal(onus_note_verify(&note, golang_note, strlen(golang_note), "n", &k, &err),
                     ONUS_OK);
    assert_string_equal(note.origin, "go.sum database tree");
    assert_int_equal(note.n, 6476701);
    assert_int_equal(note.root[0], 0x99);
    assert_int_equal(note.n_signatures, 1);
    assert_int_equal(note.n_extensions, 0);
    assert_int_equal(
        onus_note_verify(&note, golang_witnessed, strlen(golang_witnessed), "n", &k, &err),
        ONUS_OK);
    assert_int_equal(note.n_signatures, 2);
    const onus_key other = public_key(example_pub);
    assert_int_equal(verify(golang_note, strlen(golang_note), &other, &err), ONUS_TAMPER);
    assert_string_equal(err.msg, "n.note: no signature of 'PeterNeumann'");
}

static char room[] = "/tmp/onus-note-XXXXXX";

static const char *in_room(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", room, name);
    return path;
}

static void write_file(const char *name, const void *text, size_t len)
{
    char path[128];
    FILE *f = fopen(in_room(name, path), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Ed25519 is deterministic: two implementations that agree give one signature. */
static void signed_as_others_sign(void **state)
{
    (void)state;
    char path[128], text[256];
    uint8_t root[32];
    onus_key k;
    onus_err err;
    write_file("example", example_key, strlen(example_key));
    assert_int_equal(onus_key_load(&k, in_room("example", path), &err), ONUS_OK);
    assert_true(k.has_secret);
    onus_key_public_text(&k, text);
    assert_string_equal(text, example_pub);
    assert_true(onus_unhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
                           root, 32));
    onus_buf note;
    onus_buf_init(&note, NULL, 4096);
    assert_int_equal(onus_note_sign(&note, &k, "onus/german-credit", 8, root, &err), ONUS_OK);
    assert_string_equal(note.data, example_note);
    assert_int_equal(verify(note.data, note.len, &k, &err), ONUS_OK);
    assert_int_equal(onus_note_sign(&note, &k, "two\nlines", 8, root, &err), ONUS_BAD_ARG);
    assert_int_equal(onus_note_sign(&note, &k, "", 8, root, &err), ONUS_BAD_ARG);
    k = public_key(example_pub);
    assert_int_equal(onus_note_sign(&note, &k, "onus", 8, root, &err), ONUS_BAD_ARG);
    onus_buf_release(&note);
}

/* Nothing of a note can be changed, left out or added unnoticed, but for signatures of keys
 * that are not known. */
static void every_byte_of_a_note(void **state)
{
    (void)state;
    const onus_key k = public_key(example_pub);
    char text[400];
    const size_t n = strlen(example_note);
    onus_err err;
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(text, example_note, n);
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_int_equal(verify(text, n, &k, &err), ONUS_TAMPER);
        }
        assert_int_equal(verify(example_note, i, &k, &err), ONUS_TAMPER);
        memcpy(text, example_note, i); /* one byte less */
        memcpy(text + i, example_note + i + 1, n - i - 1);
        assert_int_equal(verify(text, n - 1, &k, &err), ONUS_TAMPER);
    }
    static const char *const more[] = {"x", "\n", "x\n", "\n\n"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        snprintf(text, sizeof text, "%s%s", example_note, more[i]);
        assert_int_equal(verify(text, strlen(text), &k, &err), ONUS_TAMPER);
    }
}

static void malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "text that ends in a line end"},
        {"\n", "an origin"},
        {"o\n", "a size"},
        {"o\n01\n", "a size"},
        {"o\n-1\n", "a size in digits"},
        {"o\n99999999999999999999\n", "a size"},
        {"o\n1\n", "a root in base64"},
        {"o\n1\nAAAA\n", "a root in base64"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
         "a root in base64"}, /* slack */
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
         "an empty line after the root"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n", "an empty line"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n", "no signature of"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n\n", "no signature of"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmo\tre\n\n", "text that ends"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nm\xffre\n\n", "text that ends"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH "a+b AAAAAAAA\n",
         "a signature line"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx\n", "a signature line"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH "k\n",
         "a signature line"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH " AAAA\n",
         "a signature line"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH "k AAAA\n",
         "a signature line (name, base64)"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH "k AAAAAAAA=\n",
         "a signature line (name, base64)"},
        {"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" DASH
         "PeterNeumann x08go8gWYY0=\n",
         "the signature of 'PeterNeumann' is wrong"},
    };
    const onus_key k = public_key(example_pub);
    onus_err err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(verify(rows[i].text, strlen(rows[i].text), &k, &err), ONUS_TAMPER);
        if (!strstr(err.msg, rows[i].expected) || !strstr(err.msg, "n.note: "))
            fail_msg("'%s' does not hold '%s'", err.msg, rows[i].expected);
    }
    char *big = malloc(1 << 19);
    assert_non_null(big);
    memset(big, 'a', 1 << 19);
    big[(1 << 19) - 1] = '\n';
    assert_int_equal(verify(big, 1 << 19, &k, &err), ONUS_TAMPER);
    free(big);
}

/* RFC 8032, 7.1, test 1, as a witness (0x04) and as a plain signer (0x01); signatures by
 * OpenSSL 3.0 over the message that tlog-cosignature describes. */
#define W1 DASH "witness.example/w1 "
static const char witness_pub[] =
    "witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
static const char witness_key[] =
    "PRIVATE+KEY+witness.example/w1+eb762cc2+BJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n";
static const char plain_pub[] =
    "witness.example/w1+6d141fc1+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
static const char cosigned[] =
    W1 "63YswgAAAABkGFDLXE7yt2HFtq80ihDTryT/E1rfgkmt0jIXwvUgu0D7gSd7zG4fJh2jcQyT+EgmbS+GT+"
       "h5xQl3aF0MluftMjfeCg==\n";
static const char plain[] =
    W1 "bRQfwX3lcGSD5qXOKwVwcEDA+OmtueHGXDUWsrvVFKQDAY/l53++TAp/9yrGhuWZisuO+77MppQPnRCxJ2"
       "+U6dHv4wA=\n";
static const char too_late[] = /* valid, at 2^63, which no time may be */
    W1 "63YswoAAAAAAAAAA3z26kV25Yj2DoefibD9olmFyiBbNj/mm/zH5AoEmpNC5X875LZiVl/8M6yw1u1Ftsx"
       "kKV7XmTrCorfCKtNb3Bw==\n";

static onus_status check(const char *text, const char *pub, onus_seal *seal, onus_err *err)
{
    const onus_key owner = public_key(example_pub), k = public_key(pub);
    onus_note note;
    if (onus_note_verify(&note, text, strlen(text), "n", &owner, err) != ONUS_OK)
        fail_msg("%s", err->msg);
    return onus_note_check(&note, "n", &k, seal, err);
}

static void cosignatures(void **state)
{
    (void)state;
    char text[2000], path[128];
    onus_key k;
    onus_note note;
    onus_seal seal;
    onus_err err;
    onus_buf out;
    snprintf(text, sizeof text, "%s%s%s", example_note, cosigned, plain);
    assert_int_equal(check(text, witness_pub, &seal, &err), ONUS_OK);
    assert_int_equal(seal.time, 1679315147);
    assert_int_equal(seal.n_lines, 1);
    assert_int_equal(check(text, plain_pub, &seal, &err), ONUS_OK);
    assert_int_equal(seal.time, 0);
    assert_int_equal(check(example_note, witness_pub, &seal, &err), ONUS_TAMPER);
    assert_string_equal(err.msg, "n: no signature of 'witness.example/w1'");
    snprintf(text, sizeof text, "%s%s", example_note, too_late);
    assert_int_equal(check(text, witness_pub, &seal, &err), ONUS_TAMPER);
    assert_string_equal(err.msg, "n: the signature of 'witness.example/w1' is wrong");
    for (size_t i = 0; i + 1 < strlen(cosigned); i++) { /* no letter can be another */
        snprintf(text, sizeof text, "%s%s", example_note, cosigned);
        text[strlen(example_note) + i] ^= 1;
        onus_status st = onus_note_parse(&note, text, strlen(text), "n", &err);
        if (st == ONUS_OK) st = check(text, witness_pub, &seal, &err);
        assert_int_equal(st, ONUS_TAMPER);
    }

    /* as others write it, below what is there, byte for byte */
    write_file("witness", witness_key, strlen(witness_key));
    assert_int_equal(onus_key_load(&k, in_room("witness", path), &err), ONUS_OK);
    assert_int_equal(k.type, ONUS_KEY_COSIGNS);
    onus_buf_init(&out, NULL, 4096);
    assert_int_equal(onus_note_parse(&note, example_note, strlen(example_note), "n", &err),
                     ONUS_OK);
    assert_int_equal(onus_note_cosign(&out, &note, &k, 1679315147, &err), ONUS_OK);
    snprintf(text, sizeof text, "%s%s", example_note, cosigned);
    assert_string_equal(out.data, text);
    uint8_t root[32] = {0};
    assert_int_equal(onus_note_sign(&out, &k, "onus/x", 1, root, &err), ONUS_BAD_ARG);
    k.type = ONUS_KEY_SIGNS;
    assert_int_equal(onus_note_cosign(&out, &note, &k, 1, &err), ONUS_BAD_ARG);
    onus_buf_release(&out);
}

/* Lines after the root are signed and mean nothing, even one that is a cosignature in form and
 * would hold over the three lines above it. */
static void extensions(void **state)
{
    (void)state;
    const onus_key k = public_key(example_pub), w = public_key(witness_pub);
    char text[2000];
    const char *line;
    size_t n;
    onus_note note;
    onus_err err;
    const char *body = strstr(example_note, "\n\n");
    snprintf(text, sizeof text,
             "%.*s%smore words\n\n" DASH "PeterNeumann x08go8841zbxZ+/VBN8a1WoO8tp7B0Tx+4+u/"
             "arVFxCe5MoIa79CnvEtqxYqaBfZZYSuWeu7WlqbXDHr/VgtucZjUg8=\n",
             (int)(body + 1 - example_note), example_note, cosigned);
    assert_int_equal(onus_note_verify(&note, text, strlen(text), "n", &k, &err), ONUS_OK);
    assert_int_equal(note.n_extensions, 2);
    assert_int_equal(note.n_signatures, 1);
    onus_note_extension(&note, 0, &line, &n);
    assert_int_equal(n, strlen(cosigned) - 1);
    assert_memory_equal(line, cosigned, n);
    onus_note_extension(&note, 1, &line, &n);
    assert_int_equal(n, 10);
    assert_memory_equal(line, "more words", 10);
    assert_int_equal(onus_note_check(&note, "n", &w, NULL, &err), ONUS_TAMPER);
    assert_string_equal(err.msg, "n: no signature of 'witness.example/w1'");
    text[strstr(text, "more") - text] ^= 1; /* signed over */
    assert_int_equal(verify(text, strlen(text), &k, &err), ONUS_TAMPER);
}

/* A note may hold 16 signatures of post-quantum size; ours is looked for among them. */
static void signatures_of_others(void **state)
{
    (void)state;
    char *text = malloc(1 << 18), line[6700];
    onus_note note;
    onus_err err;
    assert_non_null(text);
    memset(line, 'A', 6668); /* base64 of 5,001 bytes */
    line[6668] = '\0';
    size_t n = (size_t)sprintf(text, "%s", example_note);
    for (int i = 0; i < 16; i++) n += (size_t)sprintf(text + n, DASH "pq%d %s\n", i, line);
    n += (size_t)sprintf(text + n, "%s", cosigned);
    const onus_key k = public_key(example_pub), w = public_key(witness_pub);
    assert_int_equal(onus_note_verify(&note, text, n, "n", &k, &err), ONUS_OK);
    assert_int_equal(note.n_signatures, 18);
    assert_int_equal(onus_note_check(&note, "n", &w, NULL, &err), ONUS_OK);
    free(text);
}

static void every_byte_of_a_key(void **state)
{
    (void)state;
    onus_key k;
    onus_err err;
    char text[128];
    const size_t n = strlen(example_pub);
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            strcpy(text, example_pub);
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_int_equal(onus_key_public_parse(&k, text, "k.pub", &err), ONUS_BAD_INPUT);
            assert_string_equal(err.msg,
                                "k.pub: not a public key of a signed note (name+hash+base64)");
        }
        memcpy(text, example_pub, i);
        text[i] = '\0';
        assert_int_equal(onus_key_public_parse(&k, text, "k.pub", &err), ONUS_BAD_INPUT);
        assert_int_equal(onus_key_public_parse(&k, example_pub + i + 1, "k.pub", &err),
                         ONUS_BAD_INPUT);
    }
    /* other algorithms and lengths, each with the id that fits its bytes */
    assert_int_equal(
        onus_key_public_parse(&k,
                              "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
                              "LDE4izWy10TW",
                              "k", &err),
        ONUS_BAD_INPUT);
    assert_int_equal(
        onus_key_public_parse(&k,
                              "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
                              "LDE4izWy10TWBADKEY==",
                              "k", &err),
        ONUS_BAD_INPUT);
}

static void key_files(void **state)
{
    (void)state;
    char path[128], pub[128];
    struct stat info;
    onus_key k, loaded;
    onus_err err;
    assert_int_equal(onus_key_new(&k, "M\xc3\xbcller-Bank", ONUS_KEY_SIGNS, &err), ONUS_OK);
    assert_int_equal(onus_key_save(&k, in_room("key", path), &err), ONUS_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(onus_key_load(&loaded, path, &err), ONUS_OK);
    assert_true(loaded.has_secret);
    assert_memory_equal(loaded.secret, k.secret, sizeof k.secret);
    assert_int_equal(loaded.id, k.id);
    assert_int_equal(onus_key_load(&loaded, in_room("key.pub", pub), &err), ONUS_OK);
    assert_false(loaded.has_secret);
    assert_memory_equal(loaded.pub, k.pub, sizeof k.pub);
    assert_int_equal(onus_key_save(&loaded, in_room("no", pub), &err), ONUS_BAD_ARG);

    /* neither half is ever overwritten, and no half is left where the other cannot be made */
    assert_int_equal(onus_key_save(&k, path, &err), ONUS_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(onus_key_save(&k, path, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "key.pub"));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(symlink("/nowhere/at/all", path), 0); /* not even through a link */
    assert_int_equal(unlink(in_room("key.pub", pub)), 0);
    assert_int_equal(onus_key_save(&k, path, &err), ONUS_IO);
    assert_int_equal(access(pub, F_OK), -1);
    onus_key_wipe(&k);
    for (size_t i = 0; i < sizeof k.secret; i++) assert_int_equal(k.secret[i], 0);
}

static void wrong_key_files(void **state)
{
    (void)state;
    char path[128], text[200], big[2000];
    onus_key k;
    onus_err err;
    const size_t n = strlen(example_key);
    in_room("wrong", path);
    for (size_t i = 0; i < n; i++) { /* a private key with a byte changed, or missing */
        memcpy(text, example_key, n);
        text[i] ^= 4;
        write_file("wrong", text, n);
        assert_int_equal(onus_key_load(&k, path, &err), ONUS_BAD_INPUT);
        if (strstr(err.msg, "AYEKF")) fail_msg("the message tells the key: %s", err.msg);
        memmove(text + i, example_key + i + 1, n - i - 1);
        write_file("wrong", text, n - 1);
        assert_int_equal(onus_key_load(&k, path, &err), ONUS_BAD_INPUT);
    }
    memset(big, 'a', sizeof big);
    write_file("wrong", big, sizeof big);
    assert_int_equal(onus_key_load(&k, path, &err), ONUS_BAD_INPUT);
    write_file("wrong", "a\0b\n", 4);
    assert_int_equal(onus_key_load(&k, path, &err), ONUS_BAD_INPUT);
    write_file("wrong", "", 0);
    assert_int_equal(onus_key_load(&k, path, &err), ONUS_BAD_INPUT);
    assert_int_equal(onus_key_load(&k, in_room("nowhere", path), &err), ONUS_IO);
}

static void names(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",     "a b",        "a+b",          "a\tb",          "a\nb",       "a\x7f",
        "\xff", "a\xc2\xa0x", "\xe3\x80\x80", "a\xe2\x80\xa8", "a\xc2\x9bx", "a\xc3"};
    onus_key k;
    char longest[129];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(onus_key_new(&k, wrong[i], ONUS_KEY_SIGNS, NULL), ONUS_BAD_ARG);
    memset(longest, 'n', 128);
    longest[128] = '\0';
    assert_int_equal(onus_key_new(&k, longest, ONUS_KEY_SIGNS, NULL), ONUS_BAD_ARG);
    assert_int_equal(onus_key_new(&k, longest + 1, ONUS_KEY_SIGNS, NULL), ONUS_OK);
    assert_int_equal(onus_key_new(&k, "\xe9\x8a\x80\xe8\xa1\x8c", ONUS_KEY_SIGNS, NULL),
                     ONUS_OK); /* a bank */
}

static int open_room(void **state)
{
    (void)state;
    return mkdtemp(room) ? 0 : -1;
}

static int close_room(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", room);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_of_others),
        cmocka_unit_test(signed_as_others_sign),
        cmocka_unit_test(every_byte_of_a_note),
        cmocka_unit_test(malformed),
        cmocka_unit_test(cosignatures),
        cmocka_unit_test(extensions),
        cmocka_unit_test(signatures_of_others),
        cmocka_unit_test(every_byte_of_a_key),
        cmocka_unit_test(key_files),
        cmocka_unit_test(wrong_key_files),
        cmocka_unit_test(names),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, open_room, close_room) : 1;
}
