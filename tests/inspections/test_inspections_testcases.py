"""The tests of a file, one by one: what is a test, what asserts, what calls the code it is for."""

import pytest

from stepwarden.inspections.testgen.baseline import Baseline, encode_baseline
from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.inspections.testgen.passed_names import find_passed_names
from stepwarden.inspections.testgen.reachability import reached_from
from stepwarden.inspections.testgen.test_cases import FoundTest, calls_code, find_tests
from stepwarden.inspections.testgen.test_uses import find_test_uses
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Language, Outline

CART = "def total(lines):\n    return _sum(lines)\n\n\ndef _sum(lines):\n    return 1\n\n\ndef lonely():\n    pass\n"
CART_JS = "export function total(lines) {\n  return lines.length\n}\n"


def read(path: str, text: str) -> Outline:
    found = parse_outline(path, text.encode())
    assert found is not None
    return found


def web_of(**texts: str) -> CodeIndex:
    named = {path.replace("__", "/").replace("_DOT_", "."): text for path, text in texts.items()}
    outlines = {path: read(path, text) for path, text in named.items()}
    return CodeIndex(outlines, frozenset(path for path in outlines if path.startswith("tests/")))


def cases(path: str, text: str) -> list[FoundTest]:
    return find_tests(read(path, text), text)


def calls(source: str, path: str, test: str, helpers: dict[str, str] | None = None) -> list[bool]:
    """Return of each test in `test` whether it calls something of cart."""
    texts = {source: CART if source.endswith(".py") else CART_JS, path: test, **(helpers or {})}
    outlines = {name: read(name, text) for name, text in texts.items()}
    web = CodeIndex(outlines, frozenset(name for name in texts if name != source))
    around = [path, *(helpers or {})]
    return [calls_code(case, path, web, {source}, around) for case in find_tests(outlines[path], test)]


def test_tests_are_functions_by_name_and_methods_but_no_fixtures_and_no_inner_functions() -> None:
    text = (
        "import pytest\n@pytest.fixture\ndef test_data():\n    return 1\n\n"
        "def test_one():\n    def test():\n        pass\n    assert 1\n\n"
        "class TestCart:\n    def test_two(self):\n        assert 1\n    def other(self):\n        pass\n"
    )
    assert [(case.name, case.line) for case in cases("tests/test_a.py", text)] == [("test_one", 6), ("test_two", 12)]


def test_tests_of_javascript_are_calls_with_a_title() -> None:
    text = (
        "describe('cart', () => {\n  it('adds (all)', async () => {\n    expect(total([1])).toBe(1)\n  })\n"
        '  it.each([1])("does nothing", () => {\n    total([])\n  })\n})\n'
    )
    found = cases("tests/a.test.js", text)
    assert [(case.name, case.line, case.end_line, case.asserts) for case in found] == [
        ("adds (all)", 2, 4, True),
        ("does nothing", 5, 7, False),
    ]


@pytest.mark.parametrize(
    ("body", "asserts"),
    [
        ("    assert total([]) == 1", True),
        ("    total([])", False),
        ("    with pytest.raises(ValueError):\n        total(None)", True),
        ("    self.assertEqual(total([]), 1)", True),
        ("    check_total(total([]))", True),
        ("    price_is(total([]))", True),
        ("    # assert total([]) == 1\n    total([])", False),
        ("    'assert this'\n    total([])", False),
    ],
)
def test_a_test_asserts_by_itself_or_by_a_helper_that_does(body: str, asserts: bool) -> None:
    text = f"def price_is(value):\n    assert value == 1\n\n\ndef test_assertive():\n{body}\n"
    assert [case.asserts for case in cases("tests/test_a.py", text)] == [asserts]


@pytest.mark.parametrize(
    ("test", "does"),
    [
        ("from cart import total\ndef test_a():\n    assert total([1])\n", True),
        ("import cart\ndef test_a():\n    assert cart.total([1])\n", True),
        ("from cart import total\ndef make():\n    return total([1])\ndef test_a():\n    assert make()\n", True),
        ("from cart import total\ndef test_a(cart_total):\n    assert cart_total\n", True),
        ("from cart import total\ndef test_a(client):\n    assert client.get('/total')\n", True),
        ("from cart import total\ndef test_a():\n    assert 1 + 1 == 2\n", False),
        ("def test_a():\n    assert len([1])\n", False),
    ],
)
def test_a_test_calls_the_code_by_itself_by_a_helper_or_by_a_fixture(test: str, does: bool) -> None:
    helpers = {"tests/conftest.py": "from cart import total\ndef cart_total():\n    return total([1])\n"}
    assert calls("cart.py", "tests/test_cart.py", test, helpers) == [does]


