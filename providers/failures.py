"""From an endpoint's refusal to a ModelError: its kind, and one line without keys that says what to do."""

import email.utils
import html
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from providers.endpoints import Endpoint
from providers.model_names import shown_name
from stepwarden.models import ErrorKind, ModelError

QUOTED_CHARACTERS = 160  # of an endpoint's own words that are passed on
_READ_CHARACTERS = 4_000  # of them that are looked at

_KEY_LIKE = r"\b(sk|pk|rk|xai|gsk|or|AIza|key|Bearer)[-_ ][\w.*-]{8,}|\bAIza[\w-]{8,}"

# GLM's codes: docs.bigmodel.cn/cn/api/api-code. OpenAI's: platform.openai.com/docs/guides/error-codes.
_CODES = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004", "invalid_api_key"), ErrorKind.WRONG_KEY),
    **dict.fromkeys(("1113", "1309", "insufficient_quota", "billing_hard_limit_reached"), ErrorKind.NO_MONEY),
    **dict.fromkeys(("1211", "1311", "model_not_found", "DeploymentNotFound"), ErrorKind.UNKNOWN_MODEL),
    **dict.fromkeys(("1261", "context_length_exceeded", "string_above_max_length"), ErrorKind.TOO_LONG),
    **dict.fromkeys(("1301", "content_filter", "content_policy_violation"), ErrorKind.FILTERED),
    **dict.fromkeys(("1302", "1303", "1304", "1305", "1308", "1310", "1312"), ErrorKind.RATE_LIMIT),
    "1234": ErrorKind.SERVER,
    # The types and codes of OpenAI's, Anthropic's and Google's errors, where no status comes along.
    **dict.fromkeys(("rate_limit_exceeded", "rate_limit_error", "resource_exhausted"), ErrorKind.RATE_LIMIT),
    **dict.fromkeys(("overloaded_error", "server_error", "api_error", "internal", "unavailable"), ErrorKind.SERVER),
    **dict.fromkeys(("authentication_error", "permission_error", "unauthenticated"), ErrorKind.WRONG_KEY),
    "timeout_error": ErrorKind.TIMEOUT,
    "tool_use_failed": ErrorKind.SERVER,  # Groq's, of a call that its model wrote wrongly: it says to ask again
    "billing_error": ErrorKind.NO_MONEY,
}

# Searched for in the endpoint's words, in this order: proxies such as litellm answer 400 for nearly everything.
_WORDS = (
    (
        ErrorKind.NO_MONEY,
        r"insufficient (balance|funds|credit|quota)|credit balance|exceeded your current quota|billing",
    ),
    (ErrorKind.FILTERED, r"content.?(filter|policy|management)|safety (system|setting)|flagged|sensitive content"),
    (
        ErrorKind.TOO_LONG,
        (
            r"context.?(length|window)|maximum context|(prompt|input|request) (is )?too (long|large)"
            r"|too many (input )?tokens|exceeds? .{0,40}(token|context)"
        ),
    ),
    (
        ErrorKind.WRONG_KEY,
        r"api.?key|authenticat|unauthori[sz]ed|invalid (token|credentials|bearer)|no auth credentials",
    ),
    (
        ErrorKind.UNKNOWN_MODEL,
        (
            r"(model|deployment)\b.{0,120}(not? (exist|found|valid|available|supported)|does ?n.t exist|does not exist"
            r"|unknown|invalid|not a valid)|(unknown|invalid|no such|unsupported|no) (model|deployment)"
        ),
    ),
    (
        ErrorKind.UNSUPPORTED,
        (
            r"image.{0,60}(not |un)support|(not |n.t )(support|accept|take).{0,40}(image|vision|multimodal)"
            r"|(not|n.t) (a )?(multimodal|vision)|no endpoints found that support image"
        ),
    ),
)

