"""What asserts in a test, by its words."""

import re

ASSERTION = re.compile(
    r"\b_*(?:[Aa]ssert|[Cc]heck|[Vv]erify|[Ee]xpect|[Ss]hould|[Ee]nsure|[Mm]ust|raises|warns|fail|deep|eq_|ne_|is_|in_"
    r"|not_in)\w*"
    r"|\b_+(?:do_|run_)?test\w*\s*\(|\.should\b|\brequire\.\w+\(|\.(?:Error|Fatal|Fail)\w*\("
    r"|\bt\.(?:is|not|true|false|throws\w*|snapshot|like|pass)\("
)
"""Matches what asserts in a masked source text of any language; rather too much than too little."""
