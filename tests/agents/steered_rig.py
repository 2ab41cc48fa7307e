"""Scripts for steered runs: what the model says to an ability in an iteration, whichever process asks it."""

import json
from pathlib import Path
from typing import Any

import prompts

Said = dict[str, Any]
READ_AND_ADD = "Read the notes, then add a note that says hello"


def says(request: str, ability: str, iteration: int = 0, **answer: Any) -> Said:
    """Return the reply of a script to an ability; iteration 0 is any, and the split, which comes before the first."""
    last_words = prompts.load(f"ability_{ability}").texts["system"].splitlines()[-1]
    at = f"\n\n# How it stands: iteration {iteration}," if iteration else ""
    return {"when": f"{last_words}\n# Request\n{request}{at}", "answer": answer, "times": None}


def suggests(request: str, iteration: int, tool: str, arguments: Said, **more: Any) -> Said:
    action = {"tool": tool, "arguments": json.dumps(arguments), "requirements": more.pop("requirements", [])}
    return says(request, "suggest", iteration, nothing_left=False, action=action, **more)


def validates(request: str, iteration: int, *meets: tuple[str, str, str], **more: Any) -> Said:
    claims = [{"requirement": one, "results": [key], "quote": quote} for one, key, quote in meets]
    return says(request, "validate", iteration, is_valid=True, data_quality=1, meets=claims, **more)


def splits(request: str, *parts: tuple[str, str]) -> Said:
    return says(request, "split", requirements=[{"text": text, "kind": kind} for text, kind in parts])


def read_and_add(request: str = READ_AND_ADD, note: str = "hello") -> list[Said]:
    """Return what an honest model says to read the notes, and to add one."""
    return [
        splits(request, ("Read the notes", "find"), (f"Add a note that says {note}", "change")),
        suggests(request, 1, "notes/read_notes", {}, requirements=["r1"]),
        validates(request, 1, ("r1", "main/a1", "no notes")),
        suggests(
            request,
            2,
            "notes/add_note",
            {"text": note},
            requirements=["r2"],
            alternatives=[{"tool": "notes/add_note", "arguments": {"text": f"{note} there"}, "confidence": 0.4}],
        ),
        validates(request, 2, ("r2", "main/a2", "")),
        says(request, "completion", is_complete=True, answer=f"Noted: {note}."),
    ]


def script(home: Path, replies: list[Said], latency_s: float = 0.0) -> str:
    """Write a script, and return its path."""
    path = home / "script.json"
    last = {"text": "the script has no answer to this", "times": None}
    path.write_text(json.dumps({"replies": [*({**one, "latency_s": latency_s} for one in replies), last]}))
    return str(path)
