"""The state of a run's work, which its tools read and write."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class StateChange:
    """One change of it. `progress` is added, `data` and `metrics` are set by name, `error` is one more.

    Raises ValueError for what is not JSON, such as NaN: the history could not be read again.
    """

    phase: str | None = None
    progress: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    error: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is not JSON."""
        try:
            json.dumps((self.progress, dict(self.metrics), dict(self.data)), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the state takes JSON alone: {error}") from error


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """Where the work stands. `progress` is from 0 to 1; `started` and `updated` are unix seconds."""

    phase: str = ""
    progress: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    errors: tuple[str, ...] = ()
    started: float = 0.0
    updated: float = 0.0

    def changed(self, change: StateChange, at: float) -> "WorkflowState":
        """Return it after a change; progress is held between 0 and 1."""
        return replace(
            self,
            phase=self.phase if change.phase is None else change.phase,
            progress=min(1.0, max(0.0, self.progress + change.progress)),
            data={**self.data, **change.data},
            metrics={**self.metrics, **change.metrics},
            errors=self.errors if change.error is None else (*self.errors, change.error),
            updated=at,
        )


NEW_STATE = WorkflowState()
