"""Stop conditions in words of numbers and names: `steps > 5 and errors == 0`, held against the facts of a run.

The engine is minijinja's, without loops, templates or functions, and with fuel: an expression made to hang ends within
milliseconds and does not hold. What models and tools said are values of it and never read as expressions themselves.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stepwarden.runs.stop_facts import StopFacts

if TYPE_CHECKING:
    from minijinja import Environment

FUEL = 20_000
"""Instructions of one evaluation: some milliseconds."""

COUNTED = ("steps", "calls", "errors", "tokens", "cost", "seconds", "slowest")
"""Names that only bound the work: an expression of these alone stops a run and never completes it."""

NAMES = (*COUNTED, "tools", "state", "last", "answer")

_TEXTS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def is_counted(text: str) -> bool:
    """Whether an expression looks at what bounds the work, and at nothing else."""
    named = _named(text) & {*NAMES}
    return bool(named) and named <= {*COUNTED}


def _named(text: str) -> set[str]:
    """Return the names in an expression, without those in its texts and after a dot."""
    return {str(name) for name in _NAME.findall(_TEXTS.sub("", text))}


def holds(text: str, facts: StopFacts) -> tuple[bool, str]:
    """Return whether an expression holds, and its value, or its error, as it is shown."""
    from minijinja import TemplateError

    try:
        value: Any = _environment().eval_expr(text, **_values(facts))
    except TemplateError as error:
        return False, error.message.partition(" (in <")[0]
    return bool(value), repr(value)[:80]


def expression_error(text: str) -> str:
    """Return why an expression cannot be read, with the place, "" where it can."""
    from minijinja import TemplateError

    try:
        _environment().eval_expr(text, **_values(StopFacts()))
    except TemplateError as error:
        if error.kind not in {"UndefinedError", "InvalidOperation"}:  # these depend on what the run brings
            where = error.range
            near = f" near {text[where[0] : where[0] + 20]!r}" if where is not None else ""
            return f"{error.message.partition(' (in <')[0]}{near}"
    unknown = sorted(_named(text) & _undeclared(text) - {*NAMES})
    if not unknown:
        return ""
    close = difflib.get_close_matches(unknown[0], NAMES, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"it knows no {unknown[0]!r:.60}{meant} There are: {', '.join(NAMES)}."


def _undeclared(text: str) -> set[str]:
    from minijinja import TemplateError

    try:
        return {*_environment().undeclared_variables_in_str(f"{{{{ ({text}\n) }}}}")}
    except TemplateError:  # such as braces, which end a template and not an expression
        return set()


def _environment() -> "Environment":
    """Return an engine without functions, for one evaluation."""
    from minijinja import Environment

    made = Environment(undefined_behavior="strict")
    made.fuel = FUEL
    for name in list(made.globals):
        made.remove_global(name)
    return made


def _values(facts: StopFacts) -> Mapping[str, Any]:
    return {
        "steps": facts.steps,
        "calls": len(facts.tools),
        "errors": facts.errors,
        "tokens": facts.tokens,
        "cost": float(facts.dollars),
        "seconds": facts.seconds,
        "slowest": facts.slowest,
        "tools": list(facts.tools),
        "state": asdict(facts.state),
        "last": {"tool": facts.last.tool, "text": facts.last.text, "failed": facts.last.failed},
        "answer": facts.answer,
    }
