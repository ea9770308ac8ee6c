#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what PyTorch says of small models of every family: weights, input, logits, loss and gradients (README.md tells
the files' form). make_vectors.py [FOLDER], by default this script's own; needs torch, torchvision, transformers and
safetensors. Seeded: the same versions write the same files.

Weights are drawn so that every one of them matters: matrices with a deviation of 1 / sqrt(inputs), embeddings 0.5,
biases and shifts 0.2, gains 1 +- 0.2, running means 0 +- 0.3, running variances 0.5 to 2. They are rounded to float32,
then everything is computed in float64 and rounded once, when it is written."""
import copy
import pathlib
import shutil
import sys
import tempfile

import safetensors
import safetensors.torch
import torch
import torchvision
import transformers

import families

MASK = families.VOCABULARY - 1  # the id that stands for a masked token


def draw_weights(model, seed):
    g = torch.Generator().manual_seed(seed)

    def normal(like, mean, deviation):
        return mean + deviation * torch.randn(like.shape, generator=g)

    with torch.no_grad():
        for name, p in model.named_parameters():
            gain = name.endswith(".weight") and p.dim() == 1
            if p.dim() > 1 and ("embed" in name or "wte" in name or "wpe" in name):
                p.copy_(normal(p, 0, 0.5))
            elif p.dim() > 1:
                inputs = p.shape[0] if type(model).__name__.startswith("GPT2") else p[0].numel()
                p.copy_(normal(p, 0, inputs ** -0.5))
            else:
                p.copy_(normal(p, 1 if gain else 0, 0.2))
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.copy_(normal(b, 0, 0.3))
            elif name.endswith("running_var"):
                b.copy_(0.5 + 1.5 * torch.rand(b.shape, generator=g))


def draw_ids(lengths, T, seed):
    """(rows, T) of ids below MASK, -1 from a row's length on."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, MASK, (len(lengths), T), generator=g).float()
    for row, n in zip(ids, lengths):
        row[n:] = -1
    return ids


def causal(seed):
    given = draw_ids([20, 13, 20], 20, seed)
    label = torch.full_like(given, -1)
    label[:, :-1] = given[:, 1:]
    return given, label


def masked(seed):
    """Every fourth present position, from 1 on, is predicted; two of three of those are shown as MASK."""
    given = draw_ids([17, 24, 9, 24], 24, seed)
    label = torch.full_like(given, -1)
    for row in range(len(given)):
        for k, t in enumerate(range(1, int((given[row] >= 0).sum()), 4)):
            label[row, t] = given[row, t]
            if k % 3:
                given[row, t] = MASK
    return given, label


def sentences(lengths, T, seed):
    given = draw_ids(lengths, T, seed)
    return given, torch.arange(len(lengths)).float() % families.SENTENCE_CLASSES


def pictures(seed):
    g = torch.Generator().manual_seed(seed)
    return torch.randn((4, 3, 16, 16), generator=g), torch.tensor([2.0, 0.0, 4.0, 1.0])


def write_weights(model, stem):
    """STEM.weights.safetensors as save_pretrained or state_dict gives it, and transformers' STEM.config.json."""
    if not isinstance(model, transformers.PreTrainedModel):
        safetensors.torch.save_file({k: v.contiguous() for k, v in model.state_dict().items()},
                                    f"{stem}.weights.safetensors")
        return
    with tempfile.TemporaryDirectory() as room:
        model.save_pretrained(room)
        shutil.copyfile(f"{room}/model.safetensors", f"{stem}.weights.safetensors")
        shutil.copyfile(f"{room}/config.json", f"{stem}.config.json")


def compute(model, given, label):
    model = families.in_double(copy.deepcopy(model))
    given = given.double()
    out = {"input": given, "label": label}
    if isinstance(model, torchvision.models.ResNet):
        out["logits_eval"] = families.logits(model.eval(), given)
    model.train()
    out["logits"] = families.logits(model, given)
    assert out["logits"].dtype == torch.float64
    out["loss"] = families.mean_loss(out["logits"], label).reshape(1)
    out["loss"].backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and p.grad.dtype == torch.float64, name
        out["grad." + name] = p.grad
    for name, b in model.named_buffers():
        if "running" in name:
            out["after." + name] = b
    # a key's bias moves all scores of a query alike: 1e-17 is what rounding leaves of a gradient of 0
    return {k: (v.detach() * (v.detach().abs() > 1e-15)).float().contiguous() for k, v in out.items()}


def far(model, given, out):
    """How far plain float32 is from these logits, as a share of the largest: the check of the float64 formulas."""
    model = copy.deepcopy(model).train()
    with torch.no_grad():
        plain = families.logits(model, given)
    return ((plain - out["logits"]).abs().max() / out["logits"].abs().max()).item()


CASES = {
    "gpt2": (families.gpt2, causal(1)),
    "llama": (families.llama, causal(2)),
    "bert": (families.bert, masked(3)),
    "bert_classes": (families.bert_classes, sentences([11, 24, 1, 17], 24, 4)),
    "resnet18": (families.resnet18, pictures(5)),
    "lstm": (families.lstm, sentences([12, 7, 1, 9, 12], 12, 6)),
    "gru": (families.gru, sentences([5, 12, 12, 1, 8], 12, 7)),
}


def main(argv):
    folder = pathlib.Path(argv[1] if len(argv) > 1 else argv[0]).resolve()
    folder = folder if folder.is_dir() else folder.parent
    torch.set_num_threads(1)  # threads add in an order of their own
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("versions: " + ", ".join(f"{m.__name__} {m.__version__}" for m in
                                   (torch, torchvision, transformers, safetensors)))
    for seed, (name, (make, (given, label))) in enumerate(CASES.items(), start=100):
        torch.manual_seed(seed)
        model = make()
        draw_weights(model, seed)
        write_weights(model, folder / name)
        out = compute(model, given, label)
        safetensors.torch.save_file(out, folder / f"{name}.expected.safetensors")
        for part in folder.glob(f"{name}.*.safetensors"):
            part.chmod(0o644)
        size = sum((folder / f"{name}.{part}.safetensors").stat().st_size for part in ("weights", "expected"))
        print(f"{name:<13} {sum(p.numel() for p in model.parameters()):>6} parameters, {size / 1000:.0f} kB, loss "
              f"{out['loss'].item():.6f}, largest logit {out['logits'].abs().max().item():.3f}, plain float32 is "
              f"{far(model, given, out):.1e} off, smallest gradient "
              f"{min(v.abs().max().item() for k, v in out.items() if k.startswith('grad.')):.1e}")


if __name__ == "__main__":
    main(sys.argv)
