"""Names of a source text that are passed on instead of called: values of tables, callbacks, handlers."""

import re
from dataclasses import dataclass

from stepwarden.source.outline import SCRIPTS, Language

_WORD = r"(?<!def )(?<!function )(?<!func )(?<!class )(?<!typeof )\b(?P<name>[A-Za-z_$][\w$]*)\b"
_NAME = re.compile(rf"{_WORD}(?!\s*[(\"'`])(?!\s*=(?![=>]))(?P<part>\s*\??\.(?!\.))?")
_NAME_WITHOUT_KEYS = re.compile(rf"{_WORD}(?!\s*[(\"'`])(?!\s*=(?!==?))(?!\s*[?!]?:(?!:))(?P<part>\s*\??\.(?!\.))?")
_PYTHON_IMPORT = re.compile(
    r"^[ \t]*(?:from\s+[\w.]+\s+import\s*(?:\([^)]*\)|(?:\\\n|[^\n(])*)|import\s+[^\n]*)", re.MULTILINE
)
_SCRIPT_IMPORT = re.compile(
    r"\bimport\b[^;\"'`(]*\bfrom\b|\b(?:const|let|var)\s*(?:\{[^}]*\}|\w+)\s*=\s*(?:await\s+)?(?:require|import)\b"
    r"|\bexport\s+(?:type\s+)?\{[^}]*\}|\bexport\s+default\s+[\w$]+[ \t]*(?=;|\n|\Z)"
    r"|\b(?:module\.)?exports(?:\.\w+)*\s*=\s*[\w$]+[ \t]*(?=;|\n|\Z)"
)
_EXPORTED = re.compile(r"\b(?:module\.)?exports\s*=\s*\{[^{}]*\}")
_SHORTHAND = re.compile(r"(?<=[{,])\s*(?:\.\.\.)?[\w$]+\s*(?=[,}])|\b([\w$]+)\s*:\s*\1\b")
_PREFIX = re.compile(
    r"\bgetattr\(\s*[\w.]+\s*,\s*(?:[fF][\"'](\w+)\{|[\"'](\w+)(?:%s)?[\"']\s*[+%]|[\"'](\w+)\{\w*\}[\"']\.format)"
    r"|\[\s*(?:`(\w+)\$\{|[\"'](\w+)[\"']\s*\+)"
)


@dataclass(frozen=True, slots=True)
class PassedNames:
    """The names of a text that are not called there; `whole` are those of which no part is taken (`name.part`).

    `prefixes` begin names that are put together while the program runs (`getattr(self, "on_" + kind)`).
    """

    names: frozenset[str]
    whole: frozenset[str]
    prefixes: tuple[str, ...] = ()

    def include(self, name: str) -> bool:
        """Whether a function of that name may be meant."""
        return name in self.names or name.startswith(self.prefixes)


def find_passed_names(code: str, language: Language, text: str = "") -> PassedNames:
    """Return what a masked source text passes on; imports and exports do not count. `text` is the unmasked one."""
    pattern = _NAME if language is Language.PYTHON else _NAME_WITHOUT_KEYS
    names: set[str] = set()
    whole: set[str] = set()
    for match in pattern.finditer(_without_imports(code, language)):
        names.add(match["name"])
        if match["part"] is None:
            whole.add(match["name"])
    prefixes = {next(filter(None, match.groups())) for match in _PREFIX.finditer(text)}
    return PassedNames(frozenset(names), frozenset(whole), tuple(sorted(prefixes)))


def _without_imports(code: str, language: Language) -> str:
    if language is Language.PYTHON:
        return _PYTHON_IMPORT.sub("", code)
    if language in SCRIPTS:
        return _SCRIPT_IMPORT.sub("", _EXPORTED.sub(lambda match: _SHORTHAND.sub("", match[0]), code))
    return code
