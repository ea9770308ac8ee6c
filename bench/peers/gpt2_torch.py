# SPDX-License-Identifier: Apache-2.0
"""Training steps of GPT-2 124M (tied, random weights and tokens, batch 4) with PyTorch: forward, backward, AdamW's update.
gpt2_torch.py own|hf T THREADS [fp32|bf16] [STEPS] [compile]

own: gpt2.py beside this file. hf: transformers' GPT2LMHeadModel. Fused AdamW. The best of STEPS (5) steps counts.
Prints {"seconds": of a step, "tokens_per_s": ..., "maxrss_mb": ...}."""
import sys

import torch
from torch.nn import functional as F

import gpt2
import steps

kind, T, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kind_of_number = sys.argv[4] if len(sys.argv) > 4 else "fp32"
n = int(sys.argv[5]) if len(sys.argv) > 5 else 5
torch.set_num_threads(threads)
torch.manual_seed(0)
BATCH = 4
version = "torch " + torch.__version__
if kind == "hf":
    import transformers
    version += ", transformers " + transformers.__version__
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, attn_implementation="sdpa", use_cache=False)).train()
else:
    model = gpt2.GPT2()
adam = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
ids, target = gpt2.random_batch(BATCH, T)


def loss():
    logits = model(ids).logits if kind == "hf" else model(ids)
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), target.view(-1))


if "compile" in sys.argv:
    loss = torch.compile(loss)


def step():
    adam.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind_of_number == "bf16"):
        found = loss()
    found.backward()
    adam.step()


seconds = steps.best_of(step, n)
steps.say(seconds, version, f"{kind}, {kind_of_number}, B {BATCH}, T {T}, fused AdamW, {threads} thread(s)" +
          (", compiled" if "compile" in sys.argv else ""), tokens_per_s=BATCH * T / seconds)