# Of an error without a status, after the others.
_WORDS_ALONE = (
    (ErrorKind.RATE_LIMIT, r"rate.?limit|too many requests|quota|requests? per (minute|day|second)|throttl"),
    (
        ErrorKind.SERVER,
        (
            r"overload|unavailable|time.?out|timed out|try (it )?again|internal (server )?error|at capacity|busy"
            r"|bad gateway|upstream|provider returned error|connection (error|reset|refused)"
        ),
    ),
)
# Ollama, Gemini, OpenRouter (404), vLLM, llama.cpp (500), and those that do not know the field.
_NO_TOOLS = re.compile(
    r"(not|n't) (support|accept|allow|permit|recogni[sz]e|enable)\w*\b.{0,40}\b(tools?|function.?call\w*)\b"
    r"|\b(tools?( use| call\w*)?|function.?call\w*)\b.{0,30}\b(is|are) (not |un)(support|enabl|availab|allow|permit)"
    r"|(unknown|unrecogni[sz]ed|unsupported|unexpected|extra|not permitted)\b.{0,40}\btools\b(?!\W{0,3}\d)"
    r"|no endpoints found that support tool|requires --(enable-auto-tool-choice|jinja)",
    re.IGNORECASE | re.DOTALL,
)

_BY_STATUS = {
    401: ErrorKind.WRONG_KEY,
    402: ErrorKind.NO_MONEY,
    403: ErrorKind.WRONG_KEY,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.SERVER,
    413: ErrorKind.TOO_LONG,
    429: ErrorKind.RATE_LIMIT,
    499: ErrorKind.SERVER,
}


_SENTENCES = {
    ErrorKind.WRONG_KEY: "{title} refused the key{said}: set {variable} to a valid one.",
    ErrorKind.NO_MONEY: "{title} says that the account has no money left{said}: top it up, or name another model.",
    ErrorKind.UNKNOWN_MODEL: "{title} has no model '{model}' for this key{said}.",
    ErrorKind.TOO_LONG: (
        "The prompt is longer than {model} takes{said}: send fewer files, or name a model with more context."
    ),
    ErrorKind.FILTERED: (
        "{title}'s content filter refused the prompt{said}: word it differently, or name another model."
    ),
    ErrorKind.UNSUPPORTED: "{model} takes no images{said}: leave them out, or name a model that sees.",
    ErrorKind.RATE_LIMIT: "{title} limits how often it may be asked{said}: wait{wait}, or name another model.",
    ErrorKind.TIMEOUT: "{title} gave up waiting{said}: ask again later, or name another model.",
    ErrorKind.SERVER: "{title} failed{said}: ask again later, or name another model.",
    ErrorKind.REFUSED: "{title} refused the request{said}.",
}


class ParameterRefused(ModelError):
    """A 400 or 422; `words` may say which parameter the endpoint does not take."""

    def __init__(self, error: ModelError, words: str) -> None:
        super().__init__(error.kind, str(error), model=error.model, retry_after_s=error.retry_after_s)
        self.words = words

    def without_words(self) -> ModelError:
        """Return the error as callers get it."""
        return ModelError(self.kind, str(self), model=self.model, retry_after_s=self.retry_after_s)


@dataclass(frozen=True, slots=True)
class EndpointFailure:
    """What an endpoint answered instead of a completion. `status` is 0 where its words came with none of an error."""

    status: int
    words: str = ""
    code: str = ""
    retry_after_s: float | None = None


def refusal_of(status: int, body: object, headers: Mapping[str, str]) -> EndpointFailure:
    """Return what an error's body says: `{"error": {...}}`, `{"message": ...}`, a list of one, or text."""
    found: object = body
    if isinstance(body, list) and body:
        found = cast("list[object]", body)[0]
    for key in ("error", "detail"):
        if isinstance(found, dict) and key in found:
            found = cast("dict[str, object]", found)[key]
    if isinstance(found, dict):
        entry = cast("dict[str, object]", found)
        words = with_words_behind(str(entry.get("message") or entry), entry)
        return EndpointFailure(status, words, str(entry.get("code") or ""), _retry_after_s(headers))
    return EndpointFailure(status, flat(found or ""), "", _retry_after_s(headers))


def with_words_behind(words: str, entry: Mapping[str, object]) -> str:
    """Return an error's words with those of the vendor behind it, which OpenRouter passes on."""
    metadata = entry.get("metadata")
    raw = cast("dict[str, object]", metadata).get("raw", "") if isinstance(metadata, dict) else ""
    return f"{words} {raw}".strip()


