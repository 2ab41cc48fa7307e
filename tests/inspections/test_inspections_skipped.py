"""Tests that never run or check nothing: what says so in each language, and what only seems to."""

import pytest

from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.inspections.testgen.test_cases import find_tests
from stepwarden.inspections.testgen.test_uses import find_test_uses
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline


def read(path: str, text: str) -> Outline:
    found = parse_outline(path, text.encode())
    assert found is not None
    return found


def skipped_in(path: str, text: str) -> list[str]:
    return [case.name for case in find_tests(read(path, text), text) if case.skipped]


def empty_in(path: str, text: str) -> list[str]:
    return [case.name for case in find_tests(read(path, text), text) if case.empty]


PYTHON_SKIPS = {
    "module mark": "pytestmark = pytest.mark.skip\ndef test_a():\n    assert total([])\n",
    "module mark with a reason": "pytestmark = pytest.mark.skip(reason='x')\ndef test_a():\n    assert total([])\n",
    "list of marks": "pytestmark = [\n    pytest.mark.slow,\n    pytest.mark.skip,\n]\ndef test_a():\n    assert 1\n",
    "module skip": "pytest.skip('x', allow_module_level=True)\ndef test_a():\n    assert total([])\n",
    "module exception": "raise unittest.SkipTest('x')\ndef test_a():\n    assert total([])\n",
    "not a test": "__test__ = False\ndef test_a():\n    assert total([])\n",
    "class mark": "@unittest.skip('x')\nclass TestA:\n    def test_a(self):\n        assert total([])\n",
    "class attribute": "class TestA:\n    pytestmark = pytest.mark.skip\n    def test_a(self):\n        assert 1\n",
    "set-up": "class A:\n    def setUp(self):\n        self.skipTest('x')\n    def test_a(self):\n        assert 1\n",
    "set-up of the module": "def setup_module():\n    pytest.skip('x')\ndef test_a():\n    assert total([])\n",
    "fixture for all": (
        "@pytest.fixture(autouse=True)\ndef off():\n    pytest.skip('x')\ndef test_a():\n    assert total([])\n"
    ),
    "first statement": "def test_a():\n    pytest.skip('x')\n    assert total([])\n",
    "raised": "def test_a():\n    x = 1\n    raise unittest.SkipTest('x')\n",
    "named mark": "later = pytest.mark.skip(reason='x')\n@later\ndef test_a():\n    assert total([])\n",
    "always": "@pytest.mark.skipif(True, reason='x')\ndef test_a():\n    assert total([])\n",
}
PYTHON_RUNS = {
    "module condition": "pytestmark = pytest.mark.skipif(WIN, reason='x')\ndef test_a():\n    assert total([])\n",
    "module in a branch": "if WIN:\n    pytest.skip('x', allow_module_level=True)\ndef test_a():\n    assert 1\n",
    "branch": "def test_a():\n    if WIN:\n        pytest.skip('x')\n    assert total([])\n",
    "branch on one line": "def test_a():\n    if WIN: pytest.skip('x')\n    assert total([])\n",
    "set-up in a branch": (
        "class TestA:\n    def setUp(self):\n        if WIN:\n            self.skipTest('x')\n"
        "    def test_a(self):\n        assert total([])\n"
    ),
    "conditional failure": "@pytest.mark.xfail(WIN, reason='x')\ndef test_a():\n    assert total([])\n",
    "another class": "@unittest.skip('x')\nclass TestB:\n    pass\ndef test_a():\n    assert total([])\n",
    "the word": "def test_a():\n    assert total(skip=True)  # pytest.skip('x')\n",
    "after the check": "def test_a():\n    assert total([])\n    pytest.skip('the rest')\n",
    "other fixture": "@pytest.fixture\ndef off():\n    pytest.skip('x')\ndef test_a():\n    assert total([])\n",
}
SCRIPT_SKIPS = {
    "it.skip": "it.skip('a', () => { expect(total([])).toBe(1) })\n",
    "xit": "xit('a', () => { expect(total([])).toBe(1) })\n",
    "xtest": "xtest('a', () => { expect(total([])).toBe(1) })\n",
    "test.todo": "test.todo('a')\n",
    "test.failing": "test.failing('a', () => { expect(total([])).toBe(1) })\n",
    "describe.skip": "describe.skip('x', () => {\n  it('a', () => { expect(1) })\n})\n",
    "xdescribe": "xdescribe('x', () => {\n  describe('y', () => {\n    it('a', () => { expect(1) })\n  })\n})\n",
    "describe.skip.each": "describe.skip.each([1])('x', () => {\n  it('a', () => { expect(1) })\n})\n",
    "mocha": "it('a', function () {\n  this.skip()\n  expect(total([])).to.equal(1)\n})\n",
    "mocha's hook": (
        "describe('x', function () {\n  before(function () { this.skip() })\n  it('a', () => { expect(1) })\n})\n"
    ),
    "node's option": "test('a', { skip: true }, () => { assert.equal(total([]), 1) })\n",
    "node's reason": "test('a', { skip: 'not yet' }, () => { assert.equal(total([]), 1) })\n",
    "node's todo": "it('a', { todo: true }, () => { assert.equal(total([]), 1) })\n",
    "node's suite": "describe('x', { skip: true }, () => {\n  it('a', () => { assert(1) })\n})\n",
    "node's context": "test('a', (t) => {\n  t.skip('later')\n  assert.equal(total([]), 1)\n})\n",
    "bun": "test.skip('a', async () => { expect(total([])).toBe(1) })\n",
    "table": "it.skip.each([1])('a', () => { expect(1) })\n",
    "playwright": "test('a', async ({ page }) => {\n  test.skip()\n  expect(1)\n})\n",
    "playwright's suite": "test.describe.skip('x', () => {\n  test('a', () => { expect(1) })\n})\n",
    "jasmine": "it('a', () => {\n  pending()\n  expect(1)\n})\n",
    "qunit": "QUnit.test.skip('a', (assert) => { assert.equal(1, 1) })\n",
}
SCRIPT_RUNS = {
    "condition": "it('a', function () {\n  if (win) this.skip()\n  expect(1)\n})\n",
    "condition above": "it('a', function () {\n  if (win)\n    this.skip()\n  expect(1)\n})\n",
    "condition in braces": "it('a', function () {\n  if (win) {\n    this.skip()\n  }\n  expect(1)\n})\n",
    "short circuit": "it('a', function () {\n  win && this.skip()\n  expect(1)\n})\n",
    "skipIf": "test.skipIf(win)('a', () => { expect(1) })\n",
    "option by condition": "test('a', { skip: win }, () => { expect(1) })\n",
    "option off": "test('a', { skip: false }, () => { expect(1) })\n",
    "beside": "describe.skip('x', () => {})\nit('a', () => { expect(1) })\n",
    "a method": "it('a', () => {\n  cursor.skip()\n  expect(cursor.row)\n})\n",
    "playwright's condition": "test('a', async () => {\n  test.skip(win, 'x')\n  expect(1)\n})\n",
    "in the data": "it('a', () => { expect(parse({ skip: true })).toBe(1) })\n",
}
GO = 'package a\n\nimport "testing"\n\nfunc Test_a(t *testing.T) {\n'
GO_SKIPS = {
    "t.Skip": f'{GO}\tt.Skip("x")\n\tTotal()\n}}\n',
    "t.SkipNow": f"{GO}\tx := 1\n\t_ = x\n\tt.SkipNow()\n}}\n",
    "suite": "package a\n\nfunc (s *Suite) Test_a() {\n\ts.T().Skip()\n\tTotal()\n}\n",
    "never built": f"//go:build ignore\n\n{GO}\tif Total() != 1 {{\n\t\tt.Fatal()\n\t}}\n}}\n",
}
GO_RUNS = {
    "short": f"{GO}\tif testing.Short() {{\n\t\tt.Skip()\n\t}}\n\tif Total() != 1 {{\n\t\tt.Fatal()\n\t}}\n}}\n",
    "built elsewhere": f"//go:build integration\n\n{GO}\tTotal()\n}}\n",
    "paging": f"{GO}\tq = q.Skip(3)\n\tif q.Total() != 1 {{\n\t\tt.Fatal()\n\t}}\n}}\n",
}
OTHER_SKIPS = {
    ("tests/a.rs", "rust"): '#[test]\n#[ignore = "slow"]\nfn test_a() { assert_eq!(total(), 1); }\n',
    ("tests/b.rs", "rust's async"): "#[ignore]\n#[tokio::test]\nasync fn test_a() { assert!(true); }\n",
    (
        "ATest.java",
        "method",
    ): 'class ATest {\n  @Test\n  @Disabled("x")\n  void test_a() { assertEquals(1, f()); }\n}\n',
    ("BTest.java", "class"): "@Ignore\nclass BTest {\n  @Test\n  void test_a() { assertEquals(1, f()); }\n}\n",
    ("CTest.java", "testng"): "class CTest {\n  @Test(enabled = false)\n  void test_a() { f(); }\n}\n",
    ("ATests.cs", "xunit"): 'class A {\n  [Fact(Skip = "x")]\n  public void test_a() { Assert.Equal(1, 1); }\n}\n',
    ("BTests.cs", "nunit"): 'class A {\n  [Test]\n  [Ignore("x")]\n  public void test_a() { Assert.That(1); }\n}\n',
}
OTHER_RUNS = {
    ("tests/a.rs", "another"): "#[test]\n#[ignore]\nfn b() {}\n#[test]\nfn test_a() { assert!(true); }\n",
    ("ATest.java", "by system"): "class A {\n  @Test\n  @DisabledOnOs(OS.MAC)\n  void test_a() { f(); }\n}\n",
}
KINDS = [
    ("tests/test_a.py", PYTHON_SKIPS, "test_a"),
    ("tests/a.test.js", SCRIPT_SKIPS, "a"),
    ("tests/a.test.ts", SCRIPT_SKIPS, "a"),
    ("a_test.go", GO_SKIPS, "Test_a"),
]


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        *(
            pytest.param(path, text, name, id=f"{path} {case}")
            for path, texts, name in KINDS
            for case, text in texts.items()
        ),
        *(pytest.param(path, text, "test_a", id=f"{path} {case}") for (path, case), text in OTHER_SKIPS.items()),
    ],
)
def test_what_never_runs_is_skipped(path: str, text: str, name: str) -> None:
    assert skipped_in(path, text) == [name]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        *(pytest.param("tests/test_a.py", text, id=f"python {case}") for case, text in PYTHON_RUNS.items()),
        *(pytest.param("tests/a.test.js", text, id=f"script {case}") for case, text in SCRIPT_RUNS.items()),
        *(pytest.param("a_test.go", text, id=f"go {case}") for case, text in GO_RUNS.items()),
        *(pytest.param(path, text, id=f"{path} {case}") for (path, case), text in OTHER_RUNS.items()),
    ],
)
def test_what_runs_somewhere_is_not_skipped(path: str, text: str) -> None:
    found = find_tests(read(path, text), text)
    assert [case.skipped for case in found if case.name in {"a", "test_a", "Test_a"}] == [False]


