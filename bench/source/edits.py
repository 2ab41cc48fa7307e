"""How often the check for unchanged code is right on real code: hidden changes and honest edits of documentation.

    python -m bench.source.edits SEED COUNT TREE...

For each language in the trees, documentation is added to COUNT files (is no change found?), then again with one word of
code changed (is it found?). Files that do not parse are skipped.
"""

import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from stepwarden.source.file_parser import READ_BYTES, as_utf8, compile_for, parse_outline
from stepwarden.source.grammar import Grammar
from stepwarden.source.languages import grammar_of, language_of
from stepwarden.source.outline import Language
from stepwarden.source.unchanged import find_differences

WORDS = ("Returns it.", "return x; }", "x = 1", "see `it`", "TODO: why?", "if (a) { b(); }", "ünï 漢", 'it\'s "so"')
SWAPS = ((b"+", b"-"), (b"<", b"<="), (b"==", b"!="), (b"&&", b"||"), (b"and", b"or"), (b"True", b"False"))
SWAPS += ((b"true", b"false"), (b"0", b"1"), (b"1", b"2"), (b"if", b"while"), (b".", b","))


def find_words(grammar: Grammar, path: str, text: bytes) -> list[tuple[str, int, int]]:
    """Return node type, start and end of each word of the code."""
    cursor = compile_for(grammar, path).parser.parse(text).root_node.walk()
    found: list[tuple[str, int, int]] = []
    while True:
        node = cursor.node
        assert node is not None
        if node.type not in grammar.comments and cursor.goto_first_child():
            continue
        if node.type not in grammar.comments and node.end_byte > node.start_byte:
            found.append((node.type, node.start_byte, node.end_byte))
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found


def add_documentation(path: str, text: bytes, chance: random.Random) -> bytes:
    """Add comments above definitions and docstrings to them, from the last definition to the first."""
    read = parse_outline(path, text)
    assert read is not None
    lines = text.split(b"\n")
    for definition in sorted(read.definitions, key=lambda each: -each.line):
        if not definition.qualified or chance.random() < 0.5:
            continue
        line = lines[definition.line - 1]
        indent = line[: len(line) - len(line.lstrip())]
        words = chance.choice(WORDS).encode()
        if read.language is Language.PYTHON:
            if (
                definition.doc_lines is None
                and re.search(rb":\s*$", line)
                and line.lstrip()[:3] in {b"def", b"cla", b"asy"}
            ):
                below = lines[definition.line]
                inner = below[: len(below) - len(below.lstrip())]
                if len(inner) > len(indent):
                    words = words.replace(b'"', b"'")
                    lines[definition.line : definition.line] = [inner + b'"""' + words, b"", inner + b'More."""']
            elif not line.lstrip().startswith((b"@", b"class")):
                continue
        elif line.lstrip().startswith(
            (b"func", b"class", b"export", b"async", b"type", b"interface", b"const", b"pub")
        ):
            comment = [b"// " + words] if read.language is Language.GO else [b"/**", b" * " + words, b" */"]
            lines[definition.line - 1 : definition.line - 1] = [indent + part for part in comment]
    return b"\n".join(lines)


def change_code(grammar: Grammar, path: str, text: bytes, chance: random.Random) -> bytes | None:
    """Return the text with one word of the code changed, None where no word can be."""
    words = find_words(grammar, path, text)
    for _ in range(200):
        kind, start, end = chance.choice(words)
        word = text[start:end]
        new = dict(SWAPS).get(word)
        if kind in {"identifier", "property_identifier", "type_identifier", "field_identifier"}:
            new = word + b"_"
        if new is not None:
            return text[:start] + new + text[end:]
    return None


def try_edits(language: Language, paths: list[Path], count: int, chance: random.Random) -> str:
    """Edit `count` files of a language; print where the check is wrong; return the figures."""
    honest = alarms = hidden = missed = 0
    for path in paths:
        text = as_utf8(path.read_bytes())
        read = parse_outline(path.name, text)
        if honest >= count:
            break
        if read is None or read.broken or len(read.definitions) < 2:
            continue
        edited = add_documentation(path.name, text, chance)
        honest += edited != text
        for found in find_differences(text, edited, language, path.name)[:1]:
            alarms += 1
            print(f"  false alarm: {path}: {found}")
        change = change_code(grammar_of(language), path.name, text, chance)
        if change is not None:
            hidden += 1
            if not find_differences(text, add_documentation(path.name, change, chance), language, path.name):
                missed += 1
                print(f"  missed: {path}")
    return f"{honest} honest edits, {alarms} false alarms; {hidden} hidden changes, {missed} missed"


def main(arguments: Iterable[str]) -> None:
    seed, count, *trees = arguments
    files: dict[Language, list[Path]] = defaultdict(list)
    for tree in trees:
        for path in sorted(Path(tree).rglob("*")):
            language = language_of(path.name)
            if language is not None and path.is_file() and 200 < path.stat().st_size < READ_BYTES // 8:
                files[language].append(path)
    for language, paths in sorted(files.items()):
        chance = random.Random(int(seed))
        chance.shuffle(paths)
        print(f"{language}: {try_edits(language, paths, int(count), chance)}")


if __name__ == "__main__":
    main(sys.argv[1:])
