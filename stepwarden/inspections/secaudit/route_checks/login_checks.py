"""Whether what stands before a handler checks the login: by what it does where its body is known, else by its name."""

import re
from collections.abc import Callable

MOST_NAMES = 24  # of what stands before one handler
_NAME = re.compile(r"(?<![\w\"'`/-])[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*")
_STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`")
_LOGIN = re.compile(
    r"(?i)login|log_?in|logged|signed_?in|(?<![a-z])auth|(?-i:Auth)|(?<!un)authenticat|authori[sz]|is_?auth|require_?auth|with_?auth|jwt|passport"
    r"|permission|\brole|has_?role|admin|staff|superuser|protect(?!_from_forgery)|guard|(?:require|ensure|check|verify|current"
    r"|get|active)_?(?:\w+_?)?(?:user|session|token|access|account|member)|api_?key|bearer|acl\b|user_passes"
)
_ALSO_LOGIN = re.compile(
    r"(?i)^(?!(?:\w+\.)*session$)(?:\w+\.)*(?:(?:require|need|must|only|assert|ensure|with|is|has|load|fetch|set|the|attach|inject|req)_?)?(?:be_?|have_?)?"
    r"(?:user|users?_?only|member|members?_?only|identity|identified|principal|me|account|session|signed|owner|secured?|private"
    r"|restricted?|known_?user|verified|customer|subscriber|insider|self)(?:_?(?:only|required|middleware|check|needed))?$"
)
_NO_LOGIN = re.compile(r"(?i)csrf\w*|login_?(?:url|form|limiter|exempt)|author\b|no_?auth|public")
_READS = re.compile(
    r"(?i)session|token|header|cookie|authorization|\buser\b|current_user|jwt|isAuthenticated|api_?key|identity"
)
_ENDS = re.compile(
    r"(?i)\b40[13]\b|redirect|unauthori[sz]ed|forbidden|\babort\(|\bnext\(\s*[^)\s]|\bthrow\b|\braise\b|permission_?denied"
    r"|login_manager\.|not_?logged"
)
_HANDS_ON = re.compile(
    r"(?i)passport\.|jwt\.(?:verify|decode)|oauth2_scheme|get_current\w*user|require_?auth|check_?auth|verify_?(?:token|user|session)"
    r"|authenticate\(|login_required|ensure_?auth"
)
_NO_CHECK = re.compile(
    r"(?i)csrf|json|cors|valid|limit|rate|throttl|upload|multer|body|pars|async|wrap|catch|log|cache|compress|helmet|static"
    r"|schema|sanit|express|urlencoded|require_(?:POST|GET|safe|http)|http_methods|atomic|exempt|render|templat|vary|gzip"
    r"|transaction|swagger|doc|trace|metric|timer|timeout|query|pagina|db\b|database|settings|config|background|response"
    r"|depends|security|annotated|none|true|false|self|error|\bfiles?\b|params|lang|locale|header|content|version|expect"
)
_INLINE = re.compile(r"=>|\bfunction\b|\bfunc\b|\blambda\b")
_DECORATED = re.compile(r"^\s*@\s*([\w.]+)|(?:Depends|Security)\(\s*([\w.]+)", re.MULTILINE)

Known = Callable[[str], str | None]
"""The text of a function by the name that a file has for it, None where it is not known."""


def has_login(between: str, known: Known, *, decorated: bool) -> bool:
    """Whether one of the things before a handler checks the login: functions that are known by what they do.

    `decorated` says that decorators and dependencies stand there, else middleware.
    """
    text = _NO_LOGIN.sub("", _STRING.sub("''", between))
    for name in _names(text, decorated=decorated):
        body = known(name)
        if body is not None and rejects(body):
            return True
        if body is not None:
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", "", text)
        elif _ALSO_LOGIN.match(name):
            return True
    return _LOGIN.search(text) is not None


def _names(text: str, *, decorated: bool) -> list[str]:
    """Return the names of what stands before a handler, each once."""
    found = (match[1] or match[2] for match in _DECORATED.finditer(text)) if decorated else _NAME.findall(text)
    return list(dict.fromkeys(found))[:MOST_NAMES]


def rejects(body: str) -> bool:
    """Whether a function reads who asks and turns some away, or hands that on to something that does."""
    return (_READS.search(body) is not None and _ENDS.search(body) is not None) or _HANDS_ON.search(body) is not None


def is_unsure(between: str, known: Known, *, decorated: bool) -> bool:
    """Whether something before a handler is neither known nor named as what checks no login."""
    text = _STRING.sub("''", between)
    if not decorated and _INLINE.search(text):
        return False
    return any(known(name) is None and not _NO_CHECK.search(name) for name in _names(text, decorated=decorated))
