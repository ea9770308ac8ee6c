# SPDX-License-Identifier: Apache-2.0
"""The MLP 784-64-10 on Fashion-MNIST with PyTorch: fashion_torch.py loader|tensor THREADS.

loader: the script that tutorials teach: a Dataset whose items become PIL images and then tensors (what torchvision's
data set does for every item), a DataLoader for batches. tensor: the whole set as one tensor, batches by indexing,
fused Adam. Both: batch 64, 5 epochs over 54,000 images, validation on 6,000 after each, then the test accuracy.

Prints {"seconds": from after the imports to the test accuracy, ...}: reading is timed, the import of torch is not."""
import json
import resource
import sys
import time
import warnings

import torch
from torch import nn

from fashion import read

warnings.filterwarnings("ignore")
mode, threads = sys.argv[1], int(sys.argv[2])
if mode == "loader":
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset, random_split
    from torchvision.transforms import ToTensor
torch.set_num_threads(threads)
EPOCHS, BATCH = 5, 64


def make_model(fused):
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)


def run_tensor():
    (x, y), (xt, yt) = read("train"), read("t10k")
    model, loss, adam = make_model(fused=True)
    x, xt = x.reshape(-1, 784).float().div_(255), xt.reshape(-1, 784).float().div_(255)
    order = torch.randperm(len(x))
    part, held = order[:54000], order[54000:]
    xv, yv = x[held], y[held]
    for _ in range(EPOCHS):
        shuffled = part[torch.randperm(len(part))]
        for i in range(0, len(part), BATCH):
            rows = shuffled[i:i + BATCH]
            adam.zero_grad(set_to_none=True)
            loss(model(x[rows]), y[rows]).backward()
            adam.step()
        with torch.no_grad():
            valid = (model(xv).argmax(1) == yv).float().mean().item()
    with torch.no_grad():
        return valid, (model(xt).argmax(1) == yt).float().mean().item()


def run_loader():
    class Images(Dataset):
        def __init__(self, x, y):
            self.x, self.y, self.transform = x, y, ToTensor()

        def __len__(self):
            return len(self.x)

        def __getitem__(self, i):
            return self.transform(Image.fromarray(self.x[i].numpy())), int(self.y[i])

    def accuracy(loader):
        right = n = 0
        with torch.no_grad():
            for xb, yb in loader:
                right += (model(xb).argmax(1) == yb).sum().item()
                n += len(yb)
        return right / n

    train, held = random_split(Images(*read("train")), [54000, 6000])
    batches = DataLoader(train, BATCH, shuffle=True)
    valid_batches, test_batches = DataLoader(held, 256), DataLoader(Images(*read("t10k")), 256)
    model, loss, adam = make_model(fused=False)
    for _ in range(EPOCHS):
        for xb, yb in batches:
            adam.zero_grad()
            loss(model(xb), yb).backward()
            adam.step()
        valid = accuracy(valid_batches)
    return valid, accuracy(test_batches)


torch.manual_seed(0)
start = time.perf_counter()
valid, test = run_loader() if mode == "loader" else run_tensor()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "valid": valid, "accuracy": test, "version": "torch " + torch.__version__,
                  "settings": f"{mode}, {threads} thread(s)" + (", fused Adam" if mode == "tensor" else ""),
                  "maxrss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
