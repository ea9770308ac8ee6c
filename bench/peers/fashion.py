# SPDX-License-Identifier: Apache-2.0
"""Fashion-MNIST from Debian's dataset-fashion-mnist, as tensors."""
import gzip

import numpy as np
import torch

FOLDER = "/usr/share/datasets/fashion-mnist/"


def idx(name, head):
    with gzip.open(FOLDER + name) as f:
        return np.frombuffer(f.read(), np.uint8, offset=head)


def read(part):
    """Images (rows, 28, 28) of bytes and labels (rows) of "train" or "t10k"."""
    return (torch.from_numpy(idx(part + "-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28).copy()),
            torch.from_numpy(idx(part + "-labels-idx1-ubyte.gz", 8).astype(np.int64)))
