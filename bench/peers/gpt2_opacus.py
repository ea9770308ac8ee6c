# SPDX-License-Identifier: Apache-2.0
"""Private training steps of GPT-2 124M (untied: Opacus's ghost mode refuses tied weights) at batch 4 with Opacus:
gpt2_opacus.py ghost|hooks|plain T THREADS [STEPS].

ghost: ghost clipping; hooks: a gradient of every example; plain: the same model, not private. One example is one row of T
tokens. Sampling is not timed. Fused AdamW below, noise from PyTorch's ordinary generator. The best of STEPS (4) counts.
Prints {"seconds": of a step, "tokens_per_s": ..., "maxrss_mb": ...}."""
import sys
import warnings

import opacus
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gpt2
import steps

warnings.filterwarnings("ignore")
mode, T, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
n = int(sys.argv[4]) if len(sys.argv) > 4 else 4
torch.set_num_threads(threads)
torch.manual_seed(0)
BATCH = 4
model, criterion = gpt2.GPT2(tied=False), nn.CrossEntropyLoss()
adam = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
ids, target = gpt2.random_batch(BATCH, T)
if mode != "plain":
    made = opacus.PrivacyEngine().make_private(
        module=model, optimizer=adam, data_loader=DataLoader(TensorDataset(ids, target), BATCH), noise_multiplier=1.0,
        max_grad_norm=1.0, criterion=criterion, grad_sample_mode=mode, poisson_sampling=False)
    model, adam = made[0], made[1]
    if mode == "ghost":
        criterion = made[2]


def step():
    adam.zero_grad()
    logits = model(ids)
    flat = logits.reshape(-1, logits.shape[-1]), target.reshape(-1)
    (criterion(*flat, shape=(BATCH, T)) if mode == "ghost" else criterion(*flat)).backward()
    adam.step()


seconds = steps.best_of(step, n)
steps.say(seconds, f"opacus {opacus.__version__}, torch {torch.__version__}",
          f"{mode}, untied, B {BATCH}, T {T}, fused AdamW, {threads} thread(s)", tokens_per_s=BATCH * T / seconds)
