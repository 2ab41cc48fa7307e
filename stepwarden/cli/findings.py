"""What a check finds."""

from dataclasses import dataclass
from typing import Literal

Standing = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the doctor's table; `advice` says what to do where something is to be done."""

    standing: Standing
    about: str
    found: str
    advice: str = ""
