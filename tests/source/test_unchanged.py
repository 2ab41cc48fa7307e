"""Documentation edits leave the code the same; changes of the code hidden in them are seen, and said."""

import random
import re

import pytest

from stepwarden.source.outline import Language
from stepwarden.source.unchanged import find_differences

PYTHON = '''"""A shop."""

import os
from decimal import Decimal

RATE = 0.19  # of the country


class Cart:
    """A cart."""

    size: int = 0

    def __init__(self, lines, *, limit=10):
        self.lines = list(lines)
        self.limit = limit

    @property
    def total(self):
        # all lines
        result = Decimal(0)
        for line in self.lines:
            if line.count > 0 and not line.gone:
                result += line.price * line.count
            else:
                continue
        return result

    async def send(self, to, text="a\\tb {}"):
        async with self.post(to) as post:
            return await post.send(f"{text!r}: {self.total:.2f} %s" % os.sep)


def main():
    cart = Cart([])
    try:
        print(cart.total, sep="\\n")
    except (ValueError, KeyError) as error:
        raise SystemExit(1) from error
    return [x for x in range(3) if x % 2]
'''
JAVASCRIPT = """import { post } from './post.js';

const RATE = 0.19; // of the country

export class Cart {
  #limit = 10;

  constructor(lines) {
    this.lines = [...lines];
  }

  /** Gives the total. */
  get total() {
    let result = 0;
    for (const line of this.lines) {
      if (line.count > 0 && !line.gone) {
        result += line.price * line.count;
      } else {
        continue;
      }
    }
    return result;
  }

  async send(to, text = `a ${RATE}  b`) {
    return await post(to, text.replace(/a+b?/g, "x'y"), { limit: this.#limit });
  }
}

export const View = ({ cart }) => <p title="t">{cart.total} in all</p>;

export default function main() {
  try {
    return new Cart([]).total ?? 1;
  } catch (error) {
    throw error;
  }
}
"""
TYPESCRIPT = """import type { Line } from './line';

export interface Shelf<T extends Line> {
  readonly size: number;
  find(name: string): T | undefined;
}

export type Price = number | `${number} EUR`;

export enum State { Open = 1, Closed }

export abstract class Cart<T extends Line> implements Shelf<T> {
  private lines: T[] = [];
  constructor(public readonly size: number) {}
  // looks
  find(name: string): T | undefined {
    return this.lines.find((line) => line.name === name) as T;
  }
  protected abstract pay(): Promise<void>;
}

export const twice = <T,>(value: T): [T, T] => [value, value];
"""
GO = """// Package shop sells.
package shop

import (
	"fmt"
	"os"
)

const rate = 0.19 // of the country

// Cart holds lines.
type Cart struct {
	Lines []Line `json:"lines"`
	limit int
}

func (c *Cart) Total() (sum int, err error) {
	for _, line := range c.Lines {
		if line.Count > 0 && !line.gone {
			sum += line.Price * line.Count
		} else {
			continue
		}
	}
	return sum, nil
}

func Main(args ...string) {
	go func() { fmt.Println(`raw  text`, "x\\ty", 'c') }()
	defer os.Exit(1)
	switch len(args) {
	case 0:
		return
	default:
		panic("none")
	}
}
"""
TEXTS = {
    Language.PYTHON: (PYTHON, "shop.py"),
    Language.JAVASCRIPT: (JAVASCRIPT, "shop.jsx"),
    Language.TYPESCRIPT: (TYPESCRIPT, "shop.ts"),
    Language.GO: (GO, "shop.go"),
}
SWAPS = [
    (" > 0", " >= 0"),
    (" and not ", " or not "),
    (" && !", " && "),
    ("* line", "+ line"),
    ("+=", "-="),
    ("continue", "break"),
    ("result = Decimal(0)", "result = Decimal(1)"),
    ("let result = 0", "let result = 1"),
    ("(1)", "(2)"),
    ("0.19", "0.21"),
    ("[]", "[1]"),
    (" % 2", " % 3"),
    ("a\\tb", "a\\t b"),
    ("  b`", " b`"),
    ("!r", "!s"),
    (".2f", ".3f"),
    ("raw  text", "raw text"),
    ("'c'", "'d'"),
    ("range(3)", "range(4)"),
    ("readonly size", "size"),
    (" | undefined", " | null"),
    ("Open = 1", "Open = 2"),
    ("protected ", "private "),
    ("===", "=="),
    ("as T", "as unknown as T"),
    ("T, T]", "T, never]"),
    ("extends Line>", "extends object>"),
    ('json:"lines"', 'json:"line"'),
    ("defer os", "os"),
    ("go func", "func"),
    ("...string", "[]string"),
    ("return result", "return"),
    ("sum, nil", "sum, err"),
    ("/a+b?/g", "/a+b?/"),
    ("in all", "in  all!"),
    ("await post", "post"),
    ("@property\n", "\n"),
    ("async def send", "def send"),
    ('title="t"', 'title="u"'),
    ("        return result", "            return result"),
    ("else:\n", "elif 1:\n"),
    ("?? 1", "|| 1"),
]
SEEDS = [
    *range(8),
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 50)),
]  # for each of four languages


def told(language: Language, before: str, after: str) -> list[tuple[int, int, str, str]]:
    found = find_differences(before.encode(), after.encode(), language, TEXTS[language][1])
    return [(item.line_before, item.line_after, item.before, item.after) for item in found]


