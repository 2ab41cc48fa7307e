"""Dangerous lines in Java."""

from stepwarden.inspections.secaudit.security_rules.rule import (
    DOUBLE_SQL_ADDED,
    SQL,
    SQL_WORDS,
    SecurityRisk,
    security_rule,
)

_LITERALS = r"\(\s*\"[^\"]*\"(?:,\s*\"[^\"]*\")*\s*\)"

DANGERS = (
    security_rule(
        "command run",
        SecurityRisk.INJECTION,
        "exec( ProcessBuilder",
        r"\bgetRuntime\(\)\.exec\(|\bnew\s+ProcessBuilder\(",
        unless=r"(?:\.exec|ProcessBuilder)" + _LITERALS,
    ),
    security_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,
        rf"{DOUBLE_SQL_ADDED}|\bString\.format\(\s*\"{SQL}|\"{SQL}[^\"]*\"\.formatted\(",
        strings=True,
    ),
    security_rule(
        "deserializing",
        SecurityRisk.INTEGRITY,
        "readObject ObjectInputStream XMLDecoder",
        r"\breadObject\(\s*\)|\bnew\s+ObjectInputStream\(|\bXMLDecoder\(",
    ),
    security_rule(
        "weak hash or cipher",
        SecurityRisk.CRYPTOGRAPHY,
        "getInstance DigestUtils",
        r"getInstance\(\s*\"(?:MD[25]|SHA\"|SHA-?1(?!PRNG)|DES|RC[24]|ARCFOUR|Blowfish|AES/ECB)"
        r"|\bCipher\.getInstance\(\s*\"AES\"|\bDigestUtils\.(?:md5|sha1)",
        strings=True,
    ),
    security_rule(
        "unsafe XML",
        SecurityRisk.INJECTION,
        "BuilderFactory ParserFactory InputFactory",
        r"\b(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory)\.newInstance\(",
    ),
    security_rule(
        "no CSRF check",
        SecurityRisk.CONFIGURATION,
        "csrf",
        r"csrf\(\)\.disable\(|csrf\s*\(\s*(?:\w+|\(\w+\))\s*->\s*\w+\.disable|csrf\s*\(\s*\w+::disable",
    ),
    security_rule(
        "script engine",
        SecurityRisk.INJECTION,
        "ScriptEngine SpelExpression",
        r"\bScriptEngineManager\(|\bSpelExpressionParser\(",
    ),
)
