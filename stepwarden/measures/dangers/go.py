"""Dangerous lines in Go."""

from stepwarden.measures.dangers.kinds import ADDED, DOUBLE_SQL_ADDED, KEY_NAMES, SQL, SQL_WORDS, Risk, danger

_LITERAL = r"(?:\"[^\"]*\"|`[^`]*`)"

DANGERS = (
    danger(
        "command run",
        Risk.INJECTION,
        "exec.Command",
        r"\bexec\.Command(?:Context)?\(",
        unless=rf"exec\.Command(?:Context)?\((?:[\w.]+(?:\(\))?,\s*)?{_LITERAL}(?:,\s*{_LITERAL})*\s*\)",
    ),
    danger(
        "SQL from strings",
        Risk.INJECTION,
        SQL_WORDS,
        rf"\bfmt\.Sprintf\(\s*[\"`]{SQL}|{DOUBLE_SQL_ADDED}|`{SQL}[^`]*`{ADDED}",
        strings=True,
    ),
    danger(
        "unescaped HTML",
        Risk.INJECTION,
        "template. text/template",
        r"\btemplate\.(?:HTML|HTMLAttr|CSS|JS|JSStr|URL)\(|\"text/template\"",
        strings=True,
        unless=rf"\btemplate\.\w+\(\s*{_LITERAL}\s*\)",
    ),
    danger("weak hash", Risk.CRYPTOGRAPHY, "md5. sha1.", r"\b(?:md5|sha1)\.(?:New|Sum)\w*\("),
    danger("weak cipher", Risk.CRYPTOGRAPHY, "des. rc4.", r"\b(?:des|rc4)\.New\w*\("),
    danger("TLS unchecked", Risk.CRYPTOGRAPHY, "InsecureSkipVerify", r"InsecureSkipVerify\s*[:=]\s*true\b"),
    danger(
        "guessable random",
        Risk.CRYPTOGRAPHY,
        "rand.",  # those of crypto/rand take a reader, or give an error beside the value
        KEY_NAMES + r"\w*\s*:?=(?!=).*\brand\.(?:U?int\w*|Float\w+|Perm)\((?!\s*rand\.)",
    ),
    danger("unsafe", Risk.INTEGRITY, "unsafe.", r"\bunsafe\.Pointer\("),
)
