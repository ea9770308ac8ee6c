#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small model of every family for 200 steps with PyTorch in float32 and writes where it started, what it saw and
its losses (README.md tells the files' form): make_curves.py TEXT FASHION [FOLDER], by default this script's own folder.
TEXT is tinyshakespeare.txt, FASHION the folder of Fashion-MNIST's IDX files. Seeded.

Prints how far each curve is from the same training in float64: what rounding alone can do."""
import copy
import gzip
import pathlib
import sys

import numpy as np
import safetensors
import safetensors.torch
import torch
import torchvision
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import families  # noqa: E402
import make_vectors  # noqa: E402

STEPS, BATCH, ROWS, IMAGES = 200, 8, 128, 64
IDS = families.VOCABULARY - 1  # of characters; the last id masks
VOWELS = set("aeiouAEIOU")


def read_text(path):
    """The first 20,000 characters, and the id of each: rank by frequency (then by code), at most IDS - 1."""
    text = pathlib.Path(path).read_text(encoding="utf-8")[:20000]
    ranked = sorted(set(text), key=lambda c: (-text.count(c), c))
    return text, np.array([min(ranked.index(c), IDS - 1) for c in text], np.float32)


def windows(ids, T, lengths):
    """(ROWS, T): row r starts at character 150 r and holds lengths[r] ids, then -1."""
    rows = np.stack([ids[150 * r:150 * r + T] for r in range(ROWS)])
    rows[np.arange(T)[None] >= np.array(lengths)[:, None]] = -1
    return torch.from_numpy(rows)


def causal(text, ids):
    given = windows(ids, 32, [32] * ROWS)
    label = torch.full_like(given, -1)
    label[:, :-1] = given[:, 1:]
    return given, label


def masked(text, ids):
    """20 to 32 characters; every sixth, from r mod 6 on, is masked and predicted."""
    given = windows(ids, 32, [20 + 7 * r % 13 for r in range(ROWS)])
    label = torch.full_like(given, -1)
    for r in range(ROWS):
        at = [t for t in range(r % 6, 32, 6) if given[r, t] >= 0]
        label[r, at] = given[r, at]
        given[r, at] = families.VOCABULARY - 1
    return given, label


def sentences(text, ids):
    """8 to 20 characters; the class tells what the last one is: a vowel (0), another letter (1), anything else (2)."""
    lengths = [8 + 5 * r % 13 for r in range(ROWS)]
    last = [text[150 * r + n - 1] for r, n in enumerate(lengths)]
    label = [0 if c in VOWELS else 1 if c.isalpha() else 2 for c in last]
    return windows(ids, 20, lengths), torch.tensor(label, dtype=torch.float32)


def pictures(folder):
    """The first IMAGES training pictures of classes 0 to 4, means of 2x2 pixels / 255, as (IMAGES, 1, 14, 14)."""
    def read(name, head):
        with gzip.open(pathlib.Path(folder) / name) as f:
            return np.frombuffer(f.read(), np.uint8, offset=head)

    label = read("train-labels-idx1-ubyte.gz", 8)
    keep = np.flatnonzero(label < families.IMAGE_CLASSES)[:IMAGES]
    x = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 14, 2, 14, 2)[keep].astype(np.float64).mean((2, 4)) / 255
    return torch.from_numpy(x.astype(np.float32)).unsqueeze(1), torch.from_numpy(label[keep].astype(np.float32))


def train(model, given, label):
    """The loss of each step's batch, found before the step's update."""
    model.train()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    curve = []
    for step in range(STEPS):
        rows = (torch.arange(BATCH) + step * BATCH) % len(given)
        loss = families.mean_loss(families.logits(model, given[rows]), label[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        curve.append(loss.item())
    return torch.tensor(curve, dtype=torch.float64)


def write(name, model, given, label, curve, folder):
    make_vectors.write_weights(model, folder / name)
    out = {"input": given, "label": label, "curve": curve.float()}
    safetensors.torch.save_file({k: v.contiguous() for k, v in out.items()}, folder / f"{name}.run.safetensors")
    files = list(folder.glob(f"{name}.*.safetensors"))
    for f in files:
        f.chmod(0o644)
    return sum(f.stat().st_size for f in files)


def main(argv):
    folder = pathlib.Path(argv[3] if len(argv) > 3 else argv[0]).resolve()
    folder = folder if folder.is_dir() else folder.parent
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("versions: " + ", ".join(f"{m.__name__} {m.__version__}" for m in
                                   (torch, torchvision, transformers, safetensors)))
    text, ids = read_text(argv[1])
    cases = {
        "gpt2": (families.gpt2, causal(text, ids)),
        "llama": (families.llama, causal(text, ids)),
        "bert": (families.bert, masked(text, ids)),
        "resnet18": (lambda: families.resnet18(width=2, channels=1), pictures(argv[2])),
        "lstm": (families.lstm, sentences(text, ids)),
        "gru": (families.gru, sentences(text, ids)),
    }
    for seed, (name, (make, (given, label))) in enumerate(cases.items(), start=200):
        torch.manual_seed(seed)
        model = make()
        exact = families.in_double(copy.deepcopy(model))
        at = given if given.dim() < 4 else given.double()
        curve, twin = train(copy.deepcopy(model), given, label), train(exact, at, label)
        size = write(name, model, given, label, curve, folder)
        off = ((curve - twin).abs() / twin).max().item()
        print(f"{name:<9} {size / 1000:.0f} kB, loss {curve[0]:.4f}, {curve[50]:.4f}, {curve[100]:.4f} ... last 10 "
              f"{curve[-10:].mean():.4f}, lowest {curve.min():.4f}; float64 is at most {off:.1e} away")


if __name__ == "__main__":
    main(sys.argv)
