"""The words for what the core decides: clauses, refusals, quotes. All of it is read by the host's model."""

from collections.abc import Callable, Sequence

from stepwarden.steps.admission import Reason, Refusal
from stepwarden.steps.clause import Clause
from stepwarden.steps.dispute import numbered_objections
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.thread import DecidedBy, Thread

NAMED = 3  # how many issues or files one line names before it counts the rest
PATH_CHARS = 44  # of a path in a line, from its end


def short_path(path: str) -> str:
    """Return the end of a long path, which tells files apart."""
    return path if len(path) <= PATH_CHARS else f"...{path[3 - PATH_CHARS :]}"


_CLAUSES: dict[str, Callable[[str], str]] = {
    "no_hypothesis": lambda _: "state a hypothesis",
    "hypothesis": lambda _: "hypothesis: quote its proof",
    "hypothesis_reused": lambda _: "hypothesis: that quote was for the one you dropped; quote what proves this one",
    "issue": lambda names: f"{names}: quote code near it, or withdraw",
    "irrelevant": lambda names: f"{names}: beside the point, quote what it names",
    "refuted": lambda names: f"{names}: refuted, mend it, or send evidence {{file, withdrawn: true}}",
    "untested": lambda _: "conclusion not tested: quote a new line that would look different if it were wrong",
    "not_heard": lambda names: f"not heard yet: {names}",
    "unheard": lambda names: f"the expert was not waited for: {names}",
    "silent": lambda names: f"the expert gave no answer: {names}",
}
LOOK_AGAIN = "one look is not enough: try to break your conclusion, and say what happened"
_ASKED_LAST = (": not read yet", ": on the trace, not read yet")
MEASURED_LINES = 6  # of what a tool's own look found open, before the rest is counted
MEASURED_CHARS = 40  # of such a line, where there is no room for more
OBJECTION_CHARS = 300  # of what an expert objects, in a line, when it bars the finish; an answer needs all of it
OBJECTION_KEPT_CHARS = 75  # of it afterwards, where there is little room
_NOUNS = {"issue": "issues", "irrelevant": "claims", "refuted": "files", "not_heard": "models"}


def _names(kind: str, subjects: Sequence[str], named: int) -> str:
    if not named and len(subjects) > 1:
        return f"{len(subjects)} {_NOUNS[kind]}"
    shown = ", ".join(short_path(subject) for subject in subjects[: max(named, 1)])
    return f"{shown} +{len(subjects) - named}" if len(subjects) > max(named, 1) else shown


def some_paths(paths: Sequence[str]) -> str:
    """Name the first paths, and how many more there are."""
    shown = ", ".join(short_path(path) for path in paths[:NAMED])
    return f"{shown} +{len(paths) - NAMED}" if len(paths) > NAMED else shown


def said_by(who: DecidedBy, reason: str) -> str:
    """Return a reason, marked where a model gave it."""
    return f"a model says: {reason}" if who is DecidedBy.MODEL else reason


def clause_lines(clauses: Sequence[Clause], *, named: int = NAMED, held: bool = False) -> list[str]:
    """Return one line for each kind of open clause, naming so many of its issues or files.

    `held` says that they bar a finish now: then each names the missing act.
    """
    lines: list[str] = []
    measured: list[str] = []
    reasons: list[str] = []
    objections: list[str] = []
    subjects: dict[str, list[str]] = {}
    for clause in clauses:
        if clause.kind == "checklist":
            lines.append(clause.text)
        elif clause.kind == "min_steps":
            lines.append(clause.text or LOOK_AGAIN)
        elif clause.kind == "measured":
            measured.append(clause.text)
        elif clause.kind == "irrelevant" and named and not reasons:
            reasons.append(clause.text)  # the next replies give those of the others
        elif clause.kind == "expert":
            objections.append(_objection(clause, OBJECTION_CHARS if named or held else OBJECTION_KEPT_CHARS))
        elif clause.kind == "expert_file":
            objections.append(f"look at {short_path(clause.subject)}")
        else:
            subjects.setdefault(clause.kind, []).append(clause.subject)
    return [
        *reasons,
        *(_CLAUSES[kind](_names(kind, found, named)) for kind, found in subjects.items()),
        *lines,
        *_some_measured(_grouped(measured), named),
        *objections,
    ]


def without_told(line: str, facts: Sequence[str]) -> str:
    """Return an open line with its place alone where a fact of the same reply says what is there."""
    for fact in facts:
        place, _, what = fact.partition(": ")[2].rstrip(".").partition(" ")
        if what and place in line:
            line = line.replace(f"{place}: {what}", place).replace(f"{what}: ", "", 1)
    return line


def is_asked(line: str, actions: Sequence[str]) -> bool:
    """Whether an action of the same reply asks for what is open in a file, and says it whole."""
    place = line.partition(": ")[0]
    return any(action.startswith(f"Document {place}: ") for action in actions)


