"""Dangerous lines in JavaScript and TypeScript."""

from stepwarden.measures.dangers.kinds import ADDED, DOUBLE_SQL_ADDED, KEY_NAMES, SQL, SQL_WORDS, Risk, danger

_LITERAL = r"(?:\"[^\"]*\"|'[^']*'|`[^`$]*`)"

DANGERS = (
    danger(
        "eval/Function",
        Risk.INJECTION,
        "eval Function",
        r"(?<![\w.$])(?<!function )eval\s*\(|\b(?:window|globalThis)\.eval\(|\bnew\s+Function\s*\(",
    ),
    danger(
        "child_process",
        Risk.INJECTION,
        "exec shell",
        r"(?:\b(?:child_process|childProcess|cp)|\brequire\([\"'][^\"']*[\"']\))\.exec(?:Sync)?\("
        r"|(?<![\w.$])(?<!function )exec(?:Sync)?\(\s*(?:`|[\w.]+\s*[+,)]|[\"'][^\"']*[\"']\s*\+)|\bshell\s*:\s*true",
        unless=rf"exec(?:Sync)?\(\s*{_LITERAL}\s*[,)]|^\s*(?:async\s+|static\s+)*exec(?:Sync)?\([^()]*\)\s*\{{\s*$",
    ),
    danger(
        "HTML set",
        Risk.INJECTION,
        "innerHTML outerHTML dangerouslySetInnerHTML document.write insertAdjacentHTML bypassSecurityTrust",
        r"\.(?:innerHTML|outerHTML)\s*\+?=(?!=)|\bdangerouslySetInnerHTML\b|\bdocument\.write(?:ln)?\("
        r"|\.insertAdjacentHTML\(|bypassSecurityTrust\w+\(",
        unless=rf"(?:innerHTML|outerHTML)\s*\+?=\s*{_LITERAL}\s*;?\s*$",
    ),
    danger(
        "SQL from strings",
        Risk.INJECTION,
        SQL_WORDS,  # a tag before the quote, such as sql`...`, takes the values apart from the text
        rf"(?<![\w>])`(?={SQL})[^`]*\$\{{|{DOUBLE_SQL_ADDED}|'{SQL}[^']*'(?:\s*\+\s*'[^']*')*{ADDED}",
        strings=True,
    ),
    danger("NoSQL where", Risk.INJECTION, "$where", r"\$where[\"']?\s*:|\$where[\"']\]\s*=|\.\$where\(", strings=True),
    danger("vm.run", Risk.INJECTION, "vm", r"\bvm\d?\.(?:run\w*|compileFunction|Script)\("),
    danger(
        "unsafe deserializing",
        Risk.INTEGRITY,
        "unserialize yaml.load",
        r"\b(?:unserialize|yaml\.load)\(",
        unless=r"\b(?:JSON|FAILSAFE|CORE)_SCHEMA\b",
    ),
    danger(
        "weak hash",
        Risk.CRYPTOGRAPHY,
        "createHash CryptoJS md5 sha1",
        r"createHash\(\s*[\"'`](?i:md[245]|sha-?1)[\"'`]|\bCryptoJS\.(?:MD5|SHA1)\("
        r"|(?<![\w.$\"'`])(?<!function )(?:md5|sha1)\(",
        strings=True,
    ),
    danger(
        "TLS unchecked",
        Risk.CRYPTOGRAPHY,
        "rejectUnauthorized strictSSL NODE_TLS",
        r"\b(?:rejectUnauthorized|strictSSL)\s*[:=]\s*false\b|NODE_TLS_REJECT_UNAUTHORIZED[\"']?\]?\s*[:=]\s*[\"']?0",
        strings=True,
    ),
    danger(
        "guessable random",
        Risk.CRYPTOGRAPHY,
        "Math.random",
        KEY_NAMES + r"\w*(?:\s*:\s*\w+)?\s*[:=](?!=).*\bMath\.random\(",
    ),
    danger(
        "any origin",
        Risk.CONFIGURATION,
        "Access-Control cors( origin",
        r"Access-Control-Allow-Origin[\"']\s*[,:]\s*[\"']\*[\"']|\bcors\(\s*\)|\borigin\s*:\s*[\"']\*[\"']",
        strings=True,
    ),
    danger(
        "JWT unchecked",
        Risk.AUTHENTICATION,
        "alg jwt.decode",
        r"\bjwt\.decode\(|\balg(?:orithms?)?[\"']?\s*:\s*\[?\s*[\"'](?i:none)[\"']",
        strings=True,
    ),
    danger(
        "redirect given",
        Risk.ACCESS,
        "redirect",
        r"\bres(?:ponse)?\.redirect\(\s*(?:\d+\s*,\s*)?req(?:uest)?\.",
    ),
    danger(
        "file from a request",
        Risk.ACCESS,
        "req.",
        r"\b(?:sendFile|readFile(?:Sync)?|createReadStream|res\.download)\([^)]*\breq\.",
    ),
)
