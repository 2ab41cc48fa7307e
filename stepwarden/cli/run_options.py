"""What people write behind the options of `run` and `runs`, read and checked."""

import difflib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from stepwarden.errors import RunRefused
from stepwarden.runs.limits import DEFAULT_LIMITS, RunLimits
from stepwarden.runs.run_calls import CallKind

KINDS = (CallKind.READ, CallKind.WRITE, CallKind.DESTRUCTIVE)
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def read_limits(words: Sequence[str]) -> RunLimits:
    """Return the limits that `name=number` words say. Raises RunRefused."""
    given: dict[str, Any] = {}
    for word in words:
        name, equals, number = word.partition("=")
        known = list(RunLimits.__dataclass_fields__)
        if not equals or name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}?" if near and near[0] != name else f"the names are {', '.join(known)}."
            raise RunRefused(f"--limit {word!r:.60}: write name=number; {meant}")
        try:
            given[name] = _number(name, number)
        except (ArithmeticError, ValueError):
            is_whole = name != "dollars" and not name.endswith("seconds")
            raise RunRefused(
                f"--limit {word!r:.60}: {number!r:.40} is no {'whole ' if is_whole else ''}number."
            ) from None
    return replace(DEFAULT_LIMITS, **given)


def _number(name: str, text: str) -> int | float | Decimal | None:
    if text == "none":
        return None
    if name == "dollars":
        return Decimal(text)
    return float(text) if name.endswith("seconds") else int(text)


def read_additions(words: Sequence[str]) -> dict[str, str]:
    """Return what `name=number` words add to limits. Raises RunRefused."""
    if wrong := next((word for word in words if not all(word.partition("="))), None):
        raise RunRefused(f"--limit {wrong!r:.60}: write name=number: steps, seconds, tokens or dollars.")
    return {name: number for name, _, number in (word.partition("=") for word in words)}


def read_kinds(words: Sequence[str]) -> frozenset[str]:
    """Return the kinds of calls that are allowed unasked. Raises RunRefused."""
    if unknown := [word for word in words if word not in KINDS]:
        raise RunRefused(f"--yes {unknown[0]!r:.60}: write one of {', '.join(KINDS)}, and --yes again for another.")
    return frozenset(words)


def read_condition(text: str | None) -> Mapping[str, Any] | None:
    """Return the JSON of a stop condition. Raises RunRefused."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunRefused(f'--stop is no JSON: {error}. Write it as {{"max_steps": 5}}, in single quotes.') from None
    if not isinstance(found, dict):
        raise RunRefused('--stop is one JSON object: {"max_steps": 5}, or {"any": [...]} for several.')
    return cast("dict[str, Any]", found)


def read_metadata(words: Sequence[str]) -> dict[str, str]:
    """Return what `name=value` words say. Raises RunRefused."""
    if wrong := next((word for word in words if not word.partition("=")[1]), None):
        raise RunRefused(f"--metadata {wrong!r:.60}: write name=value.")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def read_time(option: str, text: str | None) -> float | None:
    """Return a time in unix seconds: `2h` or `3d` ago, or a date such as `2026-11-30`, in UTC where it names no zone.

    Raises RunRefused.
    """
    if text is None:
        return None
    if (ago := _AGO.fullmatch(text.strip())) is not None:
        return time.time() - float(ago[1]) * _UNIT_S[ago[2]]
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise RunRefused(
            f"{option} {text!r:.40}: write a date (2026-11-30, 2026-11-30T18:00) or how long ago (90m, 2h, 3d)."
        ) from None
