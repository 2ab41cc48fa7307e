"""Python, TypeScript and Go read in full: definitions, documentation, calls, imports, decision points."""

import pytest

from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline

PYTHON = b'''"""Module."""
import os.path as p
from . import sib
from .x import y as z


class Shop(Base, metaclass=M):
    """A shop."""

    def __init__(self, size): ...

    @property
    def total(self):
        """Total."""
        return self._sum() if self.a and self.b else 0

    @total.setter
    def total(self, value): ...

    def _sum(self):
        def inner(): ...
        return z(p.join("a"))

    def __repr__(self): ...


async def send(to, *args, key=1, **more):
    for a in args:
        if a: await to.push(a)


@overload
def f(a: int) -> int: ...
'''
TYPESCRIPT = b"""import def, { a as b, type C } from "./x";
/** A shop. */
export class Shop extends Base implements Open {
  constructor(private size: number) { super(); }
  /** T. */
  get total(): number { return this.sum() ?? 0; }
  private sum() { return b(1); }
}
export interface Open { open(): void }
export type Price = number;
export enum State { A }
export const twice = (n: number) => n * 2;
function hidden() {}
export default function main() { return hidden(); }
"""
GO = b"""// Package shop sells.
package shop

import (
\t"fmt"
\tx "example.com/y"
)

// Cart holds.
type Cart struct{}

func (c *Cart) Total(n int, m ...string) int {
\tif n > 0 && m != nil {
\t\treturn x.Do(n)
\t}
\treturn 0
}

// Run runs.
func Run() { fmt.Println() }

func hidden() {}

const Rate = 1
"""


def read(path: str, text: bytes) -> Outline:
    found = parse_outline(path, text)
    assert found is not None
    assert found.broken == ()
    return found


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a.py",
            PYTHON,
            [
                ("", "pd"),
                ("Shop", "pd"),
                ("Shop.__init__", "p"),
                ("Shop.total", "pd"),
                ("Shop.total", "pe"),  # the setter
                ("Shop._sum", ""),
                ("Shop._sum.inner", ""),
                ("Shop.__repr__", "p"),
                ("send", "p"),
                ("f", "pe"),  # an overload
            ],
        ),
        (
            "a.ts",
            TYPESCRIPT,
            [
                ("Shop", "pd"),
                ("Shop.constructor", "p"),
                ("Shop.total", "pd"),
                ("Shop.sum", ""),
                ("Open", "p"),
                ("Open.open", "pe"),
                ("Price", "p"),
                ("State", "p"),
                ("twice", "p"),
                ("hidden", ""),
                ("main", "p"),
            ],
        ),
        (
            "a.go",
            GO,
            [("", "pde"), ("Cart", "pd"), ("Cart.Total", "p"), ("Run", "pd"), ("hidden", ""), ("Rate", "p")],
        ),
    ],
)
def test_definitions_are_counted_as_the_linter_of_their_language_counts(
    path: str, text: bytes, expected: list[tuple[str, str]]
) -> None:
    found = [
        (item.qualified, "p" * item.public + "d" * item.documented + "e" * item.exempt)
        for item in read(path, text).definitions
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", PYTHON, [("self", "_sum", "Shop.total"), ("", "z", "Shop._sum"), ("p", "join", "Shop._sum")]),
        ("a.ts", TYPESCRIPT, [("this", "sum", "Shop.total"), ("", "b", "Shop.sum"), ("", "hidden", "main")]),
        ("a.go", GO, [("x", "Do", "Cart.Total"), ("fmt", "Println", "Run")]),
    ],
)
def test_calls_are_read_with_their_receiver_and_where_they_stand(
    path: str, text: bytes, expected: list[tuple[str, str, str]]
) -> None:
    found = [(call.receiver, call.name, call.inside) for call in read(path, text).calls]
    assert [call for call in found if call in expected] == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", PYTHON, [("os.path", (), 0, "p"), ("", (("sib", "sib"),), 1, ""), ("x", (("y", "z"),), 1, "")]),
        ("a.ts", TYPESCRIPT, [("./x", (("default", "def"), ("a", "b"), ("C", "C")), 0, "")]),
        ("a.go", GO, [("fmt", (), 0, ""), ("example.com/y", (), 0, "x")]),
    ],
)
def test_imports_are_read_with_the_names_they_bind(path: str, text: bytes, expected: list[object]) -> None:
    found = [(item.module, item.names, item.level, item.alias) for item in read(path, text).imports]
    assert found == expected


def test_decision_points_parameters_and_signatures_are_measured() -> None:
    send = next(item for item in read("a.py", PYTHON).definitions if item.name == "send")
    assert (send.complexity, send.asynchronous, send.parameters) == (3, True, ("to", "args", "key", "more"))
    assert send.signature == "async def send(to, *args, key=1, **more)"
    total = next(item for item in read("a.go", GO).definitions if item.name == "Total")
    assert (total.complexity, total.parent) == (3, "Cart")


def test_what_a_person_did_not_write_has_no_definitions() -> None:
    minified = parse_outline("a.min.js", b"function f(){return 1};" * 2_000)
    assert minified is not None
    assert (minified.generated, minified.definitions) == (True, ())
    deep = parse_outline("a.py", b"(\n" * 100_000)
    assert deep is not None
    assert (deep.generated, deep.broken) == (True, (1,))


def test_a_syntax_error_leaves_the_definitions_around_it() -> None:
    found = parse_outline("a.py", b"def f():\n    return 1\n\ndef g(:\n    pass\n\ndef h():\n    return 2\n")
    assert found is not None
    assert found.broken
    assert {"f", "h"} <= {item.name for item in found.definitions}


@pytest.mark.parametrize("data", ["def f():\n    'ü'\n".encode("utf-16"), "def f():\n    'ü'\n".encode("latin-1")])
def test_other_encodings_are_read(data: bytes) -> None:
    found = parse_outline("a.py", data)
    assert found is not None
    assert [item.qualified for item in found.definitions if item.qualified] == ["f"]
