# SPDX-License-Identifier: Apache-2.0
"""Training steps of a classifier of sequences (20,000 words of 128, 2 layers of 256, the last position's output, 2
classes; 100 words, batch 32) with PyTorch: lstm_torch.py lstm|gru THREADS [STEPS].

Fused Adam over all parameters, the embedding's gradient dense. The best of STEPS (15) counts.
Prints {"seconds": of a step, "sequences_per_s": ...}."""
import sys

import torch
from torch import nn
from torch.nn import functional as F

import steps

cell, threads = sys.argv[1], int(sys.argv[2])
n = int(sys.argv[3]) if len(sys.argv) > 3 else 15
torch.set_num_threads(threads)
torch.manual_seed(0)
BATCH, T, WORDS = 32, 100, 20000


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 128)
        self.cells = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](128, 256, num_layers=2, batch_first=True)
        self.linear = nn.Linear(256, 2)

    def forward(self, ids):
        return self.linear(self.cells(self.embedding(ids))[0][:, -1])


model = Classifier()
adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
ids, label = torch.randint(0, WORDS, (BATCH, T)), torch.randint(0, 2, (BATCH,))


def step():
    adam.zero_grad(set_to_none=True)
    F.cross_entropy(model(ids), label).backward()
    adam.step()


seconds = steps.best_of(step, n)
steps.say(seconds, "torch " + torch.__version__, f"{cell}, batch {BATCH}, T {T}, fused Adam, {threads} thread(s)",
          sequences_per_s=BATCH / seconds)
