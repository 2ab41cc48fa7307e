"""What a thread asks to trace, and which definition that is."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.inspections.shared.fact_text import clip, list_some
from stepwarden.source.graph.symbols import Symbol, SymbolTable
from stepwarden.steps.thread import Thread

MODES = ("precision", "dependencies")


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """What the thread asks to trace; `mode` is "" where it has not said so yet."""

    mode: str
    target: str


def read_request(thread: Thread) -> TraceRequest:
    """Return what the live steps ask to trace; a later step overrides an earlier one."""
    mode = target = ""
    for step in thread.live:
        fields = step.submission.fields
        sent = str(fields.get("trace_mode") or "")
        mode = sent if sent in MODES else mode
        target = str(fields.get("target") or target)
    if not target:
        descriptions = (str(step.submission.fields.get("target_description") or "") for step in thread.live)
        target = next((text for text in descriptions if text), thread.task)
    return TraceRequest(mode, target)


def ambiguous_facts(symbols: SymbolTable, target: str, found: Sequence[Symbol]) -> list[str]:
    """Return the definitions that a target may mean, to choose from."""
    places = [
        f"{symbol.spelled} (:{definition.line})" if (definition := symbols.definition(symbol)) else symbol.spelled
        for symbol in found
    ]
    return [
        clip(f"{len(found)} definitions are called {target}. Send one as target:"),
        *(clip(place) for place in places[:8]),
        *([f"+{len(places) - 8} more"] if len(places) > 8 else []),
    ]


def unknown_facts(symbols: SymbolTable, target: str) -> list[str]:
    """Return that no definition was found, with similar names and what to send."""
    name = re.split(r"[.:#\s]", target.strip())[-1] if len(target) < 80 else ""
    similar = difflib.get_close_matches(name, list(symbols.by_name)[:50_000], n=3, cutoff=0.75) if name else []
    spelled = [symbols.by_name[item][0].spelled for item in similar]
    return [
        clip(f"No definition found for: {target}"),
        *([clip(f"Similar: {list_some(spelled)}")] if spelled else []),
        "Send target: a name, Class.method, path:Class.method or path:line.",
    ]
