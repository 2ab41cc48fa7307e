"""The time line of a run as SVG: one lane a job, one bar for each answer and for the calls after it."""

from collections.abc import Iterator, Sequence
from html import escape

from stepwarden.dashboard.run_views import StepView, duration
from stepwarden.reports.plain import one_line, visible

WIDTH = 900.0
LANE = 26.0
BAR = 12.0
LABEL = 90.0
TICKS = 4
LEAST = 1.5  # of a bar: what took no time is seen, too


def draw_timeline(steps: Sequence[StepView]) -> str:
    """Return the steps as one drawing; "" where they took no time. The story below it says the same in words."""
    total = max((step.begun + step.whole for step in steps), default=0.0)
    if total <= 0:
        return ""
    lanes = list(dict.fromkeys(step.job for step in steps))
    left = LABEL if len(lanes) > 1 else 0.0
    height = LANE * len(lanes) + 18
    scale = (WIDTH - left) / total
    label = escape(f"Where the time went: {len(steps)} steps in {duration(total)} of work")
    parts = [*_ticks(total, left, height)]
    for row, job in enumerate(lanes):
        if left:
            parts.append(f'<text x="0" y="{row * LANE + BAR + 3:.0f}">{escape(visible(one_line(job, 14)))}</text>')
        for step in steps:
            if step.job == job:
                parts += _bars(step, left, row * LANE + 4, scale)
    drawn = "".join(parts)
    said = "Model in colour, calls in grey, failed ones in red"
    return (
        f'<figure class="timeline"><svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{label}">'
        f'{drawn}</svg><figcaption class="soft">{said}</figcaption></figure>'
    )


def _ticks(total: float, left: float, height: float) -> Iterator[str]:
    for number in range(TICKS + 1):
        x = left + (WIDTH - left) * number / TICKS
        anchor = "start" if number == 0 else "end" if number == TICKS else "middle"
        yield f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 14:.0f}"/>'
        text = duration(total * number / TICKS)
        yield f'<text x="{x:.1f}" y="{height - 2:.0f}" text-anchor="{anchor}">{text}</text>'


def _bars(step: StepView, left: float, y: float, scale: float) -> Iterator[str]:
    called = max(0.0, step.whole - step.answered)
    named = f"Step {step.number}: {duration(step.answered)} of the model"
    yield _bar("model", left + step.begun * scale, y, step.answered * scale, named)
    if step.calls:
        kind = "bad" if all(call.is_bad for call in step.calls) else "calls"
        tools = ", ".join(call.tool for call in step.calls[:4])
        x = left + (step.begun + step.answered) * scale
        yield _bar(kind, x, y, called * scale, f"Step {step.number}: {duration(called)} of {tools}")


def _bar(kind: str, x: float, y: float, width: float, title: str) -> str:
    shown = min(max(LEAST, width), WIDTH - min(x, WIDTH - LEAST))
    at = min(x, WIDTH - LEAST)
    return (
        f'<rect class="{kind}" x="{at:.1f}" y="{y:.0f}" width="{shown:.1f}" height="{BAR:.0f}" rx="2">'
        f"<title>{escape(visible(title))}</title></rect>"
    )
