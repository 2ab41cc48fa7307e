"""Text of a run's model as it comes: whole, and without secrets wherever its pieces are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.agents.live_text import EVERY_S, HELD_BACK, LiveTexts, ShownText
from stepwarden.files.secret_values import HIDDEN, hide_in_prose, locate_in_prose

KEY_LINES = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC" + "aB3x" * 4 for _ in range(12))
SECRETS = [
    "sk-proj-" + "a1B2c3D4" * 6,
    "ghp_" + "a1B2c3D4e5" * 4,
    "AKIAIOSFODNN7EXAMPL3",
    "xoxb-123456789012-123456789012-" + "aB3d" * 6,
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0" * 8 + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    f"-----BEGIN PRIVATE KEY-----\n{KEY_LINES}\n-----END PRIVATE KEY-----",
    "postgres://app:Tr0ub4dor-and-3@db.internal:5432/shop",
    'password = "c0rrect horse battery staple"',
    "API_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0",
]
WORDS = st.text("abcdefgh \n.,;:=\"'", max_size=260)


def told(text: str, cuts: list[int]) -> list[str]:
    """Return what is told of a text that comes in such pieces, each late enough."""
    shown, parts, now = ShownText(), list[str](), 0.0
    places = [0, *sorted({min(cut, len(text)) for cut in cuts}), len(text)]
    for start, end in pairwise(places):
        now += EVERY_S
        parts.append(shown.add(text[start:end], now))
    return [*parts, shown.rest()]


@given(st.sampled_from(SECRETS), WORDS, WORDS, st.lists(st.integers(0, 1_200), max_size=40))
def test_no_secret_is_told_wherever_its_pieces_are_cut(secret: str, before: str, after: str, cuts: list[int]) -> None:
    text = f"{before}\n{secret}\n{after}"
    values = [text[value.start : value.end] for value in locate_in_prose(text)]
    said = "".join(told(text, cuts))
    for value in values:
        for line in value.split("\n"):
            assert len(line) < 8 or line not in said
    assert HIDDEN in said or not values


@given(st.text(max_size=900), st.lists(st.integers(0, 900), max_size=20))
def test_all_of_a_text_without_secrets_is_told_in_its_order(text: str, cuts: list[int]) -> None:
    if hide_in_prose(text) == text:
        assert "".join(told(text, cuts)) == text


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_comes_letter_by_letter_is_hidden(secret: str) -> None:
    text = f"It says: {secret}\n" + "and so on. " * 60
    assert locate_in_prose(text)
    said = told(text, list(range(len(text))))
    value = locate_in_prose(text)[0]
    assert "".join(said) == f"{text[: value.start]}{HIDDEN}{text[value.end :]}"
    assert len([part for part in said if part]) > 1


def test_what_comes_at_once_is_told_a_few_times_a_second_at_most() -> None:
    shown = ShownText()
    first = shown.add("a " * (HELD_BACK // 2 + 5), 1.0)
    assert first == "a " * 5
    assert shown.add("a " * 50, 1.0 + EVERY_S / 2) == ""
    assert shown.add("a ", 1.0 + EVERY_S) == "a " * 51
    assert shown.rest() == "a " * (HELD_BACK // 2)


def test_nobody_is_told_of_another_run_or_after_the_end() -> None:
    live, heard = LiveTexts(), list[tuple[str, str]]()
    assert live.teller("run-a", "main") is None
    with live.listening("run-a", lambda job, text: heard.append((job, text))):
        assert live.teller("run-b", "main") is None
        tell = live.teller("run-a", "main")
        assert tell is not None
        tell("words")
    tell("more words")
    assert heard == [("main", "words")]
    assert live.teller("run-a", "main") is None
