"""A report as Markdown, with all that others wrote kept from being more than words."""

from collections.abc import Iterator, Sequence

from stepwarden.reports.content import Report, ReportFinding
from stepwarden.reports.plain import code, escaped, one_line, quoted, tame
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.thread import Step

TITLE_CHARS = 120
SHORT_CHARS = 200


def markdown(report: Report, history: Sequence[str] = ()) -> str:
    """Return the report as Markdown; `history` are lines of what happened, for its end."""
    thread = report.thread
    lines = [f"# {thread.tool}: {escaped(one_line(report.task, TITLE_CHARS))}", ""]
    lines += _verdict(report)
    for part in (_asked, _findings, _theories, _measured, _sections, _opinions, _steps, _evidence, _files):
        lines += part(report)
    lines += _decisions(report)
    if history:
        lines += ["", "## History", "", *(f"- {escaped(line)}" for line in history)]
    return "\n".join(lines) + "\n"


def _verdict(report: Report) -> Iterator[str]:
    thread, judgement = report.thread, report.judgement
    yield f"**{judgement.title}.** {' '.join(escaped(reason) for reason in judgement.reasons)}"
    yield ""
    yield f"- thread `{thread.id}`, {thread.outcome.value}, {thread.assurance.value.replace('_', ' ')}"
    yield f"- {len(report.steps)} live steps, {thread.sized} planned at first"
    if thread.directory:
        yield f"- in {code(thread.directory)}"
    if thread.origin:
        yield f"- follows up {code(thread.origin.thread)}"
    for words in report.passed_over:
        yield f"- left open at the end: {escaped(words)}"


def _asked(report: Report) -> Iterator[str]:
    if " ".join(report.task.split()) != one_line(report.task, TITLE_CHARS):
        yield from ("", "## Asked", "", *quoted(report.task))


def _findings(report: Report) -> Iterator[str]:
    if not report.findings:
        return
    yield from ("", "## Issues", "")
    for finding in report.findings:
        yield from _finding(finding)


def _finding(finding: ReportFinding) -> Iterator[str]:
    issue = finding.issue
    mark = "" if issue.evidenced else ", not evidenced"
    place = f" {code(issue.place)}" if issue.place else ""
    yield f"- **{issue.id}** {issue.severity}{mark}: {escaped(issue.description)}{place}"
    for item in finding.quotes[:5]:
        yield f"  - {_quote(item)}"
    if len(finding.quotes) > 5:
        yield f"  - and {len(finding.quotes) - 5} more quotes, below"


def _quote(item: Evidence) -> str:
    place = f"{item.path}:{item.line}" if item.line else item.path
    note = f" ({escaped(item.note)})" if item.note and not item.holds else ""
    return f"{item.verdict.value}: {code(place)} {code(one_line(item.quote, 160))}{note}"


def _theories(report: Report) -> Iterator[str]:
    current = report.thread.claims.hypothesis
    if current is None and not report.theories:
        return
    yield from ("", "## Hypothesis", "")
    for theory in report.theories:
        if theory.fate == "current":
            yield from (*quoted(theory.text), "", "Evidenced." if report.hypothesis_evidenced else "Not evidenced.")
    before = [theory for theory in report.theories if theory.fate != "current"]
    if before:
        yield from ("", "Before it:", "")
        yield from (f"- step {one.step}, {one.fate}: {escaped(one_line(one.text, SHORT_CHARS))}" for one in before)


def _measured(report: Report) -> Iterator[str]:
    if not report.facts:
        return
    yield from ("", "## Measured", "")
    for number, facts in report.facts:
        yield from (f"- step {number}: {escaped(line)}" for line in facts)


def _sections(report: Report) -> Iterator[str]:
    """Return the tool's own parts; the server wrote them, from names that others chose."""
    for name, text in report.sections:
        yield from ("", f"## {escaped(name)}", "", *tame(text.rstrip()))


def _opinions(report: Report) -> Iterator[str]:
    if report.synthesis is not None:
        yield from ("", "## Votes", "", escaped(report.synthesis.title), "")
        for voice in report.voices:
            vote = voice.failed or (voice.counted.value if voice.counted else "no vote")
            yield f"- {escaped(voice.name)}: {escaped(vote)}: {escaped(one_line(voice.summary, SHORT_CHARS * 3))}"
    opinion = report.opinion
    if opinion is None:
        return
    yield from ("", "## Second opinion", "", f"**{escaped(opinion.model or 'none')}** {escaped(opinion.verdict)}.")
    if opinion.summary:
        yield from ("", *quoted(opinion.summary))
    for point in opinion.points:
        mark = "" if point.stands else " (dropped: it misquotes the file)"
        yield f"- {escaped(point.text)}{mark}"


def _steps(report: Report) -> Iterator[str]:
    yield from ("", "## Steps")
    for step in report.steps:
        yield from _step(step)
    if report.superseded:
        yield from ("", "## Superseded", "", "Steps that a backtrack replaced; nothing above rests on them.")
        for step in report.superseded:
            yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    said = step.submission
    yield from ("", f"### {step.number}. {escaped(one_line(said.step, TITLE_CHARS))}", "")
    if said.confidence is not None:
        yield from (f"Confidence claimed: {said.confidence.value.replace('_', ' ')}.", "")
    if said.step != said.learned and " ".join(said.step.split()) != one_line(said.step, TITLE_CHARS):
        yield from (*quoted(said.step), "")
    yield from quoted(said.learned)


def _evidence(report: Report) -> Iterator[str]:
    if report.evidence:
        yield from ("", "## Evidence", "")
        yield from (f"- step {number}, {_quote(item)}" for number, item in report.evidence)


def _files(report: Report) -> Iterator[str]:
    if report.files:
        yield from ("", "## Files", "")
        for file in report.files:
            marks = ["read" if file.checked else "named"] + ([] if file.found else ["not found"])
            yield f"- {code(file.path)} ({', '.join(marks)})"


def _decisions(report: Report) -> Iterator[str]:
    yield from ("", "## Decisions", "")
    for remark in report.decisions:
        yield f"- step {remark.step}, {remark.by.value}: {remark.kind}: {escaped(remark.reason)}"
