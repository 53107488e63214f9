#!/usr/bin/env python3
"""Whether the tests notice when the code is changed: scripts/mutants.py [--resume] [--again] [--only TEXT] [ROW...]

cargo-mutants lists the mutants, and would build the tests for each. Here one build has them all: in a copy of the tree
below target/mutants, a function with mutants becomes a match over its bodies, of which a variable of the environment
chooses one. Each is the body that cargo-mutants has. Those in constants, and in functions that return `impl Trait`,
whose bodies are of different types, are built one by one. The table of each ROW grows in target/mutants/ROW.tsv.

--resume goes on where a run was stopped; --again also tries once more what was missed. --only takes mutants whose names
have a TEXT in them. Prints the table and what was missed; ends with 1 if a row has less than 90 % caught.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from trials import Tests
from woven import CHOOSER, Mutant, Source

TOP = Path(__file__).resolve().parent.parent
PLACE = TOP / "target/mutants"
TREE = PLACE / "tree"
GOAL = 90


@dataclass
class Row:
    """Modules, and the tests that each of their mutants meets: those of the first line, of the crate's own only the ones
    with `near` in their names; then, if it gets that far, those of the second."""

    title: str
    package: str
    files: list
    near: str
    tests: list


ROWS = {
    "protocol": Row(
        "frames, records, credit",
        "spotp2p-proto",
        ["spotproto/src/frame.rs", "spotproto/src/record.rs", "spotproto/src/mux/credit.rs"],
        "",
        ["--lib", "--test session --test session_faults --test forged_frames --test hostile --test hostile_line"
         " --test operations --test contract --test protocol_document"],
    ),
    "cache": Row(
        "eviction, journal",
        "spotp2p-cache",
        ["spotcache/src/cache/policy/*.rs", "spotcache/src/cache/room.rs", "spotcache/src/cache/journal/*.rs"],
        "cache::",
        ["--lib --test cache", "--lib --test cache_document --test cache_memory"],
    ),
    "planner": Row(
        "planner",
        "spotp2p",
        ["spotp2p/src/planner/*.rs"],
        "planner::",
        ["--lib --test planner", "--lib --test cached --test cdn --test playout"],
    ),
}

# That of the cargo of the tree, but for what only takes time.
ENVIRONMENT = {
    "CARGO_TARGET_DIR": str(PLACE / "target"),
    **os.environ,
    **tomllib.loads((TOP / ".cargo/config.toml").read_text())["env"],
    "RUST_BACKTRACE": "0",
    "PROPTEST_MAX_SHRINK_ITERS": "0",
}


def build(row, tests):
    """The test binaries, and the compiler's errors."""
    command = ["cargo", "test", "--no-run", "--message-format=json", "-p", row.package, *tests.split()]
    done = subprocess.run(command, cwd=TREE, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    binaries, errors = [], []
    for line in filter(lambda line: line.startswith("{"), done.stdout.splitlines()):
        said = json.loads(line)
        if said["reason"] == "compiler-message" and said["message"]["level"] == "error" and said["message"]["spans"]:
            errors.append(said["message"])
        if said["reason"] == "compiler-artifact" and said.get("executable"):
            folder = Path(said["manifest_path"]).parent
            near = row.near if tests == row.tests[0] and said["target"]["kind"] == ["lib"] else ""
            listed = subprocess.check_output([said["executable"], "--list", "--format", "terse", near], text=True)
            names = re.findall(r"^(\S+): test$", listed, re.MULTILINE)
            binaries.append(Tests(said["target"]["name"], said["executable"], folder, ENVIRONMENT, names))
    if done.returncode and not errors:
        sys.exit(done.stderr)
    return binaries, errors


class Campaign:
    """The mutants of a row, and what came of them."""

    def __init__(self, key, options):
        self.row = ROWS[key]
        self.table = PLACE / f"{key}.tsv"
        self.sources, self.mutants, self.found = {}, [], {}
        self.list(options.only)
        if not (options.resume or options.again):
            self.table.unlink(missing_ok=True)
        elif self.table.exists():
            for line in self.table.read_text().splitlines():
                outcome, how, name = line.split("\t")
                self.found[name] = (outcome, how)
        if options.again:
            self.found = {name: found for name, found in self.found.items() if found[0] != "missed"}

    def list(self, only):
        command = ["cargo", "mutants", "--list", "--json", "-p", self.row.package]
        command += [part for path in self.row.files for part in ("-f", path)]
        for number, said in enumerate(json.loads(subprocess.check_output(command, cwd=TOP)), 1):
            source = self.sources.setdefault(said["file"], Source((TOP / said["file"]).read_text()))
            function = said["function"] and source.span(said["function"]["span"])
            span = source.span(said["span"])
            self.mutants.append(Mutant(number, said["name"], said["file"], span, function, said["replacement"]))
        # One in a function within a function goes with the outer one.
        for mutant in filter(lambda mutant: mutant.function, self.mutants):
            others = (other.function for other in self.mutants if other.path == mutant.path and other.function)
            mutant.function = min(f for f in others if f[0] <= mutant.function[0] and mutant.function[1] <= f[1])
        self.mutants = [mutant for mutant in self.mutants if not only or only in mutant.name]

    def note(self, mutant, outcome, how):
        self.found[mutant.name] = (outcome, how)
        with self.table.open("a") as table:
            table.write(f"{outcome}\t{how}\t{mutant.name}\n")
        print(f"{outcome}: {mutant.name} ({how})", file=sys.stderr, flush=True)

    def copy(self, changed):
        """The tree with these files changed. Those that stay the same are not touched, so as not to be built again."""
        files = subprocess.check_output(["git", "ls-files", "-z"], cwd=TOP, text=True).split("\0")[:-1]
        files = {path for path in files if (TOP / path).is_file()}
        # A module that is gone from ours must not be found beside the one that took its place.
        for place in [place for place in TREE.rglob("*") if place.is_file()]:
            if str(place.relative_to(TREE)) not in files:
                place.unlink()
        for path in files:
            # What has mutants is as it was when they were listed.
            text = self.sources[path].text.encode() if path in self.sources else (TOP / path).read_bytes()
            text, place = changed.get(path, text), TREE / path
            if not place.exists() or place.read_bytes() != text:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text)

    def weave(self, mutants, tests):
        """The tests with these mutants; takes away those that turn out not to compile, or to have to stand alone."""
        root = self.row.files[0].split("/")[0] + "/src/lib.rs"
        changed, where = {root: b"#![allow(warnings)]\n" + (TOP / root).read_bytes() + CHOOSER.encode()}, {}
        for path, source in self.sources.items():
            changed[path], where[path] = source.woven([mutant for mutant in mutants if mutant.path == path])
        self.copy(changed)
        binaries, errors = build(self.row, tests)
        for error in errors:
            # A constant function that another one, or a constant, calls.
            called = code(error) == "E0015" and re.search(r"`(?:.*::)?(\w+)`", error["message"])
            for mutant in list(mutants):
                source = self.sources[mutant.path]
                if called and "const fn" in source.head(mutant.function) and source.name(mutant.function) == called[1]:
                    mutants.remove(mutant)
                elif any(span["byte_start"] in where[span["file_name"]].get(mutant, ())
                         for span in error["spans"] if span["is_primary"] and span["file_name"] in where):
                    mutants.remove(mutant)
                    self.note(mutant, "unviable", code(error))
        return binaries, errors

    def try_out(self, tests, mutant, stage):
        given_away = next(filter(None, (some.run(mutant.number) for some in tests)), None)
        self.note(mutant, *(given_away or ("missed", str(stage))))
        forget_seeds()

    def run(self):
        PLACE.mkdir(parents=True, exist_ok=True)
        for stage, tests in enumerate(self.row.tests):
            before = ("missed", str(stage - 1)) if stage else None
            left = [mutant for mutant in self.mutants if self.found.get(mutant.name) == before]
            together = [mutant for mutant in left if mutant.function and not self.is_opaque(mutant)]
            self.run_together(stage, tests, together)
            alone = [m for m in left if m not in together and self.found.get(m.name, ("missed",))[0] == "missed"]
            self.run_alone(stage, tests, alone)

    def is_opaque(self, mutant):
        return "-> impl " in self.sources[mutant.path].head(mutant.function)

    def run_together(self, stage, tests, mutants):
        errors = bool(mutants)
        while errors:
            count = len(mutants)
            binaries, errors = self.weave(mutants, tests)
            if errors and len(mutants) == count:
                sys.exit(errors[0]["rendered"])
        if mutants:
            binaries = sound(binaries)
        for mutant in mutants:
            self.try_out(binaries, mutant, stage)

    def run_alone(self, stage, tests, mutants):
        if mutants:
            self.copy({})
            known = sound(build(self.row, tests)[0])
        for mutant in mutants:
            self.copy({mutant.path: mutant.applied(self.sources[mutant.path].text).encode()})
            binaries, errors = build(self.row, tests)
            if errors:
                self.note(mutant, "unviable", code(errors[0]))
                continue
            paths = {binary.binary: binary.path for binary in binaries}
            for some in known:
                some.path = paths[some.binary]
            self.try_out(known, mutant, stage)

    def counts(self):
        outcomes = [self.found.get(mutant.name, ("left",))[0] for mutant in self.mutants]
        return {outcome: outcomes.count(outcome) for outcome in ("caught", "timed out", "missed", "unviable")}