def test_a_skipped_subtest_of_go_has_the_name_that_go_gives_it() -> None:
    text = (
        f'{GO}\tt.Run("one", func(t *testing.T) {{\n\t\tt.Skip()\n\t}})\n\tt.Run("two", func(t *testing.T) {{}})\n}}\n'
    )
    assert skipped_in("a_test.go", text) == ["Test_a/one"]


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("tests/test_a.py", "def test_a():\n    pass\n", ["test_a"]),
        ("tests/test_a.py", "def test_a() -> None: ...\n", ["test_a"]),
        ("tests/test_a.py", 'def test_a(\n    one: dict[str, int],\n):\n    """Adds."""\n    # later\n', ["test_a"]),
        ("tests/test_a.py", "def test_a():\n    assert total([])\n", []),
        ("tests/a.test.js", "it('a', () => {})\nit('b')\nit('c', run)\nit('d', () => expect(1))\n", ["a", "b"]),
        ("a_test.go", f"{GO}\t// later\n}}\n", ["Test_a"]),
        ("a_test.go", f"{GO}\tt.Fatal()\n}}\n", []),
        ("ATest.java", "class ATest {\n  @Test\n  void adds() {\n    // later\n  }\n}\n", ["adds"]),
        ("tests/a.rs", "#[test]\nfn adds() {}\n", ["adds"]),
    ],
)
def test_a_test_without_a_statement_is_empty(path: str, text: str, names: list[str]) -> None:
    assert empty_in(path, text) == names


