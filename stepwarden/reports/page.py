"""A report as one HTML page: nothing is loaded, nothing runs, and text written by others is only text."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from itertools import groupby

from stepwarden.reports.content import Report, ReportFinding, ReviewPoint, StatedHypothesis
from stepwarden.reports.plain import one_line, visible
from stepwarden.reports.prose import prose
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.text import fold
from stepwarden.steps.thread import Step

OUTPUT_CHARS = 2_000  # of a reported run, its end
TITLE_CHARS = 100
QUOTES_SHOWN = 8  # of one issue
MARKS = {"verified": "✓", "partly": "◐", "rule": "§", "asserted": "○", "open": "…", "ended": "■"}
SEVERITIES = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"}


def render_page(report: Report, times: tuple[str, str] | None = None, history: Sequence[str] = ()) -> str:
    """Return the report as HTML; `times` are when it began and last changed, `history` lines for its events."""
    parts = [part for part in _parts(report, history) if part.body]
    title = f"{report.thread.tool}: {one_line(report.task, TITLE_CHARS)}"
    links = "".join(f'<li><a href="#{part.anchor}">{_text(part.title)}{part.badge}</a></li>' for part in parts)
    body = "".join(f'<section id="{p.anchor}"><h2>{_text(p.title)}{p.badge}</h2>{p.body}</section>\n' for p in parts)
    return (
        f"{_head(title)}<body>\n"
        f'<a class="skip" href="#main">Skip to the report</a><div class="sheet">\n'
        f'<nav aria-label="Contents"><p class="tool">{escape(report.thread.tool)}</p><ol>{links}</ol></nav>\n'
        f'<main id="main">\n{_header(report, times)}{body}{_footer(report)}</main></div>\n</body>\n</html>\n'
    )


def render_chat_page(title: str, turns: Sequence[tuple[str, str, str]]) -> str:
    """Return a chat as HTML; a turn is the prompt, the model that answered, and the answer."""
    body = "".join(
        f'<article class="step"><h3>{_text(one_line(prompt, TITLE_CHARS))}</h3>{prose(prompt)}'
        f'<div class="answer"><p class="label">{_text(model)}</p>{prose(answer)}</div></article>\n'
        for prompt, model, answer in turns
    )
    head = _head(f"chat: {title}")
    top = f'<header><p class="tool">chat</p><h1>{_text(title)}</h1></header>'
    return f'{head}<body><div class="sheet alone"><main>{top}{body}</main></div></body></html>\n'


def render_calls_page(title: str, doubtful: Sequence[str], lines: Sequence[str]) -> str:
    """Return calls to upstream servers as HTML: a line for each in doubt, and one for each entry."""
    parts = (("In doubt: begun, and their outcome is unknown", doubtful), ("History", lines))
    body = "".join(
        f"<section><h2>{_text(heading)}</h2><ul>{''.join(f'<li>{_text(line)}</li>' for line in shown)}</ul></section>\n"
        for heading, shown in parts
        if shown
    )
    top = f'<header><p class="tool">upstream</p><h1>Calls to upstream servers</h1><p>{_text(title)}</p></header>'
    head = _head(f"calls to upstream servers: {title}")
    return f'{head}<body><div class="sheet alone"><main>{top}{body}</main></div></body></html>\n'


def render_sections_page(kind: str, title: str, verdict: str, sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return text in sections as HTML: a heading, and for each of its texts a paragraph that keeps its lines."""
    body = "".join(
        f"<section><h2>{_text(heading)}</h2>{''.join(prose(text) for text in shown)}</section>\n"
        for heading, shown in sections
        if shown
    )
    top = f'<header><p class="tool">{_text(kind)}</p><h1>{_text(title)}</h1><p>{_text(verdict)}</p></header>'
    return f'{_head(f"{kind}: {title}")}<body><div class="sheet alone"><main>{top}{body}</main></div></body></html>\n'


@dataclass(frozen=True, slots=True)
class _Part:
    """One section: its anchor, its title with a count, and its HTML; without HTML it is left out."""

    anchor: str
    title: str
    body: str
    count: int = 0

    @property
    def badge(self) -> str:
        return f' <span class="count">{self.count}</span>' if self.count else ""


