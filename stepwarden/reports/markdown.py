"""A report as Markdown, in which text written by others is only text."""

from collections.abc import Iterator, Sequence

from stepwarden.reports.content import Report, ReportFinding
from stepwarden.reports.plain import code, escaped, neutralize, one_line, quoted
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.thread import Step

TITLE_CHARS = 120
SHORT_CHARS = 200
OUTPUT_CHARS = 2_000  # of a reported run, its end


def render_markdown(report: Report, history: Sequence[str] = ()) -> str:
    """Return the report as Markdown; `history` are lines for its end, one for each event."""
    thread = report.thread
    lines = [f"# {thread.tool}: {escaped(one_line(report.task, TITLE_CHARS))}", ""]
    lines += _verdict(report)
    for part in (_task, _findings, _hypotheses, _facts, _sections, _reviews, _steps, _evidence, _runs, _files):
        lines += part(report)
    lines += _decisions(report)
    if history:
        lines += ["", "## History", "", *(f"- {escaped(line)}" for line in history)]
    return "\n".join(lines) + "\n"


def _verdict(report: Report) -> Iterator[str]:
    thread, judgement = report.thread, report.judgement
    yield f"**{judgement.title}.** {' '.join(escaped(reason) for reason in judgement.reasons)}"
    yield ""
    by_run = f", by the model of `{thread.run}`" if thread.run else ""
    yield f"- thread `{thread.id}`, {thread.outcome.value}, {thread.assurance.value.replace('_', ' ')}{by_run}"
    yield f"- {len(report.steps)} live steps, {thread.sized} planned at first"
    if thread.directory:
        yield f"- in {code(thread.directory)}"
    if thread.origin:
        yield f"- follows up {code(thread.origin.thread)}"
    for words in report.left_open:
        yield f"- left open at the end: {escaped(words)}"


def _task(report: Report) -> Iterator[str]:
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
    verdict = item.verdict.value.replace("_", " ")
    cited = f" by {item.fact}" if item.fact else ""
    return f"{verdict}{cited}: {code(place)} {code(one_line(item.quote, 160))}{note}"


def _hypotheses(report: Report) -> Iterator[str]:
    current = report.thread.claims.hypothesis
    if current is None and not report.hypotheses:
        return
    yield from ("", "## Hypothesis", "")
    for item in report.hypotheses:
        if item.status == "current":
            yield from (*quoted(item.text), "", "Evidenced." if report.hypothesis_evidenced else "Not evidenced.")
    earlier = [item for item in report.hypotheses if item.status != "current"]
    if earlier:
        yield from ("", "Earlier hypotheses:", "")
        yield from (f"- step {one.step}, {one.status}: {escaped(one_line(one.text, SHORT_CHARS))}" for one in earlier)


def _facts(report: Report) -> Iterator[str]:
    if not report.facts:
        return
    yield from ("", "## Measured", "")
    for number, facts in report.facts:
        yield from (f"- step {number}: {escaped(line)}" for line in facts)


def _sections(report: Report) -> Iterator[str]:
    """Yield the tool's own sections; the server wrote them, with names that others chose."""
    for name, text in report.sections:
        yield from ("", f"## {escaped(name)}", "", *neutralize(text.rstrip()))


def _reviews(report: Report) -> Iterator[str]:
    if report.synthesis is not None:
        yield from ("", "## Votes", "", escaped(report.synthesis.title), "")
        for answer in report.answers:
            vote = answer.failed or (answer.counted.value if answer.counted else "no vote")
            yield f"- {escaped(answer.name)}: {escaped(vote)}: {escaped(one_line(answer.summary, SHORT_CHARS * 3))}"
    review = report.review
    if review is None:
        return
    yield from ("", "## Expert review", "", f"**{escaped(review.model or 'none')}** {escaped(review.verdict)}.")
    if review.summary:
        yield from ("", *quoted(review.summary))
    for point in report.review_points:
        yield f"- {escaped(point.text)}{f' ({point.note})' if point.note else ''}"


def _steps(report: Report) -> Iterator[str]:
    yield from ("", "## Steps")
    for step in report.steps:
        yield from _step(step)
    if report.superseded:
        yield from ("", "## Superseded", "", "Steps that a backtrack replaced; nothing above rests on them.")
        for step in report.superseded:
            yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    submission = step.submission
    yield from ("", f"### {step.number}. {escaped(one_line(submission.step, TITLE_CHARS))}", "")
    if submission.confidence is not None:
        yield from (f"Confidence claimed: {submission.confidence.value.replace('_', ' ')}.", "")
    if submission.step != submission.learned and " ".join(submission.step.split()) != one_line(
        submission.step, TITLE_CHARS
    ):
        yield from (*quoted(submission.step), "")
    yield from quoted(submission.learned)


def _evidence(report: Report) -> Iterator[str]:
    if report.evidence:
        yield from ("", "## Evidence", "")
        yield from (f"- step {number}, {_quote(item)}" for number, item in report.evidence)


def _runs(report: Report) -> Iterator[str]:
    if not report.runs:
        return
    yield from ("", "## Runs that the agent reports", "", "The server did not see them.")
    for number, run in report.runs:
        ended = "" if run.exit is None else f", exit {run.exit}"
        yield from ("", f"- step {number}{ended}: {code(one_line(run.command, SHORT_CHARS))}")
        yield from (f"  {line}" for line in quoted(run.output[-OUTPUT_CHARS:].strip()) if run.output.strip())


def _files(report: Report) -> Iterator[str]:
    if report.files:
        yield from ("", "## Files", "")
        for file in report.files:
            marks = ["read" if file.checked else "named"] + ([] if file.exists else ["not found"])
            yield f"- {code(file.path)} ({', '.join(marks)})"


def _decisions(report: Report) -> Iterator[str]:
    yield from ("", "## Decisions", "")
    for record in report.decisions:
        yield f"- step {record.step}, {record.by.value}: {record.kind}: {escaped(record.reason)}"
