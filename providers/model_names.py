"""Models' names: how one is shown, and whether two mean the same model."""

import re


def shown_name(model: str) -> str:
    """Return a model's name for a sentence: printable, and not longer than 80 characters."""
    return "".join(c for c in model if c.isprintable())[:80]


def same_model(asked: str, served: str) -> bool:
    """Return whether one name means the other: a vendor in front, a date or `latest` behind, or an alias."""
    one, other = (name.rpartition("/")[2].partition(":")[0].casefold() for name in (asked, served))
    one = one.removesuffix("-latest")
    if one == other:
        return True
    return other.startswith(one) and re.match(r"[-@](\d{4}|v?\d{2}-|latest|preview|exp)", other[len(one) :]) is not None
