"""When a job stops: conditions as frozen values, each with a verdict that says what it saw and what it was held to.

Cost, time and error rate fire at their number, the rate only past so many calls; a step is slow above its number.
Whether a text has a pattern is found once, when the text comes, and recorded with it: see `patterns`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stepwarden.runs.stop_expressions import holds, is_counted
from stepwarden.runs.stop_facts import StopFacts
from stepwarden.runs.workflow_state import WorkflowState

MOST_PATTERN_CHARS = 500


@dataclass(frozen=True, slots=True)
class StopVerdict:
    """Whether a condition fired, with its value and its limit as they are shown."""

    fired: bool
    condition: str
    value: str
    limit: str = ""
    children: tuple["StopVerdict", ...] = ()

    def reasons(self) -> Iterator["StopVerdict"]:
        """Yield the conditions without parts that made it fire; itself where it has no parts, or they did not fire."""
        fired = [child for child in self.children if child.fired]
        if not fired:
            yield self
        for child in fired:
            yield from child.reasons()


@dataclass(frozen=True, slots=True)
class MaxSteps:
    """So many answers of the model."""

    count: int

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the number of steps."""
        return StopVerdict(facts.steps >= self.count, str(self), str(facts.steps), str(self.count))

    def __str__(self) -> str:
        """Return its name."""
        return "max_steps"


@dataclass(frozen=True, slots=True)
class NoMoreTools:
    """An answer that asks for no call."""

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the last answer."""
        fired = facts.steps > 0 and not facts.last_had_calls
        return StopVerdict(fired, str(self), "none asked for" if fired else "some asked for")

    def __str__(self) -> str:
        """Return its name."""
        return "no_more_tools"


@dataclass(frozen=True, slots=True)
class ToolSeen:
    """A tool that was called."""

    tool: str

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the calls."""
        count = facts.tools.count(self.tool)
        return StopVerdict(count > 0, str(self), f"called {count} times", self.tool)

    def __str__(self) -> str:
        """Return its name with the tool."""
        return f"tool_seen {self.tool}"


@dataclass(frozen=True, slots=True)
class GoalText:
    """Words, or a pattern, in an answer of the model."""

    text: str
    is_pattern: bool = False

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at what was found in the answers."""
        fired = str(self) in facts.matched
        return StopVerdict(fired, str(self), "found" if fired else "not found")

    def __str__(self) -> str:
        """Return its name with what it looks for."""
        return f"goal_text {'/' + self.text + '/' if self.is_pattern else repr(self.text)}"


@dataclass(frozen=True, slots=True)
class ResultSeen:
    """A pattern in a result of a tool."""

    tool: str
    pattern: str

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at what was found in the results."""
        fired = str(self) in facts.matched
        return StopVerdict(fired, str(self), "found" if fired else "not found")

    def __str__(self) -> str:
        """Return its name with what it looks for."""
        return f"tool_result {self.tool} /{self.pattern}/"


@dataclass(frozen=True, slots=True)
class ToolSequence:
    """Tools called in this order, with others between them unless `adjacent`."""

    names: tuple[str, ...]
    adjacent: bool = False

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the calls in their order."""
        found = self._longest_run(facts.tools) if self.adjacent else self._found_in_order(facts.tools)
        return StopVerdict(found >= len(self.names), str(self), f"{found}", f"{len(self.names)}")

    def _found_in_order(self, tools: Sequence[str]) -> int:
        found = 0
        for tool in tools:
            if found < len(self.names) and tool == self.names[found]:
                found += 1
        return found

    def _longest_run(self, tools: Sequence[str]) -> int:
        best = 0
        for start in range(len(tools)):
            length = 0
            for wanted, tool in zip(self.names, tools[start : start + len(self.names)], strict=False):
                if wanted != tool:
                    break
                length += 1
            best = max(best, length)
        return best

    def __str__(self) -> str:
        """Return its name with the tools."""
        return f"tool_sequence {' > '.join(self.names)}{' adjacent' if self.adjacent else ''}"


@dataclass(frozen=True, slots=True)
class SpentDollars:
    """So much money, or more."""

    dollars: Decimal

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at what the run cost."""
        return StopVerdict(facts.dollars >= self.dollars, str(self), f"${facts.dollars:.4f}", f"${self.dollars:f}")

    def __str__(self) -> str:
        """Return its name."""
        return "cost"


