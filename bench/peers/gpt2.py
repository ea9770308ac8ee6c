# SPDX-License-Identifier: Apache-2.0
"""GPT-2 (Radford et al. 2019) in PyTorch as its users write it for speed: one matrix for query, key and value, fused
attention, weights drawn with a deviation of 0.02. No dropout."""
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        B, T, C = x.shape
        query, key, value = (part.view(B, T, self.heads, C // self.heads).transpose(1, 2)
                             for part in self.attend(self.norm1(x)).split(C, 2))
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).reshape(B, T, C))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x)), approximate="tanh"))


class GPT2(nn.Module):
    """By default the 124M one. Positions are looked up for every row, because Opacus wants rows in every layer's input."""

    def __init__(self, vocabulary=50257, positions=1024, width=768, heads=12, layers=12, tied=True):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, 0.0, 0.02)
        if tied:
            self.head.weight = self.token.weight

    def forward(self, ids):
        places = torch.arange(ids.shape[1]).expand(ids.shape).contiguous()
        return self.head(self.norm(self.blocks(self.token(ids) + self.position(places))))


def random_batch(rows, length, vocabulary=50257):
    """Ids and targets."""
    return torch.randint(0, vocabulary, (rows, length)), torch.randint(0, vocabulary, (rows, length))
