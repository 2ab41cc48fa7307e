"""The languages: one module each, named in one row here; `GRAMMAR` in it says how the language is read."""

import importlib
from functools import cache
from pathlib import PurePosixPath

from stepwarden.source.grammar import Grammar
from stepwarden.source.outline import Language

SUFFIXES: dict[str, Language] = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), Language.PYTHON),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), Language.JAVASCRIPT),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), Language.TYPESCRIPT),
    ".go": Language.GO,
    ".java": Language.JAVA,
    ".rs": Language.RUST,
    ".c": Language.C,
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".c++", ".h", ".hh", ".hpp", ".hxx", ".inl", ".ipp"), Language.CPP),
    ".cs": Language.CSHARP,
}


def language_of(path: str) -> Language | None:
    """Return the language of a file by its name, None if it is none of ours; a `.h` is read as C++, which covers C."""
    return SUFFIXES.get(PurePosixPath(path).suffix.lower())


@cache
def grammar_of(language: Language) -> Grammar:
    """Return how a language is read; its module is loaded at first use."""
    module = importlib.import_module(f"stepwarden.source.languages.{language.value}")
    grammar: Grammar = module.GRAMMAR
    return grammar
