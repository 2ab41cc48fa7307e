"""JavaScript, TypeScript and Go: definitions, documentation as their linters count it, imports, calls."""

import pytest

from stepwarden.source.documentation import find_undocumented
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import CallSite, DefinitionKind, Import, Outline


def read(text: str, path: str) -> Outline:
    found = parse_outline(path, text.encode())
    assert found is not None
    return found


def missing(text: str, path: str) -> list[str]:
    return [each.qualified for each in find_undocumented({path: read(text, path)}).get(path, ())]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("export function f() {}\nfunction g() {}\n", ["f"]),
        ("/** F. */\nexport function f() {}\n", []),
        ("/** F. */\n\n\nexport function f() {}\n", ["f"]),
        ("/* F. */\nexport function f() {}\n", ["f"]),
        ("/** F. */\n// more\nexport const f = () => 1;\n", []),
        ("export const f = () => 1, g = function () {};\n", ["f", "g"]),
        ("function f() {}\nexport { f as g };\n", ["f"]),
        ("const f = () => 1;\nexport default f;\n", ["f"]),
        ("export default function () {}\n", ["default"]),
        ("export class A { constructor() {} #p() {} m(a) { return () => a; } }\n", ["A", "A.m"]),
        ("class A {}\nmodule.exports = A;\n", ["A"]),
        ("function f() {}\nfunction g() {}\nmodule.exports = { f, h() {} };\n", ["f", "h"]),
        ("exports.f = function () {};\n", ["f"]),
        ("function F() {}\nF.prototype.m = function () {};\nmodule.exports = F;\n", ["F", "F.m"]),
        ("import a from 'a';\nfunction main() {}\nmain();\n", []),
        ("function main() { function inner() {} }\n", ["main"]),
        ("export default [1].map(() => 1);\n", []),
    ],
)
def test_javascript_asks_for_what_a_file_exports(text: str, asked: list[str]) -> None:
    assert missing(text, "a.js") == asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("export interface A { f(): void }\nexport type B = 1;\nexport enum C { D }\n", ["A", "B", "C"]),
        ("/** A. */\nexport declare class A { private f(): void; g(): void }\n", ["A.g"]),
        ("/** A. */\n@Dec()\nexport class A { /** x */\n@In() m(a) {} }\n", []),
        ("/** F. */\nexport function f(a: 1): void;\nexport function f(a: any) {}\n", []),
        ("export namespace N { interface A {} }\n", ["N.A"]),
        ("export abstract class A { abstract f(): void; protected g() {} }\n", ["A"]),
    ],
)
def test_typescript_asks_for_types_too(text: str, asked: list[str]) -> None:
    assert missing(text, "a.ts") == asked


def test_tsx_and_jsx_are_read_and_their_elements_are_calls() -> None:
    for path in ("a.tsx", "a.jsx"):
        found = read("export const App = () => <View a={b()}><p>x</p></View>;\n", path)
        assert not found.broken
        assert CallSite("b", "", 1, "App") in found.calls


def test_modules_of_javascript_say_what_name_is_what() -> None:
    text = (
        "import a, { b as c } from 'm';\nimport * as d from './n.js';\nimport 'o';\nexport { e as f } from 'p';\n"
        "export * from 'q';\nconst { g, h: i } = require('r');\nconst j = require('s').k;\n"
    )
    assert read(text, "a.js").imports == (
        Import("m", (("default", "a"), ("b", "c")), 1),
        Import("./n.js", (), 2, 0, "d"),
        Import("o", (), 3),
        Import("p", (("e", "f"),), 4),
        Import("q", (("*", "*"),), 5),
        Import("r", (("g", "g"), ("h", "i")), 6),
        Import("s", (("k", "j"),), 7),
    )


GO = """// Package shop sells.
package shop

import (
	"fmt"
	m "math"
)

type Shop struct{ size int }

// Open opens.
type (
	Door interface{ Shut() }
	name string
)

const (
	A = iota
	B
)

// Sell sells.
func (s *Shop) Sell(a, b int, more ...string) error {
	if a > 1 && b < 2 {
		fmt.Println(m.Pi, s.size)
	}
	return New[int](a)
}
func (s Shop) String() string { return "" }
func (s Shop) Len() int       { return 0 }
func (d door) Shut()          {}
func New[T any](a T) error    { return nil }

// Deprecated: use New.
func Old() {}

//go:noinline
func Bare() {}
"""


def test_go_asks_for_what_is_exported() -> None:
    assert missing(GO, "shop.go") == ["Shop", "A", "Shop.Len", "New", "Old", "Bare"]
    assert missing(GO, "shop_test.go") == []
    assert missing(GO.replace("package shop", "package main"), "main.go") == []


def test_go_has_methods_below_their_type_with_their_calls() -> None:
    found = read(GO, "shop.go")
    sell = next(each for each in found.definitions if each.name == "Sell")
    assert (sell.qualified, sell.kind, sell.parameters, sell.complexity) == (
        "Shop.Sell",
        DefinitionKind.METHOD,
        ("a", "b", "more"),
        3,
    )
    assert found.imports == (Import("fmt", (), 5), Import("math", (), 6, 0, "m"))
    assert found.calls == (CallSite("Println", "fmt", 25, "Shop.Sell"), CallSite("New", "", 27, "Shop.Sell"))


def test_one_comment_does_for_a_package_of_go() -> None:
    bare = {path: read("package shop\n", path) for path in ("a/x.go", "a/shop.go", "b/y.go", "a/x_test.go")}
    assert list(find_undocumented(bare)) == ["a/shop.go", "b/y.go"]
    bare["a/z.go"] = read("// Package shop sells.\npackage shop\n", "a/z.go")
    assert list(find_undocumented(bare)) == ["b/y.go"]
