"""Which file an import means: CommonJS, packages of a workspace, modules of Python and Go; and what is only guessed."""

import json
from pathlib import Path

import pytest
from graph_trees import graph, meant, targets

from stepwarden.inspections.shared.manifests import DEPTH, read_package_names
from stepwarden.source.graph.symbols import Symbol

COMMONJS = {
    "a function that is the module": (
        "function run() {}\nmodule.exports = run",
        "const r = require('./x')\nr()",
        "run",
    ),
    "a function without a name": ("module.exports = function () {}", "const r = require('./x')\nr()", "default"),
    "an arrow function": ("module.exports = () => 1", "const r = require('./x')\nr()", "default"),
    "a class": ("class Run {}\nmodule.exports = Run", "const R = require('./x')\nnew R()", "Run"),
    "a method of a class": (
        "class A { run() {} }\nmodule.exports = A",
        "const A = require('./x')\nconst a = new A()\na.run()",
        "A.run",
    ),
    "an object": ("class A { run() {} }\nmodule.exports = new A()", "const a = require('./x')\na.run()", "A.run"),
    "names": ("function run() {}\nmodule.exports = { run }", "const x = require('./x')\nx.run()", "run"),
    "names that are given": (
        "function go() {}\nmodule.exports = { run: go }",
        "const x = require('./x')\nx.run()",
        "go",
    ),
    "names that are taken apart": (
        "function go() {}\nmodule.exports = { run: go }",
        "const { run } = require('./x')\nrun()",
        "go",
    ),
    "a name that is taken apart under another": (
        "function run() {}\nmodule.exports = { run }",
        "const { run: r } = require('./x')\nr()",
        "run",
    ),
    "one name": ("function go() {}\nexports.run = go", "const { run } = require('./x')\nrun()", "go"),
    "one name of a function": ("exports.run = function () {}", "const x = require('./x')\nx.run()", "run"),
    "one name of the module": ("function go() {}\nmodule.exports.run = go", "require('./x').run()", "go"),
    "at once": ("function run() {}\nmodule.exports = run", "require('./x')()", None),
    "a property of what is required": ("exports.run = () => 1", "const run = require('./x').run\nrun()", "run"),
    "by import": ("function run() {}\nmodule.exports = run", "import r from './x'\nr()", "run"),
    "by another file": ("module.exports = require('./y')", "const { run } = require('./x')\nrun()", "y.js:run"),
    "spread of another file": (
        "module.exports = { ...require('./y') }",
        "const { run } = require('./x')\nrun()",
        "y.js:run",
    ),
    "chained to exports": ("function run() {}\nexports = module.exports = run", "const r = require('./x')\nr()", "run"),
}


@pytest.mark.parametrize(("module", "user", "told"), COMMONJS.values(), ids=COMMONJS)
def test_what_a_commonjs_module_exports_is_followed(module: str, user: str, told: str | None) -> None:
    found = graph({"lib/x.js": module, "lib/y.js": "exports.run = function run() {}\n", "lib/a.js": f"{user}\n"})
    calls = [found.calls.resolve("lib/a.js", call) for call in found.outlines["lib/a.js"].calls]
    sure = [target.spelled for one in calls for target in one.targets if one.certainty.value == "sure"]
    expected = told if told is None or ":" in told else f"x.js:{told}"
    assert sure[-1:] == ([f"lib/{expected}"] if expected else [])
    if expected:
        path, _, name = expected.partition(":")
        assert "lib/a.js" in {one.path for one in found.calls.calls_to(Symbol(f"lib/{path}", name))}


def packages_of(root: Path, manifests: dict[str, object]) -> dict[str, str]:
    for name, content in manifests.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return read_package_names(str(root), list(manifests))


@pytest.mark.parametrize(
    ("manifest", "entry"),
    [
        ({}, "packages/money/index.js"),
        ({"main": "lib/money.js"}, "packages/money/lib/money.js"),
        ({"main": "./dist/main.js"}, "packages/money/src/main.ts"),
        ({"main": "index.js", "module": "dist/money.esm.js"}, "packages/money/src/index.ts"),
        ({"exports": {".": {"import": "./src/all.ts", "require": "./dist/all.cjs"}}}, "packages/money/src/all.ts"),
        ({"exports": "./lib/only.mjs"}, "packages/money/lib/only.mjs"),
    ],
)
def test_a_package_of_a_workspace_is_the_file_that_its_manifest_names(
    tmp_path: Path, manifest: dict[str, object], entry: str
) -> None:
    names = packages_of(
        tmp_path,
        {
            "package.json": {"name": "shop", "workspaces": ["packages/*"]},
            "packages/money/package.json": {"name": "@shop/money", **manifest},
        },
    )
    found = graph(
        {entry: "export function round() {}\n", "app/a.js": "import { round } from '@shop/money'\nround()\n"}, names
    )
    assert targets(found, "app/a.js", "round") == ("sure", [f"{entry}:round"])
    assert [one.path for one in found.imports.importers_of(entry)] == ["app/a.js"]


def test_a_part_of_a_package_is_the_file_that_its_exports_name(tmp_path: Path) -> None:
    exports = {".": "./src/index.ts", "./tax": "./src/rules/tax.ts", "./parts/*": "./src/parts/*.ts"}
    names = packages_of(tmp_path, {"packages/money/package.json": {"name": "@shop/money", "exports": exports}})
    found = graph(
        {
            "packages/money/src/rules/tax.ts": "export function tax() {}\n",
            "packages/money/src/parts/vat.ts": "export function vat() {}\n",
            "app/a.ts": "import { tax } from '@shop/money/tax'\nimport { vat } from '@shop/money/parts/vat'\n"
            "tax()\nvat()\n",
        },
        names,
    )
    assert targets(found, "app/a.ts", "tax") == ("sure", ["packages/money/src/rules/tax.ts:tax"])
    assert targets(found, "app/a.ts", "vat") == ("sure", ["packages/money/src/parts/vat.ts:vat"])