def documented(language: Language, text: str, chance: random.Random) -> str:
    """Write and change documentation only, here and there."""
    words = ["Gives it.", "Why: it is so.", "TODO later", "x = 1", "return None", "see `total`", "üñí 漢"]
    lines: list[str] = []
    comment = "#" if language is Language.PYTHON else "//"
    for line in text.split("\n"):
        indent = re.match(r"\s*", line)[0]  # type: ignore[index]
        starts = re.match(r"\s*(def|async def|class|func|type|export|get|async|find|const|for|if|return)\b", line)
        if starts and chance.random() < 0.4:
            lines += [f"{indent}{comment} {chance.choice(words)}"] * chance.randint(1, 2)
            if language is not Language.PYTHON and chance.random() < 0.5:
                lines.append(f"{indent}/** {chance.choice(words)} */")
        if comment in line and chance.random() < 0.5 and '"' not in line and "'" not in line:
            lines.append(f"{line.partition(comment)[0]}{comment} {chance.choice(words)}")
        else:
            lines.append(line)
        if language is Language.PYTHON and re.match(r"\s*(async )?def .*:$", line) and chance.random() < 0.7:
            quote = chance.choice(['"""', "'''"])
            lines.append(f"{indent}    {quote}{chance.choice(words)}\n\n{indent}    More.\n{indent}    {quote}")
    edited = "\n".join(lines)
    if language is Language.PYTHON and chance.random() < 0.5:
        edited = edited.replace('"""A cart."""', '"""A cart of lines.\n\n    Long.\n    """').replace(
            '"""A shop."""\n', ""
        )
    return edited.replace("\n", "\r\n") if chance.random() < 0.2 else edited


def changed(text: str, chance: random.Random) -> str:
    """Change the code of `text` in one small place."""
    there = [(old, new) for old, new in SWAPS if old in text]
    old, new = chance.choice(there)
    places = [match.start() for match in re.finditer(re.escape(old), text)]
    at = chance.choice(places)
    return text[:at] + new + text[at + len(old) :]


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_honest_documentation_is_no_change(language: Language, seed: int) -> None:
    text, _ = TEXTS[language]
    edited = documented(language, text, random.Random(seed))
    assert told(language, text, edited) == []


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_change_of_code_hidden_in_documentation_is_seen(language: Language, seed: int) -> None:
    text, _ = TEXTS[language]
    chance = random.Random(seed)
    spoiled = changed(text, chance)
    assert spoiled != text
    found = told(language, text, documented(language, spoiled, chance))
    assert found
    assert all(line > 0 and other > 0 for line, other, _, _ in found)


HIDDEN = [
    (Language.PYTHON, "def f():\n    return 1\n", 'def f():\n    f"""Doc {1}."""\n    return 1\n'),
    (Language.PYTHON, 'def f():\n    """D."""\n    return 1\n', 'def f():\n    x = """D."""\n    return 1\n'),
    (Language.PYTHON, "x = 1  # why\n", "x = 1  # type: ignore\n"),
    (Language.PYTHON, "x = 1\n", "# -*- coding: latin-1 -*-\nx = 1\n"),
    (Language.PYTHON, "if a:\n    b()\nc()\n", "if a:\n    # why\n    b()\n    c()\n"),
    (Language.JAVASCRIPT, "function f() { return 1 }\n", "function f() { return /*\n*/ 1 }\n"),
    (Language.JAVASCRIPT, "a = b\n", "// eslint-disable-next-line no-undef\na = b\n"),
    (Language.JAVASCRIPT, "a = `x`;\n", "a = `x // why`;\n"),
    (Language.TYPESCRIPT, "let a: number = b;\n", "// @ts-ignore\nlet a: number = b;\n"),
    (Language.GO, "package a\n\nfunc f() {}\n", "//go:build linux\n\npackage a\n\nfunc f() {}\n"),
    (Language.GO, "package a\n\nvar x = `a`\n", "package a\n\nvar x = `a // b`\n"),
]


@pytest.mark.parametrize(("language", "before", "after"), HIDDEN)
def test_what_only_looks_like_documentation_is_code(language: Language, before: str, after: str) -> None:
    assert told(language, before, after)


def test_a_difference_shows_the_words_of_both_sides_with_their_lines() -> None:
    before = "def f(a):\n    return a * 2\n"
    after = 'def f(a):\n    """Double it."""\n    return a * 3\n'
    assert told(Language.PYTHON, before, after) == [(2, 3, "return a * 2", "return a * 3")]


def test_a_docstring_in_place_of_pass_is_the_same_code() -> None:
    assert told(Language.PYTHON, "class A:\n    pass\n", 'class A:\n    """An A."""\n') == []


def test_texts_too_deep_to_parse_are_the_same_only_byte_for_byte() -> None:
    deep = "(" * 100_000
    assert told(Language.PYTHON, deep, deep) == []
    assert told(Language.PYTHON, deep, deep + "#")


@pytest.mark.parametrize("empty", [b"", b"\n", b"\n\n"])
def test_documentation_in_an_empty_file_is_no_code(empty: bytes) -> None:
    assert find_differences(empty, b'"""What this is for."""\n', Language.PYTHON, "a.py") == ()
    assert find_differences(empty, b"// What this is for.\n", Language.JAVASCRIPT, "a.js") == ()
    assert find_differences(empty, b'"""What this is for."""\nimport os\n', Language.PYTHON, "a.py") != ()
    assert find_differences(empty, b"x", Language.JAVASCRIPT, "a.js") != ()
