#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints src/data/tokenizer_classes.inc: classes of characters as Hugging Face's tokenizers sees them.

It asks that library (pip install tokenizers==0.23.3) about every code point, since its parts follow several versions of
Unicode: letters, digits and marks are those of the regular expressions of byte-level tokenizers (Unicode 16);
punctuation, accents and controls those of BERT's normaliser and splitter (Unicode 8). Frozen here, they cannot change
with a system's Unicode library, and ids with them."""
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

BITS = {"LETTER": 1, "DIGIT": 2, "MARK": 4, "PUNCTUATION": 8, "ACCENT": 16, "CONTROL": 32}


def is_of(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    return lambda c: len(split.pre_tokenize_str("~~" + c + "~~")) == 3


def bits_of():
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**dict(off, clean_text=True))
    strip = normalizers.BertNormalizer(**dict(off, strip_accents=True))
    words = pre_tokenizers.BertPreTokenizer()
    yield "LETTER", is_of(r"\p{L}")
    yield "DIGIT", is_of(r"\p{N}")
    yield "MARK", is_of(r"\p{M}")
    yield "PUNCTUATION", lambda c: len(words.pre_tokenize_str("a" + c + "a")) == 3
    yield "ACCENT", lambda c: strip.normalize_str(c) == ""
    yield "CONTROL", lambda c: clean.normalize_str(c) == ""


codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
found = dict.fromkeys(codes, 0)
for name, test in bits_of():
    for code in codes:
        found[code] |= BITS[name] * test(chr(code))
ranges = []
for code in codes:
    if not found[code]:
        continue
    if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == found[code]:
        ranges[-1][1] = code
    else:
        ranges.append([code, code, found[code]])
print("/* SPDX-License-Identifier: Apache-2.0")
print(f" * Made by tools/unicode_classes.py from tokenizers {tokenizers.__version__}: first, last, sum of")
print(" * " + ", ".join(f"{v} {k.lower()}" for k, v in BITS.items()) + ". */")
line = ""
for first, last, bits in ranges:
    cell = f"{{0x{first:x}, 0x{last:x}, {bits}}},"
    if len(line) + len(cell) + 1 > 120:
        print(line)
        line = ""
    line += (" " if line else "") + cell
print(line)
