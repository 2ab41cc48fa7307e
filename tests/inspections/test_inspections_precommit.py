"""The rules of precommit: what is risky about a change, and which of it counts as looked at."""

import pytest

from stepwarden.files.secret_values import find_secret
from stepwarden.inspections.precommit.hunks import (
    ReviewedHunk,
    ReviewedLines,
    coverage_line,
    coverage_section,
    list_hunks,
)
from stepwarden.inspections.precommit.leftovers import find_leftover
from stepwarden.inspections.precommit.public_interface import find_broken_interface
from stepwarden.inspections.precommit.report import file_clauses, is_reviewed, limit_clauses, risk_clauses
from stepwarden.inspections.precommit.risks import BeforeAndAfter, ChangeFacts, ChangeRisk, find_risks, sort_callers
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.git.change import WITHHELD, FileChange, Hunk, untracked_change
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.persistent import PersistentList
from stepwarden.steps.submission import Severity, Submission
from stepwarden.steps.thread import Claims, Issue, Step, Thread


def kinds(*files: FileChange, **more: object) -> list[tuple[str, int]]:
    return [(risk.kind, risk.line) for risk in find_risks(ChangeFacts(files, **more))]  # type: ignore[arg-type]


def modified(path: str, *lines: str) -> FileChange:
    added = tuple(enumerate(lines, 10))
    return FileChange(path, "M", lines_added=len(lines), hunks=(Hunk(9, 0, 10, len(lines)),), added=added)


def sides(before: str, after: str | None, path: str = "cart.py") -> BeforeAndAfter:
    return BeforeAndAfter(
        parse_outline(path, before.encode()), None if after is None else parse_outline(path, after.encode())
    )


# The parts are put together here, so that no scanner takes this file for a leak.
LEAKS = {
    "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
    "an AWS key": "id = 'AKIA" + "Q4ZPLR7WXY2MNB3K'",
    "a GitHub token": "ghp_" + "q8Zp2LkD93xVbT71mnQwErTyUiOpAsDfGh12",
    "a password in a URL": "url = postgres://app:" + "q8Zp2LkD@db/x",
    "a value for api_key": 'api_key = "' + 'q8Zp2LkD93xVbT71mn"',
    "a value for db_password": "DB_PASSWORD: '".lower() + "q8Zp2LkD93xVb'",
}


@pytest.mark.parametrize("kind", sorted(LEAKS))
def test_a_secret_in_a_line_is_named_by_its_kind(kind: str) -> None:
    assert find_secret(LEAKS[kind]) == kind


RANDOM = "q8Zp2LkD93xVbT71" + "mnQwErTy"


@pytest.mark.parametrize("name", ["_etag_key", "self._hmac_key", "ETAG_KEY", "etagKey", "cursor_key"])
def test_a_random_value_under_a_key_of_any_kind_is_a_secret(name: str) -> None:
    assert find_secret(f'{name} = "{RANDOM}"') == f"a value for {name.strip('_')}"


@pytest.mark.parametrize(
    "line",
    [
        f'cache_key = "{RANDOM}"',
        f'public_key = "{RANDOM}"',
        f'key = "{RANDOM}"',
        'etag_key = "orders-etag-of-the-shop"',
        'etag_key = "orders_v2_2024_etag_0001"',
        'etag_key = "9f86d081"',
        "etag_key = load(settings.etag)",
    ],
)
def test_a_key_by_which_something_is_found_is_no_secret(line: str) -> None:
    assert find_secret(line) == ""


