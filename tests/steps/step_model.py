"""The step protocol told once more, naively: a list of dicts, counted from scratch for every question.

Written from the protocol alone, so that it errs apart from the machine. A request is a dict with the keys of
`request_of`; a recorded step is its request with `number`, `new`, `stalled` and numbered `issues`.
"""

from typing import Any

Request = dict[str, Any]


def folded(text: str) -> str:
    return " ".join(text.casefold().split())


class Model:
    """One thread. `outcome` is `open`, `closed` (a further step is refused) or `ended` (it reopens by itself)."""

    def __init__(self, *, min_steps: int, hypothesis: bool, novelty: bool, checklist: bool) -> None:
        self.min_steps, self.hypothesis, self.novelty, self.checklist = min_steps, hypothesis, novelty, checklist
        self.trail: list[Request] = []
        self.ever: list[str] = []  # digests of all recorded steps
        self.issues_ever = 0
        self.outcome, self.how = "open", ""
        self.held = self.untested = False  # the second: held because nothing had tested the conclusion
        self.refused_empty: str | None = None
        self.refused_at: set[int] = set()  # numbers at which a step was refused as empty

    # -- what the live steps say

    def live(self) -> list[Request]:
        gone = [step["replaces"] for step in self.trail]
        return [step for step in self.trail if step["number"] not in gone]

    def in_places(self) -> list[Request]:
        """Return the live steps, a revision where the step that it replaces stood."""

        def place(step: Request) -> int:
            return step["number"] if step["replaces"] is None else place(self.trail[step["replaces"] - 1])

        return sorted(self.live(), key=lambda step: (place(step), step["number"]))

    def issues(self) -> dict[str, Request]:
        found: dict[str, Request] = {}
        for step in self.live():
            for issue in step["issues"]:
                found[issue["id"]] = issue
        return {name: issue for name, issue in found.items() if not issue["withdrawn"]}

    def quoted(self) -> list[tuple[int, Request]]:
        found: list[tuple[int, Request]] = []
        for step in self.live():
            found = [
                (number, item)
                for number, item in found
                if not (item["verdict"] == "refuted" and item["path"] in step["take_back"])
            ]
            found += [(step["number"], item) for item in step["evidence"]]
        return found

    def theory(self) -> str | None:
        stated = [step["hypothesis"] for step in self.live() if step["hypothesis"]]
        return stated[-1] if stated else None

    def paths(self) -> set[str]:
        return {path for step in self.live() for path in [*step["checked"], *step["relevant"], *quoted(step)]}

    def standing(self) -> set[str]:
        """Files with a refuted quote that no later one of the same file makes good."""
        items = [item for _, item in self.quoted()]
        return {
            item["path"]
            for place, item in enumerate(items)
            if item["verdict"] == "refuted"
            and not item["misworded"]
            and not any(holds(later) and later["path"] == item["path"] for later in items[place:])
        }

    # -- what it rests on

    def issue_rests(self, issue: Request) -> bool:
        for _, item in self.quoted():
            if not holds(item):
                continue
            if item["supports"] == issue["id"]:
                return True
            if item["path"] == issue["path"]:
                if issue["line"] is None:
                    return True
                if item["line"] is not None and -10 <= item["line"] - issue["line"] <= 10:
                    return True
        return False

    def theory_rests(self) -> bool:
        """Whether a marked item came since the theory was first stated, or an unmarked one when it was stated last."""
        stated = [(step["number"], step["hypothesis"]) for step in self.live() if step["hypothesis"]]
        last, words = stated[-1]
        first = last
        for number, other in reversed(stated):
            if folded(other) != folded(words):
                break
            first = number
        return any(
            holds(item)
            and (
                (item["supports"] == "hypothesis" and number >= first) or (item["supports"] is None and number == last)
            )
            for number, item in self.quoted()
        )

    def readable(self) -> bool:
        return self.trail[-1]["readable"]

    def open(self) -> list[str]:
        barred: list[str] = []
        if len(self.live()) < self.min_steps:
            barred.append("min_steps")
        if self.hypothesis and self.theory() is None:
            barred.append("no_hypothesis")
        if self.readable():
            barred += [f"issue {i['id']}" for i in self.issues().values() if severe(i) and not self.issue_rests(i)]
            barred += ["hypothesis"] if self.theory() and not self.theory_rests() else []
            barred += [f"refuted {path}" for path in self.standing()]
        if self.checklist and "c.py" not in self.paths():
            barred.append("checklist")
        return sorted(barred)

    def open_at_end(self, low: int) -> list[str]:
        """Return what bars the agent's own end, where the plan's low end is `low`."""
        asked = self.trail[0]["total"]
        early = self.untested or (low and len(self.trail) < (max(low, 3) if asked and asked < 3 else low))
        if self.open() or not early or self.assurance() != "verified":
            return self.open()
        return [] if self.tested() else ["untested"]

    def tested(self) -> bool:
        """Whether a further quote came after the first one and after the youngest of the claims."""
        stated = [(step["number"], folded(step["hypothesis"])) for step in self.live() if step["hypothesis"]]
        while len(stated) > 1 and stated[-2][1] == stated[-1][1]:
            stated.pop()
        theory = stated[-1][0] if stated else 0
        youngest, known = theory, dict[str, Request]()
        for step in sorted(self.live(), key=lambda step: step["number"]):
            for issue in step["issues"]:
                if issue["id"] not in known or {**known[issue["id"]], "since": 0} != {**issue, "since": 0}:
                    known[issue["id"]] = {**issue, "since": step["number"]}
        youngest = max([theory, *(known[name]["since"] for name, issue in self.issues().items() if severe(issue))])
        further = [number for number, item in self.quoted() if holds(item) and self.is_further(item, number)]
        about = [number for number in further if number >= theory]
        return any(number > max(youngest, about[0]) for number in about)

    def is_further(self, item: Request, number: int) -> bool:
        """Whether neither the line nor the words of a quote were shown by an earlier step."""
        lines = [n for n, i in self.quoted() if holds(i) and i["line"] and (i["path"], i["line"]) == place(item)]
        words = [
            step["number"]
            for step in self.trail
            for other in step["evidence"]
            if holds(other) and folded(other["quote"]) == folded(item["quote"])
        ]
        return min([number, *lines, *words]) == number

    def assurance_at_end(self, low: int) -> str:
        return "partly_verified" if self.assurance() == "verified" and self.open_at_end(low) else self.assurance()

    def assurance(self) -> str:
        claims = [self.issue_rests(issue) for issue in self.issues().values() if severe(issue)]
        claims += [self.theory_rests()] if self.theory() else []
        if not self.readable() or True not in claims:
            return "asserted"
        return "partly_verified" if False in claims or self.standing() else "verified"

    def stalled(self) -> bool:
        trail = list(self.trail)
        while trail and not trail[-1]["more"] and not trail[-1]["new"] and not trail[-1]["stalled"]:
            trail.pop()
        return bool(trail) and trail[-1]["stalled"]

    def idle(self) -> tuple[int, int]:
        """Count the steps without a fact at the end, and once more with those twice that were refused first."""
        count = weight = 0
        for step in reversed(self.trail):
            if step["new"] or step["number"] == 1:
                break
            count, weight = count + 1, weight + (2 if step["number"] in self.refused_at else 1)
        return count, weight

    def gives_up(self) -> bool:
        """Whether the last step says that nothing was found, and two idle steps or an empty one bear it out."""
        stalled = self.trail[-1]["stalled"] or (self.novelty and self.idle()[1] >= 2)
        return stalled and self.trail[-1]["confidence"] == "low" and not self.theory() and not self.issues()

    # -- what a call is

    def judge(self, said: Request) -> tuple[Any, ...]:
        """Return ("replay", n), ("refused", reason), ("opens",) or ("step", n, new, stalled)."""
        live = {step["digest"]: step["number"] for step in self.live()}
        if said["digest"] in live:
            return ("replay", live[said["digest"]])
        if said["digest"] in self.ever:
            return ("refused", "stale")
        if said["backtrack"] is None:
            return self._judge_follow_up(said) if said["number"] == 1 else self._judge_number(said)
        if 1 <= said["backtrack"] <= len(self.trail):
            return self._judge_content(said, said["backtrack"])
        return ("refused", "no_such_step")

    def _judge_follow_up(self, said: Request) -> tuple[Any, ...]:
        if said["replaces"]:
            return ("refused", "no_such_step")
        blank = self._with(1)
        blank.issues_ever = 0
        return ("refused", "no_such_issue") if blank._unknown(said) else ("opens",)

    def _judge_number(self, said: Request) -> tuple[Any, ...]:
        last = len(self.trail)
        if said["number"] <= last:
            return ("refused", "recorded")
        if self.outcome == "closed":
            return ("refused", "closed")
        return ("refused", "gap") if said["number"] > last + 1 else self._judge_content(said, last + 1)

    def _judge_content(self, said: Request, number: int) -> tuple[Any, ...]:
        base = self._with(number)
        if said["replaces"] and said["replaces"] not in [step["number"] for step in base.live()]:
            return ("refused", "no_such_step")
        if base._unknown(said):
            return ("refused", "no_such_issue")
        new = base._brings(said)
        words = said["findings"] if said["findings"] is not None else said["step"]
        known = [folded(step["findings"] if step["findings"] is not None else step["step"]) for step in base.live()]
        if new or number == 1 or not said["more"] or not self.novelty or folded(words) not in ["", *known]:
            return ("step", number, new, False)
        if self.refused_empty in {None, said["digest"]}:
            return ("refused", "nothing_new")
        return ("step", number, False, True)

    def _with(self, number: int) -> "Model":
        """Return a model of the steps before `number`."""
        other = Model(
            min_steps=self.min_steps, hypothesis=self.hypothesis, novelty=self.novelty, checklist=self.checklist
        )
        other.trail, other.issues_ever = self.trail[: number - 1], self.issues_ever
        return other

    def _unknown(self, said: Request) -> bool:
        try:
            names = {issue["id"] for issue in self._numbered(said)} | set(self.issues())
        except KeyError:
            return True
        return any(item["supports"] not in {None, "hypothesis", *names} for item in said["evidence"])

    def _numbered(self, said: Request) -> list[Request]:
        """Return the issues of a request with their ids; raises KeyError for an id that is not live."""
        known, count, numbered = self.issues(), self.issues_ever, []
        for issue in said["issues"]:
            if issue["id"]:
                before = known[issue["id"]]
                after = changed(before, issue)
            else:
                same = [name for name, other in known.items() if alike(other, issue)]
                count += not same
                after = {**issue, "id": same[-1] if same else f"I{count}"}
            known.pop(after["id"], None)
            known[after["id"]] = after
            numbered.append(after)
        return numbered

    def _brings(self, said: Request) -> bool:
        theory, issues = self.theory(), self.issues()
        sent = {
            (item["path"], folded(item["quote"]), item["supports"]) for step in self.live() for item in step["evidence"]
        }
        return (
            bool(said["hypothesis"] and (theory is None or folded(theory) != folded(said["hypothesis"])))
            or any(path not in self.paths() for path in said["relevant"])
            or any(all(path not in step["checked"] for step in self.live()) for path in said["checked"])
            or any((item["path"], folded(item["quote"]), item["supports"]) not in sent for item in said["evidence"])
            or any(item["path"] in self.standing() and item["line"] is not None for item in said["evidence"])
            or any(path in self.standing() for path in said["take_back"])
            or any(self._changes(issues, issue) for issue in said["issues"])
        )

    @staticmethod
    def _changes(issues: dict[str, Request], issue: Request) -> bool:
        if not issue["id"]:
            return not any(alike(other, issue) for other in issues.values())
        if issue["id"] not in issues:
            return True
        return issue["withdrawn"] or changed(issues[issue["id"]], issue) != issues[issue["id"]]

    # -- what follows

    def refuse(self, said: Request, reason: str) -> None:
        if reason == "nothing_new":
            self.refused_empty = said["digest"]
            self.refused_at.add(len(self.trail) + 1)

    def record(self, said: Request, number: int, new: bool, stalled: bool, *, end: bool, low: int) -> None:
        base = self._with(number)
        right = {
            (i["path"], folded(i["quote"])) for i in [*(i for _, i in base.quoted()), *said["evidence"]] if holds(i)
        }
        evidence = [{**i, "misworded": (i["path"], folded(i["quote"])) in right} for i in said["evidence"]]
        step = {**said, "number": number, "issues": base._numbered(said), "new": new, "stalled": stalled}
        step["evidence"] = evidence
        if said["backtrack"] is not None:
            self.held = self.untested = False
            self.refused_at = {at for at in self.refused_at if at < number}
        self.trail = [*base.trail, step]
        self.ever.append(said["digest"])
        self.issues_ever = max([self.issues_ever, *(int(issue["id"][1:]) for issue in step["issues"])])
        self.refused_empty, self.outcome, self.how = None, "open", ""
        if not said["more"]:
            if self.open_at_end(low) and not self.held and not self.gives_up():
                self.held = True
                self.untested = "untested" in self.open_at_end(low)
            else:
                inconclusive = self.stalled() or (self.gives_up() and bool(self.open()))
                self.outcome, self.how = "closed", "inconclusive" if inconclusive else "done"
        elif end and not self.open() and self.assurance() == "verified":
            self.outcome, self.how = "ended", "done"


def changed(before: Request, issue: Request) -> Request:
    """Return an issue after a claim that names its id: what the claim leaves open stays."""
    if issue["words"]:
        return {**issue}
    place = {"path": issue["path"], "line": issue["line"]} if issue["path"] or issue["line"] else {}
    return {**before, **place, "severity": issue["severity"], "withdrawn": issue["withdrawn"]}


def place(item: Request) -> tuple[str, int | None]:
    return item["path"], item["line"]


def quoted(step: Request) -> list[str]:
    return [item["path"] for item in step["evidence"]]


def holds(item: Request) -> bool:
    return item["verdict"] in {"verified", "moved"}


def severe(issue: Request) -> bool:
    return issue["severity"] in {"critical", "high"}


def alike(one: Request, other: Request) -> bool:
    return (folded(one["words"]), one["path"]) == (folded(other["words"]), other["path"])
