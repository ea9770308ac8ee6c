/* SPDX-License-Identifier: Apache-2.0
 * Goal: a table is read as RFC 4180 says and as people write it, and what is none is refused in
 * one line that names file, line and column. Method: tables small enough to read by eye; random
 * tables written by our writer and read back; numbers against strtod, whose rounding is
 * correct. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/hash.h"
#include "data/csv.h"

static onus_csv parse_len(const char *text, size_t len, const onus_csv_dialect *d)
{
    const onus_csv_dialect plain = {0};
    onus_csv t = {0};
    onus_err err = {.code = ONUS_OK};
    if (onus_csv_parse(&t, text, len, "t.csv", d ? d : &plain, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return t;
}

/* Column names, then rows, as one text: fields end in '|', rows in '/'. */
static void expect(const char *text, const onus_csv_dialect *d, const char *shape)
{
    char out[4096] = "";
    onus_csv t = parse_len(text, strlen(text), d);
    for (int64_t r = -1; r < t.n_rows; r++) {
        for (int64_t c = 0; c < t.n_columns; c++) {
            strcat(out, r < 0 ? t.columns[c] : t.cells[r * t.n_columns + c]);
            strcat(out, "|");
        }
        strcat(out, "/");
    }
    assert_string_equal(out, shape);
    onus_csv_release(&t);
}

static void refuse_len(const char *text, size_t len, const onus_csv_dialect *d,
                       const char *message)
{
    const onus_csv_dialect plain = {0};
    onus_csv t = {0};
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_csv_parse(&t, text, len, "t.csv", d ? d : &plain, NULL, &err);
    assert_int_not_equal(st, ONUS_OK);
    assert_int_equal(err.code, st);
    if (!strstr(err.msg, message)) fail_msg("'%s' does not hold '%s'", err.msg, message);
    assert_null(t.cells); /* out is written on success only */
}

static void refuse(const char *text, const onus_csv_dialect *d, const char *message)
{
    refuse_len(text, strlen(text), d, message);
}

/* RFC 4180, section 2, rules 1 to 7, with its own examples. */
static void rfc_4180(void **state)
{
    (void)state;
    expect("f1,f2,f3\r\naaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", NULL,
           "f1|f2|f3|/aaa|bbb|ccc|/zzz|yyy|xxx|/");
    expect("f1,f2,f3\r\naaa,bbb,ccc\r\nzzz,yyy,xxx", NULL,
           "f1|f2|f3|/aaa|bbb|ccc|/zzz|yyy|xxx|/"); /* rule 2: no end after the last line */
    expect("f1,f2,f3\n aaa,bbb ,ccc\n", NULL, "f1|f2|f3|/ aaa|bbb |ccc|/"); /* rule 4 */
    expect("f1,f2,f3\r\n\"aaa\",\"bbb\",ccc\r\n", NULL, "f1|f2|f3|/aaa|bbb|ccc|/");
    expect("f1,f2,f3\r\n\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx", NULL,
           "f1|f2|f3|/aaa|b \r\nbb|ccc|/zzz|yyy|xxx|/"); /* rule 6 */
    expect("f1,f2,f3\n\"aaa\",\"b\"\"bb\",\"c,c\"\n", NULL, "f1|f2|f3|/aaa|b\"bb|c,c|/");
    expect("f1,f2\n\"\",\"\"\"\"\n,\n", NULL, "f1|f2|/|\"|/||/");
    expect("\"f,1\",\"f\"\"2\"\n1,2\n", NULL, "f,1|f\"2|/1|2|/");
}

static void what_people_send(void **state)
{
    (void)state;
    const onus_csv_dialect semicolon = {.delimiter = ';'}, tab = {.delimiter = '\t'},
                           trim = {.trim = true}, hash = {.comment = '#'},
                           tab_trim = {.delimiter = '\t', .trim = true},
                           blanks = {.delimiter = ' '}, bar = {.trim = true, .comment = '|'};
    expect("\xef\xbb\xbf"
           "a,b\n1,2\n",
           NULL, "a|b|/1|2|/");
    expect("\xef\xbb\xbf\"a\",b\n1,2\n", NULL, "a|b|/1|2|/");
    expect("a;b\n1,5;2\n", &semicolon, "a|b|/1,5|2|/");
    expect("a\tb\n1\t\n\t\n", &tab, "a|b|/1||/||/"); /* a line of tabs is a row */
    expect("a , b\n 1 ,\t2\t\n \" x \" , y z \n", &trim, "a|b|/1|2|/ x |y z|/");
    expect("a\t b\n \"1\" \t\"2\"\n\t3 \n", &tab_trim, "a|b|/1|2|/|3|/");
    expect("\n# about\n\na,b\n\n#1,2\n3,4\n   \n# end", &hash, "a|b|/3|4|/");
    expect("a,b\n#1,2\n", NULL, "a|b|/#1|2|/"); /* no comment unless said */
    expect("a b  c\n  1 \t 2 3  \r\n4 5 \"6 7\"\n\n", &blanks, "a|b|c|/1|2|3|/4|5|6 7|/");
    expect("|1x3 Cross validator\nage, work\n25, ?\n", &bar, "age|work|/25|?|/");
    expect("na\xc3\xafve,\xf0\x9f\x98\x80\n\xe2\x82\xac,b\n", NULL,
           "na\xc3\xafve|\xf0\x9f\x98\x80|/\xe2\x82\xac|b|/");
    expect("only\nx\n\ny\n", NULL, "only|/x|/y|/");
}

