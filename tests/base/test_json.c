/* SPDX-License-Identifier: Apache-2.0
 * Goal: evidence has one spelling. Method: the numbers, strings and sorting of RFC 8785
 * (appendix B, sections 3.2.2 and 3.2.3), powers of two against a search for the shortest
 * decimal, and texts that a strict reader must refuse. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "failing_mem.h"

static double from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static const char *number(double v)
{
    static char text[64];
    onus_buf b;
    onus_buf_init(&b, NULL, 60);
    onus_json_number(&b, v);
    snprintf(text, sizeof text, "%s", b.st == ONUS_OK ? b.data : "refused");
    onus_buf_release(&b);
    return text;
}

/* ---- numbers ----------------------------------------------------------------------------- */

static const struct {
    uint64_t bits;
    const char *text;
} appendix_b[] = {
    {0x0000000000000000, "0"},
    {0x8000000000000000, "0"},
    {0x0000000000000001, "5e-324"},
    {0x8000000000000001, "-5e-324"},
    {0x7fefffffffffffff, "1.7976931348623157e+308"},
    {0xffefffffffffffff, "-1.7976931348623157e+308"},
    {0x4340000000000000, "9007199254740992"},
    {0xc340000000000000, "-9007199254740992"},
    {0x4430000000000000, "295147905179352830000"},
    {0x7fffffffffffffff, "refused"},
    {0x7ff0000000000000, "refused"},
    {0xfff0000000000000, "refused"},
    {0x44b52d02c7e14af5, "9.999999999999997e+22"},
    {0x44b52d02c7e14af6, "1e+23"},
    {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
    {0x444b1ae4d6e2ef4e, "999999999999999700000"},
    {0x444b1ae4d6e2ef4f, "999999999999999900000"},
    {0x444b1ae4d6e2ef50, "1e+21"},
    {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
    {0x3eb0c6f7a0b5ed8d, "0.000001"},
    {0x41b3de4355555553, "333333333.3333332"},
    {0x41b3de4355555554, "333333333.33333325"},
    {0x41b3de4355555555, "333333333.3333333"},
    {0x41b3de4355555556, "333333333.3333334"},
    {0x41b3de4355555557, "333333333.33333343"},
    {0xbecbf647612f3696, "-0.0000033333333333333333"},
    {0x43143ff3c1cb0959, "1424953923781206.2"},
};

static void numbers_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof appendix_b / sizeof *appendix_b; i++)
        assert_string_equal(number(from_bits(appendix_b[i].bits)), appendix_b[i].text);
    /* boundaries of the four layouts, by hand from ECMA-262 */
    assert_string_equal(number(1e20), "100000000000000000000");
    assert_string_equal(number(123456789012345680000.0), "123456789012345680000");
    assert_string_equal(number(1.5e300), "1.5e+300");
    assert_string_equal(number(100), "100");
    assert_string_equal(number(0.1), "0.1");
    assert_string_equal(number(-0.5), "-0.5");
    assert_string_equal(number(1e-7), "1e-7");
    assert_string_equal(number(12.5e-7), "0.00000125");
    assert_string_equal(number(-1.25e-9), "-1.25e-9");
}