def _parts(report: Report, history: Sequence[str]) -> Iterator[_Part]:
    task = report.task if " ".join(report.task.split()) != one_line(report.task, TITLE_CHARS) else ""
    yield _Part("asked", "What was asked", prose(task) if task else "")
    yield _Part("findings", "Findings", _findings(report), len(report.findings))
    yield _Part("hypothesis", "Hypothesis", _hypotheses(report))
    facts = "".join(
        f'<li><span class="at">step {number}</span> {_text(line)}</li>'
        for number, lines in report.facts
        for line in lines
    )
    yield _Part("measured", "Measured by the server", f'<ul class="facts">{facts}</ul>' if facts else "")
    for place, (name, text) in enumerate(report.sections, 1):
        yield _Part(f"part-{place}", name, prose(text, title=visible(name)))
    yield _Part("votes", "Votes", _votes(report))
    yield _Part("review", "Expert review", _review(report.review, report.review_points) if report.review else "")
    yield _Part("steps", "Steps", "".join(map(_step, report.steps)), len(report.steps))
    superseded = "".join(map(_step, report.superseded))
    note = '<p class="note">Steps that a backtrack replaced; nothing above rests on them.</p>' if superseded else ""
    yield _Part("superseded", "Superseded", note + superseded, len(report.superseded))
    yield _Part("evidence", "Evidence", _evidence(report), len(report.evidence))
    yield _Part("runs", "Runs that the agent reports", "".join(_run(*each) for each in report.runs), len(report.runs))
    yield _Part("files", "Files", _files(report), len(report.files))
    yield _Part("decisions", "Decisions", _decisions(report))
    lines = "".join(f"<li>{_text(line)}</li>" for line in history)
    yield _Part("history", "History", f'<ol class="history">{lines}</ol>' if lines else "")


def _head(title: str) -> str:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{style}</style>\n</head>\n"
    )


@cache
def _style() -> str:
    return resources.files("stepwarden.reports").joinpath("page.css").read_text("utf-8")


def _header(report: Report, times: tuple[str, str] | None) -> str:
    thread, judgement = report.thread, report.judgement
    rows = [("Thread", f"<code>{_text(thread.id)}</code>")]
    rows += [("Run", f"<code>{_text(thread.run)}</code>")] if thread.run else []
    if thread.directory:
        rows.append(("Directory", f"<code>{_text(thread.directory)}</code>"))
    if thread.origin:
        rows.append(("Follows up", f"<code>{_text(thread.origin.thread)}</code>"))
    rows.append(("Steps", f"{len(report.steps)} live, {thread.sized} planned at first"))
    if times:
        rows.append(("When", f"<time>{_text(times[0])}</time> to <time>{_text(times[1])}</time>"))
    table = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in rows)
    reasons = "".join(f"<li>{_text(reason)}</li>" for reason in judgement.reasons)
    left = "".join(f"<li>Left open: {_text(words)}</li>" for words in report.left_open)
    word = f'<span aria-hidden="true">{MARKS[judgement.kind]}</span> {judgement.title}'
    return (
        f'<header><p class="tool">{_text(thread.tool)}</p><h1>{_text(one_line(report.task, TITLE_CHARS))}</h1>\n'
        f'<div class="verdict {judgement.kind}"><p class="word">{word}</p><ul>{reasons}{left}</ul></div>\n'
        f'<dl class="about">{table}</dl></header>\n'
    )


def _findings(report: Report) -> str:
    groups: list[str] = []
    for severity, found in groupby(report.findings, key=lambda finding: finding.issue.severity):
        items = list(found)
        name = SEVERITIES.get(severity, severity)
        cards = "".join(map(_finding, items))
        groups.append(f'<h3 class="sev {severity}">{name} <span class="count">{len(items)}</span></h3>{cards}')
    return "".join(groups)


def _finding(finding: ReportFinding) -> str:
    issue = finding.issue
    place = f'<p class="where"><code>{_text(issue.place)}</code></p>' if issue.place else ""
    mark = "checked" if issue.evidenced else "unchecked"
    words = "✓ found in the file" if issue.evidenced else "○ no verified quote"
    more = len(finding.quotes) - QUOTES_SHOWN
    rest = f'<p class="note">and {more} more quotes, below</p>' if more > 0 else ""
    quotes = "".join(map(_quote, finding.quotes[:QUOTES_SHOWN]))
    head = f'<p class="id">{_text(issue.id)} <span class="{mark}">{words}</span></p>'
    body = f"{prose(issue.description)}{place}{quotes}{rest}"
    return f'<article class="finding {issue.severity}">{head}{body}</article>\n'


def _quote(item: Evidence) -> str:
    place = f"{item.path}:{item.line}" if item.line else item.path
    words = {
        Verdict.VERIFIED: "✓ verified",
        Verdict.MOVED: "✓ verified, at another line",
        Verdict.REMOVED: "✓ removed by the change: proves only that it is gone",
        Verdict.REFUTED: "✗ refuted: not in the file",
        Verdict.TOO_SHORT: "○ too short to find",
        Verdict.UNREACHABLE: "○ could not be read",
    }[item.verdict]
    note = f" <span>{_text(item.note)}</span>" if item.note and not item.holds else ""
    mark = "checked" if item.holds else item.verdict.value
    return (
        f'<figure class="quote"><figcaption><code>{_text(place)}</code> <span class="{mark}">{words}</span>{note}'
        f"</figcaption><pre>{_text(item.quote.strip(chr(10)))}</pre></figure>"
    )


