#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tokenizer_vectors.h: tokenizers that Hugging Face's library made, and what it makes of texts that are hard.
With tokenizers 0.23.3 installed: make_tokenizer_vectors.py > tokenizer_vectors.h"""
import json
import random

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WORDS = """the of and to in a is that it was for on are with as his they be at one have this from or had by hot but some
what there we can out other were all your when up use word how said an each she which do their time if will way about
many then them would write like so these her long make thing see him two has look more day could go come did my sound no
most number who over know water than call first people may down side been now find isn't we'll I'd they've it's Café
naïve Straße ΣΊΣΥΦΟΣ мир 東京 привет 안녕 नमस्ते 12 1999 3.14 0x1f == -> // ... aaaa hahaha \U0001f600""".split()

TEXTS = [
    "", " ", "  ", "\n", "a", "\t\tif x:\n\t\t\treturn  y  \n\n\n", "the  people   look    out     ",
    "I'll say it's what they've DON'T we'd I'm you're 's 'S ''s x'rex o'lll", "3.14159 and 1999, 12th; \u0663\u0664 \u216b \u00bd x\u00b2",
    "Caf\u00e9 Cafe\u0301 nai\u0308ve na\u00efve \u1e69 s\u0323\u0307 s\u0307\u0323", "東京に行く。你好,世界!\u3000全角　空白", "안녕하세요 \u1112\u1161\u11ab 한글",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f3fd \u2764\ufe0f \U0001f1e9\U0001f1ea", "a\u00a0b\u2003c\u200bd\u0085e\u2028f\ufefff",
    "\u0130stanbul \u1e9e \u01c5 \u03a3\u039f\u03a6\u039f\u03a3 \u023a\u212a", "नमस्ते क्षि ไทย שָׁלוֹם مَرحبا",
    "a" * 70, "ha" * 40, "=" * 100 + "\n", " " * 90 + "x", "x" + " " * 17, "-> // == ... !!??",
    "<|end|>", " <|end|> <|end|><|end|", "the<|end|>people", "<|en<|end|>d|> [PAD]", "a[MASK]b [MASK] [mask] [CLS][SEP]",
    "\x01\x7f\u00ad\u0600\ue000\ufffd\uffff\u0378 the", "\u1c89\u1c8a \ua7cb \U00010d50 \U0001e5d0 \U00011938",
    "\r\n\r\nthe\r\n", "  lead and trail  ", "_under_score__ CamelCaseWord", "water\u0301\u0302\u0303 of \u0301", "O(n\u00b2) \u2264 \u221e \u20ac5 \u00a35",
    "unaffable unknowable " + "z" * 120, "\u302e\u302f\U0001d15f \u0344 \u1f82 \u01d5", "don't do not ; he said : \" no \" , ( yes )",
    "\u00ab quoted \u00bb \u2018it\u2019s\u2019 \u201cand\u201d \u2014 dash", "\U0002b930 \U0002b820 \u4dbf\u4e00 \uf900", "\u166d \U000111c9 \u2e43 a\u203fb",
]


LETTERS = random.Random(5)
TEXTS += ["".join(LETTERS.choices("etaoinshr", k=n)) for n in (63, 64, 65, 300)]
TEXTS.append(" ".join("".join(LETTERS.choices("theandor", k=n)) for n in range(1, 21)))
TEXTS.append(" ".join("".join(LETTERS.choices("qzxjkvwy", k=n)) for n in range(10, 18)))


def corpus():
    draw = random.Random(3)
    return "\n".join(" ".join(draw.choices(WORDS, [9 / (i + 3) for i in range(len(WORDS))], k=12)) for _ in range(60))


def c_text(text, of_many=True):
    """A C literal; octal escapes, which end by themselves. Among many, a long one stands in parentheses."""
    out, line = [], ""
    for b in text.encode():
        line += chr(b) if 32 <= b < 127 and b not in b'"\\?' else {10: "\\n"}.get(b, f"\\{b:03o}") if b not in b'"\\' else "\\" + chr(b)
        if len(line) > 160:
            out.append(line)
            line = ""
    out.append(line)
    whole = "\n    ".join(f'"{x}"' for x in out)
    return f"({whole})" if of_many and len(out) > 1 else whole


def bpe(text):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=520, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>", "[PAD]"]))
    return t.to_str()


def bpe_old(text):
    """As files of 2020 have it: merges are texts, the model has no type, the special token comes last, and is normalized."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator([text], trainers.BpeTrainer(vocab_size=300, show_progress=False,
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    found = json.loads(t.to_str())
    model = found["model"]
    model["merges"] = [" ".join(m) for m in model["merges"]]
    model["continuing_subword_prefix"] = model["end_of_word_suffix"] = ""
    del model["type"], model["byte_fallback"], model["ignore_merges"]
    found["added_tokens"] = [dict(id=300, content="<|end|>", single_word=False, lstrip=False, rstrip=False,
                                  normalized=True, special=True)]
    found["post_processor"] = dict(type="ByteLevel", add_prefix_space=True, trim_offsets=False)
    found["decoder"] = dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True)
    return json.dumps(found, ensure_ascii=False)


def wordpiece(text, **normal):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(**normal)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator([text], trainers.WordPieceTrainer(vocab_size=330, show_progress=False, special_tokens=[
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return t.to_str()


def words(text, lower):
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    if lower:
        t.normalizer = normalizers.Lowercase()
    t.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]"), "removed", invert=True)
    t.train_from_iterator([text], trainers.WordLevelTrainer(vocab_size=100, show_progress=False,
                                                            special_tokens=["[UNK]", "<|end|>"]))
    return t.to_str()


def characters(text):
    names = ["[UNK]", "<|end|>"] + sorted(set(text))
    t = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    t.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    t.decoder = decoders.Fuse()
    t.add_special_tokens(["[UNK]", "<|end|>"])
    return t.to_str()


def main():
    text = corpus()
    made = {
        "bpe": bpe(text),
        "bpe_old": bpe_old(text),
        "wordpiece": wordpiece(text),
        "wordpiece_cased": wordpiece(text, lowercase=False),
        "wordpiece_raw": wordpiece(text, clean_text=False, handle_chinese_chars=False, strip_accents=False),
        "words": words(text, False),
        "words_lower": words(text, True),
        "characters": characters(text),
    }
    print("/* SPDX-License-Identifier: Apache-2.0")
    print(f" * Made by make_tokenizer_vectors.py with Hugging Face's tokenizers {tokenizers.__version__}. */")
    print(f"static const char vector_corpus[] =\n    {c_text(text, False)};\n")
    print("static const struct vector_text {\n    const char *text;\n    size_t len;\n} vector_texts[] = {")
    for s in TEXTS:
        print(f"    {{{c_text(s)}, {len(s.encode())}}},")
    print("};\n")
    for name, js in made.items():
        t = Tokenizer.from_str(js)
        print(f"static const char {name}_json[] =\n    {c_text(js, False)};")
        encoded = [t.encode(s, add_special_tokens=False).ids for s in TEXTS]
        print(f"static const int {name}_n[] = {{{', '.join(str(len(e)) for e in encoded)}}};")
        flat = [i for e in encoded for i in e]
        print(f"static const int32_t {name}_ids[] = {{")
        for i in range(0, len(flat), 36):
            print("    " + " ".join(f"{x}," for x in flat[i:i + 36]))
        print("};")
        print(f"static const char *const {name}_decoded[] = {{")
        for e in encoded:
            print(f"    {c_text(t.decode(e, skip_special_tokens=True))},")
        print("};\n")


main()
