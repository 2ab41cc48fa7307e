"""Calls and settings that attacks come through, by language: what each is, and which risk of the OWASP Top 10 it is.

The risks are those of the OWASP Top 10:2025. A pattern is held against lines whose comments are blank; where what
counts is inside a string, it is held against the line as it stands.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stepwarden.measures.masking import mask
from stepwarden.source.outline import Language


class Risk(StrEnum):
    """The risks that a line of code can show; the others of the ten show in designs and in operation."""

    ACCESS = "A01 access control"
    CONFIGURATION = "A02 misconfiguration"
    SUPPLY = "A03 supply chain"
    CRYPTOGRAPHY = "A04 cryptography"
    INJECTION = "A05 injection"
    AUTHENTICATION = "A07 authentication"
    INTEGRITY = "A08 data integrity"


@dataclass(frozen=True, slots=True)
class Danger:
    """One kind of line to look at. `raw` says that strings count too; `unless` excuses a line.

    A text without any of `words` has no such line: to look for a word is much quicker than for a pattern.
    """

    what: str
    risk: Risk
    pattern: re.Pattern[str]
    words: tuple[str, ...]
    raw: bool = False
    unless: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A dangerous line: where it is, what it is, and the risk."""

    path: str
    line: int
    what: str
    risk: Risk


def _danger(what: str, risk: Risk, words: str, pattern: str, *, raw: bool = False, unless: str = "") -> Danger:
    return Danger(what, risk, re.compile(pattern), tuple(words.split()), raw, re.compile(unless) if unless else None)


_SQL = r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|DROP TABLE)\b"
_LITERAL_ONLY = r"\(\s*[rbuRBU]*(?:\"[^\"{}%]*\"|'[^'{}%]*')\s*[,)]"

