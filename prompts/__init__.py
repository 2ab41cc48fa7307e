"""The wording that models and users read: one markdown file a tool, parsed on first use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType

# Up to three bullets go out at a time, each twice, in a reply of 1,400 bytes; descriptions stand in the host's context.
BULLET_BYTES = 68
PARAGRAPH_BYTES: Mapping[str, int] = MappingProxyType({"description": 260, "command": 100})
PHASES = ("survey", "dig", "prove", "conclude", "stalled", "disprove")


@dataclass(frozen=True, slots=True)
class Prompt:
    """The words of one tool, all of them ASCII.

    `description` is the tool's, at most 260 bytes; `command` is its slash command's, at most 100. `sections` holds each
    of `PHASES` with its bullets in file order, at most 68 bytes each. A tool that is no workflow has neither; it may
    have `texts`: any other sections, by their headings, for what is said to a model at length.
    """

    name: str
    title: str
    description: str
    command: str
    sections: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, str]


@cache
def load(name: str) -> Prompt:
    """Return the prompt in `<name>.md`; FileNotFoundError where there is none, ValueError as `parse` says."""
    return parse(name, _read(name))


@cache
def text(name: str) -> str:
    """Return the whole of `<name>.md`, for what is said to a model in one piece; FileNotFoundError as `load`."""
    return _read(name).strip()


def instructions() -> str:
    """Return what the server tells the host's model on connecting, under 1,900 characters."""
    return text("instructions")


def parse(name: str, text: str) -> Prompt:
    """Return the prompt that `text` spells; ValueError, starting "<name>.md:<line>:", where it is malformed.

    A title and a description are always needed. A file with a command or a phase is a workflow's, and needs them all
    and no other section.
    """
    title, blocks = _split(name, text)
    others = [block for heading, block in blocks.items() if heading not in {"description", "command", *PHASES}]
    workflow = any(heading in blocks for heading in ("command", *PHASES))
    if workflow and others:
        raise _malformed(name, others[0].number, f"unknown section '{others[0].heading}'")
    for section in ["description", "command", *PHASES] if workflow else ["description"]:
        if section not in blocks:
            raise _malformed(name, len(text.splitlines()), f"section '{section}' is missing")
    return Prompt(
        name=name,
        title=title,
        description=_paragraph(name, blocks["description"]),
        command=_paragraph(name, blocks["command"]) if "command" in blocks else "",
        sections=MappingProxyType({phase: _bullets(name, blocks[phase]) for phase in PHASES if phase in blocks}),
        texts=MappingProxyType({block.heading: "\n".join(line for _, line in block.lines) for block in others}),
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """One section as it stands in the file: the heading's line number, and its numbered lines."""

    heading: str
    number: int
    lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def _read(name: str) -> str:
    return files(__name__).joinpath(f"{name}.md").read_text("utf-8")


def _malformed(name: str, number: int, problem: str) -> ValueError:
    return ValueError(f"{name}.md:{max(number, 1)}: {problem}")


def _lines(name: str, text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.isascii():
            raise _malformed(name, number, "only ASCII, so that bytes and characters are the same")
        if line.strip():
            yield number, line.strip()


def _split(name: str, text: str) -> tuple[str, dict[str, _Block]]:
    """Return the title and the sections by heading."""
    title = ""
    blocks: dict[str, _Block] = {}
    block = None
    for number, line in _lines(name, text):
        if not title:
            if not line.startswith("# "):
                raise _malformed(name, number, "a file opens with '# ' and its title")
            title = line.removeprefix("# ")
        elif line.startswith("#"):
            block = _Block(line.removeprefix("## "), number)
            if block.heading in blocks:
                raise _malformed(name, number, f"section '{block.heading}' is there twice")
            blocks[block.heading] = block
        elif block is None:
            raise _malformed(name, number, "text before the first section")
        else:
            block.lines.append((number, line))
    if not title:
        raise _malformed(name, 1, "the file is empty")
    return title, blocks


def _paragraph(name: str, block: _Block) -> str:
    text = " ".join(line for _, line in block.lines)
    limit = PARAGRAPH_BYTES[block.heading]
    if not text:
        raise _malformed(name, block.number, f"section '{block.heading}' is empty")
    if len(text) > limit:
        raise _malformed(name, block.lines[0][0], f"{block.heading} of {len(text)} bytes, over {limit}")
    return text


def _bullets(name: str, block: _Block) -> tuple[str, ...]:
    if not block.lines:
        raise _malformed(name, block.number, f"section '{block.heading}' is empty")
    bullets: list[str] = []
    for number, line in block.lines:
        bullet = line.removeprefix("- ")
        if bullet == line:
            raise _malformed(name, number, "a bullet is one line that opens with '- '")
        if len(bullet) > BULLET_BYTES:
            raise _malformed(name, number, f"bullet of {len(bullet)} bytes, over {BULLET_BYTES}")
        bullets.append(bullet)
    return tuple(bullets)
