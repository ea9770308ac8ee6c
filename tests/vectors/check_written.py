#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Model files that Onus wrote, in the libraries whose names they use: check_written.py PROGRAM, PROGRAM being the test
program test_vectors of a build. It writes a model of every family after one step of training, with its logits; each is loaded strictly (no
tensor missing, none left over, none of another shape) by transformers, torchvision or torch, whose logits must be within
1e-4 of the largest.

Without those libraries it says so and checks nothing (exit 77)."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import safetensors.torch
    import torch
    import transformers

    import families
except ImportError as missing:
    print(f"not checked: {missing}")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ["gpt2", "llama", "bert", "bert_classes", "resnet18", "lstm", "gru"]


def load(name, file, room):
    model = getattr(families, name)()
    if not isinstance(model, transformers.PreTrainedModel):
        model.load_state_dict(safetensors.torch.load_file(file), strict=True)
        return model
    folder = room / f"{name}.folder"
    folder.mkdir()
    shutil.copyfile(HERE / f"{name}.config.json", folder / "config.json")
    shutil.copyfile(file, folder / "model.safetensors")
    model, told = type(model).from_pretrained(folder, output_loading_info=True, attn_implementation="sdpa")
    for what, keys in told.items():
        if keys:
            raise SystemExit(f"{name}: {what}: {keys}")
    return model


def main(program):
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        room = pathlib.Path(folder)
        subprocess.run([program, folder], check=True, capture_output=True)
        for name in NAMES:
            said = safetensors.torch.load_file(room / f"{name}.logits.safetensors")
            given = said["input"].reshape(-1, 3, 16, 16) if name == "resnet18" else said["input"]
            model = load(name, room / f"{name}.model.safetensors", room).eval()
            with torch.no_grad():
                found = families.logits(model, given)
            mine = said["logits"].reshape(found.shape)
            if found.dim() == 3:  # absent positions have no logits
                mine = mine * (given >= 0).unsqueeze(-1)
            off = ((found - mine).abs().max() / found.abs().max()).item()
            print(f"{name}: loaded strictly, logits at most {off:.1e} of the largest off")
            if not off <= 1e-4:
                raise SystemExit(f"{name}: logits are {off:.1e} off")


if __name__ == "__main__":
    main(sys.argv[1])
