"""Rules for dangerous lines in Go."""

from stepwarden.inspections.secaudit.security_rules.rule import (
    ADDED,
    DOUBLE_SQL_ADDED,
    KEY_NAMES,
    SQL,
    SQL_WORDS,
    SecurityRisk,
    code_rule,
    text_rule,
)

_LITERAL = r"(?:\"[^\"]*\"|`[^`]*`)"

RULES = (
    code_rule(
        "command run",
        SecurityRisk.INJECTION,
        "exec.Command",
        r"\bexec\.Command(?:Context)?\(",
        unless=rf"exec\.Command(?:Context)?\((?:[\w.]+(?:\(\))?,\s*)?{_LITERAL}(?:,\s*{_LITERAL})*\s*\)",
    ),
    text_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,
        rf"\bfmt\.Sprintf\(\s*[\"`]{SQL}|{DOUBLE_SQL_ADDED}|`{SQL}[^`]*`{ADDED}",
    ),
    text_rule(
        "unescaped HTML",
        SecurityRisk.INJECTION,
        "template. text/template",
        r"\btemplate\.(?:HTML|HTMLAttr|CSS|JS|JSStr|URL)\(|\"text/template\"",
        unless=rf"\btemplate\.\w+\(\s*{_LITERAL}\s*\)",
    ),
    code_rule("weak hash", SecurityRisk.CRYPTOGRAPHY, "md5. sha1.", r"\b(?:md5|sha1)\.(?:New|Sum)\w*\("),
    code_rule("weak cipher", SecurityRisk.CRYPTOGRAPHY, "des. rc4.", r"\b(?:des|rc4)\.New\w*\("),
    code_rule("TLS unchecked", SecurityRisk.CRYPTOGRAPHY, "InsecureSkipVerify", r"InsecureSkipVerify\s*[:=]\s*true\b"),
    code_rule(
        "guessable random",
        SecurityRisk.CRYPTOGRAPHY,
        "rand.",  # functions of crypto/rand take a reader, or return an error beside the value
        KEY_NAMES + r"\w*\s*:?=(?!=).*\brand\.(?:U?int\w*|Float\w+|Perm)\((?!\s*rand\.)",
    ),
    code_rule("unsafe", SecurityRisk.INTEGRITY, "unsafe.", r"\bunsafe\.Pointer\("),
)