static void headerless(void **state)
{
    (void)state;
    const char *const names[] = {"a", "b"}, *const twice[] = {"a", "a"},
                      *const empty[] = {"a", ""};
    const onus_csv_dialect d = {.names = names, .n_names = 2},
                           wrong = {.names = twice, .n_names = 2},
                           lacking = {.names = empty, .n_names = 2};
    expect(",a,\n0,1,2\n", NULL, "column_1|a|column_3|/0|1|2|/"); /* a data frame's index */
    expect("1,2\n3,4\n", &d, "a|b|/1|2|/3|4|/");
    expect("", &d, "a|b|/");
    refuse("1,2,3\n", &d, "t.csv:1: 3 fields, expected 2");
    refuse("1,2\n", &wrong, "two columns are called 'a'");
    expect("1,2\n", &lacking, "a|column_2|/1|2|/");
}

static void lines_are_counted(void **state)
{
    (void)state;
    const char text[] = "a,b\r\n1,\"x\r\ny\"\r\n\r\n2,3\n";
    onus_csv t = parse_len(text, sizeof text - 1, NULL);
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(t.line[0], 2);
    assert_int_equal(t.line[1], 5);
    onus_csv_release(&t);
}

static void refused(void **state)
{
    (void)state;
    const onus_csv_dialect hash = {.comment = '#'};
    refuse("", NULL, "t.csv:1: empty, expected a line of column names");
    refuse("\xef\xbb\xbf", NULL, "t.csv:1: empty");
    refuse("\n\n# x\n", &hash, "t.csv:1: empty");
    refuse("a,b\n1,2\n3\n", NULL, "t.csv:3: 1 field, expected 2");
    refuse("a,b\n1,2,\n", NULL, "t.csv:2: 3 fields, expected 2");
    refuse("a,,column_2\n", NULL, "t.csv:1: two columns are called 'column_2'");
    refuse("a,b,a\n", NULL, "t.csv:1: two columns are called 'a'");
    refuse("age,b\n1,2\n3 \"x\",4\n", NULL,
           "t.csv:3: column 'age': a quote in the middle of a field: '3 \"'");
    refuse("age,b\n1, \"2\"\n", NULL, "t.csv:2: column 'b': a quote in the middle");
    refuse("age,b\n1, \"2\"\n", NULL, "say trim: true");
    refuse("a,b\n\"1\"2,3\n", NULL, "t.csv:2: column 'a': text after the closing quote of '1'");
    refuse("a,\"b\"c\n", NULL, "t.csv:1: column 2: text after the closing quote of 'b'");
    refuse("a,b\n1,2\n3,\"4\n5,6\n", NULL,
           "t.csv:3: column 'b': the quoted field that begins here never ends");
    refuse("a,b\n1,2\"", NULL, "t.csv:2: column 'b': a quote in the middle");
    refuse("a,b\n\"", NULL, "t.csv:2: column 'a': the quoted field");
    refuse("a,b\r1,2\r", NULL, "t.csv:1: column 2: a carriage return without a line feed");
    refuse_len("a,b\n1,\0\n", 8, NULL, "t.csv:2: byte 3: a NUL");
    refuse_len("a,b\n1,\"\0\"\n", 10, NULL, "t.csv:2: byte 4: a NUL");
    refuse("a,b\nM\xfcller,1\n", NULL, "t.csv:2: byte 2: 0xfc is not UTF-8");
    refuse("a,b\n1234567890123456,\xe2\x82\n", NULL, "t.csv:2: byte 18: 0xe2 is not UTF-8");
    refuse("a,b\n1,\xed\xa0\x80\n", NULL, "is not UTF-8"); /* a surrogate */
    refuse("a,b\n1,\xc0\xaf\n", NULL, "is not UTF-8");     /* overlong */
    refuse("\xff\xfe"
           "a\0,\0",
           NULL, "t.csv:1: UTF-16");
    for (const char *c = "\"\r\n"; *c; c++) {
        const onus_csv_dialect by = {.delimiter = *c}, about = {.comment = *c};
        refuse("a,b\n", &by, "neither delimiter nor comment");
        refuse("a,b\n", &about, "neither delimiter nor comment");
    }
    const onus_csv_dialect same = {.delimiter = ';', .comment = ';'}, commas = {.comment = ','};
    refuse("a,b\n", &same, "these two differ");
    refuse("a,b\n", &commas, "these two differ");
}