@pytest.mark.parametrize(
    "line",
    [
        'password = "your-password-here"',
        'api_key = os.environ["API_KEY"]',
        'token = "${TOKEN}"',
        "url = postgres://user:password@localhost/x",
        'secret = "changeme123"',
        "def token(self): return self.tokens[3]",
        'password = "aaaaaaaaaaaa1"',
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_placeholders_and_code_are_no_secrets(line: str) -> None:
    assert find_secret(line) == ""


@pytest.mark.parametrize(
    ("path", "line", "what"),
    [
        ("a.py", "    breakpoint()", "debugging"),
        ("a.py", "import pdb", "debugging"),
        ("a.py", "    print(x)", "output for debugging"),
        ("a.ts", "  debugger;", "debugging"),
        ("a.js", "  console.log(x)", "output for debugging"),
        ("a.test.ts", "  it.only('x', () => {})", "debugging"),
        ("a_test.go", "\tt.Skip()", "a test is disabled"),
        ("tests/test_a.py", "@pytest.mark.skip", "a test is disabled"),
        ("a.rs", "  dbg!(x);", "debugging"),
        ("a.md", "XXX say more", "a note to come back"),
        ("a.py", "    # print(x)", ""),
        ("a.py", "    fingerprint(x)", ""),
        ("cli.py", "    print(x)", ""),
        ("scripts/a.py", "    print(x)", ""),
        ("a.py", "    self.only(x)", ""),
    ],
)
def test_what_is_left_in_by_mistake_is_told_by_language(path: str, line: str, what: str) -> None:
    assert find_leftover(path, line, prints_before=False) == what


def test_output_in_a_file_that_wrote_before_means_nothing() -> None:
    assert find_leftover("a.py", "print(x)", prints_before=True) == ""


BEFORE = """
def total(lines, vat=0):
    return 1


def _private(x):
    return 1


class Cart:
    def add(self, line):
        return 1
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lines, vat=0", "lines", "total no longer takes vat"),
        ("def total", "def sum_up", "total is gone"),
        ("def total", "def _total", "total is gone"),
        ("class Cart:", "class Cart(Base):", "Cart has other bases"),
        ("def total", "async def total", "total is asynchronous now"),
        ("self, line", "self, line, count", "Cart.add takes count too"),
        ("self, line", "self, count, line", "Cart.add takes count before line: arguments by position move"),
        ("lines, vat=0", "vat, lines", "total takes its parameters in another order"),
        ("lines, vat=0", "lines, tax=0", "total no longer takes vat, takes tax"),
        ("class Cart:", "class Basket:", "Cart is gone"),
    ],
)
def test_a_changed_interface_is_told_by_what_broke(old: str, new: str, told: str) -> None:
    known = sides(BEFORE, BEFORE.replace(old, new))
    assert [f"{item.qualified} {item.how}" for item in find_broken_interface(known.before, known.after)] == [told]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 1", "return 2"),
        ("def _private(x)", "def _private(x, y)"),
        ("lines, vat=0):", "lines, vat=0):  # as it was"),
        ("lines, vat=0):\n", "lines, vat=0):\n    # a note\n"),
        ("class Cart:", "def fresh(a): ...\n\n\nclass Cart:"),
    ],
)
def test_what_breaks_no_caller_is_not_told(old: str, new: str) -> None:
    known = sides(BEFORE, BEFORE.replace(old, new))
    assert find_broken_interface(known.before, known.after) == ()


def test_a_file_that_does_not_parse_now_is_left_alone() -> None:
    known = sides(BEFORE, "def total(:\n<<<<<<< HEAD\n")
    assert find_broken_interface(known.before, known.after) == ()


def test_conflict_markers_are_found_and_headings_are_not() -> None:
    assert kinds(modified("a.rst", "<<<<<<< HEAD", "=======", ">>>>>>> other", "Title", "=======")) == [
        ("conflict", 10),
        ("conflict", 12),
    ]


def test_code_without_tests_is_one_risk_for_the_whole_change() -> None:
    code = modified("src/a.py", "x = 1"), modified("src/b.py", "y = 1", "z = 2")
    assert [(risk.kind, risk.path) for risk in find_risks(ChangeFacts(code))] == [("untested", "src/b.py")]
    assert kinds(*code, modified("tests/test_a.py", "assert x")) == []
    assert kinds(modified("README.md", "words")) == []


def test_tests_that_went_are_told() -> None:
    known = sides("def test_a(): ...\ndef test_b(): ...\n", "def test_a(): ...\n", "test_x.py")
    change = FileChange("test_x.py", "M", lines_removed=1, hunks=(Hunk(2, 1, 1, 0),))
    (risk,) = find_risks(ChangeFacts([change], {"test_x.py": known}))
    assert (risk.kind, risk.what) == ("test", "test_b is gone")
    renamed = sides("def test_a(): ...\n", "def test_b(): ...\n", "test_x.py")
    assert find_risks(ChangeFacts([change], {"test_x.py": renamed})) == []


def test_secret_files_migrations_large_files_and_lock_files_are_told() -> None:
    assert kinds(FileChange(".env", "?", lines_added=None, why="x")) == [("secret", 0)]
    assert kinds(untracked_change("app/migrations/0002_x.py", "a\nmigrations.RemoveField()\n"))[0] == ("migration", 2)
    assert kinds(FileChange("a.bin", "?", lines_added=None), sizes={"a.bin": 3_000_000}) == [("large", 0)]
    manifest = modified("web/package.json", '  "left-pad": "^1.3.0",')
    assert kinds(manifest, locks=frozenset({"web/package-lock.json"})) == [("lock", 10)]
    assert kinds(manifest) == []
    assert kinds(manifest, modified("web/package-lock.json", "x"), locks=frozenset({"web/package-lock.json"})) == []
    assert kinds(modified("package-lock.json", 'api_key = "q8Zp2LkD93xVbT71mn"')) == []


def test_callers_are_of_the_same_language_and_the_nearest_come_first() -> None:
    places = ["docs/a.md", "z/y.py", "src/shop/b.py", "src/shop/tests/test_a.py", "web/a.ts", "src/shop/a.py"]
    assert sort_callers("src/shop/a.py", places) == ("src/shop/b.py", "z/y.py", "src/shop/tests/test_a.py")


def thread_with(
    *, checked: tuple[str, ...] = (), findings: str = "", issues: tuple[Issue, ...] = (), **quotes: int
) -> Thread:
    evidence = tuple(Evidence(f"{name}.py", "x = 1", Verdict.VERIFIED, line) for name, line in quotes.items())
    said = Submission(1, "look", "d", findings=findings or None, checked=checked)
    step = Step(1, said, evidence=evidence, issues=issues, existing=checked, readable=True)
    return Thread("precommit-x", "precommit", trail=PersistentList((step,)), claims=Claims().with_step(step))


HUNK = ReviewedHunk("a.py", 20, 24, 5, 0)


@pytest.mark.parametrize(
    ("thread", "word"),
    [
        (thread_with(), ""),
        (thread_with(a=22), "quoted"),
        (thread_with(a=17), "quoted"),
        (thread_with(a=60), "read"),
        (thread_with(b=22), ""),
        (thread_with(issues=(Issue("I1", Severity.LOW, "odd", "a.py", 21),)), "I1"),
        (thread_with(issues=(Issue("I1", Severity.LOW, "odd", "a.py", 90),)), ""),
        (thread_with(findings="a.py:15-30 is right"), "named"),
        (thread_with(findings="a.py:150-300 is right"), "read"),
        (thread_with(checked=("a.py",)), "read"),
    ],
)
def test_a_hunk_is_covered_by_what_stands_in_its_lines(thread: Thread, word: str) -> None:
    assert ReviewedLines.of(thread).coverage_of(HUNK) == word


def test_ranges_may_be_relative_to_the_working_directory() -> None:
    looks = ReviewedLines.of(thread_with(findings="see a.py:21"), "web")
    assert looks.coverage_of(ReviewedHunk("web/a.py", 20, 24, 5, 0)) == "named"


def test_risks_are_met_by_what_was_seen_there_and_not_by_words() -> None:
    leftover = ChangeRisk("leftover", "a.py", 22, "debugging")
    assert not is_reviewed(leftover, ReviewedLines.of(thread_with(checked=("a.py",), findings="all is well")))
    assert is_reviewed(leftover, ReviewedLines.of(thread_with(a=22)))
    secret = ChangeRisk("secret", "a.py", 22, "an AWS key")
    assert not is_reviewed(secret, ReviewedLines.of(thread_with(a=22)))
    assert is_reviewed(secret, ReviewedLines.of(thread_with(issues=(Issue("I1", Severity.LOW, "a key", "a.py", 22),))))
    assert not is_reviewed(
        ChangeRisk("conflict", "a.py", 0, "an unmerged file"), ReviewedLines.of(thread_with(a=1, checked=("a.py",)))
    )
    interface = ChangeRisk("interface", "a.py", 5, "total is gone", ("b.py", "c.py"), "total(")
    assert not is_reviewed(interface, ReviewedLines.of(thread_with(a=5)))
    assert is_reviewed(interface, ReviewedLines.of(thread_with(c=50)))
    untested = ChangeRisk("untested", "a.py", 0, "no test")
    assert is_reviewed(untested, ReviewedLines.of(thread_with(checked=("tests/test_a.py",))))


def test_clauses_ask_for_each_risk_and_file_until_it_was_seen() -> None:
    files = [modified("a.py", "breakpoint()"), modified("b.py", "y = 1"), modified("uv.lock", "x")]
    risks = [risk for risk in find_risks(ChangeFacts(files)) if risk.kind == "leftover"]
    nothing = ReviewedLines.of(thread_with())
    assert [clause.text for clause in risk_clauses(risks, nothing)] == ["remove or quote a.py:10: debugging"]
    assert [clause.text for clause in file_clauses(files, risks, nothing)] == ["read b.py (1 hunk, +1 -0)"]
    seen = ReviewedLines.of(thread_with(a=10, b=10))
    assert risk_clauses(risks, seen) == file_clauses(files, risks, seen) == []


def test_a_link_is_asked_for_as_one() -> None:
    changed = FileChange("a.py", "T", mode_before="100644", mode="120000", lines_added=1, lines_removed=4)
    added = FileChange("b.py", "A", mode_before="000000", mode="120000", lines_added=1)
    asked = [clause.text for clause in file_clauses([changed, added], [], ReviewedLines.of(thread_with()))]
    assert asked == ["read a.py (a link)", "read b.py (a new link)"]


def test_many_clauses_are_told_by_a_count_of_the_rest() -> None:
    files = [modified(f"f{number:02}.py", "x") for number in range(40)]
    clauses = limit_clauses(file_clauses(files, [], ReviewedLines.of(thread_with())))
    assert len(clauses) == 13
    assert clauses[-1].text == "and 28 more: f12.py, f13.py +26"


def test_the_end_lists_hunks_that_nobody_looked_at_first() -> None:
    files = [modified("a.py", "x"), modified("b.py", "x"), FileChange(".env", "?", why=WITHHELD)]
    hunks = list_hunks(files)
    assert [hunk.path for hunk in hunks] == ["a.py", "b.py"]
    words = [ReviewedLines.of(thread_with(a=10)).coverage_of(hunk) for hunk in hunks]
    assert coverage_line(words) == "2 hunks: 1 quoted, named or in an issue, 1 not reviewed."
    section = coverage_section(hunks, words)
    assert "Not reviewed: `b.py:10`." in section
    assert section.index("`b.py:10` |") < section.index("`a.py:10` |")