def _hypotheses(report: Report) -> str:
    current_first = sorted(report.hypotheses, key=lambda item: item.status != "current")
    return "".join(_hypothesis(item, evidenced=report.hypothesis_evidenced) for item in current_first)


def _hypothesis(item: StatedHypothesis, *, evidenced: bool) -> str:
    words = f"step {item.step}, {item.status}"
    if item.status == "current":
        words = f'<span class="{"checked" if evidenced else "unchecked"}">'
        words += f"{'✓ evidenced' if evidenced else '○ not evidenced'}</span>, stated at step {item.step}"
    return f'<article class="theory {item.status}"><p class="id">{words}</p>{prose(item.text)}</article>'


def _votes(report: Report) -> str:
    if report.synthesis is None:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_text(answer.name)}</th>'
        f"<td>{_text(answer.failed or (answer.counted.value if answer.counted else 'no vote'))}</td>"
        f"<td>{prose(answer.summary)}</td></tr>"
        for answer in report.answers
    )
    head = '<thead><tr><th scope="col">Model</th><th scope="col">Vote</th><th scope="col">Reason</th></tr></thead>'
    table = f'<div class="scroll" tabindex="0"><table>{head}<tbody>{rows}</tbody></table></div>'
    return f"<p><strong>{_text(report.synthesis.title)}</strong></p>{table}"


def _review(review: ExpertReview, said: Sequence[ReviewPoint]) -> str:
    notes = [f'<p class="note">{_text(point.note.capitalize())}.</p>' if point.note else "" for point in said]
    points = "".join(f"<li>{prose(point.text)}{note}</li>" for point, note in zip(said, notes, strict=True))
    summary = prose(review.summary) if review.summary else ""
    return (
        f"<p><strong>{_text(review.model or 'No model')}</strong>: {_text(review.verdict)}</p>{summary}"
        f"{f'<ul>{points}</ul>' if points else ''}"
    )


def _step(step: Step) -> str:
    submission = step.submission
    claimed = f" · claimed {submission.confidence.value.replace('_', ' ')}" if submission.confidence else ""
    marks = f'<p class="id">step {step.number}{claimed}</p>'
    title = one_line(submission.step, TITLE_CHARS)
    cut = " ".join(submission.step.split()) != title and submission.step != submission.learned
    whole = prose(submission.step) if cut and step.number > 1 else ""  # the first is above, as what was asked
    is_above = fold(submission.learned) == fold(title) or (step.number == 1 and submission.learned == submission.step)
    learned = "" if is_above else prose(submission.learned)
    return f'<article class="step">{marks}<h3>{_text(title)}</h3>{whole}{learned}</article>\n'


def _evidence(report: Report) -> str:
    return "".join(
        f'<div class="proof"><span class="at">step {number}</span>{_quote(item)}</div>'
        for number, item in report.evidence
    )


def _run(number: int, run: ReportedRun) -> str:
    ended = "not seen by the server" if run.exit is None else f"exit {run.exit}, not seen by the server"
    output = run.output.strip()[-OUTPUT_CHARS:]
    return (
        f'<div class="proof"><span class="at">step {number}</span><p><code>{_text(run.command)}</code> '
        f'<span class="unchecked">○ {ended}</span></p>{f"<pre>{_text(output)}</pre>" if output else ""}</div>'
    )


def _files(report: Report) -> str:
    rows = "".join(
        f"<li><code>{_text(file.path)}</code> <span class=at>{'read' if file.checked else 'named'}"
        f"{'' if file.exists else ', not found'}</span></li>"
        for file in report.files
    )
    return f'<ul class="files">{rows}</ul>' if rows else ""


def _decisions(report: Report) -> str:
    rows = "".join(
        f'<tr><td class="number">{record.step}</td><td class="word">{_text(record.by.value)}</td>'
        f'<td class="word">{_text(record.kind.replace("_", " "))}</td>'
        f"<td>{_text(record.reason)}</td></tr>"
        for record in report.decisions
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Step", "By", "What", "Why"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>' if rows else ""


def _footer(report: Report) -> str:
    return (
        "<footer><p>Generated by Stepwarden from the recorded steps of the thread. A check mark means that the "
        "server found the quoted words in the file; it does not judge conclusions.</p></footer>\n"
    )


def _text(text: str) -> str:
    return escape(visible(text))
