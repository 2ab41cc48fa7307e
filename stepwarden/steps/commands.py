"""What a person says to a thread: one typed value, admitted or refused with a reason.

A command is the word of whoever owns the work, so it is judged by where the thread stands and by nothing else: no gate,
no manager, no model. Each kind is one row of `_RULES`; what it changes is recorded as an event of the thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stepwarden.steps.events import Abandoned, Event
from stepwarden.steps.status import GOES_ON, status_of
from stepwarden.steps.thread import DecidedBy, Thread


class CommandKind(StrEnum):
    """What is asked for."""

    ABANDON = "abandon"  # end an open thread; its history stays


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `by` gives it, `via` names where it came in (`cli` ...), `arguments` are those of its kind."""

    kind: CommandKind
    by: DecidedBy = DecidedBy.USER
    via: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])


class CommandReason(StrEnum):
    """Why a command was refused."""

    NOT_OPEN = "not_open"
    NO_SUCH_ARGUMENT = "no_such_argument"


@dataclass(frozen=True, slots=True)
class CommandAccepted:
    """The command holds; `events` are what it changes."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """The command changes nothing. `subject` is what the reason is about: the outcome, or the argument's name."""

    reason: CommandReason
    subject: str = ""


CommandAdmission = CommandAccepted | CommandRefused


def admit_command(thread: Thread, command: Command) -> CommandAdmission:
    """Decide what becomes of a command to `thread`."""
    rule = _RULES[command.kind]
    unknown = sorted(command.arguments.keys() - rule.arguments)
    if unknown:
        return CommandRefused(CommandReason.NO_SUCH_ARGUMENT, unknown[0])
    return rule.decide(thread, command)


def _abandon(thread: Thread, command: Command) -> CommandAdmission:
    if status_of(thread) not in GOES_ON:
        return CommandRefused(CommandReason.NOT_OPEN, thread.outcome.value)
    # Also while models are asked: their answers come too late then, and change nothing.
    return CommandAccepted((Abandoned(command.by, command.via),))


@dataclass(frozen=True, slots=True)
class _Rule:
    decide: Callable[[Thread, Command], CommandAdmission]
    arguments: frozenset[str] = frozenset()


_RULES: Mapping[CommandKind, _Rule] = {CommandKind.ABANDON: _Rule(_abandon)}