static void an_error_is_one_line(void **state)
{
    (void)state;
    const onus_csv_dialect plain = {0};
    const char text[] = "a,b\n\"x\ny\033[2J\"z,1\n";
    onus_csv t = {0};
    onus_err err = {.code = ONUS_OK};
    assert_int_equal(onus_csv_parse(&t, text, sizeof text - 1, "t.csv", &plain, NULL, &err),
                     ONUS_BAD_INPUT);
    for (const char *c = err.msg; *c; c++) assert_true((unsigned char)*c >= 0x20);
}

/* 65,536 columns are read, one more is refused, in the header, in names and in a row. */
static void columns_at_the_limit(void **state)
{
    (void)state;
    enum { MOST = 65536 };
    char *text = malloc((size_t)16 * (MOST + 2));
    assert_non_null(text);
    size_t n = 0;
    for (int c = 0; c < MOST; c++)
        n += (size_t)sprintf(text + n, "c%d%s", c, c + 1 < MOST ? "," : "\n");
    const size_t header = n;
    for (int c = 0; c < MOST; c++)
        n += (size_t)sprintf(text + n, "%d%s", c % 10, c + 1 < MOST ? "," : "\n");
    onus_csv t = parse_len(text, n, NULL);
    assert_int_equal(t.n_columns, MOST);
    assert_string_equal(t.cells[MOST - 1], "5");
    onus_csv_release(&t);
    text[header - 1] = ',';
    memcpy(text + header, "z\n", 2);
    refuse_len(text, header + 2, NULL, "t.csv:1: more than 65536 fields");
    const onus_csv_dialect names = {.n_names = MOST + 1};
    refuse("1\n", &names, "65537 names, a table has at most 65536");
    free(text);
}

/* A field of 4 MiB and a row of 100,000 blanks: no limit but the table's. */
static void huge_fields(void **state)
{
    (void)state;
    enum { N = 4 << 20 };
    char *text = malloc(N + 64);
    assert_non_null(text);
    memset(text, 'x', N + 64);
    memcpy(text, "a,b\n", 4);
    text[N - 3] = '"';
    memcpy(text + 4, "1,\"", 3);
    text[N - 2] = '\n';
    onus_csv t = parse_len(text, N - 1, NULL);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(strlen(t.cells[1]), N - 10);
    onus_csv_release(&t);
    free(text);
}

/* Whatever bytes a cell holds, our writer and reader agree. */
static void written_and_read_back(void **state)
{
    (void)state;
    static const char alphabet[] = "ab,\"\r\n \t;'#";
    enum { ROWS = 200, COLUMNS = 3 };
    static char cells[ROWS * COLUMNS][12];
    uint64_t seed = 7;
    onus_buf out;
    onus_buf_init(&out, NULL, 1 << 20);
    onus_buf_str(&out, "a,b,c\n");
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const int n = i % COLUMNS ? (int)((seed >> 33) % 11) : 1 + (int)((seed >> 33) % 10);
        for (int k = 0; k < n; k++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            cells[i][k] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        onus_csv_field(&out, cells[i]);
        onus_buf_str(&out, i % COLUMNS == COLUMNS - 1 ? "\n" : ",");
    }
    assert_int_equal(onus_buf_status(&out, "out", NULL), ONUS_OK);
    onus_csv t = parse_len(out.data, out.len, NULL);
    assert_int_equal(t.n_rows, ROWS);
    for (int i = 0; i < ROWS * COLUMNS; i++) assert_string_equal(t.cells[i], cells[i]);
    onus_csv_release(&t);
    onus_buf_release(&out);
}

