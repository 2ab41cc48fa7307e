"""Models' names: how one is shown, and whether two mean the same model."""

import re


def shown_name(model: str) -> str:
    """Give a model's name as it may stand in a sentence."""
    return "".join(c for c in model if c.isprintable())[:80]


def same_model(asked: str, served: str) -> bool:
    """Say whether one name means the other: a vendor before it, a date or `latest` after it, or an alias resolved."""
    one, other = (name.rpartition("/")[2].partition(":")[0].casefold() for name in (asked, served))
    one = one.removesuffix("-latest")
    if one == other:
        return True
    return other.startswith(one) and re.match(r"[-@](\d{4}|v?\d{2}-|latest|preview|exp)", other[len(one) :]) is not None
