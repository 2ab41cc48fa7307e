"""Rules for dangerous lines in Java."""

from stepwarden.inspections.secaudit.security_rules.rule import (
    DOUBLE_SQL_ADDED,
    SQL,
    SQL_WORDS,
    SecurityRisk,
    code_rule,
    text_rule,
)

_LITERALS = r"\(\s*\"[^\"]*\"(?:,\s*\"[^\"]*\")*\s*\)"

RULES = (
    code_rule(
        "command run",
        SecurityRisk.INJECTION,
        "exec( ProcessBuilder",
        r"\bgetRuntime\(\)\.exec\(|\bnew\s+ProcessBuilder\(",
        unless=r"(?:\.exec|ProcessBuilder)" + _LITERALS,
    ),
    text_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,
        rf"{DOUBLE_SQL_ADDED}|\bString\.format\(\s*\"{SQL}|\"{SQL}[^\"]*\"\.formatted\(",
    ),
    code_rule(
        "deserializing",
        SecurityRisk.INTEGRITY,
        "readObject ObjectInputStream XMLDecoder",
        r"\breadObject\(\s*\)|\bnew\s+ObjectInputStream\(|\bXMLDecoder\(",
    ),
    text_rule(
        "weak hash or cipher",
        SecurityRisk.CRYPTOGRAPHY,
        "getInstance DigestUtils",
        r"getInstance\(\s*\"(?:MD[25]|SHA\"|SHA-?1(?!PRNG)|DES|RC[24]|ARCFOUR|Blowfish|AES/ECB)"
        r"|\bCipher\.getInstance\(\s*\"AES\"|\bDigestUtils\.(?:md5|sha1)",
    ),
    code_rule(
        "unsafe XML",
        SecurityRisk.INJECTION,
        "BuilderFactory ParserFactory InputFactory",
        r"\b(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory)\.newInstance\(",
    ),
    code_rule(
        "no CSRF check",
        SecurityRisk.CONFIGURATION,
        "csrf",
        r"csrf\(\)\.disable\(|csrf\s*\(\s*(?:\w+|\(\w+\))\s*->\s*\w+\.disable|csrf\s*\(\s*\w+::disable",
    ),
    code_rule(
        "script engine",
        SecurityRisk.INJECTION,
        "ScriptEngine SpelExpression",
        r"\bScriptEngineManager\(|\bSpelExpressionParser\(",
    ),
)
