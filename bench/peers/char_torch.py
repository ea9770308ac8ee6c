# SPDX-License-Identifier: Apache-2.0
"""Validation loss of a character decoder on a text with PyTorch: char_torch.py TEXT WEIGHTS THREADS [SEED]

The other side is bench/recipes/letters.yaml: the same model (transformers' GPT2LMHeadModel: 6 layers, 384 wide, 6 heads, 64
positions, tied, gelu_new, no dropout), the same initial weights (WEIGHTS, a safetensors file that is written here where it is
not there yet), the same windows (part p of n characters has floor((n - 1) / 64), each the next 64 characters and the same
shifted by one; the first 0.9 N characters train, the next 0.05 N validate) and the same AdamW and rates: 1e-3, betas 0.9 and
0.99, decay 0.1 on matrices and embeddings, 100 steps of warm-up, cosine to 0 over one epoch. Each side shuffles by a rule of its
own: what must agree is the loss after as many steps. Id 0 is the unknown token, then characters by code.

Prints {"seconds": of the fastest step, "steps", "validation": the mean over every target of the validation part, ...}."""
import math
import pathlib
import sys
import time

import safetensors.torch
import torch
import transformers
from torch.nn import functional as F

import steps

text_path, weights, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else 0
torch.set_num_threads(threads)
torch.manual_seed(0)
BATCH, T, DECAY, RATE, WARMUP = 12, 64, 0.1, 1e-3, 100
text = pathlib.Path(text_path).read_text(encoding="utf-8")
letters = sorted(set(text))
place = {c: i + 1 for i, c in enumerate(letters)}
ids = torch.tensor([place[c] for c in text])
transformers.logging.set_verbosity_error()
model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
    vocab_size=len(letters) + 1, n_positions=T, n_embd=384, n_layer=6, n_head=6, activation_function="gelu_new",
    resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0, attn_implementation="sdpa",
    use_cache=False)).train()
if not weights.exists():
    safetensors.torch.save_file({k: v.contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}, weights)
model.load_state_dict(safetensors.torch.load_file(weights), strict=False)
model.tie_weights()
decayed = [p for p in model.parameters() if p.dim() > 1]
plain = [p for p in model.parameters() if p.dim() == 1]
adam = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}],
                         lr=RATE, betas=(0.9, 0.99), eps=1e-8, fused=True)


def rows_of(part):
    n = (len(part) - 1) // T
    return part[:n * T].view(n, T), part[1:n * T + 1].view(n, T)


def loss_of(given, target, reduction="mean"):
    logits = model(input_ids=given).logits
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), target.reshape(-1), reduction=reduction)


def mean_loss(part):
    given, target = rows_of(part)
    with torch.no_grad():
        return sum(loss_of(given[i:i + BATCH], target[i:i + BATCH], "sum").item()
                   for i in range(0, len(given), BATCH)) / target.numel()


cuts = [round(len(ids) * x) for x in (0.9, 0.95)]
given, target = rows_of(ids[:cuts[0]])
order = torch.randperm(len(given), generator=torch.Generator().manual_seed(seed))
n_steps = -(-len(order) // BATCH)
seconds = float("inf")
for s in range(n_steps):
    rows = order[BATCH * s:BATCH * (s + 1)]
    rate = RATE * (1 + math.cos(math.pi * s / n_steps)) / 2 * min(1, (s + 1) / WARMUP)
    for group in adam.param_groups:
        group["lr"] = rate
    start = time.perf_counter()
    loss = loss_of(given[rows], target[rows])
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()
    seconds = min(seconds, time.perf_counter() - start)
    if (s + 1) % 25 == 0:
        print(f"{s + 1} of {n_steps}: training {loss.item():.4f}", file=sys.stderr)
steps.say(seconds, f"torch {torch.__version__}, transformers {transformers.__version__}",
          f"fp32, batch {BATCH}, T {T}, fused AdamW, {threads} thread(s)", tokens_per_s=BATCH * T / seconds, steps=n_steps,
          validation=mean_loss(ids[cuts[0]:cuts[1]]), test=mean_loss(ids[cuts[1]:]), characters=len(letters),
          parameters=sum(p.numel() for p in model.parameters()))
