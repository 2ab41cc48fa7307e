"""What is unusual in the text of a function: locks, globals, swallowed errors, clocks, work in the background.

A pattern finds a place to look at, never a fault.
"""

import re
from collections.abc import Mapping
from functools import cache

from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.source.outline import Language

_ANY = frozenset(Language)
_PYTHON = frozenset({Language.PYTHON})
_BRACES = _ANY - _PYTHON - {Language.GO, Language.RUST, Language.C}
_CLOCK = (
    r"\b(?:time\.(?:time|monotonic|perf_counter|sleep|Now|Since)|datetime\.(?:now|utcnow|today)|date\.today"
    r"|Date\.now|Math\.random|random\.\w+|rand\.\w+)\(|\bnew Date\(\)"
)
_STARTS = (
    r"\b(?:Thread|create_task|ensure_future|start_soon|submit|setTimeout|setInterval|spawn)\("
    r"|^[ \t]*go [\w.]+\("
)
_PATTERNS: Mapping[str, tuple[tuple[frozenset[Language], str], ...]] = {
    "passes over an error": (
        (_PYTHON, r"^[ \t]*except\b[^\n]*:[ \t]*(?:\n\s*)?(?:pass|continue|\.\.\.)[ \t]*$"),
        (_BRACES, r"\bcatch(?:\s*\([^)\n]{0,200}\))?\s*\{\s*\}"),
        (frozenset({Language.GO}), r"\bif err != nil \{(?:\s*(?:return nil|continue))?\s*\}"),
    ),
    "catches every error": ((_PYTHON, r"^[ \t]*except(?:[ \t]*:|[ \t]+(?:Base)?Exception\b)"),),
    "holds a lock": (
        (_PYTHON, r"\bwith\s+[\w.]*(?:lock|mutex|semaphore)\w*"),
        (_ANY, r"\.(?:acquire|Lock|RLock|lock)\(|\bsynchronized\b|\block\s*\("),
    ),
    "sets a name outside": ((_PYTHON, r"^[ \t]*(?:global|nonlocal)\s+\w+"),),
    "has a default that all calls share": ((_PYTHON, r"\bdef\b[^:]{0,400}=\s*(?:\[\]|\{\}|(?:set|list|dict)\(\))"),),
    "depends on the clock or on chance": ((_ANY, _CLOCK),),
    "starts work that goes on": ((_ANY, _STARTS),),
}
MOST_ODDITIES = 6


def find_oddities(text: str, language: Language) -> list[tuple[int, str]]:
    """Return (line from 0, what is unusual there) of a function's text, in the order of its lines, each line once."""
    code = mask_source(text, language)
    found: dict[int, str] = {}
    for words, patterns in _PATTERNS.items():
        for languages, pattern in patterns:
            if language in languages:
                for match in _compiled(pattern).finditer(code):
                    found.setdefault(code.count("\n", 0, match.start()), words)
    return sorted(found.items())[:MOST_ODDITIES]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)
