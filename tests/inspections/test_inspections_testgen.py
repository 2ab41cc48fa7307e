"""testgen: which functions no test reaches, and how the project tests, from outlines alone."""

import pytest

from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.inspections.testgen.inspector import convention_facts, find_untested
from stepwarden.inspections.testgen.reachability import reached_from
from stepwarden.inspections.testgen.test_uses import find_test_uses
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline


def outlines(files: dict[str, str]) -> dict[str, Outline]:
    found = {path: parse_outline(path, text.encode()) for path, text in files.items()}
    return {path: one for path, one in found.items() if one is not None}


CODE = outlines(
    {
        "cart.py": "def total(x):\n    return x\n\ndef price(x):\n    if x:\n        return 1\n\nclass Cart: pass\n",
        "Cart.java": "class Cart { int total() { return 1; } }",
    }
)


def test_functions_that_no_test_reaches_are_given_those_with_most_branches_first() -> None:
    assert [item.name for _, item in find_untested(CODE, set())] == ["price", "total"]
    assert [item.name for _, item in find_untested(CODE, {("cart.py", "price")})] == ["total"]
    assert find_untested({}, set()) == []


def test_the_framework_and_the_test_file_that_calls_most_are_told() -> None:
    files = outlines(
        {
            "cart.py": "def total(): pass\n",
            "tests/test_a.py": "import pytest\n",
            "tests/test_b.py": "import pytest\nimport unittest.mock\n",
            "tests/conftest.py": "import pytest\n",
        }
    )
    web = CodeIndex(files, frozenset(path for path in files if path.startswith("tests/")))
    assert convention_facts([web], {"tests/test_b.py": 2}) == ["3 test files, pytest; like tests/test_b.py"]
    assert convention_facts([web], {}) == ["3 test files, pytest; like tests/test_b.py"]


@pytest.mark.parametrize(
    ("imported", "told"),
    [
        ("from unittest import mock", "no framework"),
        ("from unittest.mock import patch", "no framework"),
        ("from unittest import TestCase, mock", "unittest"),
    ],
)
def test_the_mocks_of_unittest_do_not_make_it_the_framework(imported: str, told: str) -> None:
    index = CodeIndex(outlines({"tests/test_a.py": f"{imported}\n"}), frozenset({"tests/test_a.py"}))
    assert convention_facts([index], {}) == [f"1 test file, {told}; like tests/test_a.py"]


def test_a_code_base_without_tests_is_said_to_have_none() -> None:
    assert convention_facts([CodeIndex(outlines({"a.go": "package a\n"}))], {}) == ["No tests yet in go."]


@pytest.mark.parametrize(
    ("test", "framework"),
    [
        ("import { test } from 'node:test'\nimport { before } from 'node:test'\n", "node:test"),
        ("import { describe, it } from 'bun:test'\ndescribe('a', () => {})\n", "bun:test"),
        ("describe('a', () => {\n  before(() => {})\n  it('b', () => {})\n})\n", "mocha"),
        ("describe('a', () => {\n  it('b', () => {})\n})\n", "no framework"),
    ],
)
def test_the_runner_of_javascript_is_told(test: str, framework: str) -> None:
    index = CodeIndex(outlines({"tests/a.test.js": test}), frozenset({"tests/a.test.js"}))
    assert convention_facts([index], {}) == [f"1 test file, {framework}; like tests/a.test.js"]


PROGRAM = "def main():\n    run()\n\n\ndef run():\n    pass\n\n\ndef start():\n    pass\n\n\n"
SCRIPT = "function main() {\n  run()\n}\nfunction run() {}\nfunction start() {}\nmodule.exports = { run }\n"


@pytest.mark.parametrize(
    ("files", "untested"),
    [
        ({"cart.py": f'{PROGRAM}start()\n\nif __name__ == "__main__":\n    print(1)\n\n    main()\n'}, ["main", "run"]),
        ({"cart.py": f"{PROGRAM}if '__main__' == __name__: main()\nstart()\n"}, ["main", "run"]),
        ({"cart.py": PROGRAM, "app.py": "from cart import main, start\n\nmain()\nstart()\n"}, ["main", "run", "start"]),
        ({"cart.py": f"from app import x\n{PROGRAM}", "app.py": "from cart import main, start\nmain()\nstart()\n"}, []),
        ({"cart.js": f"{SCRIPT}start()\nif (require.main === module) {{\n  main()\n}}\n"}, ["main", "run"]),
        ({"cart.js": SCRIPT, "app.js": "const { start } = require('./cart')\nstart()\n"}, ["main", "run", "start"]),
    ],
    ids=["guard", "guard on a line", "script", "imported script", "guard of node", "script of node"],
)
def test_what_only_the_program_runs_is_reached_by_no_test(files: dict[str, str], untested: list[str]) -> None:
    script = "cart.js" in files
    tests = {"cart.test.js": "require('./cart')\n"} if script else {"test_cart.py": "import cart\n"}
    index = CodeIndex(outlines(files | tests), frozenset(tests))
    reached = reached_from(index, (), files.get)
    assert sorted(item.name for _, item in find_untested(index.outlines, reached)) == untested


def test_a_method_and_a_function_of_go_with_one_name_are_apart() -> None:
    files = outlines(
        {
            "shop/run.go": "package shop\n\nfunc (s *Shop) Close() {}\n\nfunc Close() {}\n\nfunc (s *Shop) Open() {}\n",
            "shop/run_test.go": "package shop\n\nfunc TestA(t *testing.T) { s := &Shop{}; s.Close() }\n",
            "web/web_test.go": 'package web\n\nimport "m/shop"\n\nfunc TestB(t *testing.T) { shop.Open() }\n',
        }
    )
    index = CodeIndex(files, frozenset({"shop/run_test.go", "web/web_test.go"}))
    used = find_test_uses(index, set(), lambda _: None).tested
    assert list(used) == [("shop/run.go", "Shop.Close")]
    plain = outlines({"shop/run_test.go": "package shop\n\nfunc TestA(t *testing.T) { Close() }\n"})
    index = CodeIndex(files | plain, frozenset({"shop/run_test.go", "web/web_test.go"}))
    assert list(find_test_uses(index, set(), lambda _: None).tested) == [("shop/run.go", "Close")]
