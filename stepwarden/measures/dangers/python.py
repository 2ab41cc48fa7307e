"""Dangerous lines in Python."""

from stepwarden.measures.dangers.kinds import ADDED, KEY_NAMES, SQL, SQL_WORDS, Risk, danger

_LITERAL = r"\(\s*[rbuRBU]*(?:\"[^\"{}%]*\"|'[^'{}%]*')\s*[,)]"
_XML_MODULES = r"xml\.(?:etree\.\w+|dom\.minidom|sax)|lxml\.etree|etree|ElementTree|ET|minidom|pulldom|sax"

DANGERS = (
    danger(
        "eval/exec",
        Risk.INJECTION,
        "eval( exec(",
        r"(?<![\w.])(?<!def )(?:eval|exec)\(",
        unless=r"(?:eval|exec)" + _LITERAL,
    ),
    danger("os.system/popen", Risk.INJECTION, "os.system os.popen", r"\bos\.(?:system|popen)\("),
    danger("shell=True", Risk.INJECTION, "shell", r"\bshell\s*=\s*True\b"),
    danger(
        "SQL from strings",
        Risk.INJECTION,
        SQL_WORDS,
        rf"\b[rR]?[fF][rR]?(?:\"{{1,3}}(?={SQL})[^\"]*|'{{1,3}}(?={SQL})[^']*)\{{"
        rf"|(?:\"{SQL}[^\"]*\"|'{SQL}[^']*')(?:\s*%\s*[\w({{]|{ADDED}|\.format\()",
        strings=True,
    ),
    danger(
        "pickle/marshal load",
        Risk.INTEGRITY,
        "ickle dill marshal shelve",
        r"\b(?:c?[pP]ickle|dill|marshal|shelve|jsonpickle)\.(?:loads?|open|Unpickler|decode)\(|\bread_pickle\(",
    ),
    danger(
        "unsafe YAML",
        Risk.INTEGRITY,
        "yaml",
        r"\byaml\.(?:load|load_all|unsafe_load|unsafe_load_all)\(",
        unless=r"SafeLoader|BaseLoader",
    ),
    danger(
        "weak hash",
        Risk.CRYPTOGRAPHY,
        "md5 sha1 MD SHA hashlib.new",
        r"\bhashlib\.(?:md5|sha1|new)\(|(?<![\w.])(?<!def )(?:md5|sha1)\(|\b(?:MD[245]|SHA1?)\.new\("
        r"|\bhashes\.(?:MD5|SHA1)\(",
        unless=r"usedforsecurity\s*=\s*False|hashlib\.new\(\s*[\"'](?:sha[_-]?[235]|blake|shake)",
    ),
    danger(
        "weak cipher",
        Risk.CRYPTOGRAPHY,
        "ARC4 DES Blowfish ECB IDEA",
        r"\b(?:ARC4|DES3?|Blowfish)\.new\(|\bMODE_ECB\b|\bmodes\.ECB\(|\balgorithms\.(?:ARC4|Blowfish|TripleDES|IDEA)\(",
    ),
    danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "verify _create_unverified CERT_NONE check_hostname",
        r"\bverify(?:_ssl)?\s*=\s*False\b|\b_create_unverified_context\b|\bCERT_NONE\b|check_hostname\s*=\s*False",
        unless=r"(?:[=!]=|\bis(?: not)?)\s*(?:ssl\.)?CERT_NONE|\bjwt\.decode\(",
    ),
    danger("TLS unchecked", Risk.CRYPTOGRAPHY, "CERT_NONE", r"cert_reqs\s*=\s*[\"']CERT_NONE[\"']", strings=True),
    danger(
        "guessable random",
        Risk.CRYPTOGRAPHY,
        "random",
        KEY_NAMES + r"\w*(?:\s*:\s*\w+)?\s*=(?!=).*"
        r"\brandom\.(?:random|randint|choices?|randrange|getrandbits|randbytes|sample|uniform)\(",
    ),
    danger(
        "debug server",
        Risk.CONFIGURATION,
        "debug DEBUG",
        r"\bdebug\s*=\s*True\b|^\s*DEBUG\s*=\s*True\b",
        unless=r"\basyncio\.|\bdef ",
    ),
    danger("debug server", Risk.CONFIGURATION, "DEBUG", r"config\[[\"']DEBUG[\"']\]\s*=\s*True\b", strings=True),
    danger(
        "any host",
        Risk.CONFIGURATION,
        "ALLOWED_HOSTS allow_origins CORS_",
        r"(?:ALLOWED_HOSTS|allow_origins)\s*\+?=\s*[\[(][^\])]*[\"']\*[\"']"
        r"|\bCORS_(?:ALLOW_ALL_ORIGINS|ORIGIN_ALLOW_ALL)\s*=\s*True",
        strings=True,
    ),
    danger(
        "no CSRF check",
        Risk.CONFIGURATION,
        "csrf CSRF",
        r"\bcsrf[._]exempt\b|WTF_CSRF_ENABLED[\"']?\]?\s*=\s*False",
        strings=True,
        unless=r"\bimport\b|\bdef ",
    ),
    danger(
        "unescaped HTML",
        Risk.INJECTION,
        "mark_safe Markup autoescape render_template_string",
        r"(?<!def )\b(?:mark_safe|Markup|render_template_string)\(|autoescape\s*=\s*False",
        unless=r"\bclass |(?:mark_safe|Markup|render_template_string)" + _LITERAL,
    ),
    danger(
        "unsafe XML",
        Risk.INJECTION,
        "etree ElementTree ET. minidom pulldom sax parseString resolve_entities",
        rf"(?<![\w.])(?:{_XML_MODULES})\.(?:parse|iterparse|fromstring|XML|XMLParser|parseString|make_parser)\("
        r"|resolve_entities\s*=\s*True|(?<![\w.])parseString\(",
        safe_with="defusedxml",
    ),
    danger(  # by its bare name where the module is imported from: other parsers are made so, too
        "unsafe XML", Risk.INJECTION, "xml.sax", r"(?<![\w.])(?<!def )make_parser\(", safe_with="defusedxml"
    ),
    danger(
        "JWT unchecked",
        Risk.AUTHENTICATION,
        "verify_signature algorithm jwt.decode",
        r"verify_signature[\"']?\s*:\s*False|\balgorithms?\s*=\s*\[?\s*[\"'](?i:none)[\"']"
        r"|\bjwt\.decode\([^\n]*\bverify\s*=\s*False",
        strings=True,
    ),
    danger(
        "archive unpacked",
        Risk.ACCESS,
        "extractall unpack_archive",
        r"(?<!\.str)\.extractall\(|\bunpack_archive\(",
        unless=r"\bfilter\s*=|\bdef ",
    ),
    danger("mktemp", Risk.ACCESS, "mktemp", r"\btempfile\.mktemp\("),
    danger(
        "request to a given URL",
        Risk.ACCESS,
        "requests httpx urlopen",
        r"(?:\b(?:requests|httpx)\.(?:get|post|put|patch|delete|head)|(?<![\w.])(?:urllib\.request\.)?urlopen)"
        r"\(\s*(?:request\.|(?:url\s*=\s*)?url\b(?!\s*=)|f[\"'])",
        unless=r"\(\s*f[\"']https?://[\w.:-]+/",
    ),
)
