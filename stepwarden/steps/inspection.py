"""What a tool found in the code itself at one step, and what the live steps come to together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwarden.steps.cited_facts import CitableFact
from stepwarden.steps.clause import Clause


@dataclass(frozen=True, slots=True)
class Inspection:
    """One look at the code; a part that is empty or None says nothing new.

    `facts` are lines to show with this step, `actions` what to do before the next one. `clauses` are all that bar the
    finish by this look, each of kind `measured`; None leaves those of the look before. `total` counts the steps of a
    tool whose work can be counted. `blockers` are what speaks against the act that the tool prepares, as it is on disk
    now; None where it prepares none. `files` and `changed_lines` size the work of the others. `done` says why there is
    nothing (more) to do: the thread then completes. `data` is what later looks and the tool's checklist go on from,
    `sections` parts of the report in Markdown by their headings; both go on from step to step, key by key.
    `citable` are those of the facts that can be cited.
    """

    facts: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    clauses: tuple[Clause, ...] | None = None
    total: int | None = None
    files: int | None = None
    changed_lines: int | None = None
    done: str = ""
    blockers: tuple[str, ...] | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sections: Mapping[str, str] = field(default_factory=dict[str, str])
    citable: tuple[CitableFact, ...] = ()

    @property
    def labelled(self) -> tuple[str, ...]:
        """The facts as they are shown: with their ids, where they have one."""
        ids = {item.fact: item.id for item in self.citable if item.id}
        return tuple(f"{ids[at]} {fact}" if at in ids else fact for at, fact in enumerate(self.facts))

    def then(self, later: "Inspection") -> "Inspection":
        """Return what this look and a later one come to; facts and actions are the later one's, where it has any."""
        return Inspection(
            facts=later.facts or self.facts,
            actions=later.actions or self.actions,
            clauses=self.clauses if later.clauses is None else later.clauses,
            total=self.total if later.total is None else later.total,
            files=self.files if later.files is None else later.files,
            changed_lines=self.changed_lines if later.changed_lines is None else later.changed_lines,
            done=later.done,
            blockers=self.blockers if later.blockers is None else later.blockers,
            data={**self.data, **later.data},
            sections={**self.sections, **later.sections},
            citable=later.citable if later.facts else self.citable,
        )


NO_INSPECTION = Inspection()
