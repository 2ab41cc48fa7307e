"""Dangerous lines in C#."""

from stepwarden.measures.dangers.kinds import DOUBLE_SQL_ADDED, SQL, SQL_WORDS, Risk, danger

DANGERS = (
    danger(
        "command run",
        Risk.INJECTION,
        "Process",
        r"\bProcess\.Start\(|\bnew\s+ProcessStartInfo\(",
        unless=r"(?:Process\.Start|ProcessStartInfo)\((?:\s*\"[^\"]*\"(?:,\s*\"[^\"]*\")*)?\s*\)",
    ),
    danger(
        "SQL from strings",
        Risk.INJECTION,
        SQL_WORDS,  # those of Entity Framework that take the values apart from the text are safe
        rf"(?:\$@?|@\$)\"{{1,3}}(?={SQL})[^\"]*\{{|{DOUBLE_SQL_ADDED}|\b[sS]tring\.Format\(\s*@?\"{SQL}",
        strings=True,
        unless=r"\b(?:FromSql|ExecuteSql|SqlQuery)(?:Interpolated)?(?:Async)?(?:<[^>]*>)?\(\s*\$",
    ),
    danger(
        "deserializing",
        Risk.INTEGRITY,
        "Formatter NetDataContract TypeNameHandling",
        r"\b(?:BinaryFormatter|NetDataContractSerializer|LosFormatter|SoapFormatter)\b"
        r"|TypeNameHandling\.(?:All|Auto|Objects|Arrays)\b",
    ),
    danger(
        "weak hash or cipher",
        Risk.CRYPTOGRAPHY,
        "MD5 SHA1 DES RC2 ECB",
        r"\b(?:MD5|SHA1|DES|TripleDES|RC2)\.(?:Create|HashData)\(|\bCipherMode\.ECB\b"
        r"|\bnew\s+(?:MD5|SHA1|DES|TripleDES|RC2)(?:CryptoServiceProvider|Managed|Cng)\(",
    ),
    danger("unescaped HTML", Risk.INJECTION, "Html.Raw HtmlString", r"\bHtml\.Raw\(|\bnew\s+HtmlString\("),
)
