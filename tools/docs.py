#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/docs.py BUILD [--write] [--slow] [--root TREE]: what documents show is what the program does.

Goal: a reader who types what a document shows sees what it shows. Method: comments in the Markdown say what stands behind
them; this script finds them, runs what they name in a folder of its own (examples, data, BUILD/onus), and compares (exit 1
with the differences) or, with --write, puts what came in their place. One run of examples/german-credit.yaml serves all.

    <!-- output: COMMAND -->     the fenced block behind it is what COMMAND prints on stdout; a first line `$ ...` repeats it.
    <!-- output slow: COMMAND -->  the same, where it takes minutes: only with --slow
         show: RE                (a second line of the comment) of the output only lines that match; others are shown as `...`
    <!-- commands -->            every line of the block behind it is run, and must end well
    <!-- recipe -->              the block is a recipe that `onus train` takes
    <!-- recipe: BASE -->        it is keys of a recipe, put in place of those of BASE (BASES below); `BASE, in data`: of its data
    <!-- folder: DIR -->         the block lists what lies in DIR: every file there has its line
    <!-- help -->                the block names every command of `onus --help`
    <!-- sketch: WHAT -->        the block is none of these: WHAT says what, and where it is tried
    <!-- table: NAME --> ... <!-- end -->   made by the tools of the tree: events (names_doc), "sizes"
    <!--= RUN NAME FORMAT -->text<!--/-->   a value of that run in the text, by its dotted name
    docs/report.png              docs/report.png.txt is the text of the report that it shows, and the picture's hash

