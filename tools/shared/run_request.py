"""The requests of `execute` and `run`: light, since they are imported with every start."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tools.workflow.lenient_values import Many, Word, as_object, without_empty
from tools.workflow.request import Key, NonEmptyText, Text

MOST_WAIT_S = 40.0  # of one call, which has 45 s

Action = Literal["look", "wait", "approve", "refuse", "resolve", "pause", "resume", "stop", "extend", "list"]


class LimitFields(BaseModel):
    """The limits of a run as a host may send them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    steps: int | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    dollars: Decimal | None = Field(default=None, gt=0)
    calls_at_once: int | None = Field(default=None, gt=0)
    call_seconds: float | None = Field(default=None, gt=0)
    memory_mb: int | None = Field(default=None, gt=0)


class ExecuteRequest(BaseModel):
    """A request for a run."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)

    request: NonEmptyText = Field(description="All of what is to be done: the model sees nothing else of yours")
    working_directory: Text | None = Field(default=None, description="Absolute; its files may be read")
    mode: Annotated[Literal["steered", "agent"] | None, Word] = Field(
        default=None, description="steered: each step is judged and can be steered"
    )
    depth: Annotated[Literal["lean", "full"], Word] = "lean"
    tools: Annotated[list[Key] | None, Many] = Field(
        default=None, description="Only these: name, server/tool, server/*"
    )
    model: Text | None = Field(default=None, description="From listmodels")
    approve: Annotated[Literal["writes", "all", "destructive"], Word] = Field(
        default="writes", description="Calls that wait for your user"
    )
    limits: Annotated[LimitFields | None, BeforeValidator(as_object)] = Field(
        default=None, description="steps (15), seconds (900), dollars (1), tokens"
    )
    stop: Annotated[dict[str, Any] | None, BeforeValidator(as_object)] = Field(
        default=None, description='{"any": [{"tool_seen": "x"}, {"goal_text": "FOUND"}]}'
    )
    continuation_id: Key | None = Field(default=None, description="The thread it is for")
    wait_s: float = Field(default=20.0, ge=0, le=MOST_WAIT_S)


class RunToolRequest(BaseModel):
    """What to do with a run."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)

    action: Annotated[Action, Word]
    run_id: Key | None = None
    call: Key | None = Field(default=None, description="The call that waits")
    confirm: Key | None = Field(default=None, description="approve: the reply's word, once your user agreed")
    verdict: Annotated[Literal["done", "not_done"] | None, Word] = Field(default=None, description="resolve")
    reason: Text | None = Field(default=None, description="refuse, resolve: what the run's model is told")
    limits: Annotated[dict[str, Any] | None, BeforeValidator(as_object)] = Field(
        default=None, description="extend: what is added, such as steps"
    )
    wait_s: float = Field(default=30.0, ge=0, le=MOST_WAIT_S)
