"""Reports show what anybody wrote, and nothing that anybody wrote does anything."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # noqa: TID253 - the tests read Markdown back
from report_threads import HOSTILE, HOSTILE_BLOCK, SURE, finished, issue, recorded, seen, step, thread_of

from stepwarden.reports.content import Report, build_report
from stepwarden.reports.markdown import render_markdown
from stepwarden.reports.page import render_chat_page, render_page
from stepwarden.reports.plain import code, escaped, quoted, visible
from stepwarden.reports.prose import prose
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Answered
from stepwarden.steps.evidence import Verdict
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Assurance

TAGS = set(
    re.findall(
        r"\w+",
        """html head meta title style body a div nav p ol ul li main header h1 h2 h3 h4 h5 dl dt dd section article span
        code pre figure figcaption svg g rect text path details summary table thead tbody tr th td em strong
        blockquote br hr footer time""",
    )
)
ATTRIBUTES = set(
    re.findall(
        r"[\w-]+",
        """lang charset http-equiv content name class href id aria-label aria-hidden tabindex role scope start
        xmlns viewbox width height x y rx d text-anchor""",
    )
)
FORBIDDEN = {"html_block", "html_inline", "image", "link_open", "heading_open", "table_open"}
VOID = {"meta", "br", "hr", "rect", "path"}
PARSER = MarkdownIt("commonmark").enable("table")


class Strict(HTMLParser):
    """Fails at any element or attribute that a report has no use for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        self.seen.add(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            if name == "href":
                assert (value or "").startswith("#")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[-1]:
            self.open.pop()
        else:
            assert tag in VOID, (tag, self.open)


def checked(html: str) -> Strict:
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture
def hostile() -> Report:
    bad = seen(HOSTILE, quote=HOSTILE_BLOCK, verdict=Verdict.REFUTED, note=HOSTILE)
    good = seen("a.py", quote=HOSTILE_BLOCK, supports="I1")
    first = step(
        1,
        HOSTILE_BLOCK,
        findings=HOSTILE_BLOCK,
        hypothesis=HOSTILE_BLOCK,
        confidence=SURE,
        checked=(HOSTILE, "a.py"),
        directory=HOSTILE,
        evidence=[bad, good],
        issues=[issue(1, "critical", HOSTILE_BLOCK, HOSTILE, 3), issue(2, "low", HOSTILE)],
        measured=Inspection(facts=(HOSTILE,), sections={HOSTILE: HOSTILE_BLOCK + "\n```mermaid\n" + HOSTILE + "\n```"}),
    )
    opinion = ExpertReview(False, HOSTILE_BLOCK, (Objection(HOSTILE_BLOCK),), model=HOSTILE)
    thread, told = thread_of(
        *recorded(first, step(2, HOSTILE)),
        Answered("k", opinion),
        finished(Assurance.PARTLY, reason=HOSTILE, left=[Clause("measured", HOSTILE, HOSTILE)]),
    )
    return build_report(thread, told)


def test_a_page_of_hostile_text_holds_only_elements_of_the_report(hostile: Report) -> None:
    html = render_page(hostile, ("then", "now"), [HOSTILE])
    checked(html)
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_a_page_says_that_nothing_may_be_loaded_or_run(hostile: Report) -> None:
    html = render_page(hostile)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert html.index("Content-Security-Policy") < html.index("<title>")
    assert " style=" not in html.split("</style>")[1]


def test_markdown_of_hostile_text_has_no_html_link_picture_or_forged_heading(hostile: Report) -> None:
    text = render_markdown(hostile, [HOSTILE])
    tokens = PARSER.parse(text)
    flat = [*tokens, *(child for token in tokens for child in token.children or [])]
    kinds = {token.type for token in flat}
    assert not kinds & {"html_block", "html_inline", "image", "link_open"}
    headings = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    assert "Verdict" not in headings
    assert all(not title.startswith("Verified") for title in headings)


def test_lists_stress_and_code_of_findings_stay() -> None:
    text = "It **fails**:\n\n- `List<int>` here\n- there\n\n```go\nif a < b {\n```"
    assert quoted(text) == [
        "> It **fails**:", ">", "> - `List<int>` here", "> - there", ">", "> ```go", "> if a < b {", "> ```",
    ]  # fmt: skip
    html = prose(text)
    assert "<strong>fails</strong>" in html
    assert "<li><code>List&lt;int&gt;</code> here</li>" in html.replace("<p>", "").replace("</p>", "").replace("\n", "")
    assert "if a &lt; b {" in html


def test_a_chat_of_hostile_text_is_only_text() -> None:
    checked(render_chat_page(HOSTILE, [(HOSTILE_BLOCK, HOSTILE, HOSTILE_BLOCK)]))


def test_what_turns_the_direction_of_text_is_shown_by_its_number() -> None:
    assert visible("a\u202eb\x07c\nd\te") == "a[U+202E]b[U+0007]c\nd\te"


@given(st.text(alphabet="<>`*_[]()!#|~&\\-=+.1 \n\tax\u202e", max_size=80))
def test_no_text_brings_html_or_links_into_markdown(text: str) -> None:
    for told in ("\n".join(quoted(text)), f"- x: {escaped(text)} {code(text)}"):
        tokens = PARSER.parse(told)
        assert len([token for token in tokens if token.level == 0 and token.nesting >= 0]) <= 1
        flat = [*tokens, *(child for token in tokens for child in token.children or [])]
        assert not {token.type for token in flat} & FORBIDDEN


@given(st.text(alphabet="<>`*_[]()!#|~&\\-=+.1:/ \n\tahtps\u202e", max_size=80))
def test_no_text_brings_elements_of_its_own_into_a_page(text: str) -> None:
    checked(prose(text))


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_findings_are_all_in_the_report(count: int) -> None:
    issues = [issue(number, "medium", f"finding {number}", f"f{number}.py", 1) for number in range(1, count + 1)]
    thread, told = thread_of(*recorded(step(1, issues=issues)))
    report = build_report(thread, told)
    html, text = render_page(report), render_markdown(report)
    assert html.count('<article class="finding') == count
    assert text.count(f"finding {count}") == 1
    assert len(html) < 600 * count
