"""One place in a file where its own text shows what is likely wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeFault:
    """What stands at a line; `rank` orders them: 0 is the most pressing. `key` says the same without line numbers."""

    line: int
    what: str
    rank: int
    key: str

    @classmethod
    def at(cls, line: int, what: str, rank: int, key: str = "") -> "CodeFault":
        """Return a fault whose words have no line numbers, or that `key` says without them."""
        return cls(line, what, rank, key or what)


def new_faults(before: list[CodeFault], after: list[CodeFault]) -> list[CodeFault]:
    """Return what the later text of a file has and the earlier one had not."""
    left = [fault.key for fault in before]
    found: list[CodeFault] = []
    for fault in after:
        if fault.key in left:
            left.remove(fault.key)
        else:
            found.append(fault)
    return found