A block of code without such a comment is an error. What differs between machines is compared without: NORMAL has the list."""
import argparse
import difflib
import hashlib
import html
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

DOCUMENTS = ["README.md", "docs/ARCHITECTURE.md", "docs/EVIDENCE.md", "docs/RECIPE.md", "docs/PRIVACY.md", "docs/NUMERICS.md",
             "docs/MODELS.md", "docs/OPERATIONS.md", "docs/PERFORMANCE.md"]
GENERATED = {"docs/MODELS.md", "docs/OPERATIONS.md"}  # written whole by tools of their own: compared there, blocks tried here
DEMO = "onus run examples/german-credit.yaml"
RUNS = {"german-credit": "onus report runs/german-credit-1 --json",
        "german-credit-private": "onus train examples/german-credit-private.yaml --json"}

# What may differ between two machines or two runs, and what it is compared as.
NORMAL = [
    (r"\bon (avx2|avx512|neon) with \d+ threads?", "on ISA with N threads"),  # `on ref` is asked for, and stays
    (r"\b(ref|avx2|avx512|neon) ?, \d+ threads?", "ISA, N threads"),
    (r"(?m)^((carbon|energy|sci)\.\S+|run\.(cpu|isa|threads|seconds|cpu_seconds|head))( +).*$", r"\1 OBSERVED"),
    (r"(?m)^Energy \S+ [kM]?J (.*); \S+ k?g CO₂e$", r"Energy OBSERVED \1"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)", "TIME"),
    (r"(?m)^[A-Za-z0-9+/]{43}=$", "ROOT"),
    (r"(?m)^(— \S+) [A-Za-z0-9+/=]{60,}$", r"\1 SIGNATURE"),  # the key is thrown away: another in every run
    (r"(?mi)^(head of the ledger) .*$", r"\1 HEAD"),
    (r"[ \t]+$", ""),
]

# A small recipe for parts of recipes that documents show: lines by key, the data's by theirs.
BASES = {
    "table": {"onus": "1", "name": "part", "seed": "1",
              "data": {"source": "loans.csv", "label": "{column: repaid, positive: yes}", "protected": "[sex]"},
              "model": "{kind: mlp, hidden: [4]}", "train": "{epochs: 1}", "privacy": "off"},
    "images": {"onus": "1", "name": "part", "seed": "1",
               "data": {"format": "idx", "source": "images.idx", "labels": "labels.idx", "protected": "none"},
               "model": "{kind: mlp, hidden: [4]}", "train": "{epochs: 1}", "privacy": "off"},
}

COMMENT = re.compile(r"<!-- (output slow|output|commands|recipe|folder|help|sketch|table|end)\b:? ?(.*?)\s*-->", re.S)
VALUE = re.compile(r"<!--= (\S+) (\S+) (\S+) -->(.*?)<!--/-->", re.S)


def normal(text):
    for pattern, put in NORMAL:
        text = re.sub(pattern, put, text)
    return text


class Room:
    """The folder in which commands run, made when the first one does, and what they printed. BUILD/docs.json keeps outputs
    for as long as program, recipes, data and this script are the same bytes."""

    def __init__(self, build, tree):
        self.build, self.tree, self.folder = pathlib.Path(build).resolve(), pathlib.Path(tree).resolve(), None
        self.kept = self.build / "docs.json"
        self.key = self.inputs()
        try:
            kept = json.loads(self.kept.read_text())
            self.outputs = kept["outputs"] if kept["key"] == self.key else {}
        except (OSError, ValueError, KeyError):
            self.outputs = {}

    def inputs(self):
        sha = hashlib.sha256()
        for path in [self.build / "onus", __file__, *sorted((self.tree / "examples").glob("*.yaml")),
                     *sorted((self.tree / "data").glob("*.csv"))]:
            sha.update(hashlib.sha256(pathlib.Path(path).read_bytes()).digest())
        return sha.hexdigest()

    def open(self):
        if self.folder:
            return
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="onus-docs-"))
        (self.folder / "bin").mkdir()
        (self.folder / "bin/onus").symlink_to(self.build / "onus")
        shutil.copytree(self.tree / "examples", self.folder / "examples")
        (self.folder / "data").mkdir()
        for path in (self.tree / "data").iterdir():
            (self.folder / "data" / path.name).symlink_to(path)
        write_inputs(self.folder)

    def shell(self, command):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ONUS_")}
        environment["PATH"] = f"{self.folder}/bin:{environment['PATH']}"
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"docs: exit {done.returncode}: {command}\n{done.stderr.strip()}")
        return done.stdout.replace(str(self.folder), "ROOM")

    def output(self, command):
        if command == "./run demo":  # what `run` does besides installing
            if f"build/{DEMO}" not in (self.tree / "run").read_text():
                raise SystemExit(f"docs: ./run demo is no longer build/{DEMO}")
            command = DEMO
        if command not in self.outputs:
            self.open()
            if "runs/german-credit-1" in command and not (self.folder / "runs/german-credit-1").exists():
                self.outputs[DEMO] = self.shell(DEMO)
            self.outputs[command] = self.shell(command)
        return self.outputs[command]

    def files(self, folder):
        command = f"cd {folder} && find . -type f | sort"
        return [line[2:] for line in self.output(command).splitlines()]

    def values(self, run):
        return json.loads(self.output(RUNS[run]))

    def close(self, keep):
        if keep:
            new = self.kept.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps({"key": self.key, "outputs": self.outputs}))
            new.replace(self.kept)
        if self.folder:
            shutil.rmtree(self.folder)


def write_inputs(folder):
    """Small inputs of the shapes that the documents' commands and recipes speak of."""
    def table(name, head, row):
        (folder / name).write_text("\n".join([head] + [row(i) for i in range(60)]) + "\n")

    yes = lambda i, k: "yes" if i * k % 7 < 3 else "no"
    table("loans.csv", "repaid,sex,amount,months,housing,toxic,insult,threat", lambda i: ",".join(
        [yes(i, 3), "female" if i % 3 else "male", str(100 + i * 37 % 91), str(6 + i * 5 % 31), "own" if i % 4 else "rent",
         str(i * 3 % 2), str(i * 5 % 7 // 4), str(i * 2 % 5 // 3)]))
    table("scores.csv", "repaid,p,sex,age", lambda i: f"{yes(i, 3)},0.{10 + i * 13 % 90},{'female' if i % 3 else 'male'},{20 + i % 4}")
    table("prices.csv", "price,estimate,region", lambda i: f"{100 + i},{100 + i * 7 % 61},{'north' if i % 2 else 'south'}")
    (folder / "images.idx").write_bytes(struct.pack(">4I", 0x803, 60, 8, 8) + bytes(i * 31 % 256 for i in range(60 * 64)))
    (folder / "labels.idx").write_bytes(struct.pack(">2I", 0x801, 60) + bytes(i % 2 for i in range(60)))


def recipe_text(base, inside, block):
    """`block` in place of the keys of `base` that it has; all of it a recipe where there is no base."""
    if not base:
        return block
    keys = dict(BASES[base])
    own = set(re.findall(r"(?m)^(\w+):", block))
    data = dict(keys.pop("data"))
    lines = [f"{k}: {v}" for k, v in keys.items() if inside or k not in own]
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    text = "".join(f"  {k}: {v}\n" for k, v in data.items() if not (inside and k in own))
    return "\n".join(lines) + f"\ndata:\n{text}{indented if inside else block}"


def show(text, pattern):
    """Lines that match; runs of others as one `...`."""
    lines = []
    for line in text.splitlines():
        if not pattern or re.search(pattern, line):
            lines.append(line.rstrip())
        elif not lines or lines[-1] != "...":
            lines.append("...")
    return lines


class Block:
    """A block of code: the lines [start, end) of its content, and whether it is fenced."""

    def __init__(self, start, end, fenced):
        self.start, self.end, self.fenced = start, end, fenced

    def text(self, lines):
        return "".join((line if self.fenced else line[4:]) + "\n" for line in lines[self.start:self.end])


def blocks_of(lines):
    """Every block of code of a document: fenced, or indented behind an empty line (not in a list)."""
    found, i, in_list = [], 0, False
    while i < len(lines):
        line = lines[i]
        if line.startswith("```"):
            end = next(k for k in range(i + 1, len(lines)) if lines[k].startswith("```"))
            found.append(Block(i + 1, end, True))
            i = end
        elif line.startswith("    ") and not in_list and (i == 0 or not lines[i - 1].strip() or lines[i - 1].endswith("-->")):
            end = i
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            while not lines[end - 1].strip():
                end -= 1
            found.append(Block(i, end, False))
            i = end - 1
        elif line.strip():
            in_list = bool(re.match(r"(\s*)([-*]|\d+\.) ", line)) or (in_list and line.startswith("  "))
        i += 1
    return found


def comment_before(lines, block):
    """The comment that a block's content is marked by; None where there is none."""
    at = block.start - (2 if block.fenced else 1)
    while at >= 0 and not lines[at].strip():
        at -= 1
    if at < 0 or not lines[at].rstrip().endswith("-->"):
        return None
    start = at
    while "<!--" not in lines[start]:
        start -= 1
    return COMMENT.fullmatch("\n".join(lines[start:at + 1]).strip())


class Checker:
    def __init__(self, room, build, tree, write, slow):
        self.room, self.build, self.tree, self.write, self.slow = room, pathlib.Path(build), pathlib.Path(tree), write, slow
        self.bad, self.recipes, self.counted = 0, 0, 0
        self.tables = self.read_tables()
        self.placed = set()

    def say(self, message):
        print(message)
        self.bad += 1

    def differ(self, name, what, have, want):
        """Whether `have` must be replaced. Equal but for what machines differ in stays as it is."""
        self.counted += 1
        if normal("\n".join(have)) == normal("\n".join(want)):
            return False
        if not self.write:
            self.say(f"{name}: {what} is not what comes out now (make docs writes it):")
            print("\n".join(difflib.unified_diff(normal("\n".join(have)).splitlines(), normal("\n".join(want)).splitlines(),
                                                 "document", "now", lineterm="", n=0)))
        return True

    # ---- tables ------------------------------------------------------------------------------------------------------

    def read_tables(self):
        text = subprocess.run([self.build / "tools/names_doc"], check=True, capture_output=True, text=True).stdout
        tables = dict(re.findall(r"<!-- table: (.*?) -->\n(.*?)<!-- end -->\n", text, re.S))
        tables["sizes"] = self.sizes()
        return tables

    def sizes(self):
        layers = re.search(r"^LAYERS *:= *(.*)$", (self.tree / "Makefile").read_text(), re.M)[1].split()
        count = lambda layer: sum(p.read_bytes().count(b"\n") for p in (self.tree / "src" / layer).rglob("*") if p.is_file())
        cells = [f"{round(count(layer), -2):,}" for layer in layers]
        return f"| layer | {' | '.join(layers)} |\n|{'---|' * (len(layers) + 1)}\n| lines | {' | '.join(cells)} |\n"

    def do_tables(self, name, text):
        def put(match):
            table = match[1]
            if table not in self.tables:
                self.say(f"{name}: there is no table '{table}'")
                return match[0]
            self.placed.add(table)
            want = self.tables[table]
            if not self.differ(name, f"the table '{table}'", match[2].splitlines(), want.splitlines()):
                return match[0]
            return f"<!-- table: {table} -->\n{want}<!-- end -->\n"
        return re.sub(r"<!-- table: (.*?) -->\n(.*?)<!-- end -->\n", put, text, flags=re.S)

    def lacking(self, text):
        """Tables of events that EVIDENCE.md has no place for: with --write behind the one before in a ledger."""
        before = None
        for table in (t for t in self.tables if t.startswith("event ")):
            if f"<!-- table: {table} -->" not in text:
                if not self.write or not before:
                    self.say(f"docs/EVIDENCE.md: lacks <!-- table: {table} --> (make docs puts it in)")
                else:
                    at = text.index("<!-- end -->\n", text.index(f"<!-- table: {before} -->")) + len("<!-- end -->\n")
                    title = table.split(" ", 1)[1]
                    text = f"{text[:at]}\n### {title}\n\n<!-- table: {table} -->\n<!-- end -->\n{text[at:]}"
            before = table
        return text

    # ---- blocks ------------------------------------------------------------------------------------------------------

    def do_output(self, name, lines, block, rest):
        command, _, pattern = (part.strip() for part in rest.partition("show:"))
        want = show(self.room.output(command), pattern)
        have = lines[block.start:block.end]
        if have and have[0].startswith("$ "):
            want.insert(0, f"$ {command}")
        if self.differ(name, f"the output of `{command}`", have, want):
            if not block.fenced:
                raise SystemExit(f"{name}: the output of `{command}` wants a fenced block")
            lines[block.start:block.end] = want

    def do_block(self, name, lines, block):
        mark = comment_before(lines, block)
        where = f"{name}:{block.start + 1}"
        if not mark:
            return self.say(f"{where}: a block of code that no comment speaks for (tools/docs.py has the list)")
        kind, rest, text = mark[1], mark[2].strip(), block.text(lines)
        if kind == "output" or kind == "output slow" and self.slow:
            self.do_output(name, lines, block, rest)
        elif kind == "commands":
            self.counted += 1
            for line in text.splitlines():
                self.room.output(line)
        elif kind == "recipe":
            self.do_recipe(where, rest, text)
        elif kind == "folder":
            self.counted += 1
            listed = re.findall(r"(?m)^\s*(\S+)", text)
            for file in self.room.files(rest):
                plain = re.sub(r"/\d+\.", "/STEP.", file)
                if plain not in listed and plain.split("/")[-1] not in listed:
                    self.say(f"{where}: {rest} has {file}, which has no line")
        elif kind == "help":
            self.counted += 1
            for command in re.findall(r"(?m)^  ([a-z]+)  ", self.room.output("onus --help")):
                if f"onus {command} " not in text:
                    self.say(f"{where}: `onus {command}` is not there")

    def do_recipe(self, where, rest, text):
        self.counted += 1
        self.recipes += 1
        base, _, inside = rest.partition(", in ")
        recipe = recipe_text(base, inside, text)
        self.room.output(f"cat > part{self.recipes}.yaml <<'RECIPE'\n{recipe}\nRECIPE\n"
                         f"onus train part{self.recipes}.yaml --quiet >/dev/null # {where}")

    # ---- values, picture ----------------------------------------------------------------------------------------------

    def do_values(self, name, text):
        def put(match):
            run, value, form, have = match.groups()
            found = self.room.values(run).get(value) if run in RUNS else None
            if found is None:
                self.say(f"{name}: there is no {value} in {run}")
                return match[0]
            want = format(found, form)
            if not self.differ(name, f"{run}'s {value}", [have], [want]):
                return match[0]
            return f"<!--= {run} {value} {form} -->{want}<!--/-->"
        return VALUE.sub(put, text)

    def do_picture(self):
        picture, note = self.tree / "docs/report.png", self.tree / "docs/report.png.txt"
        hash_of = lambda: "sha256 of report.png " + hashlib.sha256(picture.read_bytes()).hexdigest()
        want = page_text(self.room.output("cat runs/german-credit-1/report.html"))
        have = note.read_text().splitlines() if note.exists() else [""]
        if have[0] != hash_of():
            have = ["", *have[1:], "(this is another picture)"]
        if not self.differ("docs/report.png", "the page that it shows", have[1:], want):
            return
        if self.write:
            page = self.build / "docs.html"
            page.write_text(self.room.output("cat runs/german-credit-1/report.html"))
            subprocess.run(["tools/report_picture.sh", page, picture], check=True, cwd=self.tree)
            note.write_text("\n".join([hash_of(), *want]) + "\n")

    def document(self, name):
        path = self.tree / name
        before = path.read_text()
        text = before if name in GENERATED else self.do_values(name, self.do_tables(name, before))
        if name == "docs/EVIDENCE.md":
            text = self.do_tables(name, self.lacking(text))
        lines = text.split("\n")
        for block in reversed(blocks_of(lines)):
            self.do_block(name, lines, block)
        after = "\n".join(lines)
        if self.write and after != before:
            path.write_text(after)
            print(f"  written: {name}")


def page_text(page):
    """The text of the top of a report, a line an element: what docs/report.png shows, up to the first chart."""
    page = re.sub(r"<style.*?</style>|<svg.*?</svg>|<title.*?</title>", "", page, flags=re.S)
    page = page[:page.index("<h3")]
    page = re.sub(r"</?(div|p|tr|section|li|ul|table|header|h\d)\b[^>]*>", "\n", page)
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.split("\n"))
    return normal("\n".join(line for line in lines if line)).split("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    asked = parser.parse_args()
    room = Room(asked.build, asked.root)
    done = False
    try:
        checker = Checker(room, asked.build, asked.root, asked.write, asked.slow)
        for name in DOCUMENTS:
            checker.document(name)
        checker.do_picture()
        done = True
    finally:
        room.close(done)
    if not checker.bad:
        print(f"  documents: {checker.counted} blocks, tables and values are what comes out now")
    return 1 if checker.bad else 0


if __name__ == "__main__":
    sys.exit(main())