_PYTHON = (
    _danger(
        "eval/exec",
        Risk.INJECTION,
        "eval( exec(",
        r"(?<![\w.])(?:eval|exec)\(",
        raw=True,
        unless=r"(?:eval|exec)" + _LITERAL_ONLY,
    ),
    _danger("os.system/popen", Risk.INJECTION, "os.system os.popen", r"\bos\.(?:system|popen)\("),
    _danger("shell=True", Risk.INJECTION, "shell", r"\bshell\s*=\s*True\b"),
    _danger(
        "SQL from strings",
        Risk.INJECTION,
        "SELECT INSERT UPDATE DELETE DROP",
        rf"\bf(?:\"{{1,3}}\s*{_SQL}[^\"]*|'{{1,3}}\s*{_SQL}[^']*)\{{",
        raw=True,
    ),
    _danger(
        "SQL from strings",
        Risk.INJECTION,
        "SELECT INSERT UPDATE DELETE DROP",
        rf"(?:\"\s*{_SQL}[^\"]*\"|'\s*{_SQL}[^']*')\s*(?:%\s[\w(]|\+\s*\w|\.format\()",
        raw=True,
    ),
    _danger(
        "pickle/marshal load",
        Risk.INTEGRITY,
        "ickle dill marshal shelve",
        r"\b(?:c?[pP]ickle|dill|marshal|shelve|jsonpickle)\.(?:loads?|open|Unpickler|decode)\(",
    ),
    _danger(
        "unsafe YAML",
        Risk.INTEGRITY,
        "yaml",
        r"\byaml\.(?:load|load_all|unsafe_load)\(",
        unless=r"SafeLoader|CSafeLoader",
    ),
    _danger(
        "weak hash",
        Risk.CRYPTOGRAPHY,
        "md5 sha1 MD5 SHA1 hashlib.new DES. RC2.",
        r"\bhashlib\.(?:md5|sha1)\(|\bhashlib\.new\(|(?<![\w.])(?:md5|sha1)\(",
        unless=r"usedforsecurity\s*=\s*False|sha(?:2|3|5)|\bdef ",
    ),
    _danger(
        "weak cipher",
        Risk.CRYPTOGRAPHY,
        "ARC4 DES Blowfish MODE_ECB des. rc4.",
        r"\b(?:ARC4|DES3?|Blowfish)\.new\(|\bMODE_ECB\b",
    ),
    _danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "verify _create_unverified CERT_NONE check_hostname rejectUnauthorized NODE_TLS InsecureSkipVerify danger_accep"
        "t",
        r"\bverify\s*=\s*False\b|\b_create_unverified_context\b|\bCERT_NONE\b|check_hostname\s*=\s*False",
    ),
    _danger(
        "guessable random",
        Risk.CRYPTOGRAPHY,
        "random rand.",
        r"(?i)(?:token|secret|password|nonce|salt|otp)\w*\s*=.*\brandom\.(?:random|randint|choices?|randrange)\(",
    ),
    _danger("debug server", Risk.CONFIGURATION, "debug DEBUG", r"\bdebug\s*=\s*True\b|^\s*DEBUG\s*=\s*True\b"),
    _danger(
        "any host",
        Risk.CONFIGURATION,
        "ALLOWED_HOSTS allow_origins CORS_",
        r"ALLOWED_HOSTS\s*=\s*\[\s*[\"']\*|allow_origins\s*=\s*\[\s*[\"']\*|CORS_ALLOW_ALL_ORIGINS\s*=\s*True",
        raw=True,
    ),
    _danger(
        "no CSRF check",
        Risk.CONFIGURATION,
        "csrf CSRF",
        r"@csrf_exempt\b|WTF_CSRF_ENABLED[\"']?\]?\s*=\s*False",
        raw=True,
    ),
    _danger(
        "unescaped HTML",
        Risk.INJECTION,
        "mark_safe Markup autoescape render_template_string template. text/template Html.Raw",
        r"\bmark_safe\(|\bMarkup\(|autoescape\s*=\s*False|\brender_template_string\(",
        raw=True,
        unless=r"\bdef |(?:mark_safe|Markup|render_template_string)" + _LITERAL_ONLY,
    ),
    _danger(
        "unsafe XML",
        Risk.INJECTION,
        "etree minidom pulldom make_parser resolve_entities",
        r"\b(?:xml\.(?:etree\.\w+|dom\.minidom|sax)|lxml\.etree|etree|minidom|pulldom)\.(?:parse|fromstring"
        r"|XMLParser|parseString)\(|resolve_entities\s*=\s*True|\bmake_parser\(|(?<![\w.])parseString\(",
    ),
    _danger(
        "JWT unchecked",
        Risk.AUTHENTICATION,
        "verify_signature algorithm jwt.decode",
        r"verify_signature[\"']?\s*:\s*False|algorithms?\s*=\s*\[?\s*[\"']none",
        raw=True,
    ),
    _danger("archive unpacked", Risk.ACCESS, "extractall", r"\.extractall\(", unless=r"filter\s*="),
    _danger("mktemp", Risk.ACCESS, "mktemp", r"\btempfile\.mktemp\("),
    _danger(
        "request to a given URL",
        Risk.ACCESS,
        "requests httpx urllib",
        r"\b(?:requests|httpx|urllib\.request)\.(?:get|post|urlopen)\(\s*(?:request\.|url\b|f[\"'])",
    ),
)
_SCRIPT = (
    _danger("eval/Function", Risk.INJECTION, "eval Function", r"(?<![\w.])eval\s*\(|\bnew\s+Function\s*\("),
    _danger(
        "child_process",
        Risk.INJECTION,
        "exec shell",
        r"\b(?:child_process|cp)\.(?:exec|execSync)\(|(?<![\w.])exec(?:Sync)?\(\s*(?:`|[\w.]+\s*[+,)])"
        r"|shell\s*:\s*true",
    ),
    _danger(
        "HTML set",
        Risk.INJECTION,
        "innerHTML outerHTML dangerouslySetInnerHTML document.write insertAdjacentHTML bypassSecurityTrust",
        r"\.(?:innerHTML|outerHTML)\s*\+?=(?!=)|\bdangerouslySetInnerHTML\b|\bdocument\.write(?:ln)?\("
        r"|\.insertAdjacentHTML\(|bypassSecurityTrust\w+\(",
    ),
    _danger(
        "SQL from strings",
        Risk.INJECTION,
        "SELECT INSERT UPDATE DELETE DROP",
        rf"`\s*{_SQL}[^`]*\$\{{|(?:\"\s*{_SQL}[^\"]*\"|'\s*{_SQL}[^']*')\s*\+",
        raw=True,
    ),
    _danger("NoSQL where", Risk.INJECTION, "$where", r"\$where\b", raw=True),
    _danger("vm.run", Risk.INJECTION, "vm", r"\bvm\d?\.(?:runIn\w+|Script)\("),
    _danger(
        "unsafe deserializing",
        Risk.INTEGRITY,
        "unserialize yaml.load",
        r"\b(?:unserialize|yaml\.load)\(",
        unless=r"(?:JSON|FAILSAFE|safe)",
    ),
    _danger(
        "weak hash",
        Risk.CRYPTOGRAPHY,
        "md5 sha1 MD5 SHA1 hashlib.new DES. RC2.",
        r"createHash\(\s*[\"'](?:md5|sha1)",
        raw=True,
    ),
    _danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "verify _create_unverified CERT_NONE check_hostname rejectUnauthorized NODE_TLS InsecureSkipVerify danger_accep"
        "t",
        r"rejectUnauthorized\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED",
    ),
    _danger(
        "guessable random",
        Risk.CRYPTOGRAPHY,
        "random rand.",
        r"(?i)(?:token|secret|password|nonce|salt|otp|session)\w*\s*[:=].*\bMath\.random\(",
    ),
    _danger(
        "any origin",
        Risk.CONFIGURATION,
        "Access-Control cors( origin",
        r"Access-Control-Allow-Origin[\"'],\s*[\"']\*|\bcors\(\s*\)|origin\s*:\s*[\"']\*",
        raw=True,
    ),
    _danger(
        "JWT unchecked",
        Risk.AUTHENTICATION,
        "verify_signature algorithm jwt.decode",
        r"\bjwt\.decode\(|algorithms?\s*:\s*\[?\s*[\"']none",
        raw=True,
    ),
    _danger("redirect given", Risk.ACCESS, "redirect", r"\bres\.redirect\(\s*req\."),
    _danger(
        "file from a request", Risk.ACCESS, "req.", r"\b(?:sendFile|readFile(?:Sync)?|createReadStream)\([^)]*\breq\."
    ),
)
_GO = (
    _danger(
        "command run",
        Risk.INJECTION,
        "exec Process Command system popen",
        r"\bexec\.Command(?:Context)?\(",
        raw=True,
        unless=r"exec\.Command(?:Context)?\((?:\w+,\s*)?\"[^\"]*\"(?:,\s*\"[^\"]*\")*\s*\)",
    ),
    _danger(
        "SQL from strings",
        Risk.INJECTION,
        "SELECT INSERT UPDATE DELETE DROP",
        rf"(?:fmt\.Sprintf\(\s*[\"`]\s*{_SQL}|[\"`]\s*{_SQL}[^\"`]*[\"`]\s*\+)",
        raw=True,
    ),
    _danger(
        "unescaped HTML",
        Risk.INJECTION,
        "mark_safe Markup autoescape render_template_string template. text/template Html.Raw",
        r"\btemplate\.(?:HTML|JS|URL)\(|\"text/template\"",
        raw=True,
    ),
    _danger(
        "weak hash", Risk.CRYPTOGRAPHY, "md5 sha1 MD5 SHA1 hashlib.new DES. RC2.", r"\b(?:md5|sha1)\.(?:New|Sum)\w*\("
    ),
    _danger("weak cipher", Risk.CRYPTOGRAPHY, "ARC4 DES Blowfish MODE_ECB des. rc4.", r"\b(?:des|rc4)\.New\w*\("),
    _danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "verify _create_unverified CERT_NONE check_hostname rejectUnauthorized NODE_TLS InsecureSkipVerify danger_accep"
        "t",
        r"InsecureSkipVerify\s*:\s*true",
    ),
    _danger(
        "guessable random",
        Risk.CRYPTOGRAPHY,
        "random rand.",
        r"(?i)(?:token|secret|password|nonce|salt)\w*\s*:?=.*\brand\.(?:Int|Read|Float)",
    ),
    _danger("unsafe", Risk.INTEGRITY, "unsafe", r"\bunsafe\.Pointer\("),
)
_JAVA = (
    _danger(
        "command run",
        Risk.INJECTION,
        "exec Process Command system popen",
        r"\bgetRuntime\(\)\.exec\(|\bnew\s+ProcessBuilder\(",
    ),
    _danger(
        "SQL from strings", Risk.INJECTION, "SELECT INSERT UPDATE DELETE DROP", rf"\"\s*{_SQL}[^\"]*\"\s*\+", raw=True
    ),
    _danger(
        "deserializing",
        Risk.INTEGRITY,
        "readObject ObjectInputStream XMLDecoder Formatter NetDataContract TypeNameHandling",
        r"\breadObject\(\s*\)|\bnew\s+ObjectInputStream\(|\bXMLDecoder\(",
    ),
    _danger(
        "weak hash or cipher",
        Risk.CRYPTOGRAPHY,
        "getInstance",
        r"getInstance\(\s*\"(?:MD5|SHA-?1|DES|RC4|AES/ECB)",
        raw=True,
    ),
    _danger(
        "unsafe XML",
        Risk.INJECTION,
        "etree minidom sax resolve_entities BuilderFactory ParserFactory InputFactory",
        r"\b(?:DocumentBuilderFactory|SAXParserFactory|XMLInputFactory)\.newInstance\(",
    ),
    _danger(
        "no CSRF check", Risk.CONFIGURATION, "csrf CSRF", r"csrf\(\)\.disable\(|csrf\s*\(\s*\w*\s*->\s*\w*\.disable"
    ),
    _danger(
        "script engine",
        Risk.INJECTION,
        "ScriptEngine SpelExpression",
        r"\bScriptEngineManager\(|\bSpelExpressionParser\(",
    ),
)
_CSHARP = (
    _danger("command run", Risk.INJECTION, "exec Process Command system popen", r"\bProcess\.Start\("),
    _danger(
        "SQL from strings",
        Risk.INJECTION,
        "SELECT INSERT UPDATE DELETE DROP",
        rf"(?:\$\"\s*{_SQL}[^\"]*\{{|\"\s*{_SQL}[^\"]*\"\s*\+)",
        raw=True,
    ),
    _danger(
        "deserializing",
        Risk.INTEGRITY,
        "readObject ObjectInputStream XMLDecoder Formatter NetDataContract TypeNameHandling",
        r"\b(?:BinaryFormatter|NetDataContractSerializer|LosFormatter|SoapFormatter)\b"
        r"|TypeNameHandling\.(?:All|Auto|Objects)",
    ),
    _danger(
        "weak hash", Risk.CRYPTOGRAPHY, "md5 sha1 MD5 SHA1 hashlib.new DES. RC2.", r"\b(?:MD5|SHA1|DES|RC2)\.Create\("
    ),
    _danger(
        "unescaped HTML",
        Risk.INJECTION,
        "mark_safe Markup autoescape render_template_string template. text/template Html.Raw",
        r"\bHtml\.Raw\(",
    ),
)
_C = (
    _danger(
        "unbounded copy",
        Risk.INJECTION,
        "strcpy strcat sprintf gets",
        r"(?<![\w.])(?:strcpy|strcat|sprintf|vsprintf|gets)\s*\(",
    ),
    _danger(
        "command run",
        Risk.INJECTION,
        "exec Process Command system popen",
        r"(?<![\w.])(?:system|popen|execl|execlp|execvp)\s*\(",
    ),
    _danger("format given", Risk.INJECTION, "printf syslog", r"(?<![\w.])(?:printf|syslog)\s*\(\s*\w+\s*\)"),
)
_RUST = (
    _danger("unsafe block", Risk.INTEGRITY, "unsafe", r"\bunsafe\s*\{"),
    _danger("command run", Risk.INJECTION, "exec Process Command system popen", r"\bCommand::new\("),
    _danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "verify _create_unverified CERT_NONE check_hostname rejectUnauthorized NODE_TLS InsecureSkipVerify danger_accep"
        "t",
        r"danger_accept_invalid_(?:certs|hostnames)\(\s*true",
    ),
)
DANGERS: dict[Language, Sequence[Danger]] = {
    Language.PYTHON: _PYTHON,
    Language.JAVASCRIPT: _SCRIPT,
    Language.TYPESCRIPT: _SCRIPT,
    Language.GO: _GO,
    Language.JAVA: _JAVA,
    Language.CSHARP: _CSHARP,
    Language.C: _C,
    Language.CPP: _C,
    Language.RUST: _RUST,
}


def sightings(path: str, text: str, language: Language) -> Iterator[Sighting]:
    """Give the dangerous lines of a source text, each kind once a line."""
    dangers = [danger for danger in DANGERS[language] if any(word in text for word in danger.words)]
    dangers = [danger for danger in dangers if danger.pattern.search(text)]
    if not dangers:
        return
    raw_lines = text.split("\n")
    for number, (line, raw) in enumerate(zip(mask(text, language).split("\n"), raw_lines, strict=True), 1):
        if not line.strip():
            continue
        told: set[str] = set()
        for danger in dangers:
            if danger.what in told or not danger.pattern.search(raw if danger.raw else line):
                continue
            if danger.unless is None or not danger.unless.search(raw):
                told.add(danger.what)
                yield Sighting(path, number, danger.what, danger.risk)
