"""Where a quote stands: the kind of its line, the definitions round it, the names that tell it from others."""

import pytest

from stepwarden.files.quote_context import NAMES, WORDS, SourceLines, context_of
from stepwarden.steps.evidence import LineKind, QuoteContext


def context(path: str, text: str, quote: str) -> QuoteContext:
    """Return the context of the first line of a file that holds the first line of `quote`."""
    first = quote.strip("\n").split("\n")[0]
    line = next(number for number, line in enumerate(text.split("\n"), 1) if first in line)
    return context_of(SourceLines.of(text, path), line, quote)


PYTHON = '''"""The cart of a shop."""

import json
from dataclasses import dataclass

__all__ = ["Cart"]

RATES = {
    "standard": 20,
}
QUERY = """
select name from lines
"""


class Cart:
    """Lines and what they cost.

    A word on rounding.
    """

    def total(
        self,
        lines: list,
    ) -> int:
        # cents, never euros
        return sum(
            line.price
            for line in lines
        )

    @property
    def empty(self) -> bool:
        try:
            return not self.lines
        finally:
            pass
'''
GO = """package shop

import "fmt"

type Cart struct {
	lines []Line
}

// Total adds up.
func (c *Cart) Total(rate int) (int, error) {
	if rate < 0 {
		return 0, fmt.Errorf("negative rate")
	}
	return c.sum() * rate, nil
}
"""
RUST = """use std::fmt;

impl<T> Display for Cart<T>
where
    T: Money,
{
    fn fmt<'a>(&self, out: &mut Formatter<'a>) -> Result
    where
        T: Sized,
    {
        write!(out, "{}", self.total_cents)
    }
}
"""
TYPESCRIPT = """import { Money } from "./money";
export * from "./line";

export class Cart {
  private lines: Line[] = [];

  async total(
    rate: number,
  ): Promise<number> {
    return this.lines.reduce((sum, line) => {
      return sum + line.price;
    }, 0);
  }
}

export const discounted = (cart: Cart) => {
  apply(() => {
    cart.percent += 5;
  });
};

describe("the cart", () => {
  it("adds up", () => {
    expect(new Cart().total(1)).toBe(7);
  });
});
"""
C = """#include <stdio.h>
#define RATE 20

/* adds up
   what there is */
static int
cart_total(struct cart *cart,
           int rate)
{
    int sum = 0;
#ifdef ROUNDING
    sum = rounded(cart);
#endif
    for (int i = 0; i < cart->count; i++) {
        sum += cart->lines[i].price;
    }
out:
    return sum;
}
"""
JAVA = """package shop;

import java.util.List;

public class Cart {
    @Override
    public List<Line> cheapest(int limit)
            throws EmptyCart {
        return lines.subList(0, limit);
    }
}
"""
RUBY = """require 'json'

module Shop
  class Cart
    def total(lines)
      lines.sum do |line|
        line.price * line.count
      end
    end

    def self.empty
      new([])
    end
  end
end
"""
SHELL = """#!/bin/sh
source ./common.sh

deploy_all() {
  for host in $HOSTS; do
    scp "$BUNDLE" "$host:/srv"
  done
}
"""
SQL = """-- the lines of carts
CREATE TABLE IF NOT EXISTS cart_lines (
    price_cents integer NOT NULL,
    count integer NOT NULL
);
"""
LUA = """local json = require("json")

local function total_of(lines)
  local sum = 0
  for _, line in ipairs(lines) do
    sum = sum + line.price
  end
  return sum
end
"""
ELIXIR = """defmodule Shop.Cart do
  def total(lines) do
    Enum.reduce(lines, 0, &add_price/2)
  end
end
"""
YAML = """# how long to wait
server:
  limits:
    max-retries: 3
    timeout_seconds: 30
"""
TOML = """[project]
name = "shop"

[tool.ruff]
line-length = 120  # of a line
select = [
  "ALL",
]
"""
INI = "[server]\nport = 80\n; the grace\ngrace_seconds = 5\n"
JSON = """{
  "scripts": {
    "build": "tsc --project tsconfig.json"
  }
}
"""
MARKDOWN = """# Shop

## Rounding of totals

Totals are rounded to whole cents.
"""
TERRAFORM = """resource "aws_s3_bucket" "carts" {
  bucket        = "shop-carts"
  force_destroy = true
}
"""


