"""Limits on what models may cost in one call, one thread or one day: dollars, tokens, or both."""

import re
from dataclasses import dataclass
from decimal import Decimal

_PART = re.compile(
    r"\$\s*(?P<dollars>\d+(\.\d+)?)|(?P<tokens>\d+(\.\d+)?)\s*(?P<unit>[kKmM]?)\s*(tokens?)?", re.IGNORECASE
)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit in US dollars, in tokens (input and output together), in both, or in neither."""

    dollars: Decimal | None = None
    tokens: int | None = None


UNLIMITED = Allowance()


def parse_allowance(text: str) -> Allowance:
    """Read `$2`, `200000`, `200k tokens`, or two of them with a comma between; ValueError for anything else."""
    found: dict[str, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _PART.fullmatch(part)
        kind = "dollars" if match and match["dollars"] else "tokens"
        if match is None or kind in found:
            raise ValueError("send dollars (`$2`), tokens (`200k tokens`), or both with a comma between")
        found[kind] = Decimal(match[kind]) * (_UNITS[match["unit"].lower()] if kind == "tokens" else 1)
    tokens = found.get("tokens")
    return Allowance(found.get("dollars"), None if tokens is None else int(tokens))