/* Digits of a text without point and exponent. */
static int digits_of(const char *text)
{
    int n = 0, zeros = 0;
    bool seen = false;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') continue;
        if (*text != '0') seen = true;
        if (seen) n++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

/* Is there a decimal of n digits that reads back as v? Both neighbours of v are tried. */
static bool some_decimal(double v, int n)
{
    char text[40];
    snprintf(text, sizeof text, "%.24e", v);
    for (int up = 0; up < 2; up++) { /* truncated, and one more in the last place */
        char digits[40], tried[80];
        snprintf(digits, sizeof digits, "%c%.*s", text[0], n - 1, text + 2);
        if (up) {
            const unsigned long long k = strtoull(digits, NULL, 10) + 1;
            snprintf(digits, sizeof digits, "%llu", k);
        }
        const int e = atoi(strchr(text, 'e') + 1) - (n - 1);
        snprintf(tried, sizeof tried, "%se%d", digits, e);
        if (strtod(tried, NULL) == v) return true;
    }
    return false;
}

/* Goal: the shortest digits, also where the gap below a number is half of the one above: there
 * the nearest decimal of n digits can miss while its neighbour reads back. 2^-44 is
 * 5.684341886080802e-14 in every JavaScript engine; rounding to 16 digits gives ...801. */
static void powers_of_two_are_shortest(void **state)
{
    (void)state;
    assert_string_equal(number(ldexp(1, -44)), "5.684341886080802e-14");
    assert_string_equal(number(ldexp(1, 89)), "6.189700196426902e+26");
    for (int e = -1074; e <= 1023; e++) {
        const double v = ldexp(1, e);
        const char *text = number(v);
        assert_true(strtod(text, NULL) == v);
        const int n = digits_of(text);
        if (n > 1 && some_decimal(v, n - 1)) fail_msg("2^%d: %s is not the shortest", e, text);
    }
}

/* Goal: every number reads back as itself and has no shorter decimal. */
static void numbers_read_back(void **state)
{
    (void)state;
    uint64_t s = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17; /* Marsaglia 2003 */
        const double v = from_bits(s);
        if (!isfinite(v) || v == 0) continue;
        const char *text = number(v);
        assert_true(strtod(text, NULL) == v);
        const int n = digits_of(text);
        if (n > 1 && some_decimal(fabs(v), n - 1))
            fail_msg("%a: %s is not the shortest", v, text);
    }
}

/* The plain way, without exact integers: every precision from 1 on, the nearest decimal and the
 * next one above it, through the C library's correctly rounded printf and strtod. */
static const char *number_by_printf(double v)
{
    static char text[64];
    char digits[32] = "", low[40], high[40];
    int e = 0;
    for (int p = 1; p <= 17; p++) {
        snprintf(low, sizeof low, "%.*e", p - 1, fabs(v));
        const bool is_low = strtod(low, NULL) == fabs(v);
        if (!is_low) { /* one unit of the last digit more */
            char unit[40];
            snprintf(unit, sizeof unit, "1e%d", atoi(strchr(low, 'e') + 1) - (p - 1));
            snprintf(high, sizeof high, "%.*Le", p - 1,
                     strtold(low, NULL) + strtold(unit, NULL));
            if (p == 17 || strtod(high, NULL) != fabs(v)) continue;
        }
        const char *s = is_low ? low : high;
        int n = 0;
        for (; *s != 'e'; s++)
            if (*s != '.') digits[n++] = *s;
        while (n > 1 && digits[n - 1] == '0') n--;
        digits[n] = '\0';
        e = atoi(s + 1) + 1;
        break;
    }
    const int k = (int)strlen(digits);
    const char *sign = v < 0 ? "-" : "";
    static const char zeros[] = "000000000000000000000";
    if (k <= e && e <= 21)
        snprintf(text, sizeof text, "%s%s%.*s", sign, digits, e - k, zeros);
    else if (0 < e && e <= 21)
        snprintf(text, sizeof text, "%s%.*s.%s", sign, e, digits, digits + e);
    else if (-6 < e && e <= 0)
        snprintf(text, sizeof text, "%s0.%.*s%s", sign, -e, zeros, digits);
    else
        snprintf(text, sizeof text, "%s%c%s%se%+d", sign, digits[0], k > 1 ? "." : "",
                 digits + 1, e - 1);
    return text;
}