def code(error):
    """A lint that denies has a name, a fault of syntax has none."""
    return (error["code"] or {}).get("code", "syntax")


def forget_seeds():
    """Seeds that a property failed with would try the next mutant too."""
    places = [*TREE.glob("spot*/tests/*proptest-regressions"), *TREE.glob("spot*/tests/proptest-regressions/*")]
    for seeds in filter(Path.is_file, places):
        ours = TOP / seeds.relative_to(TREE)
        if not ours.exists():
            seeds.unlink()
        elif ours.read_bytes() != seeds.read_bytes():
            seeds.write_bytes(ours.read_bytes())


def sound(binaries):
    """All tests, which pass as they are; those that take the least come first."""
    return sorted((tests for binary in binaries for tests in binary.several()), key=lambda tests: tests.cpu)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--only", metavar="TEXT")
    parser.add_argument("rows", metavar="ROW", nargs="*", choices=[*ROWS, []], default=list(ROWS))
    options = parser.parse_args()
    campaigns = [Campaign(key, options) for key in options.rows]
    for campaign in campaigns:
        campaign.run()
    good = True
    print("| modules | mutants | caught | timed out | missed | do not compile | caught of those that do |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for campaign in campaigns:
        count = campaign.counts()
        noticed, viable = count["caught"] + count["timed out"], len(campaign.mutants) - count["unviable"]
        share = 100 * noticed / max(viable, 1)
        good &= share >= GOAL
        cells = [len(campaign.mutants), *(count[key] for key in ("caught", "timed out", "missed", "unviable"))]
        print(f"| {campaign.row.title} | {' | '.join(map(str, cells))} | {share:.1f} % |")
    for campaign in campaigns:
        for mutant in campaign.mutants:
            if campaign.found[mutant.name][0] == "missed":
                print(f"missed: {mutant.name}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
