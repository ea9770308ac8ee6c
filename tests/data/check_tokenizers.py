#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares tokenizers with Hugging Face's library at large: check_tokenizers.py BUILD TEXT, with tokenizers installed and
BUILD/bench/tokenizer_bench made. What is written here must load there and give the same ids of TEXT, trained in every
kind; byte-level pairs must have the same merges; and every code point, in several surroundings, the same ids from
byte-level pairs, words and BERT's word pieces. Prints what was compared; fails at the first difference.

Left out where lower case or decomposition takes part: code points that Python's own table does not know (the library's
may know them, or ours), private ones, and U+11938, which the library's older Unicode does not decompose."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers  # noqa: E402

PROGRAM, TEXT = pathlib.Path(sys.argv[1]) / "bench" / "tokenizer_bench", pathlib.Path(sys.argv[2])
ROOM = pathlib.Path(tempfile.mkdtemp(prefix="onus-tokenizers-"))
CODES = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


def run(*args):
    subprocess.run([PROGRAM, *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def ours(path, text):
    (ROOM / "text").write_bytes(text.encode())
    run("encode", path, ROOM / "text", 0, 1, ROOM / "ids")
    data = (ROOM / "ids").read_bytes()
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


def compare(what, path, text, surroundings=None):
    """Whole texts; where they differ, surroundings tell which line does."""
    theirs = Tokenizer.from_file(str(path))
    a, b = ours(path, text), theirs.encode(text, add_special_tokens=False).ids
    if a == b:
        print(f"{what}: the same {len(a)} ids", flush=True)
        return
    for line in surroundings or []:
        a, b = ours(path, line), theirs.encode(line, add_special_tokens=False).ids
        if a != b:
            print(what, [hex(ord(c)) for c in line], a, b)
    raise SystemExit(f"{what}: other ids")


def around(codes):
    return ["".join((f"a{c} {c}b", f"1{c}{c}2 ", f"!{c}'s  {c}", f"\u0301{c}\u0323\n")) for c in map(chr, codes)]


def trained():
    text = TEXT.read_bytes().decode()
    for kind, size in (("character", 0), ("word", 3000), ("bpe", 1000), ("bpe", 8192)):
        run("train", TEXT, kind + "/whole", size, 1, ROOM / "ours.json", "[UNK]", "<|end|>")
        compare(f"{kind} {size or ''} trained on {TEXT.name}", ROOM / "ours.json", text + "<|end|>\u6771[UNK]x"[:7 if kind == "character" else None])
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator([text], trainers.BpeTrainer(vocab_size=8192, show_progress=False, special_tokens=["[UNK]", "<|end|>"],
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    a, b = json.loads(t.to_str())["model"], json.loads((ROOM / "ours.json").read_text())["model"]
    if a["vocab"] != b["vocab"] or a["merges"] != b["merges"]:
        raise SystemExit(f"merges learnt from {TEXT.name} differ")
    print(f"bpe 8192 trained on {TEXT.name}: the same {len(a['merges'])} merges", flush=True)
    lines = around(CODES)
    for i in range(0, len(lines), 1 << 16):
        compare(f"bpe, code points from {CODES[i]:#x}", ROOM / "ours.json", "".join(lines[i:i + (1 << 16)]), lines[i:i + (1 << 16)])


def pieces(codes, **normal):
    """A vocabulary in which every character that these turn into has a token, so that nothing hides as unknown."""
    normalizer = normalizers.BertNormalizer(**normal)
    lines = around(codes)
    seen = sorted(set(normalizer.normalize_str("".join(lines))) - {" ", "\n"})
    vocab = {"[UNK]": 0}
    for c in seen:
        vocab[c] = len(vocab)
        vocab["##" + c] = len(vocab)
    t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
    t.save(str(ROOM / "pieces.json"))
    compare(f"word pieces {normal}, code points from {codes[0]:#x}", ROOM / "pieces.json", "".join(lines), lines)


def words(codes, lower):
    run_text = "".join(around(codes))
    (ROOM / "words").write_bytes(run_text.encode())
    form = json.loads((ROOM / "lower.json").read_text())
    if not lower:
        form["normalizer"] = None
    found = Tokenizer.from_str(json.dumps(form))
    split = [w for w, _ in found.pre_tokenizer.pre_tokenize_str(found.normalizer.normalize_str(run_text) if lower else run_text)]
    form["model"]["vocab"] = {w: i for i, w in enumerate(["[UNK]"] + sorted(set(split) - {"[UNK]"}))}
    (ROOM / "words.json").write_text(json.dumps(form))
    compare(f"words, {'lower, ' * lower}code points from {codes[0]:#x}", ROOM / "words.json", run_text, around(codes))


def main():
    trained()
    known = [c for c in CODES if c != 0x11938 and unicodedata.category(chr(c)) not in ("Cn", "Co")]
    (ROOM / "form").write_text("Form")
    run("train", ROOM / "form", "word", 0, 1, ROOM / "lower.json")
    form = json.loads((ROOM / "lower.json").read_text())
    form["normalizer"] = {"type": "Lowercase"}
    form["added_tokens"] = []
    (ROOM / "lower.json").write_text(json.dumps(form))
    for i in range(0, len(known), 40000):
        part = known[i:i + 40000]
        words(part, False)
        words(part, True)
        pieces(part)
        pieces(part, lowercase=False)
        pieces(part, strip_accents=False)
        pieces(part, clean_text=False, handle_chinese_chars=False)


main()