static uint64_t next_bits(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void same_number(double v)
{
    if (!isfinite(v) || v == 0) return;
    const char *want = number_by_printf(v), *got = number(v);
    if (strcmp(got, want) != 0) fail_msg("%a: %s, by printf %s", v, got, want);
}

/* Goal: numbers by integers of 128 bits are the ones by printf. Method: random bits at every
 * exponent of the range and past its ends; powers of two and of ten and their neighbours;
 * decimals of 1 to 17 digits and their neighbours. */
static void numbers_both_ways(void **state)
{
    (void)state;
    uint64_t random = 1;
    const int n = getenv("ONUS_SLOW") ? 2000 : 100;
    for (int e = -45; e <= 60; e++) {
        for (int i = 0; i < n; i++)
            same_number(ldexp((double)(next_bits(&random) >> 11 | UINT64_C(1) << 52), e - 52));
        for (int i = -3; i <= 3; i++) {
            double v = ldexp(1, e);
            for (int k = 0; k < abs(i); k++) v = nextafter(v, i < 0 ? 0 : INFINITY);
            same_number(v);
            same_number(-v);
        }
    }
    for (int e = -14; e <= 22; e++) {
        for (int i = -20; i <= 20; i++) {
            double v = strtod("1", NULL) * pow(10, e);
            for (int k = 0; k < abs(i); k++) v = nextafter(v, i < 0 ? 0 : INFINITY);
            same_number(v);
        }
        for (int p = 1; p <= 17; p++)
            for (int i = 0; i < n / 10; i++) {
                char text[40];
                uint64_t most = 1;
                for (int k = 0; k < p; k++) most *= 10;
                snprintf(text, sizeof text, "%llue%d",
                         (unsigned long long)(next_bits(&random) % most), e - p);
                same_number(strtod(text, NULL));
                same_number(nextafter(strtod(text, NULL), 1));
            }
    }
}

static void numbers_ignore_the_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        print_message("decimal comma: not proven on this machine (no locale de_DE.UTF-8)\n");
        return;
    }
    assert_string_equal(number(1234.5), "1234.5");
    setlocale(LC_NUMERIC, "C");
}

/* ---- texts and values -------------------------------------------------------------------- */

static json_t *read(const char *text)
{
    json_t *v = NULL;
    onus_err err;
    if (onus_json_parse(&v, text, strlen(text), "text", &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return v;
}

static void check_canonical(const char *in, const char *want)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 16);
    json_t *v = read(in);
    onus_json_canonical(&b, v);
    json_decref(v);
    assert_int_equal(b.st, ONUS_OK);
    assert_string_equal(b.data, want);
    onus_buf_release(&b);
}

static void values_of_the_rfc(void **state)
{
    (void)state;
    /* section 3.2.2 and its result in 3.2.4 */
    check_canonical("{ \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, "
                    "0.000000000000000000000000001],\n \"string\": "
                    "\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                    " \"literals\": [null, true, false] }",
                    "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,"
                    "0.002,1e-27],\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    /* section 3.2.3: keys by UTF-16 code units, so that the emoji comes before U+FB33 */
    check_canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
                    "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
                    "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
                    "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
                    "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
                    "\"\u00f6\":\"Latin Small Letter O With Diaeresis\","
                    "\"\u20ac\":\"Euro Sign\",\"\U0001f600\":\"Emoji: Grinning Face\","
                    "\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
    check_canonical("[{}, [], {\"b\":1,\"a\":{\"ab\":2,\"\":3,\"a\":-0.0}}]",
                    "[{},[],{\"a\":{\"\":3,\"a\":0,\"ab\":2},\"b\":1}]");
    check_canonical("[\"\\b\\t\\n\\f\\r\\u001f\\u007f/\\/\"]",
                    "[\"\\b\\t\\n\\f\\r\\u001f\x7f//\"]");
}

/* Bytes that are no UTF-8 (RFC 3629), and the nearest ones that are. */
static void texts_must_be_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"\x80", false},             /* a continuation alone */
        {"\xc0\x80", false},         /* overlong NUL */
        {"\xc1\xbf", false},         /* overlong */
        {"\xc2\x80", true},          /* U+0080 */
        {"\xc2", false},             /* cut */
        {"\xc2x", false},            /* cut by a letter */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xe0\xa0\x80", true},      /* U+0800 */
        {"\xed\x9f\xbf", true},      /* U+D7FF */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xed\xbf\xbf", false},     /* a surrogate */
        {"\xee\x80\x80", true},      /* U+E000 */
        {"\xef\xbf\xbf", true},      /* U+FFFF */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xf0\x90\x80\x80", true},  /* U+10000 */
        {"\xf4\x8f\xbf\xbf", true},  /* U+10FFFF */
        {"\xf4\x90\x80\x80", false}, /* beyond */
        {"\xf8\x88\x80\x80\x80", false},
        {"\xff", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_buf b;
        onus_buf_init(&b, NULL, 100);
        onus_json_string(&b, rows[i].text);
        assert_int_equal(b.st, rows[i].good ? ONUS_OK : ONUS_BAD_INPUT);
        if (rows[i].good) assert_memory_equal(b.data + 1, rows[i].text, strlen(rows[i].text));
        onus_buf_release(&b);
    }
}

