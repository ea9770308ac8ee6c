# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's tokenizers in one thread: tokenizer_hf.py train TEXT VOCABULARY REPS OUT.json, or
tokenizer_hf.py encode TOKENIZER.json TEXT CHUNK REPS.

train: a byte-level BPE on the lines of TEXT, as its own reader cuts them; the file is written by the library.
encode: TEXT in chunks of CHUNK bytes; encode, encode_batch and encode_batch_fast are tried, the best counts. Prints
{"seconds": best, ...}; encode also the SHA-256 of the ids as little-endian int32, so that they can be compared."""
import hashlib
import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402  (after the settings)
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

BYTES = pre_tokenizers.ByteLevel.alphabet()


def train(text, vocabulary):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    start = time.perf_counter()
    t.train([text], trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False, initial_alphabet=BYTES))
    return time.perf_counter() - start, t


def chunks_of(path, size):
    """As tokenizer_bench.c cuts: at least size bytes, up to the beginning of a character."""
    data, i = open(path, "rb").read(), 0
    while i < len(data):
        end = min(i + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
        yield data[i:end].decode()
        i = end


def encode(path, text, size, reps):
    t, chunks = Tokenizer.from_file(path), list(chunks_of(text, size))
    ways = {"encode": lambda: [t.encode(c, add_special_tokens=False) for c in chunks],
            "encode_batch": lambda: t.encode_batch(chunks, add_special_tokens=False),
            "encode_batch_fast": lambda: t.encode_batch_fast(chunks, add_special_tokens=False)}
    best = (float("inf"), "", None)
    for _ in range(reps):
        for name, way in ways.items():
            start = time.perf_counter()
            found = way()
            best = min(best, (time.perf_counter() - start, name, found), key=lambda b: b[0])
    digest = hashlib.sha256()
    for one in best[2]:
        digest.update(b"".join(i.to_bytes(4, "little") for i in one.ids))
    return best[0], best[1], digest.hexdigest()


out = {"version": "tokenizers " + tokenizers.__version__}
if sys.argv[1] == "train":
    runs = [train(sys.argv[2], int(sys.argv[3])) for _ in range(int(sys.argv[4]))]
    runs[0][1].save(sys.argv[5])
    out.update(seconds=min(s for s, _ in runs), settings="one thread, the file read by the library")
else:
    seconds, name, digest = encode(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    out.update(seconds=seconds, sha256=digest, settings=f"one thread, {name} on chunks of {sys.argv[4]} bytes")
print(json.dumps(out))
