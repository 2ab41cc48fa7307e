"""Dangerous lines in Java."""

from stepwarden.measures.dangers.kinds import DOUBLE_SQL_ADDED, SQL, SQL_WORDS, Risk, danger

_LITERALS = r"\(\s*\"[^\"]*\"(?:,\s*\"[^\"]*\")*\s*\)"

DANGERS = (
    danger(
        "command run",
        Risk.INJECTION,
        "exec( ProcessBuilder",
        r"\bgetRuntime\(\)\.exec\(|\bnew\s+ProcessBuilder\(",
        unless=r"(?:\.exec|ProcessBuilder)" + _LITERALS,
    ),
    danger(
        "SQL from strings",
        Risk.INJECTION,
        SQL_WORDS,
        rf"{DOUBLE_SQL_ADDED}|\bString\.format\(\s*\"{SQL}|\"{SQL}[^\"]*\"\.formatted\(",
        strings=True,
    ),
    danger(
        "deserializing",
        Risk.INTEGRITY,
        "readObject ObjectInputStream XMLDecoder",
        r"\breadObject\(\s*\)|\bnew\s+ObjectInputStream\(|\bXMLDecoder\(",
    ),
    danger(
        "weak hash or cipher",
        Risk.CRYPTOGRAPHY,
        "getInstance DigestUtils",
        r"getInstance\(\s*\"(?:MD[25]|SHA\"|SHA-?1(?!PRNG)|DES|RC[24]|ARCFOUR|Blowfish|AES/ECB)"
        r"|\bCipher\.getInstance\(\s*\"AES\"|\bDigestUtils\.(?:md5|sha1)",
        strings=True,
    ),
    danger(
        "unsafe XML",
        Risk.INJECTION,
        "BuilderFactory ParserFactory InputFactory",
        r"\b(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory)\.newInstance\(",
    ),
    danger(
        "no CSRF check",
        Risk.CONFIGURATION,
        "csrf",
        r"csrf\(\)\.disable\(|csrf\s*\(\s*(?:\w+|\(\w+\))\s*->\s*\w+\.disable|csrf\s*\(\s*\w+::disable",
    ),
    danger(
        "script engine",
        Risk.INJECTION,
        "ScriptEngine SpelExpression",
        r"\bScriptEngineManager\(|\bSpelExpressionParser\(",
    ),
)
