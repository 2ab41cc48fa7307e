"""Rules for dangerous lines in Python."""

from stepwarden.inspections.secaudit.security_rules.rule import (
    ADDED,
    KEY_NAMES,
    SQL,
    SQL_WORDS,
    SecurityRisk,
    code_rule,
    text_rule,
)

_LITERAL = r"\(\s*[rbuRBU]*(?:\"[^\"{}%]*\"|'[^'{}%]*')\s*[,)]"
_XML_MODULES = r"xml\.(?:etree\.\w+|dom\.minidom|sax)|lxml\.etree|etree|ElementTree|ET|minidom|pulldom|sax"

RULES = (
    code_rule(
        "eval/exec",
        SecurityRisk.INJECTION,
        "eval( exec(",
        r"(?<![\w.])(?<!def )(?:eval|exec)\(",
        unless=r"(?:eval|exec)" + _LITERAL,
    ),
    code_rule("os.system/popen", SecurityRisk.INJECTION, "os.system os.popen", r"\bos\.(?:system|popen)\("),
    code_rule("shell=True", SecurityRisk.INJECTION, "shell", r"\bshell\s*=\s*True\b"),
    text_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,
        rf"\b[rR]?[fF][rR]?(?:\"{{1,3}}(?={SQL})[^\"]*|'{{1,3}}(?={SQL})[^']*)\{{"
        rf"|(?:\"{SQL}[^\"]*\"|'{SQL}[^']*')(?:\s*%\s*[\w({{]|{ADDED}|\.format\()",
    ),
    code_rule(
        "pickle/marshal load",
        SecurityRisk.INTEGRITY,
        "ickle dill marshal shelve",
        r"\b(?:c?[pP]ickle|dill|marshal|shelve|jsonpickle)\.(?:loads?|open|Unpickler|decode)\(|\bread_pickle\(",
    ),
    code_rule(
        "unsafe YAML",
        SecurityRisk.INTEGRITY,
        "yaml",
        r"\byaml\.(?:load|load_all|unsafe_load|unsafe_load_all)\(",
        unless=r"SafeLoader|BaseLoader",
    ),
    code_rule(
        "weak hash",
        SecurityRisk.CRYPTOGRAPHY,
        "md5 sha1 MD SHA hashlib.new",
        r"\bhashlib\.(?:md5|sha1|new)\(|(?<![\w.])(?<!def )(?:md5|sha1)\(|\b(?:MD[245]|SHA1?)\.new\("
        r"|\bhashes\.(?:MD5|SHA1)\(",
        unless=r"usedforsecurity\s*=\s*False|hashlib\.new\(\s*[\"'](?:sha[_-]?[235]|blake|shake)",
    ),
    code_rule(
        "weak cipher",
        SecurityRisk.CRYPTOGRAPHY,
        "ARC4 DES Blowfish ECB IDEA",
        r"\b(?:ARC4|DES3?|Blowfish)\.new\(|\bMODE_ECB\b|\bmodes\.ECB\(|\balgorithms\.(?:ARC4|Blowfish|TripleDES|IDEA)\(",
    ),
    code_rule(
        "TLS unchecked",
        SecurityRisk.CRYPTOGRAPHY,
        "verify _create_unverified CERT_NONE check_hostname",
        r"\bverify(?:_ssl)?\s*=\s*False\b|\b_create_unverified_context\b|\bCERT_NONE\b|check_hostname\s*=\s*False",
        unless=r"(?:[=!]=|\bis(?: not)?)\s*(?:ssl\.)?CERT_NONE|\bjwt\.decode\(",
    ),
    text_rule("TLS unchecked", SecurityRisk.CRYPTOGRAPHY, "CERT_NONE", r"cert_reqs\s*=\s*[\"']CERT_NONE[\"']"),
    code_rule(
        "guessable random",
        SecurityRisk.CRYPTOGRAPHY,
        "random",
        KEY_NAMES + r"\w*(?:\s*:\s*\w+)?\s*=(?!=).*"
        r"\brandom\.(?:random|randint|choices?|randrange|getrandbits|randbytes|sample|uniform)\(",
    ),
    code_rule(
        "debug server",
        SecurityRisk.CONFIGURATION,
        "debug DEBUG",
        r"\bdebug\s*=\s*True\b|^\s*DEBUG\s*=\s*True\b",
        unless=r"\basyncio\.|\bdef ",
    ),
    text_rule("debug server", SecurityRisk.CONFIGURATION, "DEBUG", r"config\[[\"']DEBUG[\"']\]\s*=\s*True\b"),
    text_rule(
        "any host",
        SecurityRisk.CONFIGURATION,
        "ALLOWED_HOSTS allow_origins CORS_",
        r"(?:ALLOWED_HOSTS|allow_origins)\s*\+?=\s*[\[(][^\])]*[\"']\*[\"']"
        r"|\bCORS_(?:ALLOW_ALL_ORIGINS|ORIGIN_ALLOW_ALL)\s*=\s*True",
    ),
    text_rule(
        "no CSRF check",
        SecurityRisk.CONFIGURATION,
        "csrf CSRF",
        r"\bcsrf[._]exempt\b|WTF_CSRF_ENABLED[\"']?\]?\s*=\s*False",
        unless=r"\bimport\b|\bdef ",
    ),
    code_rule(
        "unescaped HTML",
        SecurityRisk.INJECTION,
        "mark_safe Markup autoescape render_template_string",
        r"(?<!def )\b(?:mark_safe|Markup|render_template_string)\(|autoescape\s*=\s*False",
        unless=r"\bclass |(?:mark_safe|Markup|render_template_string)" + _LITERAL,
    ),
    code_rule(
        "unsafe XML",
        SecurityRisk.INJECTION,
        "etree ElementTree ET. minidom pulldom sax parseString resolve_entities",
        rf"(?<![\w.])(?:{_XML_MODULES})\.(?:parse|iterparse|fromstring|XML|XMLParser|parseString|make_parser)\("
        r"|resolve_entities\s*=\s*True|(?<![\w.])parseString\(",
    ).unless_file_has("defusedxml"),
    code_rule(  # by its bare name only in files with xml.sax: other parsers are made this way, too
        "unsafe XML", SecurityRisk.INJECTION, "xml.sax", r"(?<![\w.])(?<!def )make_parser\("
    ).unless_file_has("defusedxml"),
    text_rule(
        "JWT unchecked",
        SecurityRisk.AUTHENTICATION,
        "verify_signature algorithm jwt.decode",
        r"verify_signature[\"']?\s*:\s*False|\balgorithms?\s*=\s*\[?\s*[\"'](?i:none)[\"']"
        r"|\bjwt\.decode\([^\n]*\bverify\s*=\s*False",
    ),
    code_rule(
        "archive unpacked",
        SecurityRisk.ACCESS,
        "extractall unpack_archive",
        r"(?<!\.str)\.extractall\(|\bunpack_archive\(",
        unless=r"\bfilter\s*=|\bdef ",
    ),
    code_rule("mktemp", SecurityRisk.ACCESS, "mktemp", r"\btempfile\.mktemp\("),
    code_rule(
        "request to a given URL",
        SecurityRisk.ACCESS,
        "requests httpx urlopen",
        r"(?:\b(?:requests|httpx)\.(?:get|post|put|patch|delete|head)|(?<![\w.])(?:urllib\.request\.)?urlopen)"
        r"\(\s*(?:request\.|(?:url\s*=\s*)?url\b(?!\s*=)|f[\"'])",
        unless=r"\(\s*f[\"']https?://[\w.:-]+/",
    ),
)
