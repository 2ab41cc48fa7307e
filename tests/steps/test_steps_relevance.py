"""Which quotes have to do with a claim: what counts, what never does, and what the agent is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext, Verdict
from stepwarden.steps.relevance import is_relevant, named_in, why_beside

TASK = "Find out why orders are lost"


def shown(
    within: tuple[str, ...] = ("parse_header", "Reader"),
    names: tuple[str, ...] = ("fold_value", "separator"),
    *,
    kind: LineKind = LineKind.CODE,
    around: tuple[str, ...] = ("read_line", "Session"),
    words: tuple[str, ...] = ("parse", "header", "fold", "separator", "colon"),
    span: tuple[int, int] | None = (30, 60),
    path: str = "src/http/wire.py",
) -> Evidence:
    context = QuoteContext(kind, (40,), within, span, names, around, words)
    return Evidence(path, "head, _, tail = line.partition(separator)", Verdict.VERIFIED, 40, context=context)


@pytest.mark.parametrize(
    "claim",
    [
        "parse_header() drops what follows a colon",
        "`parse_header` is wrong",
        "a header is lost in Reader.parse_header",
        "parseHeader forgets to fold",
        "Reader loses a byte",
        "the Separator is looked for twice",
        "nothing strips the separators",
        "the fold value is never used",
        "read_line() returns None and nobody looks",  # a callee
        "Session hands over half a line",  # a caller
    ],
)
def test_a_claim_that_names_the_definition_its_neighbours_or_a_name_of_the_line_is_about_it(claim: str) -> None:
    assert is_relevant(shown(), [claim], TASK)


@pytest.mark.parametrize(
    "claim",
    [
        "the cache is never invalidated",
        "src/http/wire.py is wrong",
        "wire.py loses orders",
        "line 40 is wrong",
        "an index is off by one",
        "the http code is wrong",  # the words of the path are those of the file
        "",
    ],
)
def test_a_claim_that_shares_the_file_or_nothing_is_not(claim: str) -> None:
    assert not is_relevant(shown(), [claim], TASK)
    assert not is_relevant(shown(), [claim], f"{TASK} in src/http/wire.py")


@pytest.mark.parametrize("kind", [LineKind.IMPORT, LineKind.COMMENT, LineKind.BLANK])
@given(text=st.sampled_from(["parse_header()", "`separator`", "Reader.fold_value at src/http/wire.py:40"]))
def test_an_import_a_comment_a_blank_or_a_bracket_never_counts(kind: LineKind, text: str) -> None:
    assert not is_relevant(shown(kind=kind), [text], text, ("src/http/wire.py", 40))


@pytest.mark.parametrize(
    ("task", "claim", "counts"),
    [
        ("look at parse_header()", "the colon is looked for twice", True),
        ("look at parse_header()", "the cache is never invalidated", False),
        ("it shows at wire.py:55", "the colon is looked for twice", True),
        ('File "/srv/src/http/wire.py", line 55, in run', "the colon is looked for twice", True),
        ("it shows at wire.py:55", "the cache is never invalidated", False),
        ("it shows at wire.py:61", "the colon is looked for twice", False),
        ("it shows at other.py:55", "the colon is looked for twice", False),
    ],
)
def test_what_the_task_names_counts_where_the_claim_speaks_of_it(task: str, claim: str, counts: bool) -> None:
    assert is_relevant(shown(), [claim], task) is counts


def test_a_small_definition_that_the_task_names_is_a_place_as_it_is() -> None:
    assert is_relevant(shown(span=(38, 42)), ["it is wrong"], "look at parse_header()")
    assert not is_relevant(shown(span=(38, 42)), ["it is wrong"], "look at another_one()")


def test_a_claim_about_a_place_has_to_speak_of_what_stands_there() -> None:
    place = ("src/http/wire.py", 45)
    assert is_relevant(shown(), ["nothing comes after a colon"], TASK, place)
    assert not is_relevant(shown(), ["the cache is never invalidated"], TASK, place)
    assert not is_relevant(shown(), ["nothing comes after a colon"], TASK, ("src/http/wire.py", 20))
    assert not is_relevant(shown(), ["nothing comes after a colon"], TASK, ("src/http/other.py", 45))


def test_outside_of_any_definition_a_place_is_its_very_line() -> None:
    item = shown((), ("timeout_seconds",), span=None, around=(), words=("timeout", "grace"))
    assert is_relevant(item, ["the grace is too short"], TASK, ("src/http/wire.py", 40))
    assert not is_relevant(item, ["the grace is too short"], TASK, ("src/http/wire.py", 41))


def test_what_was_recorded_without_a_context_counts() -> None:
    assert is_relevant(Evidence("a.py", "import os", Verdict.VERIFIED, 1), ["anything"], TASK)


@given(st.text(max_size=400), st.text(max_size=400))
def test_any_words_are_judged(claim: str, task: str) -> None:
    assert is_relevant(shown(), [claim], task) in {True, False}


@given(st.permutations(["the cache is stale", "parse_header() is wrong", "a lock is held"]))
def test_the_order_of_claims_does_not_matter(claims: list[str]) -> None:
    assert is_relevant(shown(), claims, TASK)


@pytest.mark.parametrize(
    ("text", "symbols", "places"),
    [
        ("`total` and Cart.add()", {"total", "cart", "add"}, ()),
        ("src/cart.py:12 is wrong", set(), (("src/cart.py", 12),)),
        ('File "a/b.py", line 7, in run_all', {"runall"}, (("a/b.py", 7),)),
        ("at Cart.total(Cart.java:31)", {"cart", "total"}, (("Cart.java", 31),)),
        ("src\\cart.ts#L9", set(), (("src/cart.ts", 9),)),
        ("see cart.py.", set(), ()),
        ("MAX_RETRIES, maxRetries, max_retries and HTTPServer", {"maxretries", "httpserver"}, ()),
        ("Plain words of a sentence; i.e. nothing", set(), ()),
    ],
)
def test_symbols_and_places_are_read_from_a_text(text: str, symbols: set[str], places: tuple[object, ...]) -> None:
    named = named_in(text)
    assert (named.symbols, named.places) == (symbols, places)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (shown(kind=LineKind.IMPORT), "is only an import; quote the code it is about"),
        (shown(kind=LineKind.COMMENT), "is only a comment; quote the code it is about"),
        (shown(kind=LineKind.BLANK), "says nothing by itself; quote the code it is about"),
        (shown(), "is in parse_header, of which it says nothing; quote the code it is about, or say what of"),
        (shown(()), "has nothing of what it names; quote the code it is about, or name in it what is meant"),
    ],
)
def test_the_reason_names_the_quote_and_what_would_count(item: Evidence, says: str) -> None:
    assert says in why_beside(item)
    assert why_beside(item).startswith('"head, _, tail = line.partition(separa..." (src/http/wire.py:40)')


@pytest.mark.parametrize("claim", ["parse_header() no longer folds", "parse_header() drops the colon"])
def test_a_line_that_a_change_took_out_speaks_for_a_removal_alone(claim: str) -> None:
    removed = replace(shown(), verdict=Verdict.REMOVED)
    assert is_relevant(removed, (claim,), TASK)
    assert not is_relevant(removed, ("parse_header() folds twice",), TASK)
    assert "proves only that it is gone" in why_beside(removed)
    assert removed.lines == (-40,)
