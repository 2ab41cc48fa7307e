"""A report as one page of HTML: nothing is loaded, nothing runs, and all that others wrote is only text."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from itertools import groupby

from stepwarden.reports.content import Report, ReportFinding, Theory
from stepwarden.reports.plain import one_line, visible
from stepwarden.reports.prose import prose
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.text import fold
from stepwarden.steps.thread import Step

TITLE_CHARS = 100
QUOTES_SHOWN = 8  # of one issue
MARKS = {"verified": "✓", "partly": "◐", "rule": "§", "asserted": "○", "open": "…", "ended": "■"}
SEVERITIES = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"}


def page(report: Report, times: tuple[str, str] | None = None, history: Sequence[str] = ()) -> str:
    """Return the report as HTML; `times` are when it began and when it last changed, `history` what happened."""
    parts = [part for part in _parts(report, history) if part.body]
    title = f"{report.thread.tool}: {one_line(report.task, TITLE_CHARS)}"
    links = "".join(f'<li><a href="#{part.anchor}">{_t(part.title)}{part.badge}</a></li>' for part in parts)
    body = "".join(f'<section id="{p.anchor}"><h2>{_t(p.title)}{p.badge}</h2>{p.body}</section>\n' for p in parts)
    return (
        f"{_head(title)}<body>\n"
        f'<a class="skip" href="#main">Skip to the report</a><div class="sheet">\n'
        f'<nav aria-label="Contents"><p class="tool">{escape(report.thread.tool)}</p><ol>{links}</ol></nav>\n'
        f'<main id="main">\n{_header(report, times)}{body}{_footer(report)}</main></div>\n</body>\n</html>\n'
    )


def talk_page(title: str, turns: Sequence[tuple[str, str, str]]) -> str:
    """Return a chat as HTML; a turn is what was asked, who answered, and the answer."""
    said = "".join(
        f'<article class="step"><h3>{_t(one_line(asked, TITLE_CHARS))}</h3>{prose(asked)}'
        f'<div class="answer"><p class="label">{_t(model)}</p>{prose(answer)}</div></article>\n'
        for asked, model, answer in turns
    )
    head = _head(f"chat: {title}")
    top = f'<header><p class="tool">chat</p><h1>{_t(title)}</h1></header>'
    return f'{head}<body><div class="sheet alone"><main>{top}{said}</main></div></body></html>\n'


@dataclass(frozen=True, slots=True)
class _Part:
    """One section: its place in the page, its title with a count, and its HTML ("" leaves it out)."""

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
    yield _Part("hypothesis", "Hypothesis", "".join(map(_theory(report), _current_first(report))))
    facts = "".join(
        f'<li><span class="at">step {number}</span> {_t(line)}</li>' for number, lines in report.facts for line in lines
    )
    yield _Part("measured", "Measured by the server", f'<ul class="facts">{facts}</ul>' if facts else "")
    for place, (name, text) in enumerate(report.sections, 1):
        yield _Part(f"part-{place}", name, prose(text, title=visible(name)))
    yield _Part("votes", "Votes", _votes(report))
    yield _Part("opinion", "Second opinion", _opinion(report.opinion) if report.opinion else "")
    yield _Part("steps", "Steps", "".join(map(_step, report.steps)), len(report.steps))
    gone = "".join(map(_step, report.superseded))
    note = '<p class="note">Steps that a backtrack replaced; nothing above rests on them.</p>' if gone else ""
    yield _Part("superseded", "Superseded", note + gone, len(report.superseded))
    yield _Part("evidence", "Evidence", _evidence(report), len(report.evidence))
    yield _Part("files", "Files", _files(report), len(report.files))
    yield _Part("decisions", "Decisions", _decisions(report))
    lines = "".join(f"<li>{_t(line)}</li>" for line in history)
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
        f"<title>{_t(title)}</title>\n<style>{style}</style>\n</head>\n"
    )


@cache
def _style() -> str:
    return resources.files("stepwarden.reports").joinpath("page.css").read_text("utf-8")


def _header(report: Report, times: tuple[str, str] | None) -> str:
    thread, judgement = report.thread, report.judgement
    rows = [("Thread", f"<code>{_t(thread.id)}</code>")]
    if thread.directory:
        rows.append(("Directory", f"<code>{_t(thread.directory)}</code>"))
    if thread.origin:
        rows.append(("Follows up", f"<code>{_t(thread.origin.thread)}</code>"))
    rows.append(("Steps", f"{len(report.steps)} live, {thread.sized} planned at first"))
    if times:
        rows.append(("When", f"<time>{_t(times[0])}</time> to <time>{_t(times[1])}</time>"))
    table = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in rows)
    reasons = "".join(f"<li>{_t(reason)}</li>" for reason in judgement.reasons)
    left = "".join(f"<li>Left open: {_t(words)}</li>" for words in report.passed_over)
    word = f'<span aria-hidden="true">{MARKS[judgement.kind]}</span> {judgement.title}'
    return (
        f'<header><p class="tool">{_t(thread.tool)}</p><h1>{_t(one_line(report.task, TITLE_CHARS))}</h1>\n'
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
    place = f'<p class="where"><code>{_t(issue.place)}</code></p>' if issue.place else ""
    mark = "checked" if issue.evidenced else "unchecked"
    words = "✓ seen in the file" if issue.evidenced else "○ no quote that holds"
    more = len(finding.quotes) - QUOTES_SHOWN
    rest = f'<p class="note">and {more} more quotes, below</p>' if more > 0 else ""
    quotes = "".join(map(_quote, finding.quotes[:QUOTES_SHOWN]))
    head = f'<p class="id">{_t(issue.id)} <span class="{mark}">{words}</span></p>'
    body = f"{prose(issue.description)}{place}{quotes}{rest}"
    return f'<article class="finding {issue.severity}">{head}{body}</article>\n'


def _quote(item: Evidence) -> str:
    place = f"{item.path}:{item.line}" if item.line else item.path
    words = {
        Verdict.VERIFIED: "✓ verified",
        Verdict.MOVED: "✓ verified, at another line",
        Verdict.REFUTED: "✗ refuted: not in the file",
        Verdict.UNREACHABLE: "○ could not be read",
    }[item.verdict]
    note = f" <span>{_t(item.note)}</span>" if item.note and not item.holds else ""
    mark = "checked" if item.holds else item.verdict.value
    return (
        f'<figure class="quote"><figcaption><code>{_t(place)}</code> <span class="{mark}">{words}</span>{note}'
        f"</figcaption><pre>{_t(item.quote.strip(chr(10)))}</pre></figure>"
    )


def _current_first(report: Report) -> list[Theory]:
    return sorted(report.theories, key=lambda theory: theory.fate != "current")


def _theory(report: Report) -> Callable[[Theory], str]:
    def shown(theory: Theory) -> str:
        words = f"step {theory.step}, {theory.fate}"
        if theory.fate == "current":
            rests = report.hypothesis_evidenced
            words = f'<span class="{"checked" if rests else "unchecked"}">'
            words += f"{'✓ evidenced' if rests else '○ not evidenced'}</span>, stated at step {theory.step}"
        return f'<article class="theory {theory.fate}"><p class="id">{words}</p>{prose(theory.text)}</article>'

    return shown


def _votes(report: Report) -> str:
    if report.synthesis is None:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_t(voice.name)}</th>'
        f"<td>{_t(voice.failed or (voice.counted.value if voice.counted else 'no vote'))}</td>"
        f"<td>{prose(voice.summary)}</td></tr>"
        for voice in report.voices
    )
    head = '<thead><tr><th scope="col">Model</th><th scope="col">Vote</th><th scope="col">Reason</th></tr></thead>'
    table = f'<div class="scroll" tabindex="0"><table>{head}<tbody>{rows}</tbody></table></div>'
    return f"<p><strong>{_t(report.synthesis.title)}</strong></p>{table}"


def _opinion(opinion: ExpertReview) -> str:
    points = "".join(
        f"<li>{prose(point.text)}{'' if point.stands else '<p class=note>Dropped: it misquotes the file.</p>'}</li>"
        for point in opinion.points
    )
    summary = prose(opinion.summary) if opinion.summary else ""
    return (
        f"<p><strong>{_t(opinion.model or 'No model')}</strong>: {_t(opinion.verdict)}</p>{summary}"
        f"{f'<ul>{points}</ul>' if points else ''}"
    )


def _step(step: Step) -> str:
    said = step.submission
    claimed = f" · claimed {said.confidence.value.replace('_', ' ')}" if said.confidence else ""
    marks = f'<p class="id">step {step.number}{claimed}</p>'
    title = one_line(said.step, TITLE_CHARS)
    cut = " ".join(said.step.split()) != title and said.step != said.learned
    whole = prose(said.step) if cut and step.number > 1 else ""  # the first one stands above, as what was asked
    said_above = fold(said.learned) == fold(title) or (step.number == 1 and said.learned == said.step)
    learned = "" if said_above else prose(said.learned)
    return f'<article class="step">{marks}<h3>{_t(title)}</h3>{whole}{learned}</article>\n'


def _evidence(report: Report) -> str:
    return "".join(
        f'<div class="proof"><span class="at">step {number}</span>{_quote(item)}</div>'
        for number, item in report.evidence
    )


def _files(report: Report) -> str:
    rows = "".join(
        f"<li><code>{_t(file.path)}</code> <span class=at>{'read' if file.checked else 'named'}"
        f"{'' if file.found else ', not found'}</span></li>"
        for file in report.files
    )
    return f'<ul class="files">{rows}</ul>' if rows else ""


def _decisions(report: Report) -> str:
    rows = "".join(
        f'<tr><td class="number">{remark.step}</td><td class="word">{_t(remark.by.value)}</td>'
        f'<td class="word">{_t(remark.kind.replace("_", " "))}</td>'
        f"<td>{_t(remark.reason)}</td></tr>"
        for remark in report.decisions
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Step", "By", "What", "Why"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>' if rows else ""


def _footer(report: Report) -> str:
    return (
        "<footer><p>Made by Stepwarden from the thread's recorded steps. A check mark means that the server found "
        "the quoted words in the file; it judges no conclusion.</p></footer>\n"
    )


def _t(text: str) -> str:
    return escape(visible(text))
