"""Templates: minijinja with automatic escaping, and the filters that make foreign text safe to read."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from urllib.parse import quote

from minijinja import Environment, safe

from stepwarden import __version__
from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.run_views import duration, size_text, with_commas
from stepwarden.reports.plain import one_line, visible
from stepwarden.reports.prose import prose
from stepwarden.runs.requirements import met_of

PAGES = resources.files("stepwarden.dashboard") / "pages"
DIGEST_CHARS = 12


def _template(name: str) -> str:
    return (PAGES / name).read_text("utf-8")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ago(at: float) -> Any:
    """Return a moment as an element that says how long ago it was; exactly when is its title."""
    exact = _iso(at)
    passed = max(0.0, time.time() - at)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    text = next((f"{passed // size:.0f} {unit} ago" for size, unit in units if passed >= size), "just now")
    return safe(f'<time datetime="{exact}" title="{exact[:10]} {exact[11:19]} UTC">{text}</time>')


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[:chars]}…"


def _path(text: str) -> str:
    return quote(text, safe="/")


def _prose(text: str) -> Any:
    return safe(prose(text))


@dataclass(frozen=True, slots=True)
class PageBlock:
    """One part of a page that is sent again where it changed; `digest` says whether it did."""

    html: str
    digest: str


@dataclass
class PageTemplates:
    """Renders the templates of the pages."""

    _templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the templates."""
        self._templates = Environment(loader=_template, debug=False, trim_blocks=True, lstrip_blocks=True)
        filters: dict[str, Any] = {
            "visible": visible,
            "line": one_line,
            "cut": _cut,
            "ago": _ago,
            "duration": duration,
            "size": size_text,
            "thousands": with_commas,
            "met": met_of,
            "path": _path,
            "prose": _prose,
        }
        self._templates.add_global("base", PATH)
        self._templates.add_global("version", __version__)
        for name, apply in filters.items():
            self._templates.add_filter(name, apply)

    def page(self, template: str, known: Mapping[str, Any]) -> str:
        """Return a whole page."""
        return self._templates.render_template(template, **known)

    def block(self, template: str, **known: Any) -> PageBlock:
        """Return one part of a page. Its digest stands in the attribute by which the script knows it."""
        html = self._templates.render_template(template, **known).strip()
        digest = hashlib.sha256(html.encode()).hexdigest()[:DIGEST_CHARS]
        return PageBlock(html.replace("data-block", f'data-block="{digest}"', 1), digest)
