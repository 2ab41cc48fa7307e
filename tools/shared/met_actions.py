"""Which bullets of a prompt a thread has met already, or cannot meet: advice of that kind is not given.

Each row is a part of the bullet's own words, and a test on what the server knows of the thread. Where it knows nothing
of the kind, the bullet stands.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.assumptions import open_assumptions
from stepwarden.steps.convergence import reported_test
from stepwarden.steps.gate import evidenced_issues, hypothesis_rests
from stepwarden.steps.thread import Thread

Test = Callable[[Thread], bool]

_LOG = re.compile(
    r"\blogs?\b|\.log\b|traceback|stack ?trace|stderr|core dump|\bpanic\b"
    r"|\bat [\w$.<>]+\([^)\n]*:\d+|\bFile \"[^\"]+\", line",
    re.IGNORECASE,
)
_SECRET = re.compile(r"secret|password|token|credential|\bkeys?\b", re.IGNORECASE)
_NOTHING_DELETED = re.compile(r"^\d+ files? \+\d+ -0 since")


def without_met(thread: Thread, bullets: Sequence[str]) -> list[str]:
    """Return the bullets that the thread can follow and has not, as far as the server can tell."""
    met = [words for words, is_met in MET.items() if is_met(thread)]
    return [bullet for bullet in bullets if not any(words in bullet for words in met)]


def _texts(thread: Thread) -> list[str]:
    """Return all that the live steps say, outputs of runs and facts told with them included."""
    sent = [step.submission for step in thread.live]
    said = [text for each in sent for text in (each.step, each.findings or "", each.hypothesis or "")]
    return [*said, *(run.output for each in sent for run in each.runs), *thread.claims.files]


def _has_log(thread: Thread) -> bool:
    return any(_LOG.search(text) for text in _texts(thread))


def _has_run(thread: Thread) -> bool:
    return bool(thread.claims.runs)


def _has_failed(thread: Thread) -> bool:
    return any(run.exit for _, run in thread.claims.runs) or hypothesis_rests(thread)


def _has_passed(thread: Thread) -> bool:
    return any(run.exit == 0 for _, run in thread.claims.runs)


def _has_issues(thread: Thread) -> bool:
    return bool(thread.claims.issues)


def _has_no_issues(thread: Thread) -> bool:
    return not thread.claims.issues


def _quotes_issues(thread: Thread) -> bool:
    """Whether every issue is quoted, or there is none."""
    return thread.claims.issues.keys() <= evidenced_issues(thread)


def _quotes_severe(thread: Thread) -> bool:
    severe = {name for name, issue in thread.claims.issues.items() if issue.severity.needs_evidence}
    return severe <= evidenced_issues(thread)


def _tells_no_secret(thread: Thread) -> bool:
    return not any(_SECRET.search(issue.description) for issue in thread.claims.issues.values())


def _reads_tests(fewest: int) -> Test:
    return lambda thread: sum(map(is_test_file, thread.claims.files)) >= fewest


def _names(pattern: str) -> Test:
    """Test that something that was said or read, or a fact, is of this kind."""
    words = re.compile(pattern, re.IGNORECASE)
    return lambda thread: any(words.search(text) for text in (*_texts(thread), *_facts(thread)))


def _names_no(pattern: str) -> Test:
    names = _names(pattern)
    return lambda thread: bool(_facts(thread)) and not names(thread)


def _facts(thread: Thread) -> list[str]:
    looks = (step.measured for step in thread.live)
    return [fact for look in looks if look is not None for fact in look.facts]


def _deletes_nothing(thread: Thread) -> bool:
    return any(_NOTHING_DELETED.match(fact) for fact in _facts(thread))


def _has_branches(thread: Thread) -> bool:
    return any(step.submission.fields.get("branch_id") for step in thread.live)


def _has_revised(thread: Thread) -> bool:
    return any(step.submission.replaces is not None for step in thread.trail)


def _has_no_hypothesis(thread: Thread) -> bool:
    return thread.claims.hypothesis is None


def _not(test: Test) -> Test:
    return lambda thread: not test(thread)


MET: Mapping[str, Test] = {
    # a hypothesis
    "first hypothesis": _not(_has_no_hypothesis),
    'supports: "hypothesis"': hypothesis_rests,
    "as hypothesis, with a quote": hypothesis_rests,
    "the line that is the cause, not the one where it shows": hypothesis_rests,
    "document that carries the hypothesis": lambda thread: hypothesis_rests(thread) or not thread.readable,
    "Explain each symptom by this cause": _has_no_hypothesis,
    "If this cause is wrong": _has_no_hypothesis,
    "List the assumptions, each": lambda thread: bool(open_assumptions(thread)),
    # logs and runs
    "Read the log from the first error": _not(_has_log),
    "Reproduce it or find": _has_failed,
    "Run it before and after": lambda thread: bool(reported_test(thread)),
    "Run the tests of every file": _has_run,
    "that pin this behaviour, and run them now": _has_passed,
    "Run the present tests with coverage": _has_run,
    "Run the new tests alone, twice": lambda thread: sum(run.exit == 0 for _, run in thread.claims.runs) > 1,
    # issues
    "Search for the same mistake elsewhere": _has_issues,
    "the input that triggers each issue": _has_no_issues,
    "Quote the offending line of each": _quotes_issues,
    "Rate severity anew": _has_no_issues,
    "Give every critical or high issue a quote": _quotes_severe,
    "Withdraw matters of taste": _has_no_issues,
    "Give each issue that stays a fix": _has_no_issues,
    "For the worst issue": _has_no_issues,
    "Trigger the top issue": _has_no_issues,
    "Quote a line for each issue": _quotes_issues,
    "Back each blocker with a quote": _quotes_issues,
    "Quote the vulnerable line of each": _quotes_severe,
    "Quote the sink; quote the entry": _quotes_issues,
    "beside a leaked secret": _tells_no_secret,
    "Give each finding its attack": _has_no_issues,
    "Write the exploiting request": _has_no_issues,
    "Rate by reach and harm": _has_no_issues,
    "Quote each smell": _quotes_issues,
    "For each smell rated high": _quotes_severe,
    "Tie each high or critical issue": _quotes_severe,
    "Weigh each weakness": _has_no_issues,
    "File each bug the tests exposed": _has_issues,
    # what was read
    "Open the tests beside the code": _reads_tests(1),
    "Open two of the project's tests": _reads_tests(2),
    # the change
    "Look at the deleted lines": _deletes_nothing,
    "Look at untracked files": _names_no("untracked"),
    "Check migrations": _names_no("migrat"),
    "Build the staged state": _names_no(r"\bstaged\b"),
    "that would break an import cycle": _names_no("cycle"),
    # plans
    "Sketch a second way as a branch": _has_branches,
    "Take the opposite choice as a branch": _has_branches,
    "Choose between the branches": _not(_has_branches),
    "Mend a weak step": _has_revised,
    # votes
    "Give own_vote": lambda thread: bool(thread.claims.fields.get("own_vote")),
    "Compare with the answers before": lambda thread: len(thread.answers) < 2,
    "what two answers see differently": lambda thread: len(thread.answers) < 2,
}
"""By words of a bullet, whether the thread has met it or cannot meet it."""
