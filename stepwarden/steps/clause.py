"""What bars a finish: one open thing at the gate."""

from dataclasses import dataclass

UNANSWERED = "answers"
"""The subject of a measured clause about places that an agent has to answer by an issue there, or a `safe:` line."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that is still open at the gate.

    `kind` is one of the gate's own (`min_steps`, `issue`, `hypothesis`, `hypothesis_reused`, `no_hypothesis`,
    `irrelevant`, `refuted`, `untested`), `checklist`, `measured`, or of a consultation's (`not_heard`, `unheard`,
    `silent`, `expert`, `expert_file`); `subject` is the issue's id, the file, the place, the model, or the number it is
    about; `text` is the wording of a checklist's or a measured clause, why a quote is irrelevant, or what an expert
    objects, and `id` names that objection.
    """

    kind: str
    subject: str = ""
    text: str = ""
    id: str = ""