def _grouped(lines: Sequence[str]) -> list[str]:
    """Return lines that ask the same of several places as one: "a: not read yet" and "b: not read yet"."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for line in lines:
        asked, place = _asked_of(line)
        groups.setdefault(asked, []).append((place, line))
    return [
        found[0][1] if len(found) == 1 else f"{asked}{', '.join(place for place, _ in found)}"
        for asked, found in groups.items()
    ]


def _asked_of(line: str) -> tuple[str, str]:
    """Return what a line asks, as the start of a line, and of which place; a line that asks it otherwise is its own."""
    for tail in _ASKED_LAST:
        if line.endswith(tail):
            return f"{tail.removeprefix(': ')}: ", line.removesuffix(tail)
    return ("read ", line.removeprefix("read ")) if line.startswith("read ") else (line, line)


def _some_measured(lines: list[str], named: int) -> list[str]:
    """Return the first of what the server counted: the next replies name the others as these are closed."""
    most = MEASURED_LINES if named == NAMED else max(2 * named - 1, 1)
    lines = lines if named else [_cut(line, MEASURED_CHARS) for line in lines]
    return lines if len(lines) <= most else [*lines[:most], f"+{len(lines) - most} more"]


def _objection(clause: Clause, chars: int) -> str:
    text = _cut(" ".join(clause.text.split()), chars)
    head = f"{clause.id} {short_path(clause.subject)}".strip()
    return f"{head}: {text}" if head else text


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 3]}..."


def quote_line(item: Evidence, before: int = 0) -> str:
    """Return what was found of a quote that is no plain hit; `before` is the step that showed the same code first."""
    path = short_path(item.path)
    if before:
        return f"{path}:{item.line}: quoted at step {before} already, and counts once"
    place = f"{path}:{item.line}" if item.line and item.verdict is not Verdict.MOVED else path
    if item.verdict is Verdict.MOVED:
        return f"{place}: found at line {item.line}"
    if item.verdict is Verdict.REMOVED:
        return f"{place}: removed by the change; proves only that it is gone"
    if item.verdict is Verdict.TOO_SHORT:
        return f"{place}: {item.note}"
    return f"{place}: {item.verdict.value}, {item.note}" if item.note else f"{place}: {item.verdict.value}"


def _call(tool: str, number: int, thread: Thread | None) -> str:
    named = f', continuation_id="{thread.id}"' if thread else ""
    return f"{tool}(step_number={number}{named}, ...)"


def refusal_line(tool: str, refusal: Refusal, thread: Thread | None, asked: int) -> str:
    """Return in one sentence or two why a call was refused."""
    number, subject = refusal.number, refusal.subject
    live = ", ".join(_names_of_claims(thread)) if thread else ""
    words = {
        Reason.GAP: f"expected step {number}, not {asked}.",
        Reason.BUSY: f"wait for the reply to step {number} before you send step {asked}.",
        Reason.RECORDED: f"step {asked} is recorded with other content.",
        Reason.RACED: f"step {asked} was recorded by another call.",
        Reason.STALE: "this step was superseded by a backtrack.",
        Reason.NOTHING_NEW: "nothing new: no file, evidence, issue, hypothesis or finding that was not there before.",
        Reason.CLOSED: "this thread is finished.",
        Reason.OTHER_TOOL: f"this thread belongs to {subject}.",
        Reason.NO_SUCH_STEP: f"there is no live step {subject}; {_there(thread)}.",
        Reason.NO_SUCH_ISSUE: f"no live issue {subject}; live: {live or 'none'}.",
        Reason.NOT_FIRST: f"step {asked} needs the continuation_id of its thread; without one only step 1 is taken.",
    }
    return words[refusal.reason]


def _names_of_claims(thread: Thread) -> list[str]:
    """Return what a quote may name beside the hypothesis: live issues, then what an expert objected to."""
    issues = sorted(thread.claims.issues, key=lambda name: int(name[1:]))
    return [*issues, *(item.id for item in numbered_objections(thread))]


def _there(thread: Thread | None) -> str:
    live = sorted(step.number for step in thread.live) if thread is not None else []
    if not live:
        return "none is recorded yet"
    gaps = live != list(range(1, live[-1] + 1))
    return f"live are {', '.join(map(str, live[-12:]))}" if gaps else f"steps 1 to {live[-1]} are there"


def _or_go_on(thread: Thread | None, call: str) -> str:
    closed = thread is not None and status_of(thread) is ThreadStatus.CLOSED
    return "" if closed else f", or go on with {call}"


def refusal_remedy(tool: str, refusal: Refusal, thread: Thread | None) -> str:
    """Return what to send instead."""
    number = refusal.number
    call = _call(tool, number, thread)
    last = thread.last if thread else 1
    back = f"{call} with backtrack_from_step=k, k from 1 to {last}, replaces step k and what follows"
    follow = "step 1 with this id follows it up in a new thread"
    words = {
        Reason.GAP: f"Send {call}.",
        Reason.BUSY: "Send this call again after that reply.",
        Reason.RECORDED: f"Add backtrack_from_step to replace it{_or_go_on(thread, call)}.",
        Reason.RACED: f"Read on with status, then go on with {call}, or add backtrack_from_step to replace it.",
        Reason.STALE: f"Go on with {call}; in other words it would be recorded.",
        Reason.NOTHING_NEW: f"Do the required actions with your own tools, then send {call} with what you found.",
        Reason.CLOSED: f"To reopen: {back}. Or: {follow}.",
        Reason.OTHER_TOOL: (
            f"Send {_call(refusal.subject, number, thread)} for it, "
            f"or {tool} with step_number=1 and this id to follow it up."
        ),
        Reason.NO_SUCH_STEP: f"Send one of those{_or_go_on(thread, call)}.",
        Reason.NO_SUCH_ISSUE: f"Name a live one or none (new issues need no id), and send {call}.",
        Reason.NOT_FIRST: f"Send {call}, or add the continuation_id; a lost one is listed by status.",
    }
    return words[refusal.reason]
