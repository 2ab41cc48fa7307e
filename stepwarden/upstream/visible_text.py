"""Foreign text without what people do not see of it, and models do."""

import re

_UNSEEN = (
    re.compile(  # controls but tab and line feed, format characters but the two joiners, tags, selectors, surrogates
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b\u200e\u200f\u202a-\u202e"
        r"\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e01ef]"
    )
)


def visible(text: str) -> str:
    """Return text without invisible characters: they hide instructions from people and not from models.

    Spaces of every kind stay, and the joiners that Persian, Indic scripts and emoji are written with.
    """
    return _UNSEEN.sub("", text)
