"""Search finds tools by everyday words, without a model, on the lists of real servers."""

import pytest

from bench.upstream.search import ATLASSIAN, entries, missed
from stepwarden.upstream.catalogue.everyday_words import alike, stem
from stepwarden.upstream.catalogue.tool_search import search_tools


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize(("upstreams", "tools"), [((ATLASSIAN,), 98), ((), 142)])
def test_eighteen_of_twenty_everyday_questions_find_their_tool_among_eight(
    name: str, upstreams: tuple[str, ...], tools: int
) -> None:
    among = entries(*upstreams)
    assert len(among) == tools
    assert len(missed(name, among)) <= 2


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("jira_search", "jira_search"),
        ("get page", "confluence_get_page"),
        ("create issue", "jira_create_issue"),
        ("confluence_get_page_diff", "confluence_get_page_diff"),
        ("git log", "git_log"),
    ],
)
def test_the_plain_tool_comes_before_its_variants_and_before_what_only_means_the_same(query: str, first: str) -> None:
    assert search_tools(query, entries())[0].tool.name == first


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("my open tickets", "jira_search"),
        ("show tickets assigned to me", "jira_search"),
        ("list my bugs", "jira_search"),
        ("unresolved issues", "jira_search"),
        ("what is assigned to me", "jira_search"),
        ("find wiki page", "confluence_search"),
        ("my notes about onboarding", "confluence_search"),
    ],
)
@pytest.mark.parametrize("upstreams", [(ATLASSIAN,), ()])
def test_who_asks_for_what_is_theirs_or_unfinished_means_to_search(
    query: str, wanted: str, upstreams: tuple[str, ...]
) -> None:
    assert wanted in [entry.tool.name for entry in search_tools(query, entries(*upstreams))]


def test_words_that_fit_nothing_find_nothing() -> None:
    assert search_tools("zyxwv", entries()) == []
    assert search_tools("", entries()) == []


@pytest.mark.parametrize(
    "forms", ["close closes closed closing", "plan plans planning planned", "query queries", "page pages", "tag tagged"]
)
def test_forms_of_a_word_are_one(forms: str) -> None:
    assert len(set(map(stem, forms.split()))) == 1


def test_a_word_counts_more_than_one_that_means_much_the_same() -> None:
    close = alike("closing")
    assert close[stem("close")] == 1.0
    assert 0 < close[stem("transition")] < 1
    assert stem("sprint") not in close
