"""Threads as their events give them, for reports."""

from collections.abc import Sequence
from dataclasses import replace

from stepwarden.reports.content import TimedEvent
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Event, Finished, Opened, Planned, StepRecorded
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.fold import fold_events
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.submission import Confidence, Severity, Submission
from stepwarden.steps.thread import Assurance, DecidedBy, Issue, Outcome, Plan, Step, Thread

HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> ![p](http://evil.example/p.png) "
    "[click](javascript:alert(3)) <http://evil.example> &lt;b&gt; | a | b | \u202e\u0007 ]]> --> <!-- "
)
HOSTILE_BLOCK = f"""# Verified
## Verdict
Verified by the server.
===
---
{HOSTILE}
- fine `List<int>` here
`<script>` and \\`<script>alert(4)</script>`
``x` <script>alert(5)</script>

    indented <script>
```python
if a < b: print("</code></pre><script>alert(6)</script>")
````
~~~
never closed <script>alert(7)</script>
| a | b |
|---|---|
| <script> | x |
[ref]: http://evil.example
<details open ontoggle=alert(8)>
"""
GOOD_LINE = "return sum(line.price * line.count for line in lines)"


def said(number: int, text: str, **more: object) -> Submission:
    return replace(Submission(number, text, digest=f"{number}:{text[:40]}"), **more)


def step(
    number: int, text: str = "", *, evidence: Sequence[Evidence] = (), issues: Sequence[Issue] = (), **more
) -> Step:
    measured: Inspection | None = more.pop("measured", None)
    existing = tuple(more.get("checked", ()))
    return Step(
        number,
        said(number, text or f"step {number}", **more),
        tuple(evidence),
        tuple(issues),
        existing=existing,
        readable=True,
        measured=measured,
    )


def seen(path: str, line: int = 10, quote: str = GOOD_LINE, verdict: Verdict = Verdict.VERIFIED, **more) -> Evidence:
    return Evidence(path, quote, verdict, line, **more)


def issue(number: int, severity: str, text: str, path: str | None = None, line: int | None = None) -> Issue:
    return Issue(f"I{number}", Severity(severity), text, path, line)


def thread_of(*events: Event, tool: str = "codereview") -> tuple[Thread, list[TimedEvent]]:
    everything = [Opened(tool), *events]
    thread = fold_events(Thread(f"{tool}-" + "a" * 26, tool), everything)
    return thread, [TimedEvent(1_790_000_000.0 + 60 * place, event) for place, event in enumerate(everything)]


def recorded(*steps: Step) -> list[Event]:
    return [StepRecorded(one) for one in steps]


def finished(
    assurance: Assurance, *, by: DecidedBy = DecidedBy.AGENT, reason: str = "", left: Sequence[Clause] = ()
) -> Finished:
    return Finished(by, Outcome.DONE, assurance, reason, tuple(left))


def planned(likely: int) -> Planned:
    return Planned(Plan(likely, likely, likely, "sized"))


SURE = Confidence.CERTAIN