def test_an_alias_may_have_its_star_in_the_middle(tmp_path: Path) -> None:
    names = packages_of(tmp_path, {"tsconfig.json": {"compilerOptions": {"paths": {"@shop/*": ["./packages/*/src"]}}}})
    found = graph(
        {
            "packages/money/src/index.ts": "export function round() {}\n",
            "app/a.ts": "import { round } from '@shop/money'\nround()\n",
        },
        names,
    )
    assert targets(found, "app/a.ts", "round") == ("sure", ["packages/money/src/index.ts:round"])


def test_the_modules_of_a_go_workspace_reach_each_other(tmp_path: Path) -> None:
    names = packages_of(
        tmp_path, {"api/go.mod": "module example.org/api\n", "core/go.mod": "module example.org/core\n"}
    )
    found = graph(
        {
            "core/store/store.go": "package store\nfunc Open() {}\n",
            "api/main.go": 'package main\nimport "example.org/core/store"\nfunc main() { store.Open() }\n',
        },
        names,
    )
    assert targets(found, "api/main.go", "store.Open") == ("sure", ["core/store/store.go:Open"])


@pytest.mark.parametrize(
    "package", ["src/shop", "packages/shop/src/shop", "shop", "python/shop"], ids=["src", "workspace", "flat", "python"]
)
def test_the_package_of_a_python_layout_is_found_from_its_tests(package: str) -> None:
    found = graph(
        {
            f"{package}/__init__.py": "",
            f"{package}/cart.py": "def total(): pass\n",
            "tests/test_cart.py": "from shop.cart import total\ntotal()\n",
        }
    )
    assert targets(found, "tests/test_cart.py", "total") == ("sure", [f"{package}/cart.py:total"])


def test_two_packages_of_one_name_are_not_told_apart_by_their_place() -> None:
    files = {f"{side}/shop/{name}": text for side in ("a", "b") for name, text in
             (("__init__.py", ""), ("cart.py", "def total(): pass\n"))}  # fmt: skip
    found = graph({**files, "tools/run.py": "from shop.cart import total\ntotal()\n", "a/main.py":
                   "from shop.cart import total\ntotal()\n"})  # fmt: skip
    assert targets(found, "tools/run.py", "total") == ("open", ["a/shop/cart.py:total", "b/shop/cart.py:total"])
    assert targets(found, "a/main.py", "total") == ("sure", ["a/shop/cart.py:total"])


def test_a_module_of_the_library_is_not_a_file_of_its_name_elsewhere() -> None:
    found = graph({"tools/json.py": "def dumps(x): pass\n", "app/a.py": "import json\njson.dumps(1)\n"})
    assert targets(found, "app/a.py", "json.dumps") == ("outside", [])


SPENDERS = {
    "shop/money.py": "class Money:\n    def spend(self): pass\n",
    "other/purse.py": "class Purse:\n    def spend(self): pass\n",
}


@pytest.mark.parametrize(
    "body",
    ["def f(x):\n    x.spend()\n", "def f(money):\n    money.spend()\n",
     "from shop.money import Money\ndef f(x):\n    Money()\n    x.spend()\n"],
    ids=["folder", "name", "an object beside it"],
)  # fmt: skip
def test_neither_folder_nor_name_nor_what_stands_beside_it_decides_what_a_call_runs(body: str) -> None:
    found = meant(
        graph({**SPENDERS, "shop/a.py": body}), "shop/a.py", "money.spend" if "money.s" in body else "x.spend"
    )
    assert (found.certainty.value, len(found.targets)) == ("open", 2)


def test_the_only_method_of_a_name_is_a_guess_and_says_so() -> None:
    found = meant(graph({**SPENDERS, "a.py": "def f(x):\n    x.count_coins()\n", "b.py": "class Jar:\n"
                         "    def count_coins(self): pass\n"}), "a.py", "x.count_coins")  # fmt: skip
    assert (found.certainty.value, found.reason) == (
        "likely",
        "the class of `x` is not written here; a guess: the only `count_coins`",
    )


@pytest.mark.parametrize("text", ["/*" * 300_000, '"' + '\\"' * 300_000, '"' + '\\"' * 300_000 + "\\"])
def test_a_manifest_that_never_ends_names_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "package.json").write_text(text)
    assert read_package_names(str(tmp_path), ["package.json"]) == {}


@pytest.mark.parametrize(("depth", "is_named"), [(1, True), (DEPTH - 1, True), (DEPTH, False)])
def test_files_named_in_lists_are_read_down_to_a_depth(tmp_path: Path, depth: int, is_named: bool) -> None:
    lists = "[" * depth + '"deep.js"' + "]" * depth
    (tmp_path / "package.json").write_text(f'{{"name": "a", "exports": [{lists}, "near.js"]}}')
    found = str(read_package_names(str(tmp_path), ["package.json"]))
    assert ("deep.js" in found, "near.js" in found) == (is_named, True)


@pytest.mark.parametrize("depth", range(500, 1_000, 7))
def test_files_named_in_endless_lists_are_none(tmp_path: Path, depth: int) -> None:
    lists = "[" * depth + '"deep.js"' + "]" * depth
    (tmp_path / "package.json").write_text(f'{{"name": "a", "exports": [{lists}, "near.js"]}}')
    assert "deep.js" not in str(read_package_names(str(tmp_path), ["package.json"]))
