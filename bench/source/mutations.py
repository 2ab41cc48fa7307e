"""What precommit's first reply names of faults that were put into a change: six kinds, drawn by a seed.

    python -m bench.source.mutations SEED COUNT TREE...

Each TREE is a folder of Python; it is copied and committed, one fault is written into it, and precommit is called over
stdio. A fault is named where a fact of the first reply has its file and a line within two of it. Every other fact with
a place is a false one.
"""

import ast
import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

Lines = list[str]
Fault = tuple[int, Lines]  # the line where it is, from 1, and the file with it
NEAR = 2
_PLACE = re.compile(r"(\S+\.pyi?):(\d+)")
_KEY = "AKIA" + "Q4ZPLR7WXY2MNB3K"  # put together here, so that no scanner takes this file for a leak


def leave_lock_out(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.With) or "lock" not in ast.unparse(node.items[0].context_expr).lower():
            continue
        body = range(node.body[0].lineno - 1, (node.end_lineno or node.lineno))
        indent = len(lines[body[0]]) - len(lines[node.lineno - 1].rstrip("\n")) + len(lines[node.lineno - 1].strip())
        shift = node.body[0].col_offset - node.col_offset
        if indent and node.body[0].lineno > node.lineno:
            inside = [lines[at][shift:] if lines[at].strip() else lines[at] for at in body]
            yield node.lineno, [*lines[: node.lineno - 1], *inside, *lines[body[-1] + 1 :]]


def widen_except(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id != "Exception":
            row = lines[node.lineno - 1]
            yield node.lineno, _with(lines, node.lineno, row.replace(node.type.id, "Exception", 1))


def change_default(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in _functions(tree):
        for default in node.args.defaults:
            if isinstance(default, ast.Constant) and isinstance(default.value, int) and default.value > 1:
                row, start, end = lines[default.lineno - 1], default.col_offset, default.end_col_offset
                yield node.lineno, _with(lines, default.lineno, f"{row[:start]}{default.value + 7}{row[end:]}")


def remove_public_name(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not node.decorator_list:
            yield node.lineno, [*lines[: node.lineno - 1], *lines[(node.end_lineno or node.lineno) :]]


def insert_parameter(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in _functions(tree):
        first = next((each for each in node.args.args if each.arg not in {"self", "cls"}), None)
        if first is not None and not node.args.posonlyargs:
            row = lines[first.lineno - 1]
            yield node.lineno, _with(lines, first.lineno, f"{row[: first.col_offset]}extra, {row[first.col_offset :]}")


def leave_something(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for number, node in enumerate(_functions(tree)):
        at = node.body[0].lineno
        if at > node.lineno:
            text = ["breakpoint()", f'key = "{_KEY}"', 'print("here", locals())'][number % 3]
            yield at, [*lines[: at - 1], f"{' ' * node.body[0].col_offset}{text}\n", *lines[at - 1 :]]


KINDS: dict[str, Callable[[Lines, ast.Module], Iterator[Fault]]] = {
    "lock left out": leave_lock_out,
    "except widened": widen_except,
    "default changed": change_default,
    "public name removed": remove_public_name,
    "parameter inserted": insert_parameter,
    "secret or leftover": leave_something,
}


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def _with(lines: Lines, number: int, row: str) -> Lines:
    return [*lines[: number - 1], row, *lines[number:]]


def faults_of(tree: Path, kind: str, draw: random.Random) -> Iterator[tuple[Path, Fault]]:
    """Yield faults of a kind in the files of a tree, which still compile, in the order of a draw."""
    files = [path for path in sorted(tree.rglob("*.py")) if "test" not in path.name]
    draw.shuffle(files)
    for path in files:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        found = [*KINDS[kind](lines, ast.parse("".join(lines)))]
        draw.shuffle(found)
        for line, after in found[:1]:
            try:
                ast.parse("".join(after))
            except SyntaxError:
                continue
            if after != lines:
                yield path, (line, after)


async def facts_of(tree: Path, home: str) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "STEPWARDEN_HOME": home, "HOME": home}
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("stepwarden")), args=["serve"], env=environment
    )
    said: dict[str, Any] = {"step": "Check it", "step_number": 1, "next_step_required": True}
    async with Client(stdio_client(server)) as client:
        told = await client.call_tool("precommit", {**said, "working_directory": str(tree)})
    return list((told.structured_content or {}).get("facts", []))


def judge(facts: Sequence[str], path: str, line: int) -> tuple[bool, int]:
    """Return whether a fact names the fault, and how many facts name another place."""
    places = [(place[0].lstrip("…/"), int(place[1])) for fact in facts for place in _PLACE.findall(fact)]
    hits = [path.endswith(name) and abs(number - line) <= NEAR for name, number in places]
    return any(hits), hits.count(False)


def git(tree: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.invalid"]
    subprocess.run(["git", *who, *arguments], cwd=tree, check=True, capture_output=True)


async def main() -> None:
    draw, count, trees = random.Random(int(sys.argv[1])), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]]
    with tempfile.TemporaryDirectory() as place:
        copies = [Path(place, f"{number}-{tree.name}") for number, tree in enumerate(trees)]
        for tree, copy in zip(trees, copies, strict=True):
            shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(".git", "*.pyc"))
            for step in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
                git(copy, *step)
        rows: dict[str, list[int]] = {kind: [0, 0, 0] for kind in KINDS}
        for kind in KINDS:
            waiting = [faults_of(copy, kind, draw) for copy in copies]
            while waiting and rows[kind][0] < count:
                source = waiting.pop(0)
                if (found := next(source, None)) is None:
                    continue
                waiting.append(source)
                path, (line, after) = found
                before = path.read_text("utf-8")
                path.write_text("".join(after), "utf-8")
                tree = next(copy for copy in copies if path.is_relative_to(copy))
                named, others = judge(await facts_of(tree, f"{place}/home"), path.relative_to(tree).as_posix(), line)
                path.write_text(before, "utf-8")
                rows[kind] = [rows[kind][0] + 1, rows[kind][1] + named, rows[kind][2] + others]
    for kind, (drawn, named, others) in rows.items():
        sys.stdout.write(f"{kind}: {named} of {drawn} named, {others} other places\n")
    drawn, named, others = (sum(row[at] for row in rows.values()) for at in range(3))
    sys.stdout.write(f"all: {named} of {drawn} named; precision {named / max(named + others, 1):.0%}\n")


if __name__ == "__main__":
    asyncio.run(main())