/* The failure of memory stays the failure, whatever comes after. */
static void writer_keeps_the_first_failure(void **state)
{
    (void)state;
    failing_mem m = {.fail_at = 1, .for_ever = true};
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_buf b;
    onus_buf_init(&b, &mem, 100);
    onus_buf_str(&b, "x");
    assert_int_equal(b.st, ONUS_NO_MEM);
    json_t *deep = json_array();
    for (int i = 1; i < 64; i++) {
        json_t *around = json_array();
        json_array_append_new(around, deep);
        deep = around;
    }
    onus_json_canonical(&b, deep);
    onus_json_string(&b, "\xff");
    onus_json_number(&b, NAN);
    assert_int_equal(b.st, ONUS_NO_MEM);
    onus_buf_release(&b);
    /* as deep as the reader allows, and one deeper */
    onus_buf_init(&b, NULL, 1000);
    onus_json_canonical(&b, deep);
    assert_int_equal(b.st, ONUS_OK);
    json_t *deeper = json_array();
    json_array_append_new(deeper, deep);
    onus_json_canonical(&b, deeper);
    assert_int_equal(b.st, ONUS_BAD_INPUT);
    onus_buf_release(&b);
    json_decref(deeper);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void reader_is_strict(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        " ",
        "1",
        "\"a\"",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "{\"a\":1} {}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "[01]",
        "[+1]",
        "[.5]",
        "[1.]",
        "[NaN]",
        "[Infinity]",
        "[1e999]",
        "['a']",
        "{a:1}",
        "[\"\t\"]",
        "[\"\\x41\"]",
        "[\"\\ud800\"]",
        "[\"\\udc00\\ud800\"]",
        "[\"\\u0000\"]",
        "{\"\\u0000\":1}",
        "[\"\xff\"]",
        "[\"\xed\xa0\x80\"]",
        "[1]//",
        "[/**/1]",
        "\xef\xbb\xbf[1]",
        "[tru]",
        "[True]",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *v = (json_t *)&v;
        onus_err err = {.code = ONUS_OK};
        if (onus_json_parse(&v, refused[i], strlen(refused[i]), "file 'x'", &err) !=
            ONUS_BAD_INPUT)
            fail_msg("'%s' was taken", refused[i]);
        assert_ptr_equal(v, &v); /* out is written on success only */
        assert_non_null(strstr(err.msg, "file 'x'"));
    }
    json_t *v;
    assert_int_equal(onus_json_parse(&v, "[1]\0", 4, "x", NULL), ONUS_BAD_INPUT);
    assert_int_equal(onus_json_parse(&v, "[\"a\0b\"]", 7, "x", NULL), ONUS_BAD_INPUT);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    json_t *v;
    onus_err err;
    static const char text[] = "{\n  \"a\": 1,\n  \"b\": oops\n}";
    assert_int_equal(onus_json_parse(&v, text, strlen(text), "m.json", &err), ONUS_BAD_INPUT);
    assert_int_equal(strncmp(err.msg, "m.json:3:", 9), 0);
}

