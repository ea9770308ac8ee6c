# SPDX-License-Identifier: Apache-2.0
"""Private training of the MLP 784-64-10 on Fashion-MNIST at batch 256 with Opacus:
private_opacus.py ghost|hooks THREADS [STEPS].

The whole set is one tensor and a step's Poisson sample is drawn and fetched by indexing: much faster than the
DataLoader that Opacus makes. 5 epochs of 211 steps with validation after each, or STEPS steps, scaled to the whole.
Reading is not timed. Noise from PyTorch's ordinary generator (Opacus's secure mode is slower).
Prints {"seconds": ..., "steps": ...}."""
import json
import sys
import time
import warnings

import opacus
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import fashion

warnings.filterwarnings("ignore")
mode, threads = sys.argv[1], int(sys.argv[2])
EPOCHS, BATCH, ROWS = 5, 256, 54000
PER_EPOCH = (ROWS + BATCH - 1) // BATCH
steps = int(sys.argv[3]) if len(sys.argv) > 3 else EPOCHS * PER_EPOCH
torch.set_num_threads(threads)
torch.manual_seed(0)
x, y = fashion.read("train")
x = x.reshape(-1, 784).float().div_(255)
order = torch.randperm(len(x))
xv, yv, x, y = x[order[ROWS:]], y[order[ROWS:]], x[order[:ROWS]], y[order[:ROWS]]
model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
adam, loss = torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss()
made = opacus.PrivacyEngine().make_private(
    module=model, optimizer=adam, data_loader=DataLoader(TensorDataset(x, y), BATCH), noise_multiplier=0.53,
    max_grad_norm=1.0, criterion=loss, grad_sample_mode=mode, poisson_sampling=False)
model, adam = made[0], made[1]
if mode == "ghost":
    loss = made[2]
q, valid = BATCH / ROWS, None


def step():
    rows = torch.nonzero(torch.rand(ROWS) < q).squeeze(1)
    adam.zero_grad()
    loss(model(x[rows]), y[rows]).backward()
    adam.step()


for _ in range(3):
    step()
start = time.perf_counter()
for k in range(1, steps + 1):
    step()
    if k % PER_EPOCH == 0:
        with torch.no_grad():
            valid = (model(xv).argmax(1) == yv).float().mean().item()
seconds = (time.perf_counter() - start) * EPOCHS * PER_EPOCH / steps
print(json.dumps({"seconds": seconds, "steps": steps, "valid": valid,
                  "version": f"opacus {opacus.__version__}, torch {torch.__version__}",
                  "settings": f"{mode}, batch {BATCH}, {threads} thread(s), Poisson samples by indexing"}))