def test_a_test_of_javascript_calls_the_code_through_its_hooks_too() -> None:
    text = (
        "import { total } from '../cart.js'\nlet sum\nbeforeEach(() => {\n  sum = total([1])\n})\n"
        "it('counts', () => {\n  expect(sum).toBe(1)\n})\n"
    )
    assert calls("cart.js", "tests/cart.test.js", text) == [True]
    assert calls("cart.js", "tests/cart.test.js", "it('counts', () => {\n  expect(1).toBe(1)\n})\n") == [False]


def test_a_helper_of_go_that_asserts_is_known_by_its_name() -> None:
    text = "package a\n\nfunc TestA(t *testing.T) {\n\ttester.AssertRedirect(1)\n}\n"
    assert [case.asserts for case in cases("a_test.go", text)] == [True]


def test_only_tests_that_are_new_since_the_thread_began_are_checked() -> None:
    old = read("tests/test_a.py", "def test_old():\n    pass\n")
    before = Baseline.decoded(encode_baseline({"tests/test_a.py": old, "cart.py": read("cart.py", CART)}))
    text = "def test_old():\n    pass\n\n\ndef test_new():\n    pass\n"
    assert before.is_unchanged(old)
    assert not before.is_unchanged(read("tests/test_a.py", text))
    assert [case.name for case in before.new_tests("tests/test_a.py", cases("tests/test_a.py", text))] == ["test_new"]
    everything = before.new_tests("tests/test_b.py", cases("tests/test_b.py", text))
    assert [case.name for case in everything] == ["test_old", "test_new"]
    assert not Baseline.decoded(None).is_unchanged(old)


def test_what_tests_call_leads_on_to_what_that_calls() -> None:
    web = web_of(
        cart_DOT_py=CART, tests__test_cart_DOT_py="from cart import total\ndef test_a():\n    assert total([])\n"
    )
    direct = find_test_uses(web, (), {}.get).tested
    assert direct == {("cart.py", "total"): ["tests/test_cart.py"]}
    assert reached_from(web, direct, {}.get) == {("cart.py", "total"), ("cart.py", "_sum")}


@pytest.mark.parametrize(
    ("mark", "skipped"),
    [
        ("@pytest.mark.skip", True),
        ("@pytest.mark.skip(reason='later')", True),
        ("@pytest.mark.xfail(strict=True)", True),
        ("@unittest.expectedFailure", True),
        ("@pytest.mark.skipif(sys.platform == 'win32', reason='skip')", False),
        ("@pytest.mark.slow", False),
    ],
)
def test_a_test_that_is_skipped_or_expected_to_fail_covers_nothing(mark: str, skipped: bool) -> None:
    test = f"import pytest\nfrom cart import total\n\n{mark}\ndef test_a():\n    assert total([])\n"
    web = web_of(cart_DOT_py=CART, tests__test_cart_DOT_py=test)
    assert [case.skipped for case in cases("tests/test_cart.py", test)] == [skipped]
    assert (("cart.py", "total") in find_test_uses(web, (), {}.get).tested) is not skipped


def test_a_call_of_javascript_that_is_skipped_is_known() -> None:
    text = "it.skip('a', () => {})\ntest.todo('b')\nit('c', () => {})\ntest.skipIf(win)('d', () => {})\n"
    assert [case.skipped for case in cases("tests/a.test.js", text)] == [True, True, False, False]


def test_an_init_function_of_go_runs_without_a_call() -> None:
    web = web_of(cart_DOT_go="package cart\n\nfunc init() {\n\tfill()\n}\n\nfunc fill() {}\n\nfunc lonely() {}\n")
    assert reached_from(web, (), {}.get) == {("cart.go", "init"), ("cart.go", "fill")}


def test_tests_of_mocha_may_be_called_specify() -> None:
    assert [case.name for case in cases("tests/a.test.js", "specify('adds', () => {\n  expect(1)\n})\n")] == ["adds"]


def test_what_is_named_without_a_call_is_passed_on() -> None:
    assert "lonely" in find_passed_names("run(lonely)\n", Language.PYTHON).names
    assert "lonely" not in find_passed_names("def lonely():\n    pass\nlonely()\n", Language.PYTHON).names
