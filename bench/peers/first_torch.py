# SPDX-License-Identifier: Apache-2.0
"""A first prediction with PyTorch: first_torch.py WEIGHTS [make]. The process is timed from exec to exit."""
import sys

import torch
from torch import nn

model = nn.Sequential(nn.Linear(61, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
if len(sys.argv) > 2:
    torch.save(model.state_dict(), sys.argv[1])
    print(torch.__version__)
    sys.exit()
model.load_state_dict(torch.load(sys.argv[1]))
with torch.no_grad():
    print(torch.sigmoid(model(torch.zeros(1, 61))).item())
