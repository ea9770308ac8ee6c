# SPDX-License-Identifier: Apache-2.0
"""Steps of DP-SGD's Adam on the MLP 784-64-10 at batch 256 with Opacus: private_opacus.py ghost|hooks THREADS STEPS.

Only the step is timed (zero_grad, forward, loss, backward, optimiser); its batches stand ready as tensors, and the
sampler is not Poisson's: all of it favours the peer, since ours draws, fetches and accounts within its time.
Prints {"seconds": best step, "median": ...}."""
import json
import sys
import time
import warnings

import opacus
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
mode, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
BATCH = 256
torch.set_num_threads(threads)
torch.manual_seed(0)
x, y = torch.rand(BATCH * 40, 784), torch.randint(0, 10, (BATCH * 40,))
model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
adam, loss = torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss()
made = opacus.PrivacyEngine().make_private(
    module=model, optimizer=adam, data_loader=DataLoader(TensorDataset(x, y), BATCH), noise_multiplier=1.0,
    max_grad_norm=1.0, criterion=loss, grad_sample_mode=mode, poisson_sampling=False)
model, adam = made[0], made[1]
if mode == "ghost":
    loss = made[2]
took = []
for step in range(steps):
    rows = slice(step % 40 * BATCH, step % 40 * BATCH + BATCH)
    xb, yb = x[rows], y[rows]
    start = time.perf_counter()
    adam.zero_grad()
    loss(model(xb), yb).backward()
    adam.step()
    took.append(time.perf_counter() - start)
took = sorted(took[1:])
print(json.dumps({"seconds": took[0], "median": took[len(took) // 2],
                  "version": f"opacus {opacus.__version__}, torch {torch.__version__}",
                  "settings": f"{mode}, batch {BATCH}, {threads} thread(s)"}))
