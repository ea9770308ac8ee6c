#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small data and a recipe of every family of models, for tests/cli/families.sh: families.py FOLDER. Seeded; words, labels and
pictures are made up. NAME.yaml: batches of 16 rows in 4 shards, several steps. NAME-long.yaml: shards so long that they
are cut (docs/NUMERICS.md, 7). NAME-private.yaml: a private run.
The short recipes of classifiers are explained, some texts by all coalitions, others by drawn orders."""
import pathlib
import random
import struct
import sys

LINE = "onus: 1\nname: {name}\nseed: 7\ndata: {data}\nmodel: {model}\ntrain: {train}\nprivacy: {privacy}\nexplain: {explain}\n"
SPLIT = "protected: none, split: {{train: 0.7, valid: 0.15, test: 0.15}}"
PREDICT = "{{format: text, source: {}.txt, predict: {}, context: {}, " + SPLIT + "}}"
SENTENCES = ("{{source: {}.csv, label: {{column: mood, positive: good}}, columns: {{text: text}}, tokenizer: {{kind: word}}, "
             "context: {}, protected: [group], split: {{train: 0.7, valid: 0.1, test: 0.2}}}}")
BOTH = SENTENCES.replace("{{column: mood, positive: good}}", "{{columns: [mood, sure], positive: [good, y], missing: ignore}}")
IMAGES = "{{format: idx, source: {0}.idx, labels: {0}-labels.idx, " + SPLIT + "}}"

SHORT = "{epochs: 3, batch: 16, shards: 4, checkpoint: 1}"
LONG_TOKENS = "{epochs: 1, batch: 260, shards: 4}"  # 65 sequences of 8, parts of 32; the last batch has shards of 52, whole
LONG_ROWS = "{epochs: 1, batch: 1100, shards: 2}"  # parts of 256 rows: a place's row of a table, a head of one row

GPT2 = "{kind: decoder, name: gpt2, layers: 2, width: 24, heads: 3, dropout: 0.1}"
LLAMA = "{kind: decoder, name: llama, layers: 2, width: 24, heads: 4, kv_heads: 2}"
TIED_LLAMA = "{kind: decoder, name: llama, layers: 1, width: 16, heads: 2, tied: true}"
MASKED = "{kind: encoder, layers: 2, width: 24, heads: 3, dropout: 0.1}"
MOOD = "{kind: encoder, layers: 1, width: 16, heads: 2}"
CNN = "{kind: cnn, channels: [4, 8], norm: group, groups: 2, hidden: 16, dropout: 0.2}"
RESNET = "{kind: cnn, name: resnet18, width: 2}"
LSTM = "{kind: lstm, embedding: 12, hidden: 10, layers: 2, bidirectional: true, dropout: 0.1}"
GRU = "{kind: gru, embedding: 12, hidden: 10}"
NEXT = "{kind: gru, embedding: 12, hidden: 10, layers: 2}"
TUNED = ("{from: gpt2, freeze: [transformer.wte.*, '*.bias'], clip_norm: 0.5, label_smoothing: 0.1, epochs: 2, batch: 16, "
         "shards: 4, optimiser: adamw, checkpoint: 1}")
PRIVATE = "{noise: 1.5, delta: 1e-5, clip: 1}"
PRIVATE_TRAIN = "{epochs: 2, batch: 16, shards: 4, checkpoint: 1, keep: last}"

EXPLAINED = {"mood": "{method: both, rows: 9, exact_columns: 4, permutations: 2}", "gru": "{method: relevance, rows: 9}",
             "lstm": "{method: both, rows: 9, exact_columns: 4, permutations: 2}", "lstm-private": "{rows: 5, exact_columns: 3}",
             "cnn": "{method: relevance, rows: 9, background: 5}", "resnet18": "{method: relevance, rows: 3, background: 3}"}

RECIPES = [  # name, data, model, train, privacy
    ("gpt2", PREDICT.format("short", "next", 8), GPT2, SHORT, "off"),
    ("llama", PREDICT.format("short", "next", 8), LLAMA, SHORT, "off"),
    ("masked", PREDICT.format("short", "masked", 8), MASKED, SHORT, "off"),
    ("mood", SENTENCES.format("few", 8), MOOD, SHORT, "off"),
    ("moods", BOTH.format("few", 8), MOOD, SHORT, "off"),
    ("cnn", IMAGES.format("few"), CNN, SHORT, "off"),
    ("resnet18", IMAGES.format("few"), RESNET, SHORT, "off"),
    ("lstm", SENTENCES.format("few", 8), LSTM, SHORT, "off"),
    ("gru", SENTENCES.format("few", 8), GRU, SHORT, "off"),
    ("gpt2-long", PREDICT.format("play", "next", 8), GPT2, LONG_ROWS, "off"),
    ("llama-long", PREDICT.format("play", "next", 8), TIED_LLAMA, LONG_TOKENS, "off"),
    ("masked-long", PREDICT.format("play", "masked", 8), MASKED, LONG_ROWS, "off"),
    ("gru-long", PREDICT.format("play", "next", 8), NEXT, LONG_TOKENS, "off"),
    ("mood-long", SENTENCES.format("many", 8), MOOD, LONG_ROWS, "off"),
    ("lstm-long", SENTENCES.format("many", 8), LSTM, LONG_ROWS, "off"),
    ("cnn-long", IMAGES.format("many"), CNN, LONG_ROWS, "off"),
    ("resnet18-long", IMAGES.format("many"), RESNET, LONG_ROWS, "off"),
    ("tuned", PREDICT.format("short", "next", 8), GPT2, TUNED, "off"),  # after the run gpt2
    ("gpt2-private", PREDICT.format("short", "next", 8), GPT2, PRIVATE_TRAIN, PRIVATE),
    ("lstm-private", SENTENCES.format("few", 8), LSTM, PRIVATE_TRAIN, PRIVATE),
    ("moods-private", BOTH.format("few", 8), LSTM, PRIVATE_TRAIN, PRIVATE),
]


def words(r):
    return ["".join(r.choice("bdfgklmnprst") + r.choice("aeiou") for _ in range(r.randint(1, 3))) for _ in range(24)]


def play(r):
    """Made-up words, each of which suggests the next."""
    known = words(r)
    after = [r.sample(range(24), 3) for _ in known]
    at, text = 0, []
    for n in range(2400):
        at = r.choice(after[at])
        text.append(known[at] + (".\n" if n % 9 == 8 else ""))
    return " ".join(text)


def sentences(r, rows):
    known, lines = words(r), ["text,mood,group,sure"]
    for n in range(rows):
        own = known[n % 2 * 12:n % 2 * 12 + 12]
        text = " ".join(r.choice(own if r.random() < 0.8 else known) for _ in range(r.randint(2, 9)))
        sure = "y" if len(text) > 24 else "n"  # in every tenth row it is not known
        lines.append(f"{text},{'bad' if n % 2 else 'good'},{'ab'[n // 2 % 2]},{sure if n % 10 else ''}")
    return "\n".join(lines) + "\n"


def pictures(r, n):
    """8 by 8: two columns, two rows, or a slanted line, and noise."""
    pixels, labels = [], []
    for i in range(n):
        at = r.randrange(5)
        labels.append(i % 3)
        for y in range(8):
            for x in range(8):
                on = (x - at in (0, 3), y - at in (0, 3), (x + y) % 8 == at)[i % 3]
                pixels.append((200 if on else 20) + r.randrange(50))
    return idx([n, 8, 8], pixels), idx([n], labels)


def idx(dims, data):
    return struct.pack(f">{1 + len(dims)}I", 0x800 + len(dims), *dims) + bytes(data)


def main(folder):
    folder, r = pathlib.Path(folder), random.Random(4)
    text = play(r)
    (folder / "play.txt").write_text(text)
    (folder / "short.txt").write_text(text[:1500])
    for name, rows in (("few", 150), ("many", 1600)):
        (folder / f"{name}.csv").write_text(sentences(r, rows))
        images, labels = pictures(r, rows)
        (folder / f"{name}.idx").write_bytes(images)
        (folder / f"{name}-labels.idx").write_bytes(labels)
    for name, data, model, train, privacy in RECIPES:
        (folder / f"{name}.yaml").write_text(LINE.format(name=name, data=data, model=model, train=train, privacy=privacy,
                                                               explain=EXPLAINED.get(name, "off")))


if __name__ == "__main__":
    main(sys.argv[1])
