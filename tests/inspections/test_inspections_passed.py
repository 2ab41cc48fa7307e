"""Functions of tables, registries and callbacks are in doubt, not untested; exports and imports are no tables."""

import pytest

from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.inspections.testgen.inspector import find_untested
from stepwarden.inspections.testgen.passed_on import PassedOn
from stepwarden.inspections.testgen.reachability import follow_calls, reached_from
from stepwarden.inspections.testgen.test_uses import find_test_uses
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline
from stepwarden.source.testfiles import is_test_file

PY = "def handle(x):\n    return check(x)\n\n\ndef check(x):\n    return x\n"
JS = "function handle(x) {\n  return check(x)\n}\nfunction check(x) {\n  return x\n}\n"
GO = "package cart\n\nfunc handle(x int) int { return check(x) }\n\nfunc check(x int) int { return x }\n"


def read(path: str, text: str) -> Outline:
    found = parse_outline(path, text.encode())
    assert found is not None
    return found


def judged(files: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the names of what no test reaches, and of what only tables may reach."""
    outlines = {path: read(path, text) for path, text in files.items()}
    index = CodeIndex(outlines, frozenset(filter(is_test_file, outlines)))
    targets = {path: outline for path, outline in outlines.items() if path not in index.tests}
    reached = reached_from(index, find_test_uses(index, targets, files.get).tested, files.get)
    missed = find_untested(targets, reached)
    handed = PassedOn(index, files.get).find(missed)
    doubtful = follow_calls(index, handed, reached | handed)
    keys = [(path, item.qualified) for path, item in missed]
    return [key[1] for key in keys if key not in doubtful], [key[1] for key in keys if key in doubtful]


IN_A_TABLE = {
    "dict": {"cart.py": f'{PY}\nTABLE = {{"a": handle}}\n'},
    "list": {"cart.py": f"{PY}\nHANDLERS = [handle]\n"},
    "registration": {"cart.py": f'{PY}\nregister("a", handle)\n'},
    "keyword": {"cart.py": f'{PY}\napp.add_url_rule("/", view_func=handle)\n'},
    "dict elsewhere": {"cart.py": PY, "routes.py": 'from cart import handle\n\nTABLE = {"a": handle}\n'},
    "module elsewhere": {"cart.py": PY, "routes.py": 'import cart\n\nTABLE = {"a": cart.handle}\n'},
    "another name": {"cart.py": PY, "routes.py": 'from cart import handle as h\n\nTABLE = {"a": h}\n'},
    "package": {"shop/cart.py": PY, "shop/app.py": 'from . import cart\n\nTABLE = {"a": cart.handle}\n'},
    "name put together": {
        "cart.py": f'{PY}\ndef run(kind):\n    getattr(mod, f"han{{kind}}")(1)\n\nrun("x")\n',
        "test_cart.py": "import cart\n",
    },
    "object": {"cart.js": f"{JS}const table = {{ a: handle }}\n"},
    "object of names": {"cart.js": f"{JS}const table = {{ handle }}\n"},
    "route": {"cart.js": f"{JS}app.get('/', handle)\n"},
    "route elsewhere": {
        "cart.js": f"{JS}export {{ handle }}\n",
        "app.js": "import { handle } from './cart.js'\nuse(handle)\n",
    },
    "required": {
        "cart.js": f"{JS}exports.handle = handle\n",
        "app.js": "const { handle } = require('./cart')\nuse(handle)\n",
    },
    "module required": {
        "cart.js": f"{JS}exports.handle = handle\n",
        "app.js": "const c = require('./cart')\nuse(c.handle)\n",
    },
    "exported by another name": {"cart.js": f"{JS}module.exports = {{ 'GET /': handle }}\n"},
    "map": {"cart.go": f'{GO}\nvar table = map[string]func(int) int{{"a": handle}}\n'},
    "map beside": {"cart.go": GO, "table.go": 'package cart\n\nvar table = map[string]func(int) int{"a": handle}\n'},
    "mux": {"cart.go": f'{GO}\nfunc init() {{ mux.HandleFunc("/", handle) }}\n'},
}


@pytest.mark.parametrize("files", [pytest.param(files, id=case) for case, files in IN_A_TABLE.items()])
def test_what_stands_in_a_table_is_in_doubt_with_all_that_it_calls(files: dict[str, str]) -> None:
    assert judged(files) == ([], ["handle", "check"])


NO_TABLE = {
    "alone": {"cart.py": PY},
    "listed as public": {"cart.py": f'{PY}\n__all__ = ["handle"]\n'},
    "imported": {"cart.py": PY, "app.py": "from cart import (\n    handle,\n)\n"},
    "imported on two lines": {"cart.py": PY, "app.py": "from cart import check, \\\n    handle\n"},
    "a parameter": {"cart.py": PY, "app.py": "import cart\n\nrun(handle=1)\n"},
    "exported": {"cart.js": f"{JS}export {{ handle, check }}\n"},
    "exported alone": {"cart.js": f"{JS}exports.handle = handle\nmodule.exports.check = check;\n"},
    "exported together": {"cart.js": f"{JS}module.exports = {{\n  handle,\n  check: check,\n}}\n"},
    "default": {"cart.js": f"{JS}export default handle\n"},
    "constants": {"cart.js": "export const handle = (x) => check(x)\nconst check = function (x) { return x }\n"},
    "passed through": {"cart.js": JS, "index.js": "export { handle } from './cart.js'\n"},
    "typed": {"cart.ts": f"{JS}type Handler = typeof handle\n"},
    "a key": {"cart.js": f"{JS}const sizes = {{ handle: 1 }}\n"},
    "go": {"cart.go": GO},
    "a field": {"cart.go": GO, "b.go": "package cart\n\nvar s = shape{handle: 1}\n"},
}


@pytest.mark.parametrize("files", [pytest.param(files, id=case) for case, files in NO_TABLE.items()])
def test_what_is_only_imported_or_exported_is_untested(files: dict[str, str]) -> None:
    assert judged(files) == (["handle", "check"], [])


BY_TESTS = {
    "parametrize": {
        "cart.py": PY,
        "tests/test_a.py": (
            "from cart import handle\nimport pytest\n\n@pytest.mark.parametrize('f', [handle])\n"
            "def test_a(f):\n    assert f(1)\n"
        ),
    },
    "parametrize by module": {
        "cart.py": PY,
        "tests/test_a.py": (
            "import cart, pytest\n\n@pytest.mark.parametrize('f', [cart.handle])\ndef test_a(f):\n    assert f(1)\n"
        ),
    },
    "each": {
        "cart.js": f"{JS}export {{ handle }}\n",
        "tests/a.test.js": (
            "import { handle } from '../cart.js'\nit.each([handle])('a', (f) => { expect(f(1)).toBe(1) })\n"
        ),
    },
    "table of go": {
        "cart.go": GO,
        "cart_test.go": (
            'package cart\n\nimport "testing"\n\nfunc TestAll(t *testing.T) {\n\tfor _, tt := range []struct {\n'
            '\t\tname string\n\t\tfn func(int) int\n\t}{{"a", handle}} {\n\t\tif tt.fn(1) != 1 {\n\t\t\tt.Fatal()\n'
            "\t\t}\n\t}\n}\n"
        ),
    },
}


@pytest.mark.parametrize("files", [pytest.param(files, id=case) for case, files in BY_TESTS.items()])
def test_what_stands_in_a_table_of_a_test_is_tested(files: dict[str, str]) -> None:
    assert judged(files) == ([], [])


def test_a_table_of_a_skipped_test_is_no_use() -> None:
    test = (
        "from cart import handle\nimport pytest\n\n@pytest.mark.skip\n"
        "def test_a():\n    for f in [handle]:\n        assert f(1)\n"
    )
    assert judged({"cart.py": PY, "tests/test_a.py": test}) == (["handle", "check"], [])


@pytest.mark.parametrize(
    ("use", "doubt"), [("run(table[kind](1))", True), ("serve(table)", True), ("table.name", False), ("", False)]
)
def test_methods_of_an_object_are_in_doubt_where_it_is_indexed_or_passed_on(use: str, doubt: bool) -> None:
    code = f"const table = {{\n  handle(x) {{ return 1 }},\n}}\n{use}\n"
    assert judged({"cart.js": code}) == (([], ["table.handle"]) if doubt else (["table.handle"], []))


def test_a_method_with_a_name_of_many_is_in_doubt_where_that_name_is_called() -> None:
    classes = "".join(f"class C{number}:\n    def run(self):\n        return {number}\n\n" for number in range(30))
    code = f"{classes}def start(x):\n    return TABLE[x]().run()\n\n\nstart(1)\n"
    untested, doubtful = judged({"cart.py": code, "test_cart.py": "import cart\n"})
    assert (untested, len(doubtful)) == ([], 30)
    untested, doubtful = judged({"cart.py": classes})
    assert (len(untested), doubtful) == (30, [])