CODE = {
    "cart.py": "def total(lines):\n    return 1\n",
    "cart.js": "export function total(lines) {\n  return 1\n}\n",
    "cart.go": "package cart\n\nfunc Total() int { return 1 }\n",
}
IMPORTS = {
    "cart.py": "from cart import total\nimport pytest, unittest\n",
    "cart.js": "import { total } from '../cart.js'\n",
}


@pytest.mark.parametrize(
    ("source", "path", "text", "why"),
    [
        *(("cart.py", "tests/test_a.py", text, "is skipped") for text in PYTHON_SKIPS.values() if "total" in text),
        *(("cart.js", "tests/a.test.js", text, "is skipped") for text in SCRIPT_SKIPS.values() if "total" in text),
        ("cart.py", "tests/test_a.py", "def test_a():\n    total([])\n", "asserts nothing"),
        ("cart.js", "tests/a.test.js", "it('a', () => { total([]) })\n", "asserts nothing"),
        (
            "cart.go",
            "cart_test.go",
            f'{GO}\tt.Skip("x")\n\tif Total() != 1 {{\n\t\tt.Fatal()\n\t}}\n}}\n',
            "is skipped",
        ),
        ("cart.go", "cart_test.go", f"{GO}\tTotal()\n}}\n", "asserts nothing"),
    ],
)
def test_what_only_such_tests_use_is_untested_and_the_test_is_named(
    source: str, path: str, text: str, why: str
) -> None:
    text = IMPORTS.get(source, "") + text.replace("package a", "package cart")
    index = CodeIndex({source: read(source, CODE[source]), path: read(path, text)}, frozenset({path}))
    uses = find_test_uses(index, {source}, {path: text}.get)
    assert uses.tested == {}
    ((key, test),) = uses.void.items()
    assert (key[1].lower(), test.path, test.name.lower()[-1], test.why) == ("total", path, "a", why)


