"""Quotes of lines that a change took out: they are in no file any more, and prove that something is gone."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from stepwarden.errors import StepwardenError
from stepwarden.files import Workspace
from stepwarden.files.encodings import decode
from stepwarden.files.quote_context import SourceLines, context_of
from stepwarden.files.quoted_file import QuotedFile
from stepwarden.files.secret_values import hide_secrets
from stepwarden.inspections.precommit.changeset import ComparisonRequest, read_change
from stepwarden.source.git.change import FileChange
from stepwarden.source.git.command import Git
from stepwarden.source.git.discovery import find_repositories
from stepwarden.source.git.repository import Repository
from stepwarden.steps.evidence import HOLDS, Evidence, Quote, Verdict

SECONDS = 5.0  # for all of a call; what was not read by then stays refuted


def find_removed(
    evidence: Sequence[Evidence], quotes: Sequence[Quote], workspace: Workspace, compare_to: str
) -> list[Evidence]:
    """Return the evidence of `quotes`, refuted ones as removed where they stood before the change.

    The change is that of the work tree since its last commit, or since `compare_to`. Reads git, where one is refuted.
    """
    refuted = {item.path for item in evidence if item.verdict is Verdict.REFUTED}
    if not refuted or workspace.root is None:
        return list(evidence)
    try:
        old = dict(_old_files(workspace, refuted, compare_to))
    except StepwardenError:  # no repository, no such ref, or git is too slow: nothing is known to be removed
        return list(evidence)
    return [
        _looked_up(item, quote, *old[item.path]) if item.verdict is Verdict.REFUTED and item.path in old else item
        for item, quote in zip(evidence, quotes, strict=True)
    ]


def _old_files(
    workspace: Workspace, paths: set[str], compare_to: str
) -> Iterator[tuple[str, tuple[FileChange, bytes]]]:
    """Yield by its name before the change each of the files that it changed, with what it held."""
    root, until = workspace.root or "", time.monotonic() + SECONDS
    for repository in find_repositories(Git.find(), root, workspace.directory or root, until=until).repositories:
        change = read_change(repository, root, ComparisonRequest(compare_to), until=until)
        files = [file for file in change.files if (file.before or file.path) in paths and file.removed]
        yield from _read_old(repository, files, until)


def _read_old(
    repository: Repository, files: Sequence[FileChange], until: float
) -> Iterator[tuple[str, tuple[FileChange, bytes]]]:
    blobs = repository.read_blobs([file.blob_before for file in files], until=until) if files else {}
    for file in files:
        if (data := blobs.get(file.blob_before)) is not None:
            yield file.before or file.path, (file, data)


def _looked_up(item: Evidence, quote: Quote, change: FileChange, data: bytes) -> Evidence:
    """Return a refuted quote as removed where the file had it before, on a line that the change took out."""
    match = QuotedFile(item.path, data).look_up(quote.quote, quote.line or change.removed[0][0], hint=False)
    text = decode(data)
    if match.verdict not in HOLDS or match.line is None or text is None:
        return item
    shown = range(match.line, match.line + len((match.text or quote.quote).strip().splitlines()))
    if not any(number in shown for number, _ in change.removed):
        return item
    source = SourceLines.of(hide_secrets(text, item.path), item.path)
    context = context_of(source, match.line, hide_secrets(match.text or quote.quote, item.path))
    return replace(item, verdict=Verdict.REMOVED, line=match.line, note="", context=context)
