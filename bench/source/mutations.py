"""What the first reply of precommit or codereview names of faults that were put into code, drawn by a seed.

    python -m bench.source.mutations SEED COUNT TREE...
    python -m bench.source.mutations --tool codereview SEED COUNT TREE...
    python -m bench.source.mutations --tool codereview --files SEED COUNT TREE...

Each TREE is a folder of Python; it is copied and committed, one fault is written into it, and the tool is called over
stdio: on the change, or with --files on the file as it is, with the fault committed. A fault is named where a fact of
the first reply has its file and a line within two of it, or the line of a call or an import that it breaks. Every other
place is told, to be read.
"""

import argparse
import ast
import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from bench.source.planted_faults import KINDS, SHOWN_BY_FILES, Fault, Lines, Plant

NEAR = 2
_PLACE = re.compile(r"(\S+\.pyi?):(\d+)")


def faults_of(tree: Path, plant: Plant, draw: random.Random) -> Iterator[tuple[Path, Fault]]:
    """Yield faults of a kind in the files of a tree, which still compile, in the order of a draw."""
    files = [path for path in sorted(tree.rglob("*.py")) if "test" not in path.relative_to(tree).as_posix()]
    draw.shuffle(files)
    for path in files:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        found = [*plant(lines, ast.parse("".join(lines)))]
        draw.shuffle(found)
        for line, after in found[:1]:
            try:
                ast.parse("".join(after))
            except SyntaxError:
                continue
            if after != lines:
                yield path, (line, after)


async def facts_of(client: Client, tool: str, tree: Path, files: Sequence[str]) -> list[str]:
    said: dict[str, Any] = {"step": "Check it", "step_number": 1, "next_step_required": True}
    named = {"relevant_files": list(files)} if files else {}
    told = await client.call_tool(tool, {**said, **named, "working_directory": str(tree)})
    return list((told.structured_content or {}).get("facts", []))


def judge(facts: Sequence[str], path: str, line: int) -> tuple[bool, list[str]]:
    """Return whether a fact names the fault, and the facts that name another place alone."""
    hits: list[bool] = []
    for fact in facts:
        places = [(name.lstrip("(…/"), int(number)) for name, number in _PLACE.findall(fact)]
        here = any(path.endswith(name) and abs(number - line) <= NEAR for name, number in places)
        here = here or any(f"(:{number})" in fact for number in range(line - NEAR, line + NEAR + 1))
        hits += [here or f"which is not in {path}" in fact] if places else []
    placed = [fact for fact in facts if _PLACE.search(fact)]
    return any(hits), [fact for fact, hit in zip(placed, hits, strict=True) if not hit]


def git(tree: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.invalid"]
    subprocess.run(["git", *who, *arguments], cwd=tree, check=True, capture_output=True)


def write(path: Path, lines: Lines) -> None:
    path.write_text("".join(lines), "utf-8")


def copy_trees(trees: Sequence[Path], place: str) -> list[Path]:
    copies = [Path(place, f"{number}-{tree.name}") for number, tree in enumerate(trees)]
    for tree, copy in zip(trees, copies, strict=True):
        shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(".git", "*.pyc"))
        for step in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
            git(copy, *step)
    return copies


@dataclass
class Run:
    """One run: the tool, and whether it is given files as they are instead of a change."""

    client: Client
    tool: str
    as_files: bool
    shown: bool

    async def ask(self, copy: Path, path: Path, line: int, after: Lines) -> tuple[bool, list[str]]:
        """Write a fault, ask the tool, and take the fault out again."""
        name = path.relative_to(copy).as_posix()
        write(path, after)
        if self.as_files:
            git(copy, "commit", "-q", "-a", "-m", "two")
        facts = await facts_of(self.client, self.tool, copy, [name] if self.as_files else [])
        git(copy, "reset", "-q", "--hard", "HEAD~1" if self.as_files else "HEAD")
        named, others = judge(facts, name, line)
        if self.shown:
            sys.stdout.write(f"  {'named' if named else 'MISSED'} {name}:{line}\n")
            sys.stdout.writelines(f"      {fact}\n" for fact in facts)
        return named, others


async def draw_kind(run: Run, plant: Plant, copies: Sequence[Path], draw: random.Random, count: int) -> list[int]:
    """Return how many faults of a kind were drawn and named, and how many other places were told."""
    row = [0, 0, 0]
    waiting = [(copy, faults_of(copy, plant, draw)) for copy in copies]
    while waiting and row[0] < count:
        copy, source = waiting.pop(0)
        if (found := next(source, None)) is not None:
            waiting.append((copy, source))
            path, (line, after) = found
            named, others = await run.ask(copy, path, line, after)
            row = [row[0] + 1, row[1] + named, row[2] + len(others)]
    return row


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", choices=["precommit", "codereview"], default="precommit")
    parser.add_argument("--files", action="store_true", help="files as they are, not a change")
    parser.add_argument("--show", action="store_true", help="write every fact")
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("trees", type=Path, nargs="+")
    given = parser.parse_args()
    draw, rows = random.Random(given.seed), dict[str, list[int]]()
    with tempfile.TemporaryDirectory() as place:
        copies = copy_trees(given.trees, place)
        environment = {"PATH": os.environ["PATH"], "STEPWARDEN_HOME": f"{place}/home", "HOME": place}
        command = str(Path(sys.executable).with_name("stepwarden"))
        server = StdioServerParameters(command=command, args=["serve"], env=environment)
        async with Client(stdio_client(server)) as client:
            run = Run(client, given.tool, given.files, given.show)
            for kind, plant in (SHOWN_BY_FILES if given.files else KINDS).items():
                rows[kind] = await draw_kind(run, plant, copies, draw, given.count)
                drawn, named, others = rows[kind]
                sys.stdout.write(f"{kind}: {named} of {drawn} named, {others} other places\n")
                sys.stdout.flush()
    drawn, named, others = (sum(row[at] for row in rows.values()) for at in range(3))
    sys.stdout.write(f"all: {named} of {drawn} named, {others} other places\n")


if __name__ == "__main__":
    asyncio.run(main())
