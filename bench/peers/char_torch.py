# SPDX-License-Identifier: Apache-2.0
"""Loss of a character decoder on a text with PyTorch, by a rule that others can follow: char_torch.py TEXT STEPS THREADS
[EVERY] [WEIGHTS]

The model is transformers' GPT2LMHeadModel: 6 layers, 384 wide, 6 heads, 256 positions, tied, gelu_new, no dropout; seed 0.
WEIGHTS, a file to write, gets the initial weights as safetensors, so that both sides can start alike.
Data: the text's distinct characters, sorted by code, are the ids. Training is the first floor(0.9 N) characters, validation the
rest. Row r of a part is the 257 characters from 256 r on: 256 ids, and as targets the same shifted by one; a part of n
characters has floor((n - 1) / 256) rows. Step s (from 0) takes rows (12 s + i) mod rows, i from 0 to 11, never shuffled.
AdamW, lr 1e-3, betas 0.9 and 0.99, eps 1e-8; decay 0.1 on matrices and embeddings, none on vectors; no clipping, constant rate.
Validation is the mean over every target of every row of the validation part, after each EVERY (STEPS) steps.

Prints {"seconds": of the fastest step, "validation": {steps: loss}, "training": {steps: that step's loss}, ...}."""
import pathlib
import sys
import time

import torch
import transformers
from torch.nn import functional as F

import steps

text_path, n_steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
every = int(sys.argv[4]) if len(sys.argv) > 4 else n_steps
torch.set_num_threads(threads)
torch.manual_seed(0)
BATCH, T, DECAY = 12, 256, 0.1
text = pathlib.Path(text_path).read_text(encoding="utf-8")
letters = sorted(set(text))
ids = torch.tensor([letters.index(c) for c in text])
cut = 9 * len(ids) // 10
transformers.logging.set_verbosity_error()
model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
    vocab_size=len(letters), n_positions=T, n_embd=384, n_layer=6, n_head=6, activation_function="gelu_new",
    resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0, attn_implementation="sdpa",
    use_cache=False)).train()
if len(sys.argv) > 5:
    import safetensors.torch
    safetensors.torch.save_file({k: v.contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"},
                                sys.argv[5])
decayed = [p for p in model.parameters() if p.dim() > 1]
plain = [p for p in model.parameters() if p.dim() == 1]
adam = torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}],
                         lr=1e-3, betas=(0.9, 0.99), eps=1e-8, fused=True)


def rows_of(part):
    n = (len(part) - 1) // T
    return part[:n * T].view(n, T), part[1:n * T + 1].view(n, T)


def loss_of(given, target, reduction="mean"):
    logits = model(input_ids=given).logits
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), target.reshape(-1), reduction=reduction)


def validate():
    given, target = rows_of(ids[cut:])
    with torch.no_grad():
        return sum(loss_of(given[i:i + BATCH], target[i:i + BATCH], "sum").item()
                   for i in range(0, len(given), BATCH)) / target.numel()


given, target = rows_of(ids[:cut])
validation, training, seconds = {}, {}, float("inf")
for s in range(n_steps):
    rows = (torch.arange(BATCH) + s * BATCH) % len(given)
    start = time.perf_counter()
    loss = loss_of(given[rows], target[rows])
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()
    seconds = min(seconds, time.perf_counter() - start)
    if (s + 1) % every == 0:
        training[s + 1], validation[s + 1] = loss.item(), validate()
        print(f"{s + 1}: training {training[s + 1]:.4f}, validation {validation[s + 1]:.4f}", file=sys.stderr)
steps.say(seconds, f"torch {torch.__version__}, transformers {transformers.__version__}",
          f"fp32, batch {BATCH}, T {T}, fused AdamW, {threads} thread(s)", tokens_per_s=BATCH * T / seconds,
          validation=validation, training=training, characters=len(letters), parameters=sum(
              p.numel() for p in model.parameters()))
