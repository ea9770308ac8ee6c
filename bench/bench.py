# SPDX-License-Identifier: Apache-2.0
"""Runs Onus and its peers side by side: bench.py BUILD VENV [GROUP...], called by bench/run.sh.

Rules of measurement. Both sides of a row run in this process's time, in turns; of each side the best of its turns
counts, since other work on a machine can only add time. Peers run at the best settings known (threads, memory
allocation, OpenMP's waiting are tried, and the best counts). Where the two are not timed alike, the difference
favours the peer: a script of a peer is timed from after its imports, `onus` from exec to exit.

Rows of bench/results.json: ratio above 1 means that Onus is better; goal is the ratio asked for. Where a row has no
peer but a limit, ratio is limit over measured and peer_settings tell the limit. floor is what the arithmetic alone
would take (or reach) at the peak of fused multiply-adds measured here; share_of_floor is 1 at the floor."""
import hashlib
import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECIPES = ROOT / "bench" / "recipes"
TABLE = ("name", "unit", "onus", "peer", "ratio", "goal", "share_of_floor")
# What README-level advice on PyTorch on processors adds up to; used where it is faster.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1", "KMP_BLOCKTIME": "1"}


class Bench:
    def __init__(self, build, venv, room):
        self.build, self.python, self.room = build, venv / "bin" / "python", room
        self.onus = build / "onus"
        self.rows, self.n_runs = [], 0
        openmp = sorted(venv.glob("**/libiomp5.so")) if self.python.exists() else []
        self.tuned = dict(TUNED, **({"LD_PRELOAD": str(openmp[0])} if openmp else {}))
        with open("/proc/cpuinfo") as f:
            found = re.search(r"model name\s*: (.*)", f.read())
        self.name = found.group(1) if found else "unknown"
        self.look()

    def look(self):
        """What this machine can do now; a virtual one is moved from cores to cores."""
        found = self.program("layer_bench", "peak")
        self.isa, self.peak = found["isa"], found["gflops"]  # GFLOP/s of 1 and 2 threads
        self.memory = found["memory_gb_s"]  # of an update in place, 2 threads
        self.cpu = f"{self.name}, 2 cores {found['round_trip_ns']:.0f} ns apart"
        print(f"{self.cpu}, {self.isa}, peak {self.peak[0]:.0f} and {self.peak[1]:.0f} GFLOP/s on 1 and 2 threads, "
              f"memory {self.memory:.0f} GB/s")

    # ---- running things --------------------------------------------------------------------
    def program(self, name, *args, env=None):
        """Our own C program; its JSON."""
        done = subprocess.run([self.build / "bench" / name, *map(str, args)], env=dict(os.environ, **(env or {})),
                              stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
        return json.loads(done.stdout)

    def peer(self, script, *args, tuned=False):
        """A script of bench/peers in the peers' environment; its JSON, or None where it cannot run."""
        if not self.python.exists():
            return None
        done = subprocess.run([self.python, ROOT / "bench" / "peers" / script, *map(str, args)], text=True, cwd=ROOT,
                              env=dict(os.environ, **(self.tuned if tuned else {})), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if done.returncode != 0:
            print(f"bench: {script}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
        found = json.loads(done.stdout.splitlines()[-1])
        found["settings"] = found.get("settings", "") + (", tuned environment" if tuned else "")
        return found

    def timed(self, *args, allowed=(0,)):
        """A process from exec to exit: seconds, megabytes at most, what it printed."""
        with tempfile.TemporaryFile("w+") as out:
            start = time.perf_counter()
            pid = os.posix_spawn(str(args[0]), [str(a) for a in args], os.environ,
                                 file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
            _, status, usage = os.wait4(pid, 0)
            seconds = time.perf_counter() - start
            out.seek(0)
            text = out.read()
        if os.waitstatus_to_exitcode(status) not in allowed:
            raise SystemExit(f"bench: {' '.join(map(str, args))}: exit {os.waitstatus_to_exitcode(status)}")
        return seconds, usage.ru_maxrss / 1024, text

    def run(self, command, recipe):
        """onus run or train: seconds, megabytes, facts, run folder. A policy that is not met is a result."""
        self.n_runs += 1
        folder = self.room / f"run{self.n_runs}"
        seconds, megabytes, text = self.timed(self.onus, command, recipe, "--out", folder, "--quiet", "--json",
                                              allowed=(0, 3))
        return seconds, megabytes, json.loads(text), folder

    # ---- rows ------------------------------------------------------------------------------
    def row(self, name, unit, onus, peer=None, goal=None, limit=None, floor=None, settings=None):
        """Smaller is better. peer: its JSON with `seconds` (or `value`), or None."""
        value = None if peer is None else peer.get("value", peer.get("seconds"))
        ratio = limit / onus if limit is not None else value / onus if value is not None else None
        if limit is not None:
            settings = f"no peer: a limit of {limit:g} {unit}" + (f"; {settings}" if settings else "")
        elif peer is not None:
            settings = "; ".join(s for s in (peer.get("settings"), settings) if s)
        else:
            settings = "the peer could not run here"
        self.add({"name": name, "unit": unit, "onus": onus, "peer": value,
                  "peer_version": peer.get("version") if peer else None, "peer_settings": settings, "ratio": ratio,
                  "goal": goal, "floor": floor, "share_of_floor": floor / onus if floor is not None else None,
                  "cpu": self.cpu, "isa": self.isa})

    def add(self, row):
        self.rows.append({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()})
        print(line(self.rows[-1]), flush=True)


def best(results):
    """The fastest of several runs of peers, those that could not run left out."""
    return min((r for r in results if r), key=lambda r: r["seconds"], default=None)


# ---- groups --------------------------------------------------------------------------------
def gemm(b):
    """Matrix products that training meets, against OpenBLAS, BLIS, oneDNN and MKL."""
    cases = [({}, ["0.6"])]
    if b.isa == "avx512":  # what a processor without AVX-512 would see, as far as this one can tell
        cases.append(({"ONUS_ISA": "avx2"}, ["0.3", "Haswell"]))
    for env, args in cases:
        # MKL comes from PyPI, into the peers' environment
        paths = [str(b.python.parent.parent / "lib")] + [p for p in [os.environ.get("LD_LIBRARY_PATH")] if p]
        env = dict(os.environ, LD_LIBRARY_PATH=":".join(paths), **env)
        done = subprocess.run([b.build / "bench" / "gemm_bench", *args], env=env,
                              stdout=subprocess.PIPE, text=True)
        for text in done.stdout.splitlines():
            b.add(json.loads(text))
        if done.returncode != 0:
            print("bench: gemm_bench could not measure everything", file=sys.stderr)


def conv(b):
    """ResNet-18's convolutions against oneDNN's direct algorithm."""
    program, ratios = b.build / "bench" / "conv_bench", {}
    if not program.exists():
        print("bench: conv: no oneDNN here (Debian: libdnnl-dev)", file=sys.stderr)
        return
    done = subprocess.run([program, "0.5"], stdout=subprocess.PIPE, text=True)
    for text in done.stdout.splitlines():
        row = json.loads(text)
        b.add(row)
        if row["goal"] is not None:
            part = re.search(r"(forward|input gradient|weight gradient), (\d threads?)$", row["name"])
            ratios.setdefault(part.groups(), []).append((row["ratio"], row))
    for (which, threads), found in ratios.items():
        mean = lambda values: math.exp(sum(map(math.log, values)) / len(found))
        last = found[-1][1]
        b.add(dict(last, name=f"conv 3x3, {which}, {threads}, mean of {len(found)}", unit="GFLOP/s, geometric mean",
                   onus=mean(r["onus"] for _, r in found), peer=mean(r["peer"] for _, r in found),
                   ratio=mean(r for r, _ in found), share_of_floor=mean(r["share_of_floor"] for _, r in found)))
    if done.returncode != 0:
        print("bench: conv_bench could not measure everything", file=sys.stderr)


def grid(b):
    """Exact outer products of private training against half the rate of our own binary32 ones."""
    done = subprocess.run([b.build / "bench" / "grid_bench", "0.3"], stdout=subprocess.PIPE, text=True)
    for text in done.stdout.splitlines():
        row = json.loads(text)
        share = row["onus"] / row["floor"] if row["floor"] else None
        b.add(dict(row, floor=row["floor"] or None, share_of_floor=share, cpu=b.cpu, isa=b.isa))
    if done.returncode != 0:
        print("bench: grid_bench could not measure everything", file=sys.stderr)


def fashion(b):
    """The MLP on Fashion-MNIST, end to end, against PyTorch."""
    recipe = ROOT / "examples" / "fashion-mnist.yaml"
    whole, facts, tensor, loader = [], {}, [], []
    training = None
    for turn in range(3):
        for _ in range(3):
            seconds, _, facts, _ = b.run("run", recipe)
            whole.append(seconds)
        for threads, tuned in ((1, False), (1, True), (2, False), (2, True)):
            tensor.append(b.peer("fashion_torch.py", "tensor", threads, tuned=tuned))
        if turn < 2:
            loader.append(b.peer("fashion_torch.py", "loader", 1, tuned=turn == 1))
        found = b.program("layer_bench", "train", 3, recipe)[0]
        training = min(training or found, found, key=lambda r: r["seconds"])
    floor = training["gflop"] / b.peak[1]
    t, l = best(tensor), best(loader)
    said = f"test accuracy {facts['accuracy']:.4f} here"
    for peer in (t, l):
        if peer:
            peer["settings"] += f", test accuracy {peer['accuracy']:.4f}"
    b.row("Fashion-MNIST, data to report, vs DataLoader script", "s", min(whole), l, 20, floor=floor, settings=said)
    b.row("Fashion-MNIST, data to report, vs best tensor loop", "s", min(whole), t, 4, floor=floor, settings=said)
    b.row("Fashion-MNIST, training alone, vs best tensor loop (whole)", "s", training["seconds"], t, floor=floor,
          settings="the peer reads its files as well")


def private(b):
    """Private training at batch 256."""
    plain, secret = RECIPES / "fashion-256.yaml", RECIPES / "fashion-256-private.yaml"
    found = None
    memory, opacus = {plain: 0.0, secret: 0.0}, []
    for _ in range(3):
        pair = b.program("layer_bench", "train", 3, plain, secret)
        found = pair if found is None else [min(x, y, key=lambda r: r["seconds"]) for x, y in zip(found, pair)]
        for recipe in memory:
            memory[recipe] = max(memory[recipe], b.run("train", recipe)[1])
        for threads, tuned in ((1, False), (1, True), (2, True)):
            opacus.append(b.peer("private_opacus.py", "ghost", threads, tuned=tuned))
    opacus.append(b.peer("private_opacus.py", "hooks", 2, 30, tuned=True))
    ours = {"version": "Onus, not private", "settings": "the same network, data, batch of 256, 5 epochs"}
    b.row("private training, vs not private (at most 1.8 times)", "s", found[1]["seconds"],
          dict(ours, seconds=found[0]["seconds"]), 1 / 1.8, floor=found[1]["gflop"] / b.peak[1])
    b.row("private training, memory, vs not private (at most 1.2 times)", "MB", memory[secret],
          dict(ours, value=memory[plain]), 1 / 1.2)
    b.row("private training, 5 epochs at batch 256, vs Opacus", "s", found[1]["seconds"], best(opacus), 6,
          floor=found[1]["gflop"] / b.peak[1], settings="both with sampling, fetching and validation, without reading")


def shapley(b):
    """Shapley values against shap."""
    recipe = (RECIPES / "german-plain.yaml").read_text().replace("../../data", str(ROOT / "data"))
    exact, sampled, twelve = b.room / "exact.yaml", b.room / "sampled.yaml", b.room / "twelve.yaml"
    exact.write_text(recipe)
    table = b.room / "twelve.csv"
    draw_numbers(table)
    twelve.write_text((RECIPES / "numbers-12.yaml").read_text().replace("TABLE", str(table)))
    ours, theirs = {}, {}
    permutation = [b.peer("shapley_shap.py", "permutation", 200)]
    pairs = permutation[0]["permutations"] if permutation[0] else 12
    sampled.write_text(recipe.replace("background: 100}", f"background: 100, exact_columns: 0, permutations: {pairs}}}"))
    for _ in range(2):
        for r in (exact, sampled, twelve):
            found = b.program("layer_bench", "explain", 2 if r == sampled else 1, r)
            ours[r] = min(ours.get(r, found), found, key=lambda x: x["seconds"])
        permutation.append(b.peer("shapley_shap.py", "permutation", 200))
        theirs.setdefault("exact", []).append(b.peer("shapley_shap.py", "exact", 40, table))
    peer, peer12 = best(permutation), best(theirs["exact"])
    if peer12:
        peer12["value"] = peer12["seconds"] * 200 / peer12["rows"]
        peer12["settings"] += f", {peer12['rows']} rows timed, scaled to 200"

    def said(r):
        x = ours[r]
        return f"ours: {x['evaluations']:.4g} evaluations, {x['differing']:.2f} columns differ, residual {x['residual']:.1e}"

    for name, r, p, goal in (
            ("Shapley values, German credit, exact, vs sampled", exact, peer, 1.0),
            (f"Shapley values, German credit, {pairs} pairs of permutations, both", sampled, peer, 20),
            ("Shapley values, 12 columns that all differ, exact, both", twelve, peer12, 8)):
        b.row(name, "s", ours[r]["seconds"], dict(p) if p else None, goal, floor=ours[r]["gflop"] / b.peak[1],
              settings=said(r))


def draw_numbers(path):
    draw = random.Random(1)
    with open(path, "w") as f:
        f.write(",".join(f"x{i}" for i in range(12)) + ",label\n")
        for _ in range(500):
            x = [draw.gauss(0, 1) for _ in range(12)]
            f.write(",".join(f"{v:.9f}" for v in x) + f",{'yes' if sum(x) > 0 else 'no'}\n")


def german(b):
    """Training of the German credit MLP against scikit-learn."""
    ours, theirs = None, []
    for _ in range(3):
        found = b.program("layer_bench", "train", 7, RECIPES / "german-plain.yaml")[0]
        ours = min(ours or found, found, key=lambda r: r["seconds"])
        for threads in (1, 2):
            for kind in ("float32", "float64"):
                theirs.append(b.peer("german_sklearn.py", threads, 5, kind))
    b.row("German credit MLP 64-32, 30 epochs, vs MLPClassifier", "s", ours["seconds"], best(theirs), 1.0,
          floor=ours["gflop"] / b.peak[0])


def lstm(b):
    """Training steps of recurrent classifiers against PyTorch."""
    for cell, goal in (("lstm", 1.2), ("gru", None)):
        found, theirs = None, []
        for turn in range(3):
            x = b.program("net_bench", cell, 15)
            found = min(found or x, x, key=lambda r: r["seconds"])
            theirs += [b.peer("lstm_torch.py", cell, threads, 15, tuned=True) for threads in (1, 2)]
            if turn == 0:
                theirs.append(b.peer("lstm_torch.py", cell, 2, 15))
        b.row(f"{cell.upper()} classifier, 2 layers of 256, T 100, batch 32, a step", "s", found["seconds"], best(theirs),
              goal, floor=found["gflop"] / b.peak[1],
              settings=f"ours {found['examples_per_s']:.0f} sequences/s, {found['gflops']:.0f} GFLOP/s")


def gpt2(b):
    """Training steps of GPT-2 124M against PyTorch, and a private one against our own."""
    plain = {}
    for T in (64, 256):
        found, theirs = None, []
        for turn in range(2):
            x = b.program("net_bench", f"gpt2_{T}", 4)
            found = min(found or x, x, key=lambda r: r["seconds"])
            theirs += [b.peer("gpt2_torch.py", kind, T, 2, "fp32", 3, tuned=True) for kind in ("own", "hf")]
        plain[T] = found
        theirs.append(b.peer("gpt2_torch.py", "own", T, 2, "fp32", 3))
        theirs = best(theirs)
        b.row(f"GPT-2 124M, batch 4, T {T}, a step", "s", found["seconds"], theirs, 1.4, floor=found["gflop"] / b.peak[1],
              settings=f"ours {4 * T / found['seconds']:.0f} tokens/s, {found['gflops']:.0f} GFLOP/s: forward "
                       f"{1e3 * found['forward']:.0f} ms, backward {1e3 * found['backward']:.0f}, update "
                       f"{1e3 * found['update']:.0f} at {found['update_gb_s']:.0f} GB/s")
        megabytes = theirs and dict(theirs, value=theirs["maxrss_mb"])
        b.look()
        moved = found["update"] * found["update_gb_s"]  # GB
        b.row(f"its update (AdamW), {found['update_gb_s']:.0f} GB/s, beside a pass in place without arithmetic", "s",
              found["update"], {"value": moved / b.memory, "settings": f"{b.memory:.0f} GB/s"}, 0.9)
        b.row(f"GPT-2 124M, batch 4, T {T}, memory at most", "MB", found["maxrss_mb"], megabytes, 1.3)
    x = min((b.program("net_bench", "gpt2_64_private", 3) for _ in range(2)), key=lambda r: r["seconds"])
    parts = ", ".join(f"{k} {1e3 * x[k]:.0f} ms" for k in ("forward", "backward", "noise", "update"))
    b.row("GPT-2 124M, private step over a plain one (at most 1.6), T 64", "times", x["seconds"] / plain[64]["seconds"], goal=1.0,
          limit=1.6, settings=parts)
    b.row("GPT-2 124M, memory of a private step over a plain one's, T 64", "times",
          x["maxrss_mb"] / plain[64]["maxrss_mb"], goal=1.0, limit=1.2)


def letters(b):
    """Validation loss of a decoder of letters after as many steps as PyTorch's, from the same weights."""
    weights = b.room / "letters.safetensors"
    theirs = b.peer("char_torch.py", ROOT / "data" / "tinyshakespeare.txt", weights, 2, tuned=True)
    if not theirs:
        print("bench: letters: there are no weights to start from without the peer", file=sys.stderr)
        return
    # a data file is named from where its recipe lies
    text = (RECIPES / "letters.yaml").read_text(encoding="utf-8")
    recipe = b.room / "letters.yaml"
    recipe.write_text(text.replace("from: WEIGHTS", f"from: {weights}").replace("../..", str(ROOT)), encoding="utf-8")
    seconds, _, facts, _ = b.run("run", recipe)
    b.row(f"decoder of letters, 6 x 384, {theirs['steps']} steps: validation loss", "nats", facts["train.best_valid_loss"],
          dict(theirs, value=theirs["validation"]), 0.99, settings=f"{seconds:.0f} s from data to report")


def resnet(b):
    """Training steps of ResNet-18 on 32 x 32 against PyTorch."""
    found, theirs = None, []
    for turn in range(2):
        x = b.program("net_bench", "resnet18", 4)
        found = min(found or x, x, key=lambda r: r["seconds"])
        theirs.append(b.peer("resnet_torch.py", 2, "fp32", 4, tuned=True))
    b.row("ResNet-18, small stem, 32 x 32, batch 64, a step", "s", found["seconds"], best(theirs), 1.0,
          floor=found["gflop"] / b.peak[1],
          settings=f"ours {found['examples_per_s']:.0f} images/s, {found['gflops']:.0f} GFLOP/s: forward "
                   f"{1e3 * found['forward']:.0f} ms, backward {1e3 * found['backward']:.0f}, update "
                   f"{1e3 * found['update']:.0f}")


def proof(b):
    """What ledger, hashing and energy add to the Fashion-MNIST run."""
    shares = []
    for _ in range(5):
        b.n_runs += 1
        x = b.program("proof_cost", ROOT / "examples" / "fashion-mnist.yaml", b.room / f"run{b.n_runs}")
        shares.append((100 * (x["ledger"] + x["hash"] + x["energy"]) / x["seconds"], x))
    share, x = min(shares, key=lambda s: s[0])
    parts = ", ".join(f"{k} {1e3 * x[k]:.2f} ms" for k in ("ledger", "hash", "energy"))
    b.row("ledger, hashing and energy in the Fashion-MNIST run", "% of its time", share, goal=1.0, limit=2.0,
          settings=f"{parts} of {x['seconds']:.3f} s; {1e3 * x['beside']:.1f} ms of hashing on other threads, beside "
                   "inflation, is not counted")


def first(b):
    """The first prediction after exec."""
    _, _, _, folder = b.run("train", ROOT / "examples" / "german-credit.yaml")
    with open(ROOT / "data" / "german_credit.csv") as f:
        names, values = f.readline().strip().split(","), f.readline().strip().split(",")
    person = [f"{n}={v}" for n, v in zip(names, values) if n not in ("risk", "telephone")]
    weights, theirs = b.room / "weights.pt", None
    made = subprocess.run([b.python, ROOT / "bench/peers/first_torch.py", weights, "make"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) if b.python.exists() else None
    ours = []
    for turn in range(5):
        ours += [b.timed(b.build / "bench" / "first", folder, *person)[0] for _ in range(10)]
        if made and made.returncode == 0 and turn < 3:
            seconds = b.timed(b.python, ROOT / "bench/peers/first_torch.py", weights)[0]
            theirs = min(theirs or seconds, seconds)
    peer = {"value": 1e3 * theirs, "version": "torch " + made.stdout.strip(),
            "settings": "import torch, load, predict"} if theirs else None
    b.row("first prediction, exec to exit", "ms", 1e3 * min(ours), goal=1.0, limit=20)
    b.row("first prediction, exec to exit, vs PyTorch", "ms", 1e3 * min(ours), peer)


def real_text(path, size):
    """size bytes of text as people wrote it: what is in this tree and in a system's usual places, each file once."""
    patterns = [(ROOT, "docs/*.md"), (ROOT, "data/*.csv"), (ROOT, "src/*/*.c"), (pathlib.Path(os.__file__).parent, "**/*.py"),
                (pathlib.Path("/usr/share/perl"), "**/*.pod"), (pathlib.Path("/usr/include"), "**/*.h"),
                (pathlib.Path("/usr/share/doc"), "**/copyright")]
    share, text = size // 4, bytearray()  # no place gives more than a quarter, if the others have enough
    for least in (share, size):
        for folder, pattern in patterns:
            taken = 0
            for p in sorted(folder.glob(pattern)):
                if taken >= least or len(text) >= size or not p.is_file():
                    continue
                try:
                    piece = p.read_text(encoding="utf-8")[:200000].encode()
                except (UnicodeDecodeError, OSError):
                    continue
                text += piece
                taken += len(piece)
        if len(text) >= size:
            break
    path.write_bytes(bytes(text[:size]).decode("utf-8", "ignore").encode())


def tokenizer(b):
    """Training and encoding of byte-level BPE against Hugging Face's tokenizers, one thread each."""
    text, ours, theirs, ids = (b.room / n for n in ("text", "ours.json", "theirs.json", "ids"))
    real_text(text, 10_000_000)
    trained, encoded, peer_trained, peer_encoded = [], [], [], []
    for _ in range(2):
        trained.append(b.program("tokenizer_bench", "train", text, "bpe", 8192, 5, ours))
        peer_trained.append(b.peer("tokenizer_hf.py", "train", text, 8192, 1, theirs))
        encoded.append(b.program("tokenizer_bench", "encode", ours, text, 10000, 5, ids))
        peer_encoded.append(b.peer("tokenizer_hf.py", "encode", ours, text, 10000, 1))
    said = ["", ""]
    peer = best(peer_trained)
    if peer:
        found = [json.loads(p.read_text())["model"] for p in (ours, theirs)]
        said[0] = "the same merges" if found[0]["merges"] == found[1]["merges"] else "other merges: not comparable"
    b.row("byte-level BPE of 8,192, training on 10 MB, vs tokenizers", "s", best(trained)["seconds"], peer, 3, settings=said[0])
    peer = best(peer_encoded)
    if peer:
        digest = hashlib.sha256(ids.read_bytes()).hexdigest()
        said[1] = "the same ids" if peer["sha256"] == digest else "other ids: not comparable"
    b.row("byte-level BPE of 8,192, encoding 10 MB, vs tokenizers", "s", best(encoded)["seconds"], peer, 10, settings=said[1])


def demo(b):
    """The German credit example, from data to report."""
    times = [b.run("run", ROOT / "examples" / "german-credit.yaml")[0] for _ in range(3)]
    b.row("German credit demo, data to report", "s", min(times), goal=1.0, limit=10)


GROUPS = {f.__name__: f for f in (gemm, conv, grid, fashion, private, shapley, german, lstm, gpt2, letters, resnet, proof, first, tokenizer,
                                  demo)}


# ---- the table -------------------------------------------------------------------------------
def number(v):
    return "" if v is None else v if isinstance(v, str) else f"{v:.4g}"


def line(row):
    verdict = "" if row["goal"] is None else "?" if row["ratio"] is None else "ok" if row["ratio"] >= row["goal"] else "below"
    cells = [f"{row['name']:<68}", f"{row['unit']:<24}"] + [f"{number(row[k]):>9}" for k in TABLE[2:]]
    return " ".join(cells) + f"  {verdict}"


def main(argv):
    if argv[1:] == ["--list"]:
        for name, f in GROUPS.items():
            print(f"{name:<8} {f.__doc__}")
        return 0
    asked = argv[3:] or list(GROUPS)
    if len(argv) < 3 or not set(asked) <= set(GROUPS):
        print(f"usage: bench.py BUILD VENV [GROUP...], groups: {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    room = pathlib.Path(tempfile.mkdtemp(prefix="onus-bench-"))
    try:
        b = Bench(pathlib.Path(argv[1]).resolve(), pathlib.Path(argv[2]).resolve(), room)
        print(" ".join([f"{TABLE[0]:<68}", f"{TABLE[1]:<24}"] + [f"{k[:9]:>9}" for k in TABLE[2:]]), flush=True)
        for i, name in enumerate(asked):
            if i:
                b.look()
            GROUPS[name](b)
        with open(ROOT / "bench" / "results.json", "w") as f:
            json.dump(b.rows, f, indent=1)
            f.write("\n")
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
