"""Rules for dangerous lines in C#."""

from stepwarden.inspections.secaudit.security_rules.rule import (
    DOUBLE_SQL_ADDED,
    SQL,
    SQL_WORDS,
    SecurityRisk,
    code_rule,
    text_rule,
)

RULES = (
    code_rule(
        "command run",
        SecurityRisk.INJECTION,
        "Process",
        r"\bProcess\.Start\(|\bnew\s+ProcessStartInfo\(",
        unless=r"(?:Process\.Start|ProcessStartInfo)\((?:\s*\"[^\"]*\"(?:,\s*\"[^\"]*\")*)?\s*\)",
    ),
    text_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,  # methods of Entity Framework that pass the values separately are safe
        rf"(?:\$@?|@\$)\"{{1,3}}(?={SQL})[^\"]*\{{|{DOUBLE_SQL_ADDED}|\b[sS]tring\.Format\(\s*@?\"{SQL}",
        unless=r"\b(?:FromSql|ExecuteSql|SqlQuery)(?:Interpolated)?(?:Async)?(?:<[^>]*>)?\(\s*\$",
    ),
    code_rule(
        "deserializing",
        SecurityRisk.INTEGRITY,
        "Formatter NetDataContract TypeNameHandling",
        r"\b(?:BinaryFormatter|NetDataContractSerializer|LosFormatter|SoapFormatter)\b"
        r"|TypeNameHandling\.(?:All|Auto|Objects|Arrays)\b",
    ),
    code_rule(
        "weak hash or cipher",
        SecurityRisk.CRYPTOGRAPHY,
        "MD5 SHA1 DES RC2 ECB",
        r"\b(?:MD5|SHA1|DES|TripleDES|RC2)\.(?:Create|HashData)\(|\bCipherMode\.ECB\b"
        r"|\bnew\s+(?:MD5|SHA1|DES|TripleDES|RC2)(?:CryptoServiceProvider|Managed|Cng)\(",
    ),
    code_rule("unescaped HTML", SecurityRisk.INJECTION, "Html.Raw HtmlString", r"\bHtml\.Raw\(|\bnew\s+HtmlString\("),
)
