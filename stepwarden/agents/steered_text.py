"""What matters in an event of a steered run, in a line of its history."""

from collections.abc import Mapping, Sequence
from typing import Any

from stepwarden.runs.steered_events import STEERED_KINDS

__all__ = ["STEERED_KINDS", "said_in_steered"]


def said_in_steered(kind: str, data: Mapping[str, Any]) -> str:
    """Return what matters in the payload of an event; what a rule answered says so, and why."""
    said = _said(kind, data)
    if kind not in {"requirements", "analysed", "strategy", "proposed", "validated", "insights"}:
        return said
    note = f", {data['note']}" if data.get("note") else ""
    return f"{said} (by {data.get('by', 'rule')}{note})"


def _said(kind: str, data: Mapping[str, Any]) -> str:  # noqa: PLR0911 - a line for each kind
    match kind:
        case "requirements" | "judged":
            rows = data.get("requirements", ())
            listed = "; ".join(f"{one['id']} {one.get('state', 'open')} {one['text']}" for one in rows)
            return f"{data['reason']}: {listed}" if "reason" in data else listed
        case "analysed":
            return data["understanding"]
        case "strategy":
            return data.get("reason", "") if data.get("changes") else "as before"
        case "proposed":
            action = data.get("action")
            return f"nothing is left to do: {data.get('reason', '')}" if action is None else _call(action)
        case "chosen":
            return f"{data.get('how', 'recommended')}: {'; '.join(_call(one) for one in data['actions'])}"
        case "validated":
            valid = "valid" if data.get("valid", True) else "not valid"
            return f"{', '.join(data['calls'])} {valid}{_met(data.get('claims', ()))} {_list(data.get('issues', ()))}"
        case "recovering":
            return f"{data['fault']} at {data['level']}: {data['recovery']}. {data.get('text', '')}"
        case "insights":
            return _list([one["text"] for one in data.get("insights", ())]) or "none"
        case "claimed":
            end = "complete" if data.get("complete") else "not complete"
            return f"{end}{_met(data.get('claims', ()))} {data.get('reason', '')}"
        case _:
            return str(data.get("text") or data.get("question") or "")


def _call(action: Mapping[str, Any]) -> str:
    return f"{action['tool']} {action.get('arguments', '{}')}"


def _met(claims: Sequence[Mapping[str, Any]]) -> str:
    met = ", ".join(f"{one['requirement']} by {', '.join(one['results'])}" for one in claims)
    return f", claimed to meet {met}" if met else ""


def _list(texts: Sequence[str]) -> str:
    return "; ".join(texts)
