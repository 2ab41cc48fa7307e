"""Secrets in whole texts: the same lines as line by line, found by words first."""

import pytest

from stepwarden.files.secret_values import find_secret, find_secrets

KEY = "AKIA" + "QWERTYUIOPASDFGH"  # put together, so that no scanner takes this file for a leak
LINES = ("import os", f"key = '{KEY}'", "# a token of thanks", 'db_password = "h7Gq' + '2kLm9xZ4"', "", "İstanbul = 1")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_lines_of_a_text_are_those_that_hold_a_secret_by_themselves(ending: str) -> None:
    alone = [(number, kind) for number, line in enumerate(LINES, 1) if (kind := find_secret(line))]
    assert [number for number, _ in alone] == [2, 4]
    assert list(find_secrets(ending.join(LINES))) == alone
    assert list(find_secrets(ending.join(LINES) + ending)) == alone


def test_letters_that_grow_in_lower_case_move_no_line() -> None:
    assert [number for number, _ in find_secrets("İ" * 300 + "\n" + f"key = '{KEY}'\n")] == [2]


def test_a_line_that_no_person_wrote_is_passed_over() -> None:
    assert list(find_secrets(f"x = '{'0' * 3_000}'; key = '{KEY}'\n")) == []
