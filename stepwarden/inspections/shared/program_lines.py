"""The lines of a file that run only where it is the program that is started."""

import re

_MAIN = re.compile(
    r"^if\b[^\r\n]*(?:\b__name__\s*==\s*['\"]__main__['\"]|['\"]__main__['\"]\s*==\s*__name__\b"
    r"|\brequire\.main\s*===?\s*module\b|\bimport\.meta\.main\b)[^\r\n]*"
    r"(?:\r?\n(?:[ \t][^\r\n]*)?(?=\r?\n|\Z))*",
    re.MULTILINE,
)


def main_lines(text: str) -> range:
    """Return the lines of a file that run only where it is the program, as below `if __name__ == "__main__"`."""
    found = _MAIN.search(text)
    first = text.count("\n", 0, found.start()) + 1 if found else 0
    return range(first, first + found.group().count("\n") + 1) if found else range(0)
