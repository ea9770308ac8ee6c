# SPDX-License-Identifier: Apache-2.0
"""Training steps of torchvision's ResNet-18 with the small-image stem (3x3, stride 1, no max pool) on 3x32x32, batch 64,
10 classes, with PyTorch: resnet_torch.py THREADS [fp32|bf16] [STEPS].

Channels last, fused SGD with momentum 0.9. The best of STEPS (6) counts; then inference at the same batch.
Prints {"seconds": of a step, "images_per_s": ..., "inference_images_per_s": ...}."""
import sys

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import steps

threads = int(sys.argv[1])
kind_of_number = sys.argv[2] if len(sys.argv) > 2 else "fp32"
n = int(sys.argv[3]) if len(sys.argv) > 3 else 6
torch.set_num_threads(threads)
torch.manual_seed(0)
BATCH = 64
model = torchvision.models.resnet18(num_classes=10)
model.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
model.maxpool = nn.Identity()
model = model.to(memory_format=torch.channels_last)
pixels = torch.randn(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
label = torch.randint(0, 10, (BATCH,))
sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)


def step():
    sgd.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind_of_number == "bf16"):
        loss = F.cross_entropy(model(pixels), label)
    loss.backward()
    sgd.step()


def predict():
    with torch.no_grad():
        model(pixels)


seconds = steps.best_of(step, n)
model.eval()
inference = steps.best_of(predict, 3)
steps.say(seconds, f"torch {torch.__version__}, torchvision {torchvision.__version__}",
          f"{kind_of_number}, batch {BATCH}, channels last, fused SGD, {threads} thread(s)",
          images_per_s=BATCH / seconds, inference_images_per_s=BATCH / inference)
