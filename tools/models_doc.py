#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints docs/MODELS.md from the descriptions of families (src/net/families/*.json), so that the document cannot say
what they do not. `make docs` writes it, tools/check_docs.sh compares."""
import glob
import json

HEAD = """# Models

Made from `src/net/families/` by `make docs`; do not edit. A family is a description of layers, no code: settings and a list
of operations ([OPERATIONS.md](OPERATIONS.md)). A recipe names one by `model.kind`, where there are several by `model.name`
too, and gives settings beside it:

<!-- recipe: table -->

    model: {kind: mlp, hidden: [64, 32], activation: relu, dropout: 0.1}

or lists its own layers, in the same language (`src/net/family.h` describes it):

<!-- recipe: images -->

    model:
      kind: layers
      layers:
        - {op: conv2d, channels: 16, kernel: 3, padding: 1}
        - {op: relu, out: x}
        - {op: conv2d, channels: 16, kernel: 3, padding: 1}
        - {op: add, in: ["@", x]}
        - {op: flatten}
        - {op: dense, units: outputs}

A layer reads the one before it, or what `in` names: layers by their `name`, what an `out` named last, `@` (the layer before),
`input`. Numbers may be expressions of settings and of what the data gives: `outputs`, `features`, `vocabulary`, `context`,
`image_channels`, `image_height`, `image_width`. The last layer's output are the logits; loss and prediction follow from the
label. The model file keeps the flat list of layers, so that reading it needs no family. A label of `labels` is several a row, yes or
no each: `data.label.columns` in a recipe.

Names of tensors are those of the library that a family is known from: transformers for decoder and encoder (GPT2LMHeadModel,
LlamaForCausalLM, BertForMaskedLM, BertForSequenceClassification), torchvision for resnet18, torch for lstm and gru. So
`train.from` takes their files as they are, and they load Onus's (strictly: `tests/vectors/check_written.py`). `tests/net` and
`tests/train` hold every family against PyTorch: logits, gradients, 200 steps of training.

Every family is explained (`explain` in a recipe): by Shapley values and by relevance, whose rules the operations bring, batch norm's
that of the running statistics that a finished model uses. `tests/net/test_relevance.c` holds the shares of whole nets against the score
that they share. A model of `tokens` has no one decision and is refused by name. Where a net of your own layers uses an operation without
a rule (softmax before the last layer), `method: relevance` is refused before the training. An RMS norm at an embedding of zero (llama's
first one) divides by sqrt(eps): a small eps amplifies rounding there, which `relevance.residual` then shows.
"""


def setting(name, s):
    if "words" in s:
        return f"| `{name}` | {', '.join(s['words'])} | {s['words'][0]} | {s['help']} |"
    kind = "number" if s.get("real") else "whole"
    if s.get("list"):
        kind = f"list of up to {s['most']} {kind}"
    standard = s["standard"]
    if isinstance(standard, list):
        standard = "[" + ", ".join(map(str, standard)) + "]"
    return f"| `{name}` | {kind}, {s['lower']} to {s['upper']} | {standard} | {s['help']} |"


print(HEAD)
for path in sorted(glob.glob("src/net/families/*.json")):
    with open(path, encoding="utf-8") as f:
        d = json.load(f)
    print(f"## {d['kind']}{' ' + d['name'] if 'name' in d else ''}\n")
    reads = {"flat": "columns or images", "image": "images", "tokens": "text"}[d["input"]]
    print(f"Reads {reads}; label: {', '.join(d['heads'])}.\n")
    if d["settings"]:
        print("| setting | what | standard | of what |\n|---|---|---|---|")
        for name, s in d["settings"].items():
            print(setting(name, s))
        print()
