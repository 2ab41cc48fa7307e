"""What requests bring, what makes it harmless, and what it must not reach unchecked: a table for each language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stepwarden.inspections.secaudit.security_rules import SecurityRisk
from stepwarden.source.outline import Language


@dataclass(frozen=True, slots=True)
class Sink:
    """A call that request input must not reach: `callee` matches its dotted name.

    `positions` are the arguments that matter, () for any; `keywords` those by name. `of_receiver` says that what it is
    called on matters instead. `needs` has to be in the text of the call, `unless` must not be.
    """

    what: str
    risk: SecurityRisk
    callee: re.Pattern[str]
    positions: tuple[int, ...] = (0,)
    keywords: tuple[str, ...] = ()
    of_receiver: bool = False
    needs: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None


def _sink(what: str, risk: SecurityRisk, callee: str, *positions: int, **more: str) -> Sink:
    return Sink(
        what,
        risk,
        re.compile(callee),
        positions or (0,),
        tuple(more.get("keywords", "").split()),
        needs=re.compile(more["needs"]) if "needs" in more else None,
        unless=re.compile(more["unless"]) if "unless" in more else None,
    )


PATH, REDIRECT, TEMPLATE, HTML = "path", "redirect", "template", "HTML"
COMMAND, SQL, URL, CODE, OBJECT = "command", "SQL", "URL", "code", "object"
"""What is made of the input, as facts say it: "path from request.args"."""
_A1, _A5, _A8 = SecurityRisk.ACCESS, SecurityRisk.INJECTION, SecurityRisk.INTEGRITY
SQL_TEXT = re.compile(r"\b(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|DROP|CREATE|ALTER)\s", re.IGNORECASE)
_TAG = r"[\"'`][^\"'`]*<\s*/?\w"

_PYTHON: Sequence[Sink] = (
    _sink(PATH, _A1, r"^(?:(?:io|codecs|gzip|aiofiles|os)\.)?open$", keywords="file"),
    _sink(PATH, _A1, r"(?:^|\.)(?:send_file|FileResponse)$", keywords="path path_or_file filename_or_fp"),
    _sink(PATH, _A1, r"(?:^|\.)send_from_directory$", keywords="directory"),
    _sink(PATH, _A1, r"^os\.(?:remove|unlink|rmdir|listdir|scandir|makedirs|mkdir|rename|replace)$", 0, 1),
    _sink(PATH, _A1, r"^shutil\.(?:rmtree|copy\w*|move)$", 0, 1),
    _sink(PATH, _A1, r"\.(?:save|extractall)$", unless=r"\bcommit\s*=|update_fields"),
    Sink(PATH, _A1, re.compile(r"\.(?:read_text|read_bytes|write_text|write_bytes|unlink|rmdir)$"), of_receiver=True),
    _sink(TEMPLATE, _A5, r"(?:^|\.)(?:render_template_string|from_string)$|^(?:jinja2\.)?Template$"),
    _sink(TEMPLATE, _A1, r"(?:^|\.)(?:render_template|get_template)$"),
    _sink(TEMPLATE, _A1, r"(?:^|^shortcuts\.)render$", 1),
    _sink(
        REDIRECT, _A1, r"(?:^|\.)(?:redirect|RedirectResponse|HttpResponseRedirect|HTTPFound)$", keywords="url location"
    ),
    _sink(HTML, _A5, r"^(?:Markup|mark_safe|HTMLResponse|markupsafe\.Markup)$", keywords="content"),
    _sink(HTML, _A5, r"^(?:HttpResponse|make_response|Response)$", needs=_TAG),
    _sink(COMMAND, _A5, r"^os\.(?:system|popen)$"),
    _sink(COMMAND, _A5, r"^subprocess\.\w+$", keywords="args", needs=r"\bshell\s*=\s*True"),
    _sink(CODE, _A5, r"^(?:eval|exec)$"),
    _sink(SQL, _A5, r"\.(?:execute|executemany|executescript|raw|exec_driver_sql|read_sql\w*)$"),
    _sink(
        URL, _A1, r"^(?:requests|httpx|session|client|urllib\.request)\.(?:get|post|put|delete|head|urlopen)$|^urlopen$"
    ),
    _sink(
        OBJECT,
        _A8,
        r"^(?:c?[pP]ickle|marshal|dill|jsonpickle)\.(?:loads?|decode)$|^yaml\.(?:load|unsafe_load)$",
        unless=r"SafeLoader",
    ),
)
_FILES = (
    r"(?:readFile|readFileSync|createReadStream|writeFile|writeFileSync|createWriteStream|unlink|unlinkSync|rm|rmSync"
    r"|readdir|readdirSync|appendFile|appendFileSync)"
)
_SCRIPT: Sequence[Sink] = (
    _sink(PATH, _A1, rf"^(?:(?:\w*fs\w*|promises)(?:\.promises)?\.)?{_FILES}$"),
    _sink(
        PATH,
        _A1,
        r"^(?:res|response|reply|ctx|c|this)\.(?:sendFile|sendfile|download)$",
        unless=r"\{[^{}]*\broot\b[^{}]*\}",
    ),
    _sink(CODE, _A5, r"^(?:require|import|eval|Function)$"),
    _sink(TEMPLATE, _A1, r"^(?:res|response|reply|ctx)\.(?:render|view)$"),
    _sink(
        TEMPLATE, _A5, r"^(?:ejs|pug|jade|nunjucks|mustache|[hH]andlebars|_)\.(?:render|renderString|compile|template)$"
    ),
    _sink(
        REDIRECT, _A1, r"^(?:res|response|reply|ctx|c|NextResponse|Response)\.redirect$|^(?:permanentR|r)edirect$", 0, 1
    ),
    _sink(HTML, _A5, r"^(?:res|response|reply|ctx)\.(?:send|write|end|html)$", needs=_TAG),
    _sink(COMMAND, _A5, r"^(?:(?:child_process|childProcess|cp)\.)?(?:exec|execSync)$"),
    _sink(SQL, _A5, r"\.(?:query|execute|raw|all|get|run|exec|each|\$queryRawUnsafe|\$executeRawUnsafe)$"),
    _sink(URL, _A1, r"^(?:fetch|axios|got|needle|superagent)(?:\.(?:get|post|put|delete|head|request))?$"),
    _sink(OBJECT, _A8, r"(?:^|\.)(?:unserialize)$"),
)
_GO: Sequence[Sink] = (
    _sink(
        PATH,
        _A1,
        r"^(?:os|ioutil)\.(?:Open|OpenFile|ReadFile|WriteFile|Create|Remove|RemoveAll|ReadDir|MkdirAll|Rename)$",
        0,
        1,
    ),
    _sink(PATH, _A1, r"^http\.ServeFile$", 2),
    _sink(PATH, _A1, r"^(?:c|ctx)\.(?:File|SendFile|Attachment|FileAttachment|Download)$"),
    _sink(PATH, _A1, r"^(?:c|ctx)\.(?:SaveUploadedFile|SaveFile)$", 1),
    _sink(REDIRECT, _A1, r"^http\.Redirect$", 2),
    _sink(REDIRECT, _A1, r"^(?:c|ctx)\.Redirect$", 0, 1),
    _sink(HTML, _A5, r"^template\.(?:HTML|JS|URL|HTMLAttr)$"),
    _sink(HTML, _A5, r"^fmt\.Fprint(?:f|ln)?$", 1, 2, 3, 4, 5, needs=rf"^\w+(?:\.\w+)*\(\s*w\b[^\n]*?{_TAG}"),
    _sink(COMMAND, _A5, r"^exec\.Command$", 0),
    _sink(COMMAND, _A5, r"^exec\.Command(?:Context)?$", 1, 2, 3, needs=r"\"(?:/bin/)?(?:ba|z)?sh\""),
    _sink(SQL, _A5, r"\.(?:Query|QueryRow|Exec|Raw|QueryContext|ExecContext|QueryRowContext|Select|Get)$", 0, 1, 2),
    _sink(URL, _A1, r"^http\.(?:Get|Post|Head|NewRequest|NewRequestWithContext)$", 0, 1, 2),
)
SINKS: Mapping[Language, Sequence[Sink]] = {
    Language.PYTHON: _PYTHON,
    Language.JAVASCRIPT: _SCRIPT,
    Language.TYPESCRIPT: _SCRIPT,
    Language.GO: _GO,
}

_SCRIPT_SOURCE = re.compile(
    r"^(?:req|request)\.(?:query|params|body|headers|cookies|signedCookies|files?|url|originalUrl|path|nextUrl"
    r"|(?:get|header|param|json|formData|text)\(\))"
    r"|^ctx\.(?:query|params|querystring|request\.(?:body|query|url|path|files?|headers?)|cookies\.get\(\)|path|url"
    r"|(?:get)\(\))"
    r"|^c\.req\.(?:query|param|json|header|parseBody|path|url)\b"
)
SOURCES: Mapping[Language, re.Pattern[str]] = {
    Language.PYTHON: re.compile(
        r"^(?:self\.|flask\.)?request\.(?:args|form|values|json|data|cookies|headers|files|get_json\(\)|get_data\(\)"
        r"|view_args|GET|POST|FILES|COOKIES|META|body|query_params|path_params|match_info|query|rel_url|query_string"
        r"|json\(\)|body\(\)|form\(\)|stream|content)\b"
        r"|^self\.get_(?:query_|body_)?arguments?\(\)"
    ),
    Language.JAVASCRIPT: _SCRIPT_SOURCE,
    Language.TYPESCRIPT: _SCRIPT_SOURCE,
    Language.GO: re.compile(
        r"^(?:r|req|request)\.(?:URL\.(?:Query\(\)|Path|RawQuery)|FormValue\(\)|PostFormValue\(\)|Form|PostForm|PathValue\(\)"
        r"|Header\.Get\(\)|Body|Cookie\(\)|MultipartForm|FormFile\(\))"
        r"|^mux\.Vars\(\)|^chi\.URLParam\(\)"
        r"|^(?:c|ctx)\.(?:Params?|Query|QueryParam|DefaultQuery|PostForm|FormValue|GetHeader|Body|BodyRaw|FormFile"
        r"|GetRawData)\(\)"
    ),
}
OWN_ADDRESS = re.compile(
    r"^(?:self\.)?(?:req|request|ctx|ctx\.request|c\.req)\.(?:url|originalUrl|path|nextUrl|querystring|query_string)\b"
    r"(?!\.searchParams)|^(?:r|req|request)\.URL\.(?:Path|RawQuery)|(?i:referr?er|\bMETA\b|[\"']host)"
)
"""Sources that bring the request's own address: to send somebody back there is no open redirect."""

