"""Rules for dangerous lines in JavaScript and TypeScript."""

import re

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

_LITERAL = r"(?:\"[^\"]*\"|'[^']*'|`[^`$]*`)"

CHILD_PROCESS = "child_process"
_EXEC_FROM = re.compile(
    r"\bexec(?:Sync)?\b[^;{}\n]*\}\s*(?:from|=\s*(?:await\s+)?(?:require|import)\()\s*[\"'`]([^\"'`\n]+)"
)
_OWN_EXEC = re.compile(r"\bfunction\s+exec(?:Sync)?\b")
_QUALIFIED = re.compile(r"\b(?:child_process|childProcess|cp|require\([^)]*\))\.exec|\bshell\s*:")
_RUNS_COMMANDS = re.compile(r"shell|exec|process|spawn|command", re.IGNORECASE)


def name_exec(text: str, line: str) -> str:
    """Return what an `exec` on a line of a script is called: of which package it is, "" for one that runs no commands.

    `text` is the whole file, whose imports say where it comes from.
    """
    module = next((match[1] for match in _EXEC_FROM.finditer(text)), "")
    if _QUALIFIED.search(line) or module.removeprefix("node:") == CHILD_PROCESS:
        return CHILD_PROCESS
    if module:
        return f"exec of {module}" if _RUNS_COMMANDS.search(module) else ""
    return "" if _OWN_EXEC.search(text) else CHILD_PROCESS


RULES = (
    code_rule(
        "eval/Function",
        SecurityRisk.INJECTION,
        "eval Function",
        r"(?<![\w.$])(?<!function )eval\s*\(|\b(?:window|globalThis)\.eval\(|\bnew\s+Function\s*\(",
    ),
    code_rule(
        CHILD_PROCESS,
        SecurityRisk.INJECTION,
        "exec shell",
        r"(?:\b(?:child_process|childProcess|cp)|\brequire\([\"'][^\"']*[\"']\))\.exec(?:Sync)?\("
        r"|(?<![\w.$])(?<!function )exec(?:Sync)?\(\s*(?:`|[\w.]+\s*[+,)]|[\"'][^\"']*[\"']\s*\+)|\bshell\s*:\s*true",
        unless=rf"exec(?:Sync)?\(\s*{_LITERAL}\s*[,)]|\brequire\([\"'](?!(?:node:)?child_process[\"'])[^\"']+[\"']\)\.exec"
        rf"|^\s*(?:async\s+|static\s+)*exec(?:Sync)?\([^()]*\)\s*\{{\s*$",
    ),
    code_rule(
        "HTML set",
        SecurityRisk.INJECTION,
        "innerHTML outerHTML dangerouslySetInnerHTML document.write insertAdjacentHTML bypassSecurityTrust",
        r"\.(?:innerHTML|outerHTML)\s*\+?=(?!=)|\bdangerouslySetInnerHTML\b|\bdocument\.write(?:ln)?\("
        r"|\.insertAdjacentHTML\(|bypassSecurityTrust\w+\(",
        unless=rf"(?:innerHTML|outerHTML)\s*\+?=\s*{_LITERAL}\s*;?\s*$",
    ),
    text_rule(
        "SQL from strings",
        SecurityRisk.INJECTION,
        SQL_WORDS,  # a tag before the quote, such as sql`...`, passes the values separately
        rf"(?<![\w>])`(?={SQL})[^`]*\$\{{|{DOUBLE_SQL_ADDED}|'{SQL}[^']*'(?:\s*\+\s*'[^']*')*{ADDED}",
    ),
    text_rule(
        "NoSQL where",
        SecurityRisk.INJECTION,
        "$where",
        r"\$where[\"']?\s*:|\$where[\"']\]\s*=|\.\$where\(",
    ),
    code_rule("vm.run", SecurityRisk.INJECTION, "vm", r"\bvm\d?\.(?:run\w*|compileFunction|Script)\("),
    code_rule(
        "unsafe deserializing",
        SecurityRisk.INTEGRITY,
        "unserialize yaml.load",
        r"\b(?:unserialize|yaml\.load)\(",
        unless=r"\b(?:JSON|FAILSAFE|CORE)_SCHEMA\b",
    ),
    text_rule(
        "weak hash",
        SecurityRisk.CRYPTOGRAPHY,
        "createHash CryptoJS md5 sha1",
        r"createHash\(\s*[\"'`](?i:md[245]|sha-?1)[\"'`]|\bCryptoJS\.(?:MD5|SHA1)\("
        r"|(?<![\w.$\"'`])(?<!function )(?:md5|sha1)\(",
    ),
    text_rule(
        "TLS unchecked",
        SecurityRisk.CRYPTOGRAPHY,
        "rejectUnauthorized strictSSL NODE_TLS",
        r"\b(?:rejectUnauthorized|strictSSL)\s*[:=]\s*false\b|NODE_TLS_REJECT_UNAUTHORIZED[\"']?\]?\s*[:=]\s*[\"']?0",
    ),
    code_rule(
        "guessable random",
        SecurityRisk.CRYPTOGRAPHY,
        "Math.random",
        KEY_NAMES + r"\w*(?:\s*:\s*\w+)?\s*[:=](?!=).*\bMath\.random\(",
    ),
    text_rule(
        "any origin",
        SecurityRisk.CONFIGURATION,
        "Access-Control cors( origin",
        r"Access-Control-Allow-Origin[\"']\s*[,:]\s*[\"']\*[\"']|\bcors\(\s*\)|\borigin\s*:\s*[\"']\*[\"']",
    ),
    text_rule(
        "JWT unchecked",
        SecurityRisk.AUTHENTICATION,
        "alg jwt.decode",
        r"\bjwt\.decode\(|\balg(?:orithms?)?[\"']?\s*:\s*\[?\s*[\"'](?i:none)[\"']",
    ),
)
