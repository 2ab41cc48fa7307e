"""Renders untrusted Markdown as inert HTML: without links, images, styles or markup of its own."""

from collections.abc import Callable
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from stepwarden.reports.diagram import read_mermaid
from stepwarden.reports.plain import visible
from stepwarden.reports.svg import draw

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MOST_CHARS = 200_000  # of one text that is rendered; a longer one is shown as plain text


def prose(text: str, *, title: str = "") -> str:
    """Return `text`, which may be Markdown, as HTML; diagrams in it are drawn, with `title` as their label."""
    shown = visible(text)
    if len(shown) > MOST_CHARS:
        return f"<pre>{escape(shown)}</pre>"
    return _renderer().render(shown, {"title": title})


def render_figure(source: str, title: str) -> str:
    """Return Mermaid source as a drawing with the source below it, or only the source where it cannot be drawn."""
    diagram = read_mermaid(source)
    block = f"<pre><code>{escape(source)}</code></pre>"
    if diagram is None:
        return block
    name = escape(title or "Diagram")
    drawing = draw(diagram, f"{title or 'Diagram'}: {len(diagram.nodes)} boxes, {len(diagram.edges)} arrows")
    return (
        f'<figure><div class="scroll" tabindex="0" role="group" aria-label="{name}">{drawing}</div>'
        f"<details><summary>Mermaid source</summary>{block}</details></figure>\n"
    )


@cache
def _renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    # Disabled is what can refer outside the page; headings rank below those of the report.
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    renderer.disable(["link", "image", "autolink", "reference", "html_block", "html_inline", "entity"])
    for rule, render in _RULES.items():
        renderer.add_render_rule(rule, render)
    return renderer


def _fence(_: Any, tokens: Any, index: int, __: Any, env: Any) -> str:
    token = tokens[index]
    if str(token.info).strip() == "mermaid":
        return render_figure(str(token.content), str(env.get("title", "")))
    return f"<pre><code>{escape(str(token.content))}</code></pre>\n"


def _heading(_: Any, tokens: Any, index: int, __: Any, ___: Any) -> str:
    token = tokens[index]
    level = 4 if token.tag in {"h1", "h2"} else 5
    return f"<h{level}>" if token.nesting == 1 else f"</h{level}>\n"


def _cell(_: Any, tokens: Any, index: int, __: Any, ___: Any) -> str:
    """Return the tag of a cell without its alignment `style`, which the page's policy forbids."""
    token = tokens[index]
    return f"<{token.tag}>" if token.nesting == 1 else f"</{token.tag}>"


def _table(_: Any, tokens: Any, index: int, __: Any, ___: Any) -> str:
    opens = tokens[index].nesting == 1
    return '<div class="scroll" tabindex="0"><table>\n' if opens else "</table></div>\n"


_RULES: dict[str, Callable[..., str]] = {
    "fence": _fence,
    "heading_open": _heading,
    "heading_close": _heading,
    "th_open": _cell,
    "td_open": _cell,
    "table_open": _table,
    "table_close": _table,
}
