"""Facts of many items: as many in a line as fit."""

from collections.abc import Sequence

from stepwarden.inspections.scope import FACT_BYTES, clip


def packed(head: str, items: Sequence[str], most: int) -> list[str]:
    """Return the items after `head` in at most so many facts, as many in each as fit, and how many are left.

    `head` alone where there are none and it does not end in a space; nothing where it does.
    """
    if not items:
        return [] if head.endswith(" ") else [clip(head)]
    lines: list[str] = []
    here, left = head, list(items)
    while left:
        rest = f" +{len(left) - 1}" if len(left) > 1 else ""
        begun = here not in {head, ""}
        longer = f"{here}{', ' if begun else ''}{left[0]}"
        if begun and len((longer + rest).encode()) > FACT_BYTES:
            if len(lines) == most - 1:
                return [*lines, clip(f"{here} +{len(left)}")]
            lines.append(here)
            here = ""
            continue
        here = longer
        left.pop(0)
    return [*lines, clip(here)]