@dataclass(frozen=True, slots=True)
class WorkedSeconds:
    """So many seconds of work, or more."""

    seconds: float

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at how long was worked."""
        return StopVerdict(facts.seconds >= self.seconds, str(self), f"{facts.seconds:.1f} s", f"{self.seconds:g} s")

    def __str__(self) -> str:
        """Return its name."""
        return "time"


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Such a share of failed calls, or more, once there are more than so many calls."""

    rate: float
    more_than: int = 5

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the calls with a result."""
        calls = len(facts.tools)
        share = facts.errors / max(1, calls)  # not rate * calls: 7 of 25 are 0.28, and 0.28 * 25 is above 7
        fired = calls > self.more_than and share >= self.rate
        return StopVerdict(
            fired, str(self), f"{facts.errors} of {calls} calls", f"{self.rate:g} after {self.more_than}"
        )

    def __str__(self) -> str:
        """Return its name."""
        return "error_rate"


@dataclass(frozen=True, slots=True)
class SlowStep:
    """A step that took longer."""

    seconds: float

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the slowest step."""
        return StopVerdict(facts.slowest > self.seconds, str(self), f"{facts.slowest:.1f} s", f"{self.seconds:g} s")

    def __str__(self) -> str:
        """Return its name."""
        return "slow_step"


@dataclass(frozen=True, slots=True)
class StateIs:
    """Values of the workflow state, each at its dotted path: `phase`, `progress` (at least), `data.<name>` ..."""

    values: Mapping[str, Any]

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the state."""
        found = {path: _at(facts.state, path) for path in self.values}
        fired = all(_fits(path, found[path], wanted) for path, wanted in self.values.items())
        return StopVerdict(fired, str(self), _shown(found), _shown(self.values))

    def __str__(self) -> str:
        """Return its name with the paths."""
        return f"state {', '.join(self.values)}"


def _at(state: WorkflowState, path: str) -> Any:
    found: Any = {"phase": state.phase, "progress": state.progress, "data": state.data, "metrics": state.metrics}
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return found  # pyright: ignore[reportUnknownVariableType]


def _fits(path: str, found: Any, wanted: Any) -> bool:
    return found is not None and found >= wanted if path == "progress" else found == wanted


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path}={value!r}" for path, value in values.items())[:200]


@dataclass(frozen=True, slots=True)
class FactExpression:
    """An expression over the facts, as `stop_expressions` reads it."""

    text: str

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Hold it against the facts; one that cannot be worked out does not hold."""
        fired, value = holds(self.text, facts)
        return StopVerdict(fired, str(self), value)

    def __str__(self) -> str:
        """Return its name with its text."""
        return f"expression {self.text}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them."""

    parts: tuple["StopCondition", ...]

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at all parts."""
        return _combined("any", self.parts, facts, lambda fired, _: fired > 0, limit="1")


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of them."""

    parts: tuple["StopCondition", ...]

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at all parts."""
        return _combined("all", self.parts, facts, lambda fired, count: fired == count, limit=str(len(self.parts)))


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least so many of them."""

    count: int
    parts: tuple["StopCondition", ...]

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at all parts."""
        return _combined("at_least", self.parts, facts, lambda fired, _: fired >= self.count, limit=str(self.count))


@dataclass(frozen=True, slots=True)
class NotYet:
    """As long as the other does not hold."""

    part: "StopCondition"

    def verdict(self, facts: StopFacts) -> StopVerdict:
        """Look at the part."""
        inner = self.part.verdict(facts)
        return StopVerdict(not inner.fired, f"not {inner.condition}", inner.value, inner.limit)


StopCondition = (
    MaxSteps
    | NoMoreTools
    | ToolSeen
    | GoalText
    | ResultSeen
    | ToolSequence
    | SpentDollars
    | WorkedSeconds
    | ErrorRate
    | SlowStep
    | StateIs
    | FactExpression
    | AnyOf
    | AllOf
    | AtLeast
    | NotYet
)


def _combined(
    name: str, parts: Sequence[StopCondition], facts: StopFacts, holds: Callable[[int, int], bool], *, limit: str
) -> StopVerdict:
    children = tuple(part.verdict(facts) for part in parts)
    fired = sum(child.fired for child in children)
    return StopVerdict(holds(fired, len(parts)), name, f"{fired} of {len(parts)}", limit, children)


def is_bound(leaf: StopCondition) -> bool:
    """Whether a condition without parts bounds the work: where it fires the run is stopped, never completed."""
    if isinstance(leaf, FactExpression):
        return is_counted(leaf.text)
    return isinstance(leaf, MaxSteps | SpentDollars | WorkedSeconds | ErrorRate | SlowStep)


def leaves(condition: StopCondition) -> Iterator[StopCondition]:
    """Yield the conditions without parts."""
    match condition:
        case AnyOf() | AllOf() | AtLeast():
            for part in condition.parts:
                yield from leaves(part)
        case NotYet():
            yield from leaves(condition.part)
        case _:
            yield condition
