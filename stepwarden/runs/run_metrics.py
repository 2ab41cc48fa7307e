"""What a run took, as one value made of its events: in all, for each model and for each tool."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stepwarden.runs.limits import NOTHING, Amount
from stepwarden.runs.run import Run
from stepwarden.runs.run_calls import CallState, RunCall
from stepwarden.runs.run_events import QuestionAnswered, QuestionAsked, RunAttached, RunCommanded, RunCrashed, RunEvent
from stepwarden.runs.run_fold import fold_run


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """What one model was asked. `asked` counts each attempt; `failed` answers came with an error, `cut_off` never.

    `spent` is what the answers cost, and what was set aside for those whose end nobody saw.
    """

    asked: int = 0
    answered: int = 0
    failed: int = 0
    cut_off: int = 0
    spent: Amount = NOTHING
    seconds: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True, slots=True)
class ToolMetrics:
    """The calls of one tool by how they stand; `open` ones have no result yet. Times are seconds."""

    calls: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    open: int = 0
    seconds: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """A run in figures. `seconds` are from its first event to its last, `worked` those in which it was at work.

    `drivers` counts how often a process took it over, `commands` what people said.
    """

    events: int = 0
    steps: int = 0
    seconds: float = 0.0
    worked: float = 0.0
    spent: Amount = NOTHING
    drivers: int = 0
    crashes: int = 0
    commands: int = 0
    models: Mapping[str, ModelMetrics] = field(default_factory=dict[str, ModelMetrics])
    tools: Mapping[str, ToolMetrics] = field(default_factory=dict[str, ToolMetrics])

    @property
    def calls(self) -> int:
        """The calls of all tools."""
        return sum(tool.calls for tool in self.tools.values())


def metrics_of(events: Sequence[tuple[RunEvent, float]]) -> RunMetrics:
    """Return a run in figures; each of its events has its time in unix seconds."""
    run = fold_run(Run(""), events)
    said = [event for event, _ in events]
    return RunMetrics(
        events=len(events),
        steps=sum(len(job.steps) for job in run.jobs.values()),
        seconds=max(0.0, events[-1][1] - events[0][1]) if events else 0.0,
        worked=run.worked,
        spent=run.spent,
        drivers=sum(isinstance(event, RunAttached) for event in said),
        crashes=sum(isinstance(event, RunCrashed) for event in said),
        commands=sum(isinstance(event, RunCommanded) for event in said),
        models=_models(said),
        tools=_tools(call for job in run.jobs.values() for step in job.steps for call in step.calls),
    )


def _models(events: Sequence[RunEvent]) -> dict[str, ModelMetrics]:
    found, open_ones = dict[str, ModelMetrics](), dict[str, QuestionAsked]()
    for event in events:
        match event:
            case QuestionAsked(key=key, model=model):
                before = found.get(model, ModelMetrics())
                if (lost := open_ones.get(key)) is not None:  # whoever asked is gone: it counts as paid
                    before = replace(before, cut_off=before.cut_off + 1, spent=before.spent + lost.reserved)
                found[model] = replace(before, asked=before.asked + 1)
                open_ones[key] = event
            case QuestionAnswered(key=key) if key in open_ones:
                model = open_ones.pop(key).model
                found[model] = _with_answer(found[model], event)
            case _:
                pass
    return found


def _with_answer(before: ModelMetrics, event: QuestionAnswered) -> ModelMetrics:
    failure = event.failure
    is_cut_off = failure is not None and failure.was_cancelled
    return replace(
        before,
        answered=before.answered + (failure is None),
        failed=before.failed + (failure is not None and not is_cut_off),
        cut_off=before.cut_off + is_cut_off,
        spent=before.spent + event.spent,
        seconds=before.seconds + event.seconds,
        longest=max(before.longest, event.seconds),
    )


def _tools(calls: Iterator[RunCall]) -> dict[str, ToolMetrics]:
    found = dict[str, ToolMetrics]()
    for call in calls:
        before = found.get(call.tool, ToolMetrics())
        found[call.tool] = replace(
            before,
            calls=before.calls + 1,
            done=before.done + (call.state is CallState.DONE),
            failed=before.failed + (call.state is CallState.FAILED),
            refused=before.refused + (call.state is CallState.REFUSED),
            open=before.open + (not call.state.is_settled),
            seconds=before.seconds + call.seconds,
            longest=max(before.longest, call.seconds),
        )
    return found
