"""What bars a finish: one open thing at the gate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that is still open at the gate.

    `kind` is one of the gate's own (`min_steps`, `issue`, `hypothesis`, `no_hypothesis`, `irrelevant`, `refuted`),
    `not_heard`, `checklist` or `measured`; `subject` is the issue's id, the file, the model, or the number it is about,
    or `hypothesis`; `text` is the wording of a checklist's or a measured clause, and why a quote is irrelevant.
    """

    kind: str
    subject: str = ""
    text: str = ""
