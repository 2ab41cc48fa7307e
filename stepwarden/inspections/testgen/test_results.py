"""What tests did when they ran: results from a JUnit file, and from the output of a command that an agent reports."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pyexpat import ExpatError, ParserCreate

MOST_RESULTS = 50_000
MOST_TITLES = 5_000  # results whose titles are looked through for the end of one
MOST_OUTPUT = 1_000_000  # characters of one output that are read
FAILED, SKIPPED, PASSED = "failed", "skipped", "passed"
STATUSES: tuple[str, ...] = (PASSED, FAILED, SKIPPED)


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test that ran or was skipped; `where` is its file, class or package as the runner names it, "" for none."""

    __test__ = False  # pytest

    name: str
    where: str
    status: str


class _Refused(Exception):
    """The file is not read, for this reason."""


def read_junit(data: bytes) -> list[TestResult] | str:
    """Return the results of a JUnit file, or in words why it is none that is read: entities are never expanded."""
    reader = _JunitReader()
    try:
        reader.read(data)
    except _Refused as refused:
        return str(refused)
    except ExpatError as error:
        return f"is no XML: line {error.lineno}"
    return reader.found if reader.root in {"testsuites", "testsuite"} else "is no JUnit file"


class _JunitReader:
    def __init__(self) -> None:
        self.root = ""
        self.found: list[TestResult] = []
        self._case: tuple[str, str] | None = None
        self._status = PASSED

    def read(self, data: bytes) -> None:
        parser = ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._declare
        parser.Parse(data, True)

    def _declare(self, *_: object) -> None:
        raise _Refused("declares entities, so it is not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.root = self.root or tag
        if tag == "testcase":
            if len(self.found) >= MOST_RESULTS:
                raise _Refused(f"has more than {MOST_RESULTS:,} tests, so it is not read")
            self._case = attributes.get("name", ""), attributes.get("file") or attributes.get("classname", "")
            self._status = PASSED
        elif tag in {"failure", "error"}:
            self._status = FAILED
        elif tag == "skipped" and self._status == PASSED:
            self._status = SKIPPED

    def _end(self, tag: str) -> None:
        if tag == "testcase" and self._case is not None:
            self.found.append(TestResult(*self._case, self._status))
            self._case = None


_PYTEST = re.compile(
    r"^(?:\[gw\d+\]\s*(?:\[\s*\d+%\]\s*)?)?(?:(?P<first>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\s+)?"
    r"(?P<file>[\w./\\-]+\.py)::(?P<name>[^\s\[]+(?:\[.*?\])?)(?:\s+(?P<last>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS))?",
    re.MULTILINE,
)
_GO = re.compile(r"^\s*--- (?P<status>PASS|FAIL|SKIP): (?P<name>\S+)", re.MULTILINE)
_CARGO = re.compile(r"^test (?P<name>\S+)(?: - should panic)? \.\.\. (?P<status>ok|FAILED|ignored)", re.MULTILINE)
_GOOD, _BAD, _LEFT = "\u2713\u2714\u221a", "\u2717\u2718\u00d7\u2715", "\u25cb\u2193"
_SCRIPT = re.compile(
    rf"^\s*(?P<status>[{_GOOD}{_BAD}{_LEFT}]|ok \d+|not ok \d+)\s+(?:skipped\s+|- )?"
    r"(?P<name>\S.*?)(?:\s+\(?\d+(?:\.\d+)?\s*m?s\)?)?\s*$",
    re.MULTILINE,
)
_WORDS = {
    **dict.fromkeys(("PASSED", "XPASS", "PASS", "ok", *_GOOD), PASSED),
    **dict.fromkeys(("FAILED", "ERROR", "FAIL", "not", *_BAD), FAILED),
    **dict.fromkeys(("SKIPPED", "XFAIL", "SKIP", "ignored", *_LEFT), SKIPPED),
}
_COUNTS = re.compile(r"(?P<number>\d+) (?P<word>passed|failed|skipped|todo|ignored|errors?)\b")
_COUNTED_BY = {"failed": FAILED, "error": FAILED, "errors": FAILED, "passed": PASSED}


def read_output(text: str) -> list[TestResult]:
    """Return the results that the output of pytest, vitest, jest, go test or cargo test names, each test once."""
    text = text[:MOST_OUTPUT]
    found: dict[tuple[str, str], str] = {}
    for match in _PYTEST.finditer(text):
        if word := match["first"] or match["last"]:
            found[match["file"], match["name"]] = _WORDS[word]
    if not found:
        for pattern in (_GO, _CARGO, _SCRIPT):
            found |= {("", item["name"]): _WORDS[item["status"].split(" ")[0]] for item in pattern.finditer(text)}
    return [TestResult(name, where, status) for (where, name), status in found.items()][:MOST_RESULTS]


def count_output(text: str) -> dict[str, int]:
    """Return the numbers of the last summary in an output: `2 failed, 10 passed`."""
    for line in reversed(text[-20_000:].splitlines()):
        numbers = [(item["word"], int(item["number"][:9])) for item in _COUNTS.finditer(line)]
        if numbers and not line.lstrip().startswith(("Test Files", "Test Suites")):
            counted = dict.fromkeys(STATUSES, 0)
            for word, number in numbers:
                counted[_COUNTED_BY.get(word, SKIPPED)] += number
            return counted
    return {}


def count_results(results: Iterable[TestResult]) -> dict[str, int]:
    """Return how many tests passed, failed and were skipped."""
    counted = dict.fromkeys(STATUSES, 0)
    for result in results:
        counted[result.status] += 1
    return counted


@dataclass(frozen=True)
class ResultIndex:
    """Results by the names of tests; later ones stand for earlier ones of the same test."""

    results: Sequence[TestResult]

    def status_of(self, path: str, name: str) -> str:
        """Return what a test of a file did: failed where one of its cases did, skipped where all were, "" unknown."""
        found = {status for where, status in self._of(name) if _is_in(path, where)}
        if FAILED in found:
            return FAILED
        return SKIPPED if found == {SKIPPED} else PASSED if found else ""

    def _of(self, name: str) -> Iterator[tuple[str, str]]:
        yield from self._by_name.get(name, ())
        if " " in name and len(self._latest) <= MOST_TITLES:  # jest puts the titles of its groups before
            for (where, full), status in self._latest.items():
                if full.endswith(f" {name}"):
                    yield where, status

    @cached_property
    def _latest(self) -> dict[tuple[str, str], str]:
        return {(result.where, result.name): result.status for result in self.results}

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[str, str]]]:
        named: dict[str, list[tuple[str, str]]] = {}
        for (where, full), status in self._latest.items():
            bare = full.partition("[")[0]
            for name in {full, bare, re.split(r"::|\.| > | \u203a ", bare)[-1]}:
                named.setdefault(name, []).append((where, status))
        return named


def _is_in(path: str, where: str) -> bool:
    """Whether a test of `where`, as its runner names it, may stand in a file."""
    plain = where.replace("\\", "/")
    if not plain or plain.endswith(path) or path.endswith(plain):
        return True
    dotted = path.rpartition(".")[0].replace("/", ".")
    return re.search(
        rf"(?:^|\.){re.escape(dotted.rpartition('.')[2])}(?:\.|$)", plain.replace("/", ".")
    ) is not None and (
        plain.startswith(dotted) or f".{dotted}".endswith(f".{plain}") or dotted.endswith(plain.rpartition(".")[0])
    )