@pytest.mark.parametrize(
    ("path", "text", "quote", "within"),
    [
        ("a.py", PYTHON, "line.price", ("total", "Cart")),
        ("a.py", PYTHON, ") -> int:", ("total", "Cart")),
        ("a.py", PYTHON, "return not self.lines", ("empty", "Cart")),
        ("a.py", PYTHON, '"standard": 20', ("RATES",)),
        ("a.py", PYTHON, "def total(", ("total", "Cart")),
        ("a.go", GO, "return 0, fmt", ("Total", "Cart")),
        ("a.go", GO, "lines []Line", ("Cart",)),
        ("a.rs", RUST, "write!(out", ("fmt", "Cart")),
        ("a.ts", TYPESCRIPT, "return sum + line.price;", ("total", "Cart")),
        ("a.ts", TYPESCRIPT, "cart.percent += 5;", ("discounted",)),
        ("a.ts", TYPESCRIPT, "expect(new Cart()", ()),
        ("a.c", C, "sum = rounded(cart)", ("cart_total",)),
        ("a.c", C, "sum += cart->lines", ("cart_total",)),
        ("a.c", C, "return sum;", ("cart_total",)),
        ("A.java", JAVA, "return lines.subList", ("cheapest", "Cart")),
        ("a.rb", RUBY, "line.price * line.count", ("total", "Cart", "Shop")),
        ("a.rb", RUBY, "new([])", ("empty", "self", "Cart", "Shop")),
        ("a.sh", SHELL, 'scp "$BUNDLE"', ("deploy_all",)),
        ("a.sql", SQL, "price_cents integer", ("cart_lines",)),
        ("a.lua", LUA, "sum = sum + line.price", ("total_of",)),
        ("a.ex", ELIXIR, "Enum.reduce(lines", ("total", "Shop", "Cart")),
        ("a.yaml", YAML, "max-retries: 3", ("limits", "server")),
        ("a.toml", TOML, "line-length = 120", ("tool.ruff",)),
        ("a.toml", TOML, '"ALL",', ("select", "tool.ruff")),
        ("a.ini", INI, "grace_seconds = 5", ("server",)),
        ("a.json", JSON, '"build": "tsc', ("scripts",)),
        ("a.md", MARKDOWN, "Totals are rounded", ("Rounding of totals",)),
        ("a.tf", TERRAFORM, "force_destroy = true", ("carts",)),
    ],
)
def test_a_quote_stands_in_the_definitions_round_it(path: str, text: str, quote: str, within: tuple[str, ...]) -> None:
    found = context(path, text, quote)
    assert found.kind is LineKind.CODE
    assert set(found.within) == set(within)
    assert found.within[:1] == within[:1]


def test_a_key_of_a_configuration_is_a_name_of_its_line() -> None:
    assert context("a.yaml", YAML, "max-retries: 3").names == ("max-retries",)
    assert "line-length" in context("a.toml", TOML, "line-length = 120").names


@pytest.mark.parametrize(
    ("path", "text", "quote", "kind"),
    [
        ("a.py", PYTHON, "import json", LineKind.IMPORT),
        ("a.py", PYTHON, "from dataclasses import", LineKind.IMPORT),
        ("a.py", PYTHON, "__all__ = ", LineKind.IMPORT),
        ("a.py", PYTHON, '"""The cart of a shop."""', LineKind.COMMENT),
        ("a.py", PYTHON, "A word on rounding.", LineKind.COMMENT),
        ("a.py", PYTHON, '"""Lines and what', LineKind.COMMENT),
        ("a.py", PYTHON, "# cents, never euros", LineKind.COMMENT),
        ("a.py", PYTHON, "select name from lines", LineKind.CODE),
        ("a.py", PYTHON, "        )", LineKind.BLANK),
        ("a.py", PYTHON, "finally:", LineKind.BLANK),
        ("a.py", PYTHON, "pass", LineKind.CODE),
        ("a.go", GO, 'import "fmt"', LineKind.IMPORT),
        ("a.go", GO, "// Total adds", LineKind.COMMENT),
        ("a.rs", RUST, "use std::fmt;", LineKind.IMPORT),
        ("a.ts", TYPESCRIPT, "import { Money }", LineKind.IMPORT),
        ("a.ts", TYPESCRIPT, "export * from", LineKind.IMPORT),
        ("a.ts", TYPESCRIPT, "}, 0);", LineKind.BLANK),
        ("a.c", C, "#include <stdio.h>", LineKind.IMPORT),
        ("a.c", C, "#define RATE 20", LineKind.CODE),
        ("a.c", C, "what there is */", LineKind.COMMENT),
        ("A.java", JAVA, "import java.util.List;", LineKind.IMPORT),
        ("a.rb", RUBY, "require 'json'", LineKind.IMPORT),
        ("a.rb", RUBY, "end", LineKind.BLANK),
        ("a.sh", SHELL, "#!/bin/sh", LineKind.COMMENT),
        ("a.sh", SHELL, "source ./common.sh", LineKind.IMPORT),
        ("a.sql", SQL, "-- the lines", LineKind.COMMENT),
        ("a.lua", LUA, "local json = require", LineKind.IMPORT),
        ("a.yaml", YAML, "# how long", LineKind.COMMENT),
        ("a.ini", INI, "; the grace", LineKind.COMMENT),
        ("a.md", MARKDOWN, "# Shop", LineKind.CODE),
    ],
)
def test_a_line_is_an_import_a_comment_nothing_or_code(path: str, text: str, quote: str, kind: LineKind) -> None:
    assert context(path, text, quote).kind is kind