HARMLESS = re.compile(
    r"^(?:int|float|bool|len|u?uuid\d?|UUID|hash|ord|Decimal|basename|quote|quote_plus|urlencode|url_for|reverse|isinstance"
    r"|abs|round|date|datetime|fromisoformat|strptime|parseInt|parseFloat|Number|Boolean|BigInt|encodeURIComponent|encodeURI"
    r"|Base|Atoi|ParseInt|ParseUint|ParseBool|ParseFloat|QueryEscape|PathEscape|startswith|endswith|startsWith|endsWith"
    r"|includes|indexOf|find|count|isdigit|isalnum|isalpha|test|match|fullmatch|HasPrefix|HasSuffix|Contains|hexdigest"
    r"|digest|has|resolve_url|is_valid|lookup|dumps|stringify|jsonify|hasOwnProperty|exists|isfile|isdir|existsSync)$"
    r"|(?i:sanit|escape|secure|safe|valid|allow|whitelist|permit|slug|check|verify|hash|encrypt|parse_?int|to_?int)"
)
"""Calls whose result is harmless whatever they are given, or says no more than yes or no."""

CARRIES = re.compile(
    r"^(?:str|unicode|bytes|repr|join|joinpath|format|normpath|abspath|realpath|expanduser|resolve|normalize|Path|PurePath"
    r"|PosixPath|text|dict|list|tuple|set|sorted|reversed|decode|unquote|unquote_plus|b64decode|fspath|String|concat"
    r"|decodeURIComponent|decodeURI|Sprintf|Sprint|Clean|Abs|Join|ToSlash|FromSlash|TrimPrefix|TrimSuffix|TrimSpace"
    r"|Trim|ToLower|ToUpper|Replace|ReplaceAll|string|urljoin|loads|parse|URL|f|raw|ReadAll|getattr|literal)$"
)
"""Calls whose result is made of what they are given."""
GUARDS = re.compile(
    r"(?i)(?:^|[.\s(!])(?:startswith|is_relative_to|commonpath|commonprefix|fullmatch|isalnum|isdigit|isalpha|isnumeric"
    r"|hasprefix|islocal|validpath|includes|has|test|match|matchstring|some|every|contains|indexof|isdecimal)\s*\("
    r"|(?:safe|allow|valid|permitted|whitelist|verify|trusted|ensure|sanit|check)\w*\s*\("
)
"""Conditions that check a value; whether they check it well is not judged."""
HOST_OF = re.compile(
    r"\burlsplit|\burlparse|\burl_parse|\.netloc\b|\.hostname\b|\.host\b|\.origin\b|\.Host\b|\.IsAbs\b"
)
"""What a comparison of the host of an address looks like."""
