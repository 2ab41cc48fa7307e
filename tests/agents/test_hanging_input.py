"""What models and hosts send so that it takes for ever, each in a process of its own that can be ended."""

import subprocess
import sys

import pytest

LONG_S = 30.0  # ends what hangs; what is mended takes a blink

BIG = "(10**100)**1000"
CALCULATED = "from stepwarden.agents.arithmetic import calculate\ntry:\n    print(calculate({!r}))\n"
CALCULATED += "except ValueError as error:\n    print(error)"
PATTERNS = "from stepwarden.agents.text_matches import pattern_errors, goal_matches\n"
PATTERNS += "from stepwarden.runs.stop_conditions import GoalText\nleaf = GoalText({!r}, True)\n"
PATTERNS += "print(pattern_errors(leaf))"


def said_by(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LONG_S, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("round(5, -100000000)", "0"),
        ("*".join([BIG] * 30), "300 digits at most"),
        (f"{'*'.join([BIG] * 18)} // ({'*'.join([BIG] * 9)})", "300 digits at most"),
        ("10**1000", "300 digits at most"),
        ("2**400 - 2**399", str(2**399)),
        ("1e999", "inf"),
    ],
)
def test_arithmetic_ends(expression: str, said: str) -> None:
    assert said in said_by(CALCULATED.format(expression))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a{99999999}", "repeats a part"),
        ("(a{9999}){9999}", "repeats a part"),
        ("((a{999}){999}){999}", "repeats a part"),
        ("(?R)", "calls itself"),
        ("(a|(?R)b)*", "calls itself"),
        ("(?P<x>a(?&x)?)", "calls itself"),
        (r"([0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d{2}|(?:a|b)+", "[]"),
    ],
)
def test_a_pattern_that_no_time_limit_holds_is_refused(pattern: str, said: str) -> None:
    assert said in said_by(PATTERNS.format(pattern))


@pytest.mark.parametrize(
    "program",
    [
        "from stepwarden.runs.requirements import split_by_rule as f; print(f('read' + ' ' * 200_000 + 'x'))",
        "from stepwarden.runs.requirements import split_by_rule as f; print(f('read' + ' \\n' * 100_000 + 'x'))",
        "from stepwarden.runs.terms import names_of as f; print(f('a-' * 100_000 + ' x SHOP-7'))",
    ],
    ids=["spaces", "lines", "hyphens"],
)
def test_a_request_is_taken_apart_in_time(program: str) -> None:
    assert "x" in said_by(program).casefold() or "shop-7" in said_by(program)


def test_patterns_that_backtrack_have_one_time_limit_together() -> None:
    program = (
        "from stepwarden.agents.text_matches import goal_matches\n"
        "from stepwarden.runs.stop_conditions import AnyOf, GoalText\n"
        "slow = [GoalText(f'(?s)(a.*b.*a.*)+c{n}', True) for n in range(60)]\n"
        "print(goal_matches(AnyOf((*slow, GoalText('bz', True))), 'ab' * 30_000 + 'z'))"
    )
    assert "bz" in said_by(program)
