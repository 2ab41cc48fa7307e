"""One event of a history in a line, for people and models."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from stepwarden.threads.calls import HistoryEntry

Data = Mapping[str, Any]


def stamp(at: float) -> str:
    """Return a time as UTC, to the second; a word for what is none, since others may have changed the store."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))
    except (TypeError, ValueError, OverflowError, OSError):
        return "at no possible time"


def describe(entry: HistoryEntry) -> str:
    """Return one event in a line; the name of its kind where that is not known here."""
    describe_data = _DESCRIPTIONS.get(entry.kind)
    return describe_data(entry.data) if describe_data else entry.kind


def one_line(text: str, chars: int) -> str:
    """Return `text` on one line, cut to `chars` characters."""
    line = " ".join(text.split())
    return line if len(line) <= chars else f"{line[: chars - 3]}..."


def _opened(data: Data) -> str:
    origin, run = data.get("origin"), data.get("run")
    following = f", following {origin['thread']}" if origin else ""
    return f"opened{following}{f', by the model of {run}' if run else ''}"


def _step(data: Data) -> str:
    back = " again (backtrack)" if data.get("backtracked") else ""
    return f"step {data['step']['number']}{back}: {one_line(data['step']['submission']['step'], 160)}"


def _planned(data: Data) -> str:
    plan = data["plan"]
    return f"planned {plan['likely']} steps, by {plan.get('by', 'rule')}: {plan['reason']}"


def _held(data: Data) -> str:
    return f"held: {', '.join(map(_clause, data['open']))}"


def _clause(clause: Data) -> str:
    words = clause.get("text") or f"{clause['kind'].replace('_', ' ')} {clause.get('subject', '')}".strip()
    return f"{clause['id']} {clause.get('subject', '')}".strip() + f": {words}" if clause.get("id") else words


def _finished(data: Data) -> str:
    outcome = f"{data['outcome']}, {data['assurance'].replace('_', ' ')}"
    return f"finished by {data['by']}: {outcome}; {data.get('reason', '')}"


def _answered(data: Data) -> str:
    answer: Data | None = data.get("voice")
    if answer is not None:
        vote = answer.get("revised") or answer.get("vote") or "no vote"
        text = answer.get("failed") or f"{vote}: {answer.get('summary', '')}"
        return f"heard {answer['model']}: {one_line(text, 160)}"
    review: Data = data.get("opinion") or {}
    text = review.get("failed") or review.get("summary", "")
    verdict = "" if review.get("failed") else "agrees: " if review.get("agrees", True) else "disagrees: "
    return f"answered: {review.get('model', '')} {verdict}{one_line(str(text), 160)}".strip()


def _refused(data: Data) -> str:
    reason = str(data["reason"]).replace("_", " ")
    return f"refused step {data['number']}: {'recorded with other content' if reason == 'recorded' else reason}"


def _chat(data: Data) -> str:
    return f"asked {data['asked']}: {one_line(data['prompt'], 160)}"


def _upstream(data: Data) -> str:
    call = f"{data['upstream']}/{data['tool']} ({data['kind']}, arguments {data['arguments'][:12]})"
    if data.get("by_session"):
        call += " while this was the latest open thread of its session"
    if data["phase"] == "intended":
        return f"about to call {call}"
    summary = f": {one_line(data['summary'], 120)}" if data.get("summary") else ""
    allowed = f", allowed by {_APPROVERS.get(data['approved'], data['approved'])}" if data.get("approved") else ""
    return f"called {call}: {data.get('outcome', 'ended')}, {data.get('duration_ms', 0)} ms{allowed}{summary}"


_APPROVERS = {"user": "the user", "confirmed": "a second call", "setting": "the settings"}


_DESCRIPTIONS: Mapping[str, Callable[[Data], str]] = {
    "opened": _opened,
    "step": _step,
    "planned": _planned,
    "held": _held,
    "finished": _finished,
    "answered": _answered,
    "chat": _chat,
    "upstream": _upstream,
    "run": lambda data: f"started {data['run']} ({data['state']}): {one_line(data['title'], 120)}",
    "upstream_settled": lambda data: f"{data['id']} was looked after, and sent again as {data['again']}",
    "signalled": lambda data: f"signalled {data['signal']}: {data['reason']}",
    "refused": _refused,
    "asked": lambda data: f"asked {data['model']} about step {data['number']}",
    "given_up": lambda data: f"went on without {data['key']}",
}
