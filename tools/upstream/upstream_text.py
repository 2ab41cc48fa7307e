"""The texts of `upstream`: a line each for many tools, everything on one, and foreign text between marks."""

from collections.abc import Sequence

from stepwarden.upstream.calls.result_pages import ResultPage
from stepwarden.upstream.calls.result_text import fenced
from stepwarden.upstream.catalogue.drift import ToolChange
from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.catalogue.tool_search import SearchEntry
from stepwarden.upstream.failures import cited, quoted
from tools.upstream.approval_text import KINDS, change_lines
from tools.upstream.parameters import parameter_lines

ARGUMENTS_SHOWN = 6
SUMMARY_CHARS = 130
DESCRIPTION_CHARS = 3_000
IN_DOUBT = "it may have been carried out all the same: look whether it was before you send it again"


def entry_line(entry: SearchEntry) -> str:
    """Return a found tool on one line: its name, what it does to the world, its arguments, its own first words."""
    tool = entry.tool
    required = set(tool.required)
    names = [*tool.required, *(name for name in tool.parameters if name not in required)]
    shown = [f"{quoted(name, 30)}{'*' if name in required else ''}" for name in names[:ARGUMENTS_SHOWN]]
    more = ["..."] if len(names) > ARGUMENTS_SHOWN else []
    barred = "; CHANGED, describe it first" if entry.barred else ""
    first = tool.description.strip().partition("\n")[0]
    words = cited(first or tool.title, SUMMARY_CHARS) if first or tool.title else ""
    kind = entry.source or tool.effects.kind
    return f"{quoted(entry.name, 240)} ({kind}{barred}) [{', '.join([*shown, *more])}] {words}".rstrip()


def describe_tool(upstream: str, tool: UpstreamTool, changed: Sequence[ToolChange], *, asks: bool) -> str:
    """Return all that a model needs to call one tool."""
    name = f"{upstream}/{tool.name}"
    lines = [f"{name}: {KINDS[tool.effects.kind]}{'; a call of it asks for approval' if asks else ''}."]
    if changed:
        lines += [f"It changed since it was trusted and is barred until your user accepts it ({len(changed)} changes):"]
        lines += [fenced(upstream, "\n".join(change_lines(changed)))]
        lines += [f'If it is meant to be so: upstream(action="accept", tool="{name}"), which asks them.']
    heading, own = parameter_lines(tool)
    lines += [heading]
    words = tool.description[:DESCRIPTION_CHARS]
    if len(tool.description) > DESCRIPTION_CHARS:
        words += f"... ({len(tool.description)} characters in all)"
    return "\n".join([*lines, fenced(upstream, "\n".join([*own, "", words]).strip())])


def more_lines(result: str, page: ResultPage) -> list[str]:
    """Return which part of a long result was given, and how to get the next."""
    if page.next is None:
        return [f"Characters {page.after} to {page.chars} of {page.chars}: the end."]
    more = f'upstream(action="page", result="{result}", after={page.next})'
    return [f"Characters {page.after} to {page.next} of {page.chars}. More: {more}"]
