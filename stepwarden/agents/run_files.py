"""The files that a run may look at: below its directory, without secrets, as models are shown them."""

import time
from dataclasses import dataclass

from stepwarden.agents.toolbox import CallOutput
from stepwarden.files.encodings import decode
from stepwarden.files.paths import normalize_path, shown
from stepwarden.files.safe_open import Unread, measure_file, read_file
from stepwarden.files.secret_values import hide_secrets
from stepwarden.files.text import split_lines
from stepwarden.files.workspace import Workspace
from stepwarden.source.scan.directory_index import DirectoryIndex
from stepwarden.source.scan.file_list import list_files

MOST_NAMES = 300
MOST_HITS = 60
MOST_LINES = 1_000
LINE_CHARACTERS = 300
SEARCH_S = 10.0
SEARCHED_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What `workspace` allows."""

    workspace: Workspace

    @property
    def readable(self) -> bool:
        """Whether there is anything to look at."""
        return self.workspace.readable

    def listing(self, folder: str) -> CallOutput:
        """Return the names below a folder."""
        names = self._names(folder)
        more = f"\n[{len(names) - MOST_NAMES} more: name a folder]" if len(names) > MOST_NAMES else ""
        return CallOutput("\n".join(names[:MOST_NAMES]) + more or "No files there.", failed=not names)

    def read(self, path: str, first: int, count: int) -> CallOutput:
        """Return lines of a file with their numbers."""
        name = self.workspace.canonical(path)
        lines = self._lines(name)
        if isinstance(lines, str):
            return CallOutput(f"{shown(path)}: {lines}", failed=True)
        part = lines[first - 1 : first - 1 + min(count, MOST_LINES)]
        text = "\n".join(f"{number:5} {line[:2_000]}" for number, line in enumerate(part, first))
        end = first - 1 + len(part)
        more = f"\n[lines {first} to {end} of {len(lines)}]" if end < len(lines) or first > 1 else ""
        return CallOutput(f"{name}\n{text}{more}")

    def search(self, text: str, folder: str) -> CallOutput:
        """Return the lines that contain a text, with their places."""
        until, left, hits = time.monotonic() + SEARCH_S, SEARCHED_BYTES, list[str]()
        names, wanted, looked = self._names(folder), text.casefold(), 0
        for name in names:
            if len(hits) >= MOST_HITS or left <= 0 or time.monotonic() > until:
                break
            looked += 1
            size = measure_file(self.workspace.root or "", name)
            left -= size if isinstance(size, int) else 0
            lines = self._lines(name)
            if not isinstance(lines, str):
                found = (
                    f"{name}:{at}: {line.strip()[:LINE_CHARACTERS]}"
                    for at, line in enumerate(lines, 1)
                    if wanted in line.casefold()
                )
                hits += found
        cut = f"\n[the first {MOST_HITS}]" if len(hits) > MOST_HITS else ""
        partly = f"\n[{looked} of {len(names)} files searched]" if looked < len(names) else ""
        return CallOutput(("\n".join(hits[:MOST_HITS]) or "Not found.") + cut + partly)

    def _names(self, folder: str) -> list[str]:
        root, name = self.workspace.root or "", self.workspace.canonical(folder)
        under = "" if name in {".", ""} else normalize_path(name)
        if under.startswith(("/", "..")):
            return []
        listing = list_files(None, "", DirectoryIndex(root), under, until=time.monotonic() + SEARCH_S)
        return [name for name in listing.names if not isinstance(measure_file(root, name), Unread)]

    def _lines(self, name: str) -> list[str] | str:
        """Return the lines of a file without secrets, or why there are none."""
        data = read_file(self.workspace.root or "", name)
        if isinstance(data, Unread):
            return data.note
        text = decode(data)
        return "it is no text" if text is None else split_lines(hide_secrets(text, name))
