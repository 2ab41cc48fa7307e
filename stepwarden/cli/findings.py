"""The results of the doctor's checks."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the doctor's table; `advice` says what to do, where something is to be done."""

    level: Level
    about: str
    found: str
    advice: str = ""
