"""Forms of the pages as commands of a run."""

from collections.abc import Mapping
from typing import Any

from stepwarden.dashboard.run_views import decisions
from stepwarden.errors import RunRefused
from stepwarden.runs.limits import RunLimits
from stepwarden.runs.run import Run
from stepwarden.runs.run_commands import RunCommand, RunCommandKind

VIA = "dashboard"
_ID_CHARS = 80
_ADDED = ("steps", "seconds", "tokens", "dollars")
_RESOLVED = {"resolve_done": "done", "resolve_not_done": "not_done"}


def read_command(form: Mapping[str, str], run: Run, by: str) -> RunCommand:
    """Return what a form asks for. Raises RunRefused for what none of our forms sends, and for a run that moved on.

    A word on one call is bound to what that call would send; one on the whole run to nothing but its kind.
    """
    kind = form.get("kind", "")
    command_id = form.get("command_id", "")
    if not command_id or len(command_id) > _ID_CHARS:
        raise RunRefused("This form has no id of its own: load the page again.")
    if kind in _RESOLVED:
        call = form.get("call", "")
        arguments: dict[str, Any] = {"call": call, "verdict": _RESOLVED[kind]}
        arguments |= {"note": form["note"]} if form.get("note") else {}
        return RunCommand(f"{command_id}-{kind}", RunCommandKind.RESOLVE, by, VIA, arguments)
    if kind not in set(RunCommandKind):
        raise RunRefused(f"{kind!r:.40} is nothing that can be said to a run here: load the page again.")
    return RunCommand(f"{command_id}-{kind}", RunCommandKind(kind), by, VIA, _arguments(kind, form, run))


def _arguments(kind: str, form: Mapping[str, str], run: Run) -> dict[str, Any]:
    match kind:
        case RunCommandKind.APPROVE:
            _ensure_typed(form, run)
            return {"call": form.get("call", ""), "about": form.get("about", "")}
        case RunCommandKind.REFUSE:
            return {"call": form.get("call", "")} | ({"reason": form["reason"]} if form.get("reason") else {})
        case RunCommandKind.EXTEND:
            return {name: _number(name, form[name]) for name in _ADDED if form.get(name)}
        case _:
            return {}


def _ensure_typed(form: Mapping[str, str], run: Run) -> None:
    """Raise RunRefused where a call that destroys something is allowed without its name."""
    for item in decisions(run):
        if item.call.key == form.get("call") and item.typed and form.get("typed", "").strip() != item.typed:
            raise RunRefused(f"Nothing was allowed: type {item.typed} to allow it. It cannot be undone.")


def _number(name: str, text: str) -> Any:
    """Return what a limit is extended by; what is no number stays text, which the run refuses with its reason."""
    whole = isinstance(getattr(RunLimits(), name), int) or name == "tokens"
    try:
        return int(text) if whole else text
    except ValueError:
        return text
