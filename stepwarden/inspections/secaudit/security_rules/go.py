"""Dangerous lines in Go."""

from stepwarden.inspections.secaudit.security_rules.rule import (
    ADDED,
    DOUBLE_SQL_ADDED,
    KEY_NAMES,
    SQL,
    SQL_WORDS,
    SecurityRisk,
    security_rule,
)

_LITERAL = r"(?:\"[^\"]*\"|`[^`]*`)"

DANGERS = (
    security_rule(
        "command run",
        SecurityRisk.INJECTION,
        "exec.Command",
        r"\bexec\.Command(?:Context)?\(",
        unless=rf"exec\.Command(?:Context)?\((?:[\w.]+(?:\(\))?,\s*)?{_LITERAL}(?:,\s*{_LITERAL})*\s*\)",
    ),
    security_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,
        rf"\bfmt\.Sprintf\(\s*[\"`]{SQL}|{DOUBLE_SQL_ADDED}|`{SQL}[^`]*`{ADDED}",
        strings=True,
    ),
    security_rule(
        "unescaped HTML",
        SecurityRisk.INJECTION,
        "template. text/template",
        r"\btemplate\.(?:HTML|HTMLAttr|CSS|JS|JSStr|URL)\(|\"text/template\"",
        strings=True,
        unless=rf"\btemplate\.\w+\(\s*{_LITERAL}\s*\)",
    ),
    security_rule("weak hash", SecurityRisk.CRYPTOGRAPHY, "md5. sha1.", r"\b(?:md5|sha1)\.(?:New|Sum)\w*\("),
    security_rule("weak cipher", SecurityRisk.CRYPTOGRAPHY, "des. rc4.", r"\b(?:des|rc4)\.New\w*\("),
    security_rule(
        "TLS unchecked", SecurityRisk.CRYPTOGRAPHY, "InsecureSkipVerify", r"InsecureSkipVerify\s*[:=]\s*true\b"
    ),
    security_rule(
        "guessable random",
        SecurityRisk.CRYPTOGRAPHY,
        "rand.",  # those of crypto/rand take a reader, or give an error beside the value
        KEY_NAMES + r"\w*\s*:?=(?!=).*\brand\.(?:U?int\w*|Float\w+|Perm)\((?!\s*rand\.)",
    ),
    security_rule("unsafe", SecurityRisk.INTEGRITY, "unsafe.", r"\bunsafe\.Pointer\("),
)
