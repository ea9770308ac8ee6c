/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_unicode.c - what the tokenizer asks of characters: UTF-8, classes, GPT-2's pattern.
 *
 * Classes are a table of our own (tokenizer_classes.inc), not the system's Unicode library:
 * each of the library's versions knows other characters, and ids must not change with it. Only
 * lower case and decomposition, which Unicode promises not to change, come from utf8proc. */
#include <utf8proc.h>

#include "data/tokenizer_parts.h"

/* ---- UTF-8 ------------------------------------------------------------------------------- */

/* Bytes of the sequence at s[0 .. left), 0 if it is none (RFC 3629, section 4: neither
 * surrogates nor overlong forms). */
static int sequence(const unsigned char *s, size_t left)
{
    const int n = s[0] < 0x80                   ? 1
                  : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                  : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                  : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                : 0;
    if (n == 0 || (size_t)n > left) return 0;
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    const bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    const bool outside = (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90);
    return overlong || outside ? 0 : n;
}

size_t onus_utf8_bad(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        uint64_t word;
        if (i + sizeof word <= len) { /* eight bytes of ASCII at a time */
            memcpy(&word, s + i, sizeof word);
            if (!(word & 0x8080808080808080u)) {
                i += sizeof word;
                continue;
            }
        }
        const int n = sequence(s + i, len - i);
        if (n == 0) break;
        i += (size_t)n;
    }
    return i;
}

int onus_utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const int n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00u >> n & 0xf0) | code);
    return n;
}

onus_status onus_text_check(const char *text, size_t len, const char *name, onus_err *err)
{
    if (len > TEXT_LEN_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %zu bytes; at most %d are read as one text",
                         name, len, TEXT_LEN_MAX);
    const size_t bad = onus_utf8_bad(text, len);
    if (bad < len)
        return onus_fail(err, ONUS_BAD_INPUT, "%s, byte %zu: 0x%02x is not UTF-8", name, bad,
                         (unsigned)(unsigned char)text[bad]);
    return ONUS_OK;
}

size_t onus_utf8_broken(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    const int n = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
                  : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                  : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                : 1;
    const unsigned least = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned most = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    size_t i = 1;
    if (n > 1 && i < left && s[1] >= least && s[1] <= most) {
        for (i = 2; i < (size_t)n && i < left && (s[i] & 0xc0) == 0x80;) i++;
    }
    return i;
}

/* ---- classes ----------------------------------------------------------------------------- */

static const struct {
    uint32_t first, last, bits;
} ranges[] = {
#include "data/tokenizer_classes.inc"
};

/* Unicode 16, PropList.txt */
static const uint16_t white[][2] = {
    {0x9, 0xd},       {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};

uint8_t *onus_classes_create(const onus_allocator *mem)
{
    uint8_t *classes = onus_alloc(mem, UNICODE_MAX, 1);
    if (!classes) return NULL;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        memset(classes + ranges[i].first, (int)ranges[i].bits,
               ranges[i].last - ranges[i].first + 1);
    for (size_t i = 0; i < sizeof white / sizeof *white; i++) {
        for (uint32_t c = white[i][0]; c <= white[i][1]; c++) classes[c] |= ONUS_WHITE;
    }
    return classes;
}

int onus_lower(uint32_t code, uint32_t out[2])
{
    /* the one character whose lower case is longer (SpecialCasing.txt, unconditional) */
    if (code == 0x130) {
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = code < 0x80 ? code + (code >= 'A' && code <= 'Z' ? 32 : 0)
                         : (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    return 1;
}

/* ---- GPT-2's pattern --------------------------------------------------------------------- */

enum { KIND = ONUS_LETTER | ONUS_DIGIT | ONUS_WHITE };

/* 's 't 're 've 'm 'll 'd, as they stand; 0 if it is none. */
static size_t contraction(const char *s, size_t len)
{
    if (len >= 2 && (s[1] == 's' || s[1] == 't' || s[1] == 'm' || s[1] == 'd')) return 2;
    if (len < 3) return 0;
    const bool two = (s[1] == 'r' && s[2] == 'e') || (s[1] == 'v' && s[2] == 'e') ||
                     (s[1] == 'l' && s[2] == 'l');
    return two ? 3 : 0;
}

/* \s+(?!\S)|\s+: white space up to the end; else all but its last character, which belongs to
 * what follows, unless it is the only one. */
static size_t white_piece(const uint8_t *classes, const char *s, size_t len)
{
    size_t i = 0, last = 0;
    int n;
    while (i < len && onus_class_at(classes, s + i, &n) & ONUS_WHITE) {
        last = i;
        i += (size_t)n;
    }
    return i == len || last == 0 ? i : last;
}

/* The pattern is
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * (Radford et al. 2019, the released encoder): after the contractions, a run of one kind with
 * a blank before it or not. */
size_t onus_gpt2_piece(const uint8_t *classes, const char *text, size_t len)
{
    size_t i = 0;
    int n;
    if (text[0] == '\'') i = contraction(text, len);
    if (i) return i;
    i = text[0] == ' ' && len > 1;
    const int kind = onus_class_at(classes, text + i, &n) & KIND;
    if (kind & ONUS_WHITE) return white_piece(classes, text, len);
    for (i += (size_t)n; i < len; i += (size_t)n) {
        if ((onus_class_at(classes, text + i, &n) & KIND) != kind) break;
    }
    return i;
}
