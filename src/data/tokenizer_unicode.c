/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_unicode.c - what the tokenizer asks of characters. */
#include "data/tokenizer_parts.h"

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
