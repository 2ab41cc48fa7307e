"""What the live steps of a thread say, taken together, with the totals that every step is judged by.

All of it is kept up from step to step: a step costs the same however many came before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.inspection import NO_INSPECTION, Inspection
from stepwarden.steps.persistent import PersistentList, PersistentMap, evolve
from stepwarden.steps.step import Issue, Step
from stepwarden.steps.text import fold, key_of


@dataclass(frozen=True)
class Claims:
    """Hypothesis, issues, evidence, files, and what was measured; a map to a number names the step.

    `evidence` are (step number, item), withdrawn ones gone; `verdicts` counts them. `held` and `refuted` sort them by
    path: those that hold, and those that do not and that no later quote of the same file has made good. `supported`
    names what the quotes that hold were sent for: an issue's id, or "hypothesis". `files` says of a path whether it was
    found inside the root, `relevant` whether it was when it was named so, or could not be looked up. `unread` are the
    relevant files that no step checked or quoted. `findings` and `quotes` are keys of what was learned and quoted.
    """

    hypothesis: str | None = None
    hypothesis_folded: str = ""
    hypothesis_since: int = 0  # the step that first stated it in these words
    hypothesis_last: int = 0  # the step that stated it last
    hypothesis_quoted: bool = False  # whether that step brought a quote that holds and names no claim
    issues: Mapping[str, Issue] = field(default_factory=dict[str, Issue])  # live ones, by id
    evidence: PersistentList[tuple[int, Evidence]] = field(default_factory=PersistentList[tuple[int, Evidence]])
    verdicts: Mapping[Verdict, int] = field(default_factory=dict[Verdict, int])
    held: PersistentMap[str, PersistentList[Evidence]] = field(
        default_factory=PersistentMap[str, PersistentList[Evidence]]
    )
    refuted: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict[str, tuple[Evidence, ...]])
    supported: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])
    quoted: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])  # paths of `evidence`
    files: PersistentMap[str, bool] = field(default_factory=PersistentMap[str, bool])
    files_found: int = 0
    checked: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])  # paths that a step says it read
    relevant: PersistentMap[str, bool] = field(default_factory=PersistentMap[str, bool])
    unread: Mapping[str, int] = field(default_factory=dict[str, int])
    findings: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])
    quotes: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])  # the tool's own, as last filled
    measured: Inspection = NO_INSPECTION

    def with_step(self, step: Step) -> "Claims":
        """Return the claims with one more live step."""
        sent, number = step.submission, step.number
        changes: dict[str, Any] = {"findings": self.findings.with_items({key_of(sent.learned): number})}
        if sent.hypothesis:
            changes |= self._stated(sent.hypothesis, step)
        if step.issues:
            changes["issues"] = _merged_issues(self.issues, step.issues)
        if step.evidence or sent.quotes:
            changes |= self._quoted(step)
        if sent.checked:
            changes["checked"] = self.checked.with_items(dict.fromkeys(sent.checked, number))
        if paths := step.paths:
            changes |= self._named(step, paths)
        if sent.fields:
            filled = {name: value for name, value in sent.fields.items() if value != "" or name not in self.fields}
            changes["fields"] = {**self.fields, **filled}
        if step.measured is not None:
            changes["measured"] = self.measured.then(step.measured)
        claims = evolve(self, **changes)
        return claims if not (sent.relevant or self.unread or sent.quotes) else claims._read(step)

    def states_anew(self, hypothesis: str | None) -> bool:
        """Whether `hypothesis` is one and differs from the current."""
        return bool(hypothesis) and (self.hypothesis is None or self.hypothesis_folded != fold(hypothesis or ""))

    @property
    def standing_refuted(self) -> tuple[Evidence, ...]:
        """Refuted items that no later item of the same file has made good."""
        return tuple(item for items in self.refuted.values() for item in items)

    @property
    def hypothesis_rests(self) -> bool:
        """Whether the hypothesis has a quote that holds, of those that count for it.

        They are the ones that name it, since it was first stated in these words, and those that name no claim, sent in
        the step that stated it last.
        """
        if self.hypothesis is None:
            return False
        return self.hypothesis_quoted or self.supported.get("hypothesis", 0) >= self.hypothesis_since

    def _stated(self, hypothesis: str, step: Step) -> dict[str, Any]:
        folded = fold(hypothesis)
        is_new = self.hypothesis is None or self.hypothesis_folded != folded
        return {
            "hypothesis": hypothesis,
            "hypothesis_folded": folded,
            "hypothesis_since": step.number if is_new else self.hypothesis_since,
            "hypothesis_last": step.number,
            "hypothesis_quoted": bool(step.evidence)
            and any(item.holds and item.supports is None for item in step.evidence),
        }

    def _named(self, step: Step, paths: Sequence[str]) -> dict[str, Any]:
        found = {*step.existing, *[item.path for item in step.evidence if item.holds]}
        before = {path: path in self.files and self.files[path] for path in paths}
        named = {path: path in found or there for path, there in before.items()}
        more = sum(named.values()) - sum(before.values())
        return {"files": self.files.with_items(named), "files_found": self.files_found + more}

    def _quoted(self, step: Step) -> dict[str, Any]:
        keys = {key_of(item.path, item.quote, item.supports or ""): step.number for item in step.evidence}
        new = [(step.number, item) for item in step.evidence]
        taken_back = {quote.file for quote in step.submission.quotes if quote.withdrawn}
        if not taken_back:
            return {"quotes": self.quotes.with_items(keys), **self._weighed(new)}
        left = [
            (number, item)
            for number, item in self.evidence
            if item.path not in taken_back or item.verdict is not Verdict.REFUTED
        ]
        return {"quotes": self.quotes.with_items(keys), **Claims()._weighed([*left, *new])}

    def _weighed(self, new: Sequence[tuple[int, Evidence]]) -> dict[str, Any]:
        """Return the fields that change with more evidence."""
        verdicts, refuted = dict(self.verdicts), dict(self.refuted)
        held: dict[str, PersistentList[Evidence]] = {}
        supported: dict[str, int] = {}
        for number, item in new:
            verdicts[item.verdict] = verdicts.get(item.verdict, 0) + 1
            if item.holds:
                refuted.pop(item.path, None)
                before = held.get(item.path) or self.held.get(item.path) or PersistentList()
                held[item.path] = before.with_items(item)
                if item.supports is not None:
                    supported[item.supports] = number
            elif item.verdict is Verdict.REFUTED:
                refuted[item.path] = (*refuted.get(item.path, ()), item)
        return {
            "evidence": self.evidence.with_items(*new),
            "verdicts": verdicts,
            "held": self.held.with_items(held),
            "refuted": refuted,
            "supported": self.supported.with_items(supported),
            "quoted": self.quoted.with_items({item.path: number for number, item in new}),
        }

    def _read(self, step: Step) -> "Claims":
        """Return the claims with `relevant` and `unread` as `step` leaves them; all else is up to date."""
        sent = step.submission
        there = {
            path: path in step.existing or not step.readable or self.relevant.get(path, False) for path in sent.relevant
        }
        relevant = self.relevant.with_items(there)
        # A quote that was taken back may have been the only one of its file.
        asked = relevant if any(quote.withdrawn for quote in sent.quotes) else {**self.unread, **there}
        unread = {path: step.number for path in asked if path not in self.checked and path not in self.quoted}
        return evolve(self, relevant=relevant, unread=unread)


def _merged_issues(known: Mapping[str, Issue], more: tuple[Issue, ...]) -> Mapping[str, Issue]:
    merged = dict(known)
    for issue in more:
        if issue.withdrawn:
            merged.pop(issue.id, None)
        else:
            merged[issue.id] = issue
    return merged