static void read_plain_and_gzip(void **state)
{
    (void)state;
    char path[] = "/tmp/onus-csv-XXXXXX";
    const char text[] = "a,b\n1,2\n";
    const onus_csv_dialect plain = {0};
    uint8_t sha[32], of_text[32];
    onus_csv t = {0};
    onus_err err;
    onus_sha256_of(text, sizeof text - 1, of_text);
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
    close(fd);
    assert_int_equal(onus_csv_read(&t, path, &plain, sha, NULL, &err), ONUS_OK);
    assert_memory_equal(sha, of_text, 32);
    assert_string_equal(t.cells[1], "2");
    onus_csv_release(&t);

    gzFile z = gzopen(path, "wb");
    assert_true(z && gzwrite(z, text, sizeof text - 1) > 0 && gzclose(z) == Z_OK);
    assert_int_equal(onus_csv_read(&t, path, &plain, sha, NULL, &err), ONUS_OK);
    assert_memory_not_equal(sha, of_text, 32); /* of the bytes on the disk */
    assert_string_equal(t.cells[1], "2");
    onus_csv_release(&t);

    assert_int_equal(truncate(path, 24), 0); /* gzip cut in the middle */
    assert_int_equal(onus_csv_read(&t, path, &plain, NULL, NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, path));
    unlink(path);
    assert_int_equal(onus_csv_read(&t, path, &plain, NULL, NULL, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "No such file"));
    assert_int_equal(onus_csv_read(&t, "/tmp", &plain, NULL, NULL, &err), ONUS_IO);
}

static void number(const char *text, double want)
{
    double v = -77;
    if (!onus_parse_number(text, &v)) fail_msg("'%s' is not read", text);
    if (memcmp(&v, &want, sizeof v) != 0) fail_msg("'%s' is read as %.17g", text, v);
}

static void numbers(void **state)
{
    (void)state;
    number("0", 0.0);
    number("-0", -0.0);
    number("+1", 1.0);
    number(".5", 0.5);
    number("5.", 5.0);
    number("1e3", 1000.0);
    number("1E-3", 0.001);
    number("-12.75e+2", -1275.0);
    number("0.1", 0.1);
    number("9007199254740993", 9007199254740992.0); /* a tie, to even */
    number("2.2250738585072011e-308", 2.2250738585072011e-308);
    number("4.9e-324", 4.9406564584124654e-324);
    number("1e-400", 0.0);
    number("00000000000000000000000000000000000000000001", 1.0);
    number("123456789012345678901234567890", 123456789012345678901234567890.0);
    static const char *const none[] = {"",    "-",     ".",        "1e",     "1e+",   "e5",
                                       "nan", "NaN",   "inf",      "-inf",   "0x10",  "1,5",
                                       "1 ",  " 1",    "1_0",      "--1",    "1.2.3", "1e5.0",
                                       "١",   "1e400", "Infinity", "-1e999", "1f",    "1d"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        double v = -77;
        if (onus_parse_number(none[i], &v)) fail_msg("'%s' is read as %g", none[i], v);
        assert_true(v == -77);
    }
}

/* Against strtod, whose rounding is correct, on a hundred thousand decimals of 1 to 25
 * digits. */
static void numbers_like_strtod(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int i = 0; i < 100000; i++) {
        char text[64];
        int n = 0;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const int digits = 1 + (int)((seed >> 33) % 25), point = (int)((seed >> 40) % 26);
        for (int k = 0; k < digits; k++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            if (k == point) text[n++] = '.';
            text[n++] = (char)('0' + (seed >> 60) % 10);
        }
        snprintf(text + n, sizeof text - (size_t)n, "e%d", (int)((seed >> 20) % 80) - 40);
        number(text, strtod(text, NULL));
    }
}

/* A host that calls setlocale may have a decimal comma. */
static void numbers_in_any_locale(void **state)
{
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    const char *got = NULL;
    for (size_t i = 0; i < sizeof commas / sizeof *commas && !got; i++)
        got = setlocale(LC_ALL, commas[i]);
    if (!got) print_message("no locale with a decimal comma here: not proven\n");
    number("1.5", 1.5);
    number("1234567890123456789.5e-3", 1234567890123456.7895);
    static const struct {
        float v;
        const char *text;
    } out[] = {{0.1f, "0.100000001"}, {-0x1p-20f, "-9.53674316e-07"}, {1.5f, "1.5"}, {7, "7"}};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        onus_buf b;
        onus_buf_init(&b, NULL, 100);
        onus_csv_number(&b, out[i].v);
        assert_string_equal(b.data, out[i].text);
        onus_buf_release(&b);
    }
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4180),
        cmocka_unit_test(what_people_send),
        cmocka_unit_test(headerless),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(refused),
        cmocka_unit_test(an_error_is_one_line),
        cmocka_unit_test(columns_at_the_limit),
        cmocka_unit_test(huge_fields),
        cmocka_unit_test(written_and_read_back),
        cmocka_unit_test(read_plain_and_gzip),
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_like_strtod),
        cmocka_unit_test(numbers_in_any_locale),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
