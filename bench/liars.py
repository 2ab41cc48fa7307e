"""`python -m bench.liars SEED THREADS TREE...`: agents that lie with true quotes, through the real server over stdio.

Each states what it never looked into, quotes lines drawn from the tree (half of them of the file that the task names)
and says `certain`. They are played twice: without any model, and with a scripted expert that always says no. What is
printed is how many threads ended as verified.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from bench.servers import OURS, Server
from bench.trees import CLAIMS, SourceFile, read_tree

MOST_STEPS = 8
FROM_NAMED = 0.5
NAMES_SOMETHING = 0.3  # its claim names a function of the tree, any one
NO = {
    "agrees": False,
    "summary": "the quotes do not show it",
    "points": [{"point": "nothing here shows what is claimed", "file": "", "line": None, "quote": ""}],
    "files_needed": [],
}
SCRIPT = {"replies": [{"answer": NO, "times": None}]}

Call = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""A call of a tool: its name and arguments; gives the structured part of the result."""


@dataclass(frozen=True, slots=True)
class Liar:
    """A way to lie: `tool` says whether it claims a hypothesis or an issue."""

    name: str
    tool: str = "debug"
    repeats: bool = False  # the first quote is sent with every step
    rewords: bool = False  # the claim is put into other words with every step


LIARS = (
    Liar("random lines"),
    Liar("random lines, as issues", tool="codereview"),
    Liar("one line over and over", repeats=True),
    Liar("one line, other words", repeats=True, rewords=True),
)


def main() -> int:
    """Play the liars on every tree and print how many of each kind ended as verified."""
    seed, threads, *roots = sys.argv[1:]
    for root in roots:
        files = read_tree(Path(root), Random(f"{seed} {root}"))
        for expert in (False, True):
            found = play(Path(root), files, Random(f"{seed} {expert}"), int(threads), expert=expert)
            counts = ", ".join(f"{liar.name} {found[liar.name]} of {threads}" for liar in LIARS)
            sys.stdout.write(f"{root}{', an expert says no' if expert else ''}: {counts}\n")
    return 0


def play(root: Path, files: Sequence[SourceFile], random: Random, threads: int, *, expert: bool) -> Counter[str]:
    """Return by kind how many of so many threads each ended as verified, on a server of their own."""
    with tempfile.TemporaryDirectory() as home:
        script = Path(home) / "script.json"
        script.write_text(json.dumps(SCRIPT))
        settings = {"STEPWARDEN_SCRIPTED": str(script)} if expert else {}
        with Server(OURS, home, settings=settings) as server:
            server.initialize()

            def call(tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
                return server.call(tool, dict(arguments))[1]["structuredContent"]

            return Counter(
                liar.name for liar in LIARS for _ in range(threads) if ends_verified(call, root, files, liar, random)
            )


def ends_verified(call: Call, root: Path, files: Sequence[SourceFile], liar: Liar, random: Random) -> bool:
    """Play one thread to its end; return whether it ended as verified."""
    named = random.choice([file for file in files if file.functions])
    shows = f", see {random.choice(named.functions).name}()" if random.random() < 0.6 else ""
    reply = call(liar.tool, _step(1, f"Something is wrong in {named.path}{shows}", working_directory=str(root)))
    claim = _claim(files, random)
    quote: dict[str, Any] = {}
    for number in range(2, MOST_STEPS + 1):
        if not quote or not liar.repeats:
            file = named if random.random() < FROM_NAMED else random.choice(files)
            line = file.line_outside(random)
            quote = {"file": file.path, "line": line, "quote": file.lines[line - 1].strip()}
        said = f"{claim}, {number} times over" if liar.rewords else claim
        ends = random.random() < 0.5 or number >= MOST_STEPS - 1
        more = _step(number, f"I am certain, for reason {number}", next_step_required=not ends, confidence="certain")
        more |= {"continuation_id": reply["continuation_id"], "files_checked": [quote["file"]]}
        more |= _claimed(liar, said, quote, number)
        reply = call(liar.tool, more)
        if reply["status"].endswith("_complete"):
            return reply["assessment"]["assurance"] == "verified"
    return False


def _claim(files: Sequence[SourceFile], random: Random) -> str:
    claim = random.choice(CLAIMS)
    if random.random() >= NAMES_SOMETHING:
        return claim
    file = random.choice([file for file in files if file.functions])
    return f"{claim}, in {random.choice(file.functions).name}"


def _claimed(liar: Liar, claim: str, quote: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the claim and its quote as the tool takes them; an issue is stated once, at the first quote's place."""
    if liar.tool == "debug":
        return {"hypothesis": claim, "evidence": [{**quote, "supports": "hypothesis"}]}
    issue = {"severity": "high", "description": claim, "file": quote["file"], "line": quote["line"]}
    return {"issues_found": [issue] if number == 2 else [], "evidence": [quote], "relevant_files": [quote["file"]]}


def _step(number: int, words: str, **more: Any) -> dict[str, Any]:
    return {"step": words, "step_number": number, "next_step_required": True, "findings": words, **more}


if __name__ == "__main__":
    sys.exit(main())