@pytest.mark.parametrize(
    "text",
    [
        "from cart import total\ndef test_a():\n    pass\n",
        "from cart import (\n    total,\n)\ndef test_a():\n    assert 1 == 1\n",
    ],
)
def test_an_import_alone_is_no_use(text: str) -> None:
    path = "tests/test_a.py"
    index = CodeIndex({"cart.py": read("cart.py", CODE["cart.py"]), path: read(path, text)}, frozenset({path}))
    assert find_test_uses(index, {"cart.py"}, {path: text}.get).tested == {}


def test_a_live_test_beside_a_skipped_one_counts() -> None:
    path = "tests/test_a.py"
    tests = "@pytest.mark.skip\ndef test_a():\n    assert total([])\ndef test_b():\n    assert total([])\n"
    text = f"{IMPORTS['cart.py']}{tests}"
    index = CodeIndex({"cart.py": read("cart.py", CODE["cart.py"]), path: read(path, text)}, frozenset({path}))
    uses = find_test_uses(index, {"cart.py"}, {path: text}.get)
    assert (uses.tested, uses.void) == ({("cart.py", "total"): [path]}, {})


def test_a_test_that_leaves_the_assertion_to_a_helper_counts() -> None:
    path, helper = "tests/test_a.py", "tests/helpers.py"
    text = "from cart import total\nfrom helpers import price_is\ndef test_a():\n    price_is(total([]))\n"
    helping = "def price_is(value):\n    assert value\n"
    outlines = {"cart.py": read("cart.py", CODE["cart.py"]), path: read(path, text), helper: read(helper, helping)}
    uses = find_test_uses(CodeIndex(outlines, frozenset({path, helper})), {"cart.py"}, {path: text}.get)
    assert uses.tested == {("cart.py", "total"): [path]}
