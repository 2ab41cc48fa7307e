"""A consensus as it is sent: the answers that a step hands over, and the synthesis at the end."""

from collections.abc import Sequence
from typing import Any

from stepwarden.steps.panel import AGENT, panel_of
from stepwarden.steps.panel_answer import PanelAnswer, Stance, panelist_name
from stepwarden.steps.synthesis import WEIGHTS_REASON, Synthesis
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import StepReply
from tools.shared.thread_result import clip

ANSWERS_BYTES = (2_400, 9_000)  # of one answer, and of all in one call, in each of the two parts of a reply
LEAST_BYTES = 500  # of one answer among many
DISSENT_CHARS = 500
MOST_SETTLES = 12
MOST_ALTERNATIVES = 6
MOST_REASONS = 4  # of one model, in the synthesis
_SIDES = (Stance.FOR, Stance.AGAINST)
_NO_VOTE = "no vote"


def synthesis_of(reply: StepReply) -> Synthesis | None:
    """Return what the answers of a finished consensus come to, None for any other reply."""
    panel = panel_of(reply.thread) if reply.finished else None
    return panel.synthesis(reply.thread) if panel is not None else None


def answer_parts(answers: Sequence[PanelAnswer]) -> list[dict[str, Any]]:
    """Return each answer as structured content; long texts are cut, whole they stand in the history."""
    one, all_of_them = ANSWERS_BYTES
    budget = max(LEAST_BYTES, min(one, all_of_them // max(1, len(answers))))
    return [_answer(answer, budget) for answer in answers]


def _answer(answer: PanelAnswer, budget: int) -> dict[str, Any]:
    part: dict[str, Any] = {"model": answer.model, "stance": answer.stance.value}
    if answer.failed:
        return part | {"failed": clip(answer.failed, 300)}
    part["vote"] = answer.vote.value if answer.vote else "unknown"
    if answer.confidence is not None:
        part["confidence"] = round(answer.confidence, 2)
    share = budget if answer.vote is None else budget // 3
    part["summary"] = clip(answer.summary, share)
    rest = budget - len(part["summary"])
    for name, items in (("reasons", answer.reasons), ("conditions", answer.conditions)):
        if shown := _fitting(items, rest):
            part[name] = shown
            rest -= sum(len(item) for item in shown)
    return part | {"cost": answer.price}


def _fitting(items: Sequence[str], chars: int) -> list[str]:
    """Return the first items, cut alike, as many as fit in `chars`."""
    shown: list[str] = []
    for item in items:
        chars -= len(text := clip(item, 400))
        if chars < 0:
            break
        shown.append(text)
    return shown


def answer_lines(part: dict[str, Any]) -> list[str]:
    """Return one answer as text: it is an opinion to weigh, and no instruction."""
    name = _name(part)
    if "failed" in part:
        return [f"Answer of {name}: none. {part['failed']}"]
    sure = f", confidence {part['confidence']}" if "confidence" in part else ""
    vote = _NO_VOTE if part["vote"] == "unknown" else part["vote"]
    return [f"Answer of {name}: {vote}{sure}, {part['cost']}. {part['summary']}", *_reason_lines(part)]


def _name(part: dict[str, Any]) -> str:
    return panelist_name(part["model"], Stance(part["stance"]))


def _reason_lines(part: dict[str, Any]) -> list[str]:
    """Return the reasons and the conditions of an answer, which are not the same."""
    lines = [f"  because: {reason}" for reason in part.get("reasons", ())]
    return lines + [f"  if: {condition}" for condition in part.get("conditions", ())]


def synthesis_part(found: Synthesis, thread: Thread, handed_over: Sequence[PanelAnswer] = ()) -> dict[str, Any]:
    """Return the synthesis as structured content; what stands in the answers of the same reply is not said again."""
    part: dict[str, Any] = {
        "summary": found.title,
        "majority": outcome_word(found),
        "quorum": {"reached": found.quorum, "voted": found.voted, "asked": _asked(found), "needed": found.needed},
        "counts": {vote.value: count for vote, count in found.counts.items()},
        "votes": [_vote(answer, short=answer in handed_over) for answer in _all(found, thread)],
        "dissent": [_argument(answer, short=_is_whole_in(answer, handed_over)) for answer in found.dissent],
        "arguments": _arguments(found),
        "alternatives": [clip(item, 240) for item in found.alternatives[:MOST_ALTERNATIVES]],
        "would_settle": [clip(item, 240) for item in found.settles[:MOST_SETTLES]],
        "failed": [{"model": answer.name, "why": clip(answer.failed, 200)} for answer in found.failed],
        "no_vote": [answer.name for answer in found.silent],
        "not_heard": list(found.unheard),
        "cost": found.price,
    }
    if found.weights_differ:  # else the counts say it all
        part["tally"] = {vote.value: weight for vote, weight in found.tally.items()}
        part |= {"weights": found.weights, "weights_reason": WEIGHTS_REASON}
    kept = {"quorum", "counts"}
    return {name: value for name, value in part.items() if value or name in kept}


def _asked(found: Synthesis) -> int:
    return len(found.seats.free) if found.seats.can_decide else len(found.seats.models)


def outcome_word(found: Synthesis) -> str:
    """Return the majority in a word; below the quorum there is none."""
    if not (found.seats.can_decide and found.quorum):
        return "none"
    return found.majority.value if found.majority else "split" if found.split else "none"


def _all(found: Synthesis, thread: Thread) -> list[PanelAnswer]:
    agent = [found.agent] if found.agent is not None else []
    return [*sorted(thread.answers.values(), key=lambda answer: answer.seat), *agent]


def _vote(answer: PanelAnswer, *, short: bool) -> dict[str, Any]:
    if answer.failed:
        return {"model": answer.name, "vote": "failed"}
    row: dict[str, Any] = {"model": answer.name, "vote": answer.counted.value if answer.counted else "none"}
    if answer.counted and (answer.stance is not Stance.NEUTRAL or answer.model == AGENT):
        row["counted"] = False
    if answer.confidence is not None:
        row["confidence"] = round(answer.confidence, 2)
    if answer.revised is not None and answer.vote is not None:
        row |= {"before_exchange": answer.vote.value, "after_exchange": clip(answer.revision, 200)}
    if not short:
        row["summary"] = clip(answer.summary, 200)
    if answer.final_conditions and not short:
        row["conditions"] = [clip(condition, 200) for condition in answer.final_conditions[:MOST_REASONS]]
    return row


def _is_whole_in(answer: PanelAnswer, handed_over: Sequence[PanelAnswer]) -> bool:
    """Whether the reply hands over an answer with the reasons that its vote has at the end."""
    return answer in handed_over and answer.revised is None


def _argument(answer: PanelAnswer, *, short: bool = False) -> dict[str, Any]:
    """Return why a model votes as it does; reasons and conditions stand apart. `short` leaves them out."""
    if short:
        return {"model": answer.name, "vote": answer.counted.value if answer.counted else "none"}
    reasons = [clip(reason, DISSENT_CHARS // 2) for reason in answer.final_reasons[:MOST_REASONS]]
    shown: dict[str, Any] = {"model": answer.name, "vote": answer.counted.value if answer.counted else "none"}
    shown["reasons"] = reasons or [clip(answer.revision or answer.summary, DISSENT_CHARS)]
    if answer.final_conditions:
        shown["conditions"] = [clip(condition, 200) for condition in answer.final_conditions[:MOST_REASONS]]
    return shown


def _arguments(found: Synthesis) -> dict[str, list[dict[str, Any]]]:
    """Return what was argued for and against, the surest first.

    A model that votes against the side it was told to argue speaks for the other one.
    """
    surest = sorted(found.argued, key=lambda answer: -(answer.confidence or 0.0))
    sides = {side: [_argument(answer) for answer in surest if answer.argues is side] for side in _SIDES}
    return {side.value: arguments for side, arguments in sides.items() if arguments}


def synthesis_lines(part: dict[str, Any], handed_over: Sequence[dict[str, Any]]) -> list[str]:
    """Return the synthesis as text: each model once, with its reasons where it dissents, argues or was just heard."""
    rows = {row["model"]: row for row in part.get("votes", ())}
    given = {name: row for row in handed_over if (name := _name(row)) in rows and "failed" not in row}
    argued = part.get("arguments", {})
    reasoned = {row["model"]: row for group in (part.get("dissent", ()), *argued.values()) for row in group}
    failed = {row["model"]: row["why"] for row in part.get("failed", ())}
    sides = {row["model"]: side for side, group in argued.items() for row in group}

    def lines_of(name: str) -> list[str]:
        if name in failed:
            return [f"- {name}: failed: {failed[name]}"]
        row, answer = rows[name], given.get(name)
        changed = row.get("before_exchange", row["vote"]) != row["vote"]
        why = reasoned.get(name, {"conditions": row.get("conditions", ())}) if changed or answer is None else answer
        return [f"- {_vote_words(row, answer)}", *_reason_lines(why)]

    lines = [part["summary"]]
    lines += [line for name in rows if name not in sides and name != AGENT for line in lines_of(name)]
    for side in argued:
        lines.append(f"Argued {side} it:")
        lines += [line for name in sides if sides[name] == side for line in lines_of(name)]
    lines += lines_of(AGENT) if AGENT in rows else []
    if "weights_reason" in part:
        weights = ", ".join(f"{name} {weight:g}" for name, weight in part["weights"].items())
        lines.append(f"Weights: {weights} ({part['weights_reason']}).")
    lines += [f"Alternative: {item}" for item in part.get("alternatives", ())]
    lines += [f"Would settle it: {item}" for item in part.get("would_settle", ())]
    return [*lines, f"Cost: {part['cost']}."]


def _vote_words(row: dict[str, Any], answer: dict[str, Any] | None) -> str:
    """Return one vote; `answer` is the whole of it where this reply hands it over.

    Which ones are not counted says the summary above.
    """
    if row["model"] == AGENT and row["vote"] == "none":
        return "You gave no vote."
    sure = f", confidence {row['confidence']:g}" if "confidence" in row else ""
    changed = row.get("before_exchange", row["vote"]) != row["vote"]
    before = f" (before the exchange: {row['before_exchange']})" if changed else ""
    summary = row.get("after_exchange") or (answer or row).get("summary")
    vote = _NO_VOTE if row["vote"] == "none" else row["vote"]
    return f"{row['model']}: {vote}{sure}{before}{f': {summary}' if summary else ''}"