def test_one_line_of_code_makes_a_quote_of_several_code_and_only_such_lines_are_shown() -> None:
    found = context("a.py", PYTHON, "        # cents, never euros\n        return sum(\n            line.price\n")
    assert (found.kind, found.lines, found.within) == (LineKind.CODE, (27, 28), ("total", "Cart"))
    assert context("a.py", PYTHON, "import json\nfrom dataclasses import dataclass").lines == ()


def test_the_lines_of_the_innermost_function_are_its_span() -> None:
    assert context("a.py", PYTHON, "line.price").span == (22, 30)
    assert context("a.py", PYTHON, '"standard": 20').span == (8, 10)
    assert context("a.py", PYTHON, "QUERY = ").span is None


def test_a_text_of_several_lines_does_not_end_a_function() -> None:
    text = 'def query():\n    words = """\nselect 1\nfrom lines\n"""\n    return run(words)\n'
    assert context("a.py", text, "return run(words)").within == ("query",)
    assert context("a.py", text, "select 1").kind is LineKind.CODE


def test_a_class_that_is_long_is_no_place() -> None:
    body = "".join(f"    def method_{n}(self):\n        return self.value_{n}\n" for n in range(80))
    assert context("a.py", f"class Long:\n{body}", "return self.value_3").within == ("method_3",)
    short = "".join(f"    def method_{n}(self):\n        return self.value_{n}\n" for n in range(8))
    assert context("a.py", f"class Short:\n{short}", "return self.value_3").within == ("method_3", "Short")


def test_names_that_a_file_uses_all_over_tell_nothing() -> None:
    text = "def f(cart, rate):\n    return cart.total * rate\n" + "cart.add(1)\n" * 20
    assert context("a.py", text, "return cart.total").names == ("total", "rate")
    assert "add" not in context("a.py", text, "return cart.total").names


def test_callers_and_callees_of_a_definition_are_round_it() -> None:
    low, high = "def low():\n    return 1\n\n", "def high():\n    return middle()\n"
    text = f"{low}def middle():\n    x = 2\n    return low() + x\n\n{high}"
    found = context("a.py", text, "x = 2")
    assert {"low", "high"} <= set(found.around)
    assert "middle" not in found.around


def test_what_is_kept_of_a_quote_is_bounded() -> None:
    text = "def f():\n" + "".join(f"    name_a{n} = other_b{n}(argument_c{n}, word{n}x)\n" for n in range(300))
    found = context("a.py", text, "\n".join(text.split("\n")[100:250]))
    assert len(found.names) <= NAMES
    assert len(found.words) <= WORDS
    assert len(found.lines) <= 40


@pytest.mark.parametrize("path", ["a.py", "a.ts", "a.c", "a.md", "a.toml", "a.unknown", "Makefile", ""])
@pytest.mark.parametrize("text", ["x", "(" * 9_999, "'" * 9_999 + "\n x", "\t\n\t\n word", "a: " * 3_000 + "\n  b"])
def test_any_text_has_a_context(path: str, text: str) -> None:
    source = SourceLines.of(text, path)
    for number in range(1, len(source.lines) + 1):
        assert context_of(source, number, text).kind in LineKind
