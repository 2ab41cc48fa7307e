"""Kinds of streams: what the `state` of a head means is decided by the head's `kind`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamKind:
    """One kind of streams: its name as head rows hold it, and the states that a head of this kind may have.

    A kind that is not in this module is declared where its streams are written; the store takes any.
    """

    name: str
    states: tuple[str, ...]


THREAD = StreamKind("thread", ("open", "done", "inconclusive", "abandoned"))
"""A host's steps with a workflow tool. `steps` counts the live ones, `total_steps` is the plan."""

CHAT = StreamKind("chat", ("open",))
"""Turns with a model, each of them whole: there is always room for another. `steps` counts them; nothing is planned."""

SESSION = StreamKind("upstream", ("open", "unsettled"))
"""Calls of one principal to upstream servers, by one process. `steps` counts its entries; nothing is planned.

It is unsettled while the outcome of a call that may have changed something is unknown.
"""

RUN = StreamKind("run", ("running", "paused", "completed", "failed", "stopped"))
"""Work that the server does by itself. `steps` counts the answers of its models, `total_steps` is their limit."""
