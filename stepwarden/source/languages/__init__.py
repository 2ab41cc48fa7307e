"""The languages: one module each, whose `GRAMMAR` says how the language is read, and one row here with its suffixes."""

from collections.abc import Mapping

from stepwarden.source.grammar import Grammar
from stepwarden.source.languages import c, cpp, csharp, go, java, javascript, python, rust, typescript
from stepwarden.source.outline import Language

SUFFIXES: Mapping[str, Grammar] = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), python.GRAMMAR),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), javascript.GRAMMAR),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), typescript.GRAMMAR),
    ".go": go.GRAMMAR,
    ".java": java.GRAMMAR,
    ".rs": rust.GRAMMAR,
    ".c": c.GRAMMAR,
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".c++", ".h", ".hh", ".hpp", ".hxx", ".inl", ".ipp"), cpp.GRAMMAR),
    ".cs": csharp.GRAMMAR,
}

_GRAMMARS = {grammar.language: grammar for grammar in SUFFIXES.values()}


def language_of(path: str) -> Language | None:
    """Return the language of a file by its name, None if it is none of ours; a `.h` is read as C++, which covers C."""
    stem, _, ending = path.rpartition("/")[2].rpartition(".")
    grammar = SUFFIXES.get(f".{ending.lower()}") if stem else None
    return grammar.language if grammar else None


def grammar_of(language: Language) -> Grammar:
    """Return how a language is read."""
    return _GRAMMARS[language]
