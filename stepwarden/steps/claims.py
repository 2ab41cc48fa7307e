"""What the live steps of a thread say, taken together, with the totals that every step is judged by.

All of it is kept up from step to step: a step costs the same however many came before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepwarden.steps.evidence import HOLDS, Evidence, Verdict
from stepwarden.steps.inspection import NO_INSPECTION, Inspection
from stepwarden.steps.persistent import PersistentList, PersistentMap, evolve
from stepwarden.steps.step import Issue, Step
from stepwarden.steps.support import NO_SUPPORT, Support, counts_for, place_of
from stepwarden.steps.text import fold, key_of

# What decides how far a claim rests, beside what it rested on before.
_SUPPORTED_BY = ("task", "hypothesis", "hypothesis_since", "hypothesis_last", "issues", "held", "marked")


@dataclass(frozen=True)
class Claims:
    """Hypothesis, issues, evidence, files, and what was measured; a map to a number names the step.

    `evidence` are (step number, item), withdrawn ones gone; `verdicts` counts them, one that was sent again once.
    `held` and `refuted` sort them by path: those that hold, and those that do not and that no later quote of the same
    file has made good. `marked` are those that hold and name a claim, by an issue's id or "hypothesis". `judged` has
    the verdict on each quote by its key, `shown` the lines of code that were quoted, `fresh` the quotes of the last
    step that hold and show a line for the first time. `files` says of a path whether it was found inside the root,
    `relevant` whether it was when it was named so, or could not be looked up. `unread` are the relevant files that no
    step checked or quoted. `findings` and `quotes` are keys of what was learned and quoted.
    """

    task: str = ""  # the text of the first step
    hypothesis: str | None = None
    hypothesis_folded: str = ""
    hypothesis_since: int = 0  # the step that first stated it in these words
    hypothesis_last: int = 0  # the step that stated it last
    hypothesis_marked: Support = NO_SUPPORT  # by quotes that name it, since it was first stated in these words
    hypothesis_unmarked: Support = NO_SUPPORT  # by quotes that name no claim, of the step that stated it last
    issues: Mapping[str, Issue] = field(default_factory=dict[str, Issue])  # live ones, by id
    issue_supports: Mapping[str, Support] = field(default_factory=dict[str, Support])  # of the live ones
    evidence: PersistentList[tuple[int, Evidence]] = field(default_factory=PersistentList[tuple[int, Evidence]])
    verdicts: Mapping[Verdict, int] = field(default_factory=dict[Verdict, int])
    judged: PersistentMap[str, Verdict] = field(default_factory=PersistentMap[str, Verdict])
    shown: PersistentMap[tuple[str, int], int] = field(default_factory=PersistentMap[tuple[str, int], int])
    fresh: tuple[Evidence, ...] = ()
    held: PersistentMap[str, PersistentList[Evidence]] = field(
        default_factory=PersistentMap[str, PersistentList[Evidence]]
    )
    refuted: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict[str, tuple[Evidence, ...]])
    marked: PersistentMap[str, PersistentList[Evidence]] = field(
        default_factory=PersistentMap[str, PersistentList[Evidence]]
    )
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
        if not self.task:
            changes["task"] = sent.step
        if self.fresh:
            changes["fresh"] = ()
        if sent.hypothesis or step.issues or step.evidence or sent.quotes:
            changes |= self._claimed(step, changes.get("task", self.task))
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

    def _claimed(self, step: Step, task: str) -> dict[str, Any]:
        """Return the fields that change with the claims and the quotes of `step`."""
        changes: dict[str, Any] = {"task": task}
        if step.submission.hypothesis:
            changes |= self._stated(step.submission.hypothesis, step)
        if step.issues:
            changes["issues"] = _merged_issues(self.issues, step.issues)
        if step.evidence or step.submission.quotes:
            changes |= self._quoted(step)
        return changes | self._supported(step, changes)

    def states_anew(self, hypothesis: str | None) -> bool:
        """Whether `hypothesis` is one and differs from the current."""
        return bool(hypothesis) and (self.hypothesis is None or self.hypothesis_folded != fold(hypothesis or ""))

    @property
    def standing_refuted(self) -> tuple[Evidence, ...]:
        """Refuted items that no later item of the same file has made good."""
        return tuple(item for items in self.refuted.values() for item in items)

    @property
    def hypothesis_supports(self) -> tuple[Support, Support]:
        """What stands for the hypothesis: quotes that name it, and those that name no claim."""
        return self.hypothesis_marked, self.hypothesis_unmarked

    def _stated(self, hypothesis: str, step: Step) -> dict[str, Any]:
        folded = fold(hypothesis)
        is_new = self.hypothesis is None or self.hypothesis_folded != folded
        return {
            "hypothesis": hypothesis,
            "hypothesis_folded": folded,
            "hypothesis_since": step.number if is_new else self.hypothesis_since,
            "hypothesis_last": step.number,
        }

    def _supported(self, step: Step, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the claims rest on after `step`; `changes` are those that it makes beside."""
        now = {name: changes.get(name, getattr(self, name)) for name in _SUPPORTED_BY}
        held_now = [item for item in step.evidence if item.holds]
        found: dict[str, Any] = {}
        if now["hypothesis"] is not None:
            claim, task = now["hypothesis"], now["task"]
            marked = NO_SUPPORT if now["hypothesis_since"] == step.number else self.hypothesis_marked
            named = [item for item in held_now if item.supports == "hypothesis"]
            found["hypothesis_marked"] = marked.with_quotes(named, claim, task)
            if step.submission.hypothesis:
                unnamed = [item for item in held_now if item.supports is None]
                found["hypothesis_unmarked"] = NO_SUPPORT.with_quotes(unnamed, claim, task)
        if now["issues"] or self.issue_supports:
            found["issue_supports"] = {
                name: self._issue_support(issue, held_now, now) for name, issue in now["issues"].items()
            }
        return found

    def _issue_support(self, issue: Issue, held_now: Sequence[Evidence], now: Mapping[str, Any]) -> Support:
        """Return what an issue rests on: an unchanged one by the newest quotes too, another one by all."""
        unchanged = self.issues.get(issue.id) == issue
        before = self.issue_supports[issue.id] if unchanged else NO_SUPPORT
        every = () if unchanged else (*now["marked"].get(issue.id, ()), *now["held"].get(issue.path or "", ()))
        items = [item for item in (held_now if unchanged else every) if counts_for(item, issue)]
        return before.with_quotes(items, issue.description, now["task"], place_of(issue)) if items else before

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
            return {"quotes": self.quotes.with_items(keys), **self._weighed(new, step.number)}
        left = [
            (number, item)
            for number, item in self.evidence
            if item.path not in taken_back or item.verdict is not Verdict.REFUTED
        ]
        return {"quotes": self.quotes.with_items(keys), **Claims()._weighed([*left, *new], step.number)}

    def _weighed(self, new: Sequence[tuple[int, Evidence]], step: int) -> dict[str, Any]:
        """Return the fields that change with more evidence, the last of it sent in `step`."""
        refuted = dict(self.refuted)
        held: dict[str, PersistentList[Evidence]] = {}
        marked: dict[str, PersistentList[Evidence]] = {}
        for _, item in new:
            if item.holds:
                refuted.pop(item.path, None)
                before = held.get(item.path) or self.held.get(item.path) or PersistentList()
                held[item.path] = before.with_items(item)
                if (name := item.supports) is not None:
                    marked[name] = (marked.get(name) or self.marked.get(name) or PersistentList()).with_items(item)
            elif item.verdict is Verdict.REFUTED and not item.misworded:
                refuted[item.path] = (*refuted.get(item.path, ()), item)
        return {
            "evidence": self.evidence.with_items(*new),
            "held": self.held.with_items(held),
            "refuted": refuted,
            "marked": self.marked.with_items(marked),
            "quoted": self.quoted.with_items({item.path: number for number, item in new}),
            **self._counted_once(new, step),
        }

    def _counted_once(self, new: Sequence[tuple[int, Evidence]], step: int) -> dict[str, Any]:
        """Return the fields in which a quote counts once, however often it is sent."""
        verdicts, judged = dict(self.verdicts), dict[str, Verdict]()
        shown: dict[tuple[str, int], int] = {}
        fresh: list[Evidence] = []
        for number, item in new:
            key = key_of(item.path, item.quote)
            before = judged.get(key) or self.judged.get(key)
            judged[key] = item.verdict
            if before is not item.verdict:
                verdicts[item.verdict] = verdicts.get(item.verdict, 0) + 1
                if before is not None:
                    verdicts[before] -= 1
            if not item.holds:
                continue
            lines = [(item.path, line) for line in item.lines]
            is_new = any(line not in shown and line not in self.shown for line in lines)
            if number == step and before not in HOLDS and (is_new or not lines):
                fresh.append(item)
            shown |= {line: number for line in lines if line not in shown}
        return {
            "verdicts": {verdict: count for verdict, count in verdicts.items() if count},
            "judged": self.judged.with_items(judged),
            "shown": self.shown.with_items(shown),
            "fresh": tuple(fresh),
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
