"""What the live steps of a thread say, taken together, with the totals that every step is judged by.

All of it is kept up from step to step: a step costs the same however many came before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.inspection import NO_INSPECTION, Inspection
from stepwarden.steps.misquotes import says_the_same
from stepwarden.steps.persistent import PersistentList, PersistentMap, evolve, evolve_by
from stepwarden.steps.relevance import restates
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.step import Issue, Step
from stepwarden.steps.support import NO_SUPPORT, Support, counts_for, place_of
from stepwarden.steps.text import fold, key_of

# What decides how far an issue rests, beside what it rested on before.
_SUPPORTED_BY = ("task", "held", "marked")


@dataclass(frozen=True)
class Claims:
    """Hypothesis, issues, evidence, files, and what was measured; a map to a number names the step.

    `evidence` are (step number, item), withdrawn ones gone; `verdicts` counts them, one that was sent again once, and
    none that was mended. `held`, with the step of each, and `refuted` sort them by path: those that hold, and those
    that do not and that no later quote of the same file has made good. `marked` are those that hold and name a claim,
    by an issue's id or "hypothesis". `judged` has by a quote's key the last verdict on it, None for a mended one, and
    the step in which it first held, `shown` the first step that quoted a line of code, `spent` the hypothesis that a
    line was quoted for, by its key. `fresh` are the quotes of the last step that hold and show a line for the first
    time. `files` says of a path whether it was found inside the root, `relevant` whether it was when it was named so,
    or could not be looked up. `unread` are the relevant files that no step checked or quoted, and directories of which
    no file was. `findings` and `quotes` are keys of what was learned and quoted. `runs` are those that the agent
    reports, with the step of each, `run_keys` what tells one from another.
    """

    task: str = ""  # the text of the first step
    hypothesis: str | None = None
    hypothesis_folded: str = ""
    hypothesis_since: int = 0  # the step that first stated it in these words
    hypothesis_last: int = 0  # the step that stated it last
    hypothesis_key: str = ""  # the words that it was first stated in, folded; other words for the same keep it
    hypothesis_reused: bool = False  # whether all that was quoted for it had been quoted for one that was dropped
    hypothesis_marked: Support = NO_SUPPORT  # by quotes that name it, since it was first stated in these words
    hypothesis_unmarked: Support = (
        NO_SUPPORT  # by quotes that name no claim, of the steps that stated it in these words
    )
    issues: Mapping[str, Issue] = field(default_factory=dict[str, Issue])  # live ones, by id
    issue_supports: Mapping[str, Support] = field(default_factory=dict[str, Support])  # of the live ones
    evidence: PersistentList[tuple[int, Evidence]] = field(default_factory=PersistentList[tuple[int, Evidence]])
    verdicts: Mapping[Verdict, int] = field(default_factory=dict[Verdict, int])
    judged: PersistentMap[str, tuple[Verdict | None, int]] = field(
        default_factory=PersistentMap[str, tuple[Verdict | None, int]]
    )
    shown: PersistentMap[tuple[str, int], int] = field(default_factory=PersistentMap[tuple[str, int], int])
    fresh: tuple[Evidence, ...] = ()
    rested: bool = False  # whether every claim rested before the last step
    spent: PersistentMap[tuple[str, int], str] = field(default_factory=PersistentMap[tuple[str, int], str])
    held: PersistentMap[str, PersistentList[tuple[int, Evidence]]] = field(
        default_factory=PersistentMap[str, PersistentList[tuple[int, Evidence]]]
    )
    refuted: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict[str, tuple[Evidence, ...]])
    marked: PersistentMap[str, PersistentList[tuple[int, Evidence]]] = field(
        default_factory=PersistentMap[str, PersistentList[tuple[int, Evidence]]]
    )
    quoted: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])  # paths of `evidence`
    files: PersistentMap[str, bool] = field(default_factory=PersistentMap[str, bool])
    files_found: int = 0
    checked: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])  # paths that a step says it read
    relevant: PersistentMap[str, bool] = field(default_factory=PersistentMap[str, bool])
    unread: Mapping[str, int] = field(default_factory=dict[str, int])
    findings: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])
    quotes: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])
    runs: PersistentList[tuple[int, ReportedRun]] = field(default_factory=PersistentList[tuple[int, ReportedRun]])
    run_keys: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])
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
        if self.rested is not (rested := self._rests()):
            changes["rested"] = rested
        if sent.hypothesis or step.issues or step.evidence or sent.quotes:
            changes.update(self._claimed(step, changes.get("task", self.task)))
        if sent.checked:
            changes["checked"] = self.checked.with_items(dict.fromkeys(sent.checked, number))
        if paths := step.paths:
            changes.update(self._named(step, paths))
        if sent.fields:
            filled = {name: value for name, value in sent.fields.items() if value != "" or name not in self.fields}
            changes["fields"] = {**self.fields, **filled}
        if sent.runs:
            changes["runs"] = self.runs.with_items(*[(number, run) for run in sent.runs])
            changes["run_keys"] = self.run_keys.with_items({run.key: number for run in sent.runs})
        if step.measured is not None:
            changes["measured"] = self.measured.then(step.measured)
        claims = evolve_by(self, changes)
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

    def is_too_short(self, path: str, quote: str) -> bool:
        """Whether a quote of a file was sent before and was too short to find."""
        verdict, _ = self.judged.get(key_of(path, quote)) or (None, 0)
        return verdict is Verdict.TOO_SHORT

    @property
    def hypothesis_support(self) -> Support:
        """What the hypothesis rests on: quotes that name it, or those that name no claim."""
        marked, unmarked = self.hypothesis_marked, self.hypothesis_unmarked
        return unmarked if unmarked.relevant or not (marked.relevant or marked.beside) else marked

    @property
    def resting(self) -> tuple[bool, ...]:
        """Whether each claim rests on a quote that holds and has to do with it: the hypothesis, and severe issues."""
        severe = [name for name, issue in self.issues.items() if issue.severity.needs_evidence]
        stated = () if self.hypothesis is None else (self.hypothesis_support.relevant,)
        return (*stated, *(self.issue_supports[name].relevant for name in severe))

    def _rests(self) -> bool:
        """Whether there are claims, and every one rests."""
        if not self.issues:
            return self.hypothesis is not None and self.hypothesis_support.relevant
        return bool(self.resting) and all(self.resting)

    def _stated(self, hypothesis: str, step: Step) -> dict[str, Any]:
        folded = fold(hypothesis)
        is_new = self.hypothesis is None or self.hypothesis_folded != folded
        # Which one it is matters once a line was quoted for one; to compare their words costs more than all the rest.
        is_other = is_new and not (self.spent and self.hypothesis and restates(hypothesis, self.hypothesis))
        return {
            "hypothesis": hypothesis,
            "hypothesis_folded": folded,
            "hypothesis_since": step.number if is_new else self.hypothesis_since,
            "hypothesis_last": step.number,
            "hypothesis_key": folded if is_other else self.hypothesis_key,
        }

    def _supported(self, step: Step, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the claims rest on after `step`; `changes` are those that it makes beside."""
        held_now = [item for item in step.evidence if item.holds]
        issues = changes.get("issues", self.issues)
        found: dict[str, Any] = {}
        if changes.get("hypothesis", self.hypothesis) is not None:
            found |= self._hypothesis_support(step, held_now, changes)
        if issues or self.issue_supports:
            now = {name: changes.get(name, getattr(self, name)) for name in _SUPPORTED_BY}
            found["issue_supports"] = {name: self._issue_support(each, held_now, now) for name, each in issues.items()}
        return found

    def _hypothesis_support(
        self, step: Step, held_now: Sequence[Evidence], changes: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the hypothesis rests on: what was quoted for one that was dropped proves nothing of it."""
        is_new = changes.get("hypothesis_since") == step.number
        found: dict[str, Any] = {"hypothesis_marked": NO_SUPPORT, "hypothesis_reused": False} if is_new else {}
        # Said again in the same words it keeps its quotes: nobody has to send one twice.
        is_kept = not is_new and self.hypothesis_unmarked.placed
        unmarked = self.hypothesis_unmarked if is_kept else NO_SUPPORT
        if step.submission.hypothesis:
            found["hypothesis_unmarked"] = unmarked
        names = {"hypothesis", None} if step.submission.hypothesis else {"hypothesis"}
        sent = [item for item in held_now if item.supports in names]
        if not sent:
            return found
        claim, task = changes.get("hypothesis", self.hypothesis), changes["task"]
        key = changes.get("hypothesis_key", self.hypothesis_key)
        marked = NO_SUPPORT if is_new else self.hypothesis_marked
        own = [item for item in sent if not self._is_spent(item, key)]
        found["hypothesis_marked"] = marked.with_quotes([item for item in own if item.supports], claim, task)
        found["hypothesis_reused"] = not own
        if step.submission.hypothesis:
            bare = [item for item in own if item.supports is None]
            found["hypothesis_unmarked"] = unmarked.with_quotes(bare, claim, task)
        lines = {(item.path, line): key for item in own for line in item.lines}
        return found | {"spent": self.spent.with_items(lines)}

    def _is_spent(self, item: Evidence, key: str) -> bool:
        """Whether all that a quote shows was quoted for another hypothesis; not so in what has no context yet."""
        if item.context is None or not item.lines:
            return False
        return all(self.spent.get((item.path, line), key) != key for line in item.lines)

    def _issue_support(self, issue: Issue, held_now: Sequence[Evidence], now: Mapping[str, Any]) -> Support:
        """Return what an issue rests on: an unchanged one by the newest quotes too, another by all, step by step."""
        unchanged = self.issues.get(issue.id) == issue
        support = self.issue_supports[issue.id] if unchanged else NO_SUPPORT
        for items in [held_now] if unchanged else _step_by_step(issue, now):
            own = [item for item in items if counts_for(item, issue)]
            support = support.with_quotes(own, issue.description, now["task"], place_of(issue)) if own else support
        return support

    def _named(self, step: Step, paths: Sequence[str]) -> dict[str, Any]:
        found = (
            {*step.existing, *(item.path for item in step.evidence if item.holds)}
            if step.evidence
            else {*step.existing}
        )
        before = {path: path in self.files and self.files[path] for path in paths}
        if not found:
            return {"files": self.files.with_items(before)}
        named = {path: path in found or there for path, there in before.items()}
        more = sum(named.values()) - sum(before.values())
        return {"files": self.files.with_items(named), "files_found": self.files_found + more}

    def _quoted(self, step: Step) -> dict[str, Any]:
        keys = {key_of(item.path, item.quote, item.supports or ""): step.number for item in step.evidence}
        keys |= {key_of(item.fact, "", item.supports or ""): step.number for item in step.evidence if item.fact}
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
        refuted, mended = dict(self.refuted), list[Evidence]()
        held: dict[str, PersistentList[tuple[int, Evidence]]] = {}
        marked: dict[str, PersistentList[tuple[int, Evidence]]] = {}
        for number, item in new:
            if item.holds:
                mended += [each for each in refuted.pop(item.path, ()) if says_the_same(each, item)]
                before = held.get(item.path) or self.held.get(item.path) or PersistentList()
                held[item.path] = before.with_items((number, item))
                if (name := item.supports) is not None:
                    marked[name] = (marked.get(name) or self.marked.get(name) or PersistentList()).with_items(
                        (number, item)
                    )
            elif item.verdict is Verdict.REFUTED and not item.misworded:
                refuted[item.path] = (*refuted.get(item.path, ()), item)
        return {
            "evidence": self.evidence.with_items(*new),
            "held": self.held.with_items(held),
            "refuted": refuted,
            "marked": self.marked.with_items(marked),
            "quoted": self.quoted.with_items({item.path: number for number, item in new}),
            **self._counted_once(new, mended, step),
        }

    def _counted_once(
        self, new: Sequence[tuple[int, Evidence]], mended: Sequence[Evidence], step: int
    ) -> dict[str, Any]:
        """Return the fields in which a quote counts once, however often it is sent, and one that was mended not."""
        verdicts, judged = dict(self.verdicts), dict[str, tuple[Verdict | None, int]]()
        shown: dict[tuple[str, int], int] = {}
        held_now: list[tuple[str, Evidence]] = []
        for number, item in new:
            key = key_of(item.path, item.quote)
            before, held_since = judged.get(key) or self.judged.get(key) or (None, 0)
            now = before if item.misworded else item.verdict
            judged[key] = now, held_since or (number if item.holds else 0)
            if before is not now:
                changes = [(now, 1), (before, -1)]
                verdicts |= {each: verdicts.get(each, 0) + by for each, by in changes if each is not None}
            if item.holds:
                lines = [(item.path, line) for line in item.lines]
                shown |= {line: number for line in lines if line not in shown and line not in self.shown}
                held_now += [(key, item)] if number == step else []
        for item in mended:
            key = key_of(item.path, item.quote)
            if (judged.get(key) or self.judged[key])[0] is Verdict.REFUTED:
                judged[key] = None, 0
                verdicts[Verdict.REFUTED] -= 1
        fresh = [
            item
            for key, item in held_now
            if judged[key][1] == step
            and (not item.lines or any(shown.get((item.path, line)) == step for line in item.lines))
        ]
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
        unread = {
            path: step.number
            for path in asked
            if path not in self.checked and path not in self.quoted and (relevant[path] or not self.read_inside(path))
        }
        return evolve(self, relevant=relevant, unread=unread)

    def read_inside(self, folder: str) -> bool:
        """Whether `folder` is a directory of which a step read or quoted a file."""
        start = "" if folder in {"", "."} else f"{folder.rstrip('/')}/"
        return any(path.startswith(start) and self.files.get(path) for path in (*self.checked, *self.quoted))


def _step_by_step(issue: Issue, now: Mapping[str, Any]) -> Iterator[list[Evidence]]:
    """Return the quotes that name an issue or stand in its file, those of each step together."""
    beside = (entry for entry in now["held"].get(issue.path or "", ()) if entry[1].supports != issue.id)
    every = sorted([*now["marked"].get(issue.id, ()), *beside], key=itemgetter(0))
    return ([item for _, item in entries] for _, entries in groupby(every, key=itemgetter(0)))


def _merged_issues(known: Mapping[str, Issue], more: tuple[Issue, ...]) -> Mapping[str, Issue]:
    merged = dict(known)
    for issue in more:
        if issue.withdrawn:
            merged.pop(issue.id, None)
        else:
            merged[issue.id] = issue
    return merged