def flat(words: object) -> str:
    """Return words as one text; of FastAPI's list of faults, each with its place."""
    faults: list[object] = cast("list[object]", words) if isinstance(words, list) else []
    told = [cast("dict[str, object]", fault) for fault in faults if isinstance(fault, dict)]
    return "; ".join(f"{fault.get('msg', '')} {fault.get('loc', '')}".strip() for fault in told) or str(
        cast("object", words)
    )


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        try:
            return max(0.0, float(value) * scale)
        except ValueError:
            moment = email.utils.parsedate_tz(value)
            if moment is not None:
                return max(0.0, email.utils.mktime_tz(moment) - time.time())
    return None


def kind_of(refusal: EndpointFailure) -> ErrorKind:
    """Return what was wrong: by the code, then by the words of a 4xx, then by the status."""
    if (kind := _CODES.get(refusal.code) or _CODES.get(refusal.code.casefold())) is not None:
        return kind
    if refusal.status >= 500:
        return ErrorKind.SERVER
    if refusal.status not in {401, 402, 408, 409, 499}:
        for kind, pattern in _WORDS:
            if refusal.status == 429 and kind is not ErrorKind.NO_MONEY:
                break
            if _says(refusal, pattern):
                return kind
    if not refusal.status:
        return next((kind for kind, pattern in _WORDS_ALONE if _says(refusal, pattern)), ErrorKind.REFUSED)
    return _BY_STATUS.get(refusal.status, ErrorKind.REFUSED)


def refuses_tools(words: str) -> bool:
    """Return whether an endpoint says that a model cannot be offered tools."""
    return _NO_TOOLS.search(words[:_READ_CHARACTERS]) is not None


def _says(refusal: EndpointFailure, pattern: str) -> bool:
    return re.search(pattern, refusal.words[:_READ_CHARACTERS], re.IGNORECASE | re.DOTALL) is not None


def failure(endpoint: Endpoint, model: str, refusal: EndpointFailure) -> ModelError:
    """Return the error for what the endpoint answered, in its own words."""
    kind = kind_of(refusal)
    text = _sentence(kind, endpoint, shown_name(model), refusal)
    failed = ModelError(kind, text, model=model, retry_after_s=refusal.retry_after_s)
    of_request = refusal.status in {0, 400, 422} or refuses_tools(refusal.words)
    return ParameterRefused(failed, refusal.words) if of_request else failed


def _sentence(kind: ErrorKind, endpoint: Endpoint, model: str, refusal: EndpointFailure) -> str:
    said = ": ".join(filter(None, (str(refusal.status or ""), quoted(refusal.words, endpoint.key).rstrip("."))))
    return _SENTENCES.get(kind, _SENTENCES[ErrorKind.REFUSED]).format(
        title=endpoint.profile.title,
        model=model,
        variable=endpoint.key_variable,
        wait=f" for {refusal.retry_after_s:.0f} s" if refusal.retry_after_s else " a little",
        said=f" ({said})" if said else "",
    )


def quoted(words: str, *secrets: str) -> str:
    """Return an endpoint's own words as one short line without keys; of a page of HTML, its text."""
    words = _text_of_page(words[:_READ_CHARACTERS])
    for secret in secrets:
        if len(secret) > 3:
            words = words.replace(secret, "[key]")
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    line = re.sub(_KEY_LIKE, "[key]", line, flags=re.IGNORECASE)
    return line if len(line) <= QUOTED_CHARACTERS else line[: QUOTED_CHARACTERS - 1] + "…"


def _text_of_page(words: str) -> str:
    if not re.match(r"\s*<(!doctype|html|head|body|h\d|p|div|center)\b", words, re.IGNORECASE):
        return words
    words = re.sub(r"<(style|script)\b.*?(</\1>|\Z)", " ", words, flags=re.IGNORECASE | re.DOTALL)
    return html.unescape(re.sub(r"<[^<>]{0,1000}>", " ", words))
