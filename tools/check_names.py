#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/check_names.py BUILD [--root TREE]: what documents name is there: files, tests, make targets, ./run's words, options
and commands of the program, environment variables, functions, names of the ledger, of --json and of recipes.

Read are words in backticks, targets of links and lines of code blocks of README.md and docs/*.md. A word with capitals in it
(`cmd_NAME.c`, `label.LABEL.auc`) is a pattern that something must fit; so is one with `*` or `{a,b}`."""
import argparse
import fnmatch
import itertools
import pathlib
import re
import subprocess
import sys

TOPS = ("src", "tests", "docs", "tools", "cli", "include", "bench", "fuzz", "examples", ".ci")
SOURCES = (".c", ".h", ".sh", ".py", ".inc")
MADE = ("build/", "bench/results.json")  # what is built, and what `make bench` writes
FOREIGN_OPTIONS = {"--depth", "--help", "--version"}  # of other programs, or of the program itself
TEXT = (".c", ".h", ".sh", ".py", ".inc", ".yaml", ".json", "Makefile", "run")


def expand(word):
    """`a.{b,c}` as a.b and a.c."""
    parts = [p.split(",") if i % 2 else [p] for i, p in enumerate(re.split(r"\{([^}]*)\}", word))]
    return ["".join(p) for p in itertools.product(*parts)]


class Tree:
    def __init__(self, root, build):
        self.root = root
        self.files = [str(p.relative_to(root)) for top in TOPS + ("data",) for p in (root / top).rglob("*") if p.is_file()]
        self.files += [p.name for p in root.iterdir() if p.is_file()]
        self.names = set(self.files) | {str(q) for p in self.files for q in pathlib.PurePath(p).parents}
        self.bases = {p.rsplit("/", 1)[-1] for p in self.files}
        text = "\n".join((root / p).read_text(errors="replace") for p in self.files
                         if p.endswith(TEXT) and not p.startswith("docs/") and p != "tests/cli/docs.sh")  # which names what is not
        self.identifiers = set(re.findall(r"\b(?:onus|ONUS)_\w+", text))
        makefile = (root / "Makefile").read_text()
        layers = re.search(r"^LAYERS *:= *(.*)$", makefile, re.M)[1].split()
        self.layers = layers
        self.targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.M)) | {f"test-{layer}" for layer in layers}
        self.run_words = set(re.findall(r"^([a-z]+)\)", (root / "run").read_text(), re.M))
        self.commands = self.read_commands(build)
        self.dotted = self.read_dotted(build, root)
        self.spaces = {d.split(".")[0] for d in self.dotted} - {"label"}

    @staticmethod
    def read_commands(build):
        onus = str(build / "onus")
        text = lambda *args: subprocess.run([onus, *args], capture_output=True, text=True, check=True).stdout
        options = lambda page: set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page))
        return {c: options(text(c, "--help")) for c in re.findall(r"(?m)^  ([a-z]+)  ", text("--help"))}

    @staticmethod
    def read_dotted(build, root):
        """Names of the ledger as the registry has them, keys of recipes, names that --json has besides."""
        run = lambda tool: subprocess.run([build / "tools" / tool], capture_output=True, text=True, check=True).stdout
        rows = re.findall(r"^\| `([^`]+)` \| (\w+)", run("names_doc"), re.M)
        names = {name for name, _ in rows}
        names |= {name + end for name, kind in rows if kind == "measured" for end in (".lower", ".upper", ".n", ".method", ".reason")}
        names |= set(re.findall(r"^<!-- table: event (\S+)", run("names_doc"), re.M))
        names |= set(re.findall(r"^\| `([a-z0-9_.]+)`", run("recipe_doc"), re.M))
        for path in [*(root / "src/run").glob("*.c"), *(root / "cli").glob("*.c")]:
            names |= set(re.findall(r'"((?:verify|replay|diff)\.[a-z0-9_.]+)"', path.read_text()))
        return names

    # ---- is it there? ---------------------------------------------------------------------------------------------

    def has_file(self, word):
        wild = re.sub(r"[A-Z]{2,}|\bK\b", "*", word) if word.rsplit("/", 1)[-1] not in self.bases else word
        tries = [word, wild, f"src/{wild}", f"docs/{wild}"]
        if any(t.rstrip("/") in self.names for t in tries):
            return True
        if "/" not in word:
            return any(fnmatch.fnmatch(b, wild) for b in self.bases)
        return any(fnmatch.fnmatch(n, t) for t in tries for n in self.names if "*" in t)

    def has_dotted(self, word):
        parts = word.split(".")
        if parts[0] == "label" and len(parts) > 2 and (parts[1].isupper() or parts[1].islower()):
            parts = parts[2:] if ".".join(parts) not in self.dotted else parts
        def fits(name):
            pattern = name.split(".")
            return len(pattern) == len(parts) and all(p.startswith("<") or q in ("*", p) or re.fullmatch(r"[A-Z+]+", q)
                                                      for p, q in zip(pattern, parts))
        return any(fits(name) for name in self.dotted)


def words_of(text):
    """(line number, word, what it is: code, link or block)."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line.strip(), "block"
        else:
            for link in re.findall(r"\]\(([^)\s#]+)", line):
                yield number, link, "link"
            for code in re.findall(r"`([^`]+)`", line):
                yield number, code, "code"


def complaints(tree, folder, word, kind):
    if kind == "link":
        if not word.startswith("http") and not (folder / word).exists():
            yield f"there is no {word}"
        return
    for command, rest in re.findall(r"\bonus ([a-z]+)\b([^|`]*)", word):
        if command not in tree.commands:
            if kind == "code" or word.startswith("onus "):
                yield f"`onus {command}` is no command"
        else:
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest):
                if option not in tree.commands[command]:
                    yield f"`onus {command}` has no {option}"
    every = set().union(*tree.commands.values()) | FOREIGN_OPTIONS
    if kind == "code" and re.match(r"--[a-z]", word) and re.match(r"--[a-z-]+", word)[0] not in every:
        yield f"no command has {word}"
    for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)\b(?! *=)", word):
        if target not in tree.targets and word.startswith("make "):
            yield f"there is no target {target}"
    for run in re.findall(r"\./run ([a-z]+)", word):
        if run not in tree.run_words:
            yield f"./run has no {run}"
    for name in re.findall(r"\b(?:onus|ONUS)_[A-Za-z0-9_]*[A-Za-z0-9]\b(?!\*)", word):
        if name not in tree.identifiers and not re.search(r"_[A-Z]+$", name.replace("ONUS_", "")):
            yield f"nothing is called {name}"
    if kind != "code":
        return
    for one in re.split(r"[\s,=:]+", word):
        for name in expand(one):
            top = name.split("/")[0]
            known = top in TOPS or top in tree.layers
            if re.fullmatch(r"[\w.*/{}-]+", name) and not name.startswith(MADE) and \
                    (("/" in name and known) or name.endswith(SOURCES) and len(name) > 3 and not name.startswith(".")):
                if not tree.has_file(name):
                    yield f"there is no file {name}"
    if re.fullmatch(r"[a-z]\w*(\.[\w+*{},<>-]+)+", word) and word.split(".")[0] in tree.spaces:
        for name in expand(word):
            if not tree.has_dotted(name) and not tree.has_file(name) and not name.endswith((".sha256_", ".key", ".dir", ".html")):
                if not (name.count(".") == 1 and name.split(".")[1] in ("safetensors", "yaml", "json", "jsonl", "note", "pub", "csv")):
                    yield f"no name of the ledger, of --json or of a recipe is {name}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    asked = parser.parse_args()
    tree, bad = Tree(asked.root, asked.build), 0
    for path in [asked.root / "README.md", asked.root / "data/README.md", *sorted((asked.root / "docs").glob("*.md"))]:
        for number, word, kind in words_of(path.read_text()):
            for complaint in complaints(tree, path.parent, word, kind):
                print(f"{path.relative_to(asked.root)}:{number}: {complaint}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