/* 64 levels pass, 65 do not; brackets in texts are no levels; a flood of them is no crash. */
static void depth_is_limited(void **state)
{
    (void)state;
    char text[2 * 65 + 1];
    json_t *v;
    for (int depth = 64; depth <= 65; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        const onus_status st = onus_json_parse(&v, text, 2 * (size_t)depth, "x", NULL);
        assert_int_equal(st, depth == 64 ? ONUS_OK : ONUS_BAD_INPUT);
        if (st == ONUS_OK) json_decref(v);
    }
    static const char quoted[] =
        "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "[[[\\\"[[[[[[[[\"]";
    v = read(quoted);
    json_decref(v);
    char *flood = malloc(1 << 20);
    memset(flood, '[', 1 << 20);
    assert_int_equal(onus_json_parse(&v, flood, 1 << 20, "x", NULL), ONUS_BAD_INPUT);
    memset(flood, '{', 1 << 20);
    assert_int_equal(onus_json_parse(&v, flood, 1 << 20, "x", NULL), ONUS_BAD_INPUT);
    free(flood);
}

/* What the writer makes of a real beyond 2^63 is digits only; it must be read as that real. */
static void long_reals_read_back(void **state)
{
    (void)state;
    static const double values[] = {1e18, 9.3e18, 1e19, 123456789012345680000.0, -9.9e20, 1e21};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        onus_buf b;
        json_t *v = NULL;
        onus_buf_init(&b, NULL, 200);
        onus_buf_str(&b, "{\"9999999999999999999999\":[\"\\\"12345678901234567890\",");
        onus_json_number(&b, values[i]);
        /* numbers beside it whose digits are many, too, but not before a point or an e */
        onus_buf_str(&b, ",1,0.0000012345678901234567,-0.0000012345678901234567]}");
        assert_int_equal(onus_json_parse(&v, b.data, b.len, "t", NULL), ONUS_OK);
        const json_t *list = json_object_get(v, "9999999999999999999999");
        assert_string_equal(json_string_value(json_array_get(list, 0)),
                            "\"12345678901234567890");
        assert_true(json_number_value(json_array_get(list, 1)) == values[i]);
        assert_true(json_is_integer(json_array_get(list, 2)));
        assert_true(json_number_value(json_array_get(list, 3)) == 1.2345678901234567e-6);
        onus_buf again;
        onus_buf_init(&again, NULL, 200);
        onus_json_canonical(&again, v);
        assert_string_equal(again.data, b.data);
        onus_buf_release(&again);
        onus_buf_release(&b);
        json_decref(v);
    }
    json_t *v = NULL;
    onus_err err;
    assert_int_equal(onus_json_parse(&v, "[1e999]", 7, "t", &err), ONUS_BAD_INPUT);
}

static onus_status write_out(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_buf b;
    onus_buf_init(&b, mem, 1 << 16);
    onus_json_canonical(&b, ctx);
    const onus_status st = onus_buf_status(&b, "value", err);
    onus_buf_release(&b);
    return st;
}

static void writer_survives_the_end_of_memory(void **state)
{
    (void)state;
    json_t *v = read("{\"a\":[1,2,{\"b\":{},\"c\":{\"x\":0.1}}],\"long\":"
                     "\"012345678901234567890123456789012345678901234567890123456789\"}");
    failing_mem_walk("canonical JSON", write_out, v);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_the_rfc),
        cmocka_unit_test(powers_of_two_are_shortest),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(numbers_both_ways),
        cmocka_unit_test(numbers_ignore_the_locale),
        cmocka_unit_test(values_of_the_rfc),
        cmocka_unit_test(texts_must_be_utf8),
        cmocka_unit_test(writer_keeps_the_first_failure),
        cmocka_unit_test(reader_is_strict),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(long_reals_read_back),
        cmocka_unit_test(writer_survives_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
