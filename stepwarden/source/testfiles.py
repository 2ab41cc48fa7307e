"""Which files contain tests, by the names that test runners look for."""

import re

# pytest, unittest; jest, vitest, mocha, node:test; go test; JUnit, NUnit; the conventions of C and C++.
_NAMES = re.compile(
    r"""^(?: test_.*\.pyi? | .*_tests?\.(?:py|go|c|cc|cpp|cxx|rs) | conftest\.py
         | .*[.-](?:test|spec)\.[cm]?[jt]sx? | .*(?:Test|Tests|TestCase|IT)\.(?:java|cs) | test_.*\.(?:c|cc|cpp|cxx)
         )$""",
    re.VERBOSE,
)
_FOLDERS = frozenset({"test", "tests", "__tests__", "testing", "testdata", "spec", "specs", "e2e", "__mocks__"})


def is_test_file(path: str) -> bool:
    """Whether the file of this slash path contains tests, or what only tests use, by its name or one of its folders."""
    *folders, name = path.split("/")
    return bool(_NAMES.match(name)) or any(folder.lower() in _FOLDERS for folder in folders)
