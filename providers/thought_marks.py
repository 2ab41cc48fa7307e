"""The marks by which models set off what they think, of all vendors and servers. Data; `thoughts.py` applies them.

Sources: the reasoning parsers of vLLM, SGLang and llama.cpp as of 2026-11, and the vendors' chat templates.
"""

import re
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """What a mark means."""

    OPEN = "a thought begins"
    CLOSE = "a thought ends; where none began, everything before was one"
    WHOLE = "a thought from its first mark to its last"
    CHANNEL = "a message of thoughts begins; it lasts to its end or to the next message"
    SHOW = "a message of the answer begins"
    END = "a message ends"


@dataclass(frozen=True, slots=True)
class FoundMark:
    """One mark in a text."""

    mark: Mark
    start: int
    end: int


BEGINS = re.compile(r"[<\[◁]|(?<!\S)to=")
"""Where a mark can begin."""

_NAMES = r"think(?:ing)?|thoughts?|reasoning"

# The outermost groups are the kinds; `_meaning` reads them. Lengths are bounded, so that a text of "<" alone costs no
# more than another.
_MARKS = re.compile(
    rf"""
      # <think>, <thinking type="x">, <thought> (Gemini, EXAONE), <seed:think>, <mm:think>, <longcat_think>
      (?P<tag> <\s{{0,3}}(?P<tag_close>/)?\s{{0,3}}(?:[a-z]{{1,12}}[:_])?(?P<tag_name>{_NAMES})(?::[\w-]{{1,40}})?
            (?:\s[^<>]{{0,200}}?)?(?P<tag_empty>/)?> )
      # <|START_THINKING|> (Cohere), <|begin_of_thought|>, <|think:start|> (Solar), <|content_thinking|> (Inkling)
    | (?P<special> <[|\uff5c](?P<special_name>/?[\w:▁-]{{0,24}}?(?:{_NAMES})[\w:▁-]{{0,24}})[|\uff5c]> )
      # <|channel|>analysis<|message|> ... <|end|><|start|>assistant<|channel|>final<|message|> (gpt-oss)
    | (?P<harmony> (?:<\|start\|>[^<\n]{{0,80}})?<\|channel\|>(?P<channel>[^<\n]{{0,80}})
            (?:<\|constrain\|>[^<\n]{{0,80}})?(?:<\|message\|>)? )
      # <|start|>assistant to=self<|message|> ... <|eom|><|start|>assistant to=user<|message|> (Muse)
    | (?P<turn> <\|start\|>(?P<turn_to>[^<\n]{{0,80}})<\|message\|> | (?P<bare_to>to=[\w.-]{{1,80}})<\|message\|> )
    | (?P<gemma> <\|channel>[^\S\n]{{0,3}}(?P<gemma_name>\w{{0,24}}) | (?P<gemma_close><channel\|>) )
    | (?P<kimi_k3> <\|(?P<k3_way>open|close)\|>(?P<k3_name>\w{{1,24}})<\|sep\|> )
    | (?P<kimi> ◁\s{{0,3}}(?P<kimi_close>/)?\s{{0,3}}(?:{_NAMES})\s{{0,3}}▷ )
    | (?P<bracket> \[(?P<bracket_close>/)?(?-i:THINK(?:ING)?)\] )  # Mistral
    | (?P<details> <details\s{{1,3}}type=["']?reasoning["']?[^<>]{{0,200}}>(?:.*?</details>|.*) )  # Open WebUI
    | (?P<open> <\|inner_prefix\|> | <unused94> | \[unused16\] )  # Apertus, MedGemma, Pangu
    | (?P<close> <\|inner_suffix\|> | <unused95> | \[unused17\] )
    | (?P<show> <\|(?:START_RESPONSE|START_TEXT|begin_of_solution|content_text)\|>  # Cohere, OpenThinker, Inkling
            | (?:<\|begin\|>\s{{0,3}}\w{{0,24}}\s{{0,3}})?<\|content\|>  # Solar
            | \[BEGIN\ FINAL\ RESPONSE\] )  # Apriel
    | (?P<end> <\|(?:end|return|call|eom|eot|end_message|message_model|content_model_end_sampling|END_RESPONSE|END_TEXT
            |end_of_solution|begin_of_box|end_of_box)\|> | \[END\ FINAL\ RESPONSE\] )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

LAST_TOKENS = re.compile(
    r"(?:\s*(?:<\|(?:im_end|endoftext|eot_id|end_of_text|user)\|>|<\uff5cend▁of▁sentence\uff5c>|<end_of_turn>|<turn\|>"
    r"|<eos>|</s>))+\s*\Z"
)
"""Tokens at the end of a text that a server should have kept."""

UNFINISHED = re.compile(
    r"(?:[<\[◁][^<>\[\]▷\n]{0,240}|<\|(?:start|open|close|begin)\|>[^<\n]{0,80}(?:<[^<>\n]{0,80})?"
    r"|to=[\w.-]{0,80}(?:<[^<>\n]{0,80})?)\Z"
)
"""The end of a text that may be the first part of a mark."""


@dataclass(frozen=True, slots=True)
class MarkWords:
    """Words at the start of a text that set off thoughts, and those that end them.

    They are plain English, so where they are not ended they count only of models of that name.
    """

    begin: re.Pattern[str]
    answer: re.Pattern[str]
    model: str


MARK_WORDS = (
    # gpt-oss where the server dropped its tokens: "analysisWe need to ...assistantfinalThe answer is 42."
    MarkWords(re.compile(r"\s*analysis(?=[A-Z\"'(\d])"), re.compile(r"assistant\s?final(?:json)?"), ""),
    MarkWords(
        re.compile(r"[\s*#]*Here(?:'s|\u2019s| is) my thought process:?"),
        re.compile(r"[*#]*Here(?:'s|\u2019s| is) my response:?\**"),
        "granite",
    ),
    MarkWords(re.compile(r"\s*Thinking\.\.\.\s*\n"), re.compile(r"\n\.\.\.done thinking\.\s*\n?"), "none"),  # Ollama
)


def mark_at(text: str, at: int) -> FoundMark | None:
    """Return the mark that begins at a place in a text, if one does."""
    match = _MARKS.match(text, at)
    if match is None or _is_type_argument(text, match):
        return None
    return FoundMark(_meaning(match), match.start(), match.end())


def _meaning(match: re.Match[str]) -> Mark:
    kind = str(match.lastgroup)
    if kind in _MEANINGS:
        return _MEANINGS[kind]
    if kind in {"harmony", "turn"}:
        return _of_message(match)
    if match["tag_empty"]:
        return Mark.WHOLE
    if kind == "gemma" and match["gemma_name"] == "final":
        return Mark.SHOW
    if kind == "special":
        ends = re.search(r"(?:^|[:▁_-])end(?:[:▁_-]|$)|^/", match["special_name"], re.IGNORECASE)
        return Mark.CLOSE if ends else Mark.CHANNEL
    if kind == "kimi_k3" and match["k3_name"].casefold() not in {"think", "tools"}:
        return Mark.SHOW if match["k3_way"].casefold() == "open" else Mark.END
    closes = match[f"{kind}_close"] if kind != "kimi_k3" else match["k3_way"].casefold() == "close"
    return Mark.CLOSE if closes else Mark.OPEN


_MEANINGS = {
    "open": Mark.OPEN,
    "close": Mark.CLOSE,
    "show": Mark.SHOW,
    "end": Mark.END,
    "details": Mark.WHOLE,
}


def _of_message(match: re.Match[str]) -> Mark:
    """Return whether a message's header says that it is for the user."""
    if match["channel"] is not None:
        return Mark.SHOW if match["channel"].strip().casefold().startswith("final") else Mark.CHANNEL
    header = (match["turn_to"] or match["bare_to"] or "").strip()
    recipient = re.search(r"to=([\w.-]+)", header)
    if recipient:
        return Mark.SHOW if recipient[1] == "user" else Mark.CHANNEL
    return Mark.SHOW if header.split()[:1] in ([], ["assistant"]) else Mark.CHANNEL


def _is_type_argument(text: str, match: re.Match[str]) -> bool:
    """Return whether a tag is an argument of a generic type, such as `List<Thought>`."""
    name = match["tag_name"]
    before = text[match.start() - 1] if match.start() else " "
    return bool(name) and name[0].isupper() and name[1:].islower() and (before.isalnum() or before in "_.")
