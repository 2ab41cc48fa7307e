"""The door of this package: a workspace answers what a call may ask about files, and keeps nothing."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from stepwarden.files.nearest import nearest_line
from stepwarden.files.paths import is_usable, normal, relative, with_slashes
from stepwarden.files.quotes import QuoteMatch, look_up, still_there
from stepwarden.files.roots import RootPolicy, find_bounds
from stepwarden.files.safe_open import FILE_BYTES, NO_ROOT, Unread, measure, read
from stepwarden.files.text import FoldedText, decode, split_lines
from stepwarden.steps.evidence import Evidence, Quote, Verdict

CALL_BYTES = 8 * FILE_BYTES  # what one call reads at most: about a second of work
CALL_HINTS = 20  # for how many refuted quotes of a call the nearest line is looked for

_BINARY = Unread(Verdict.UNREACHABLE, "a binary file, not searched")
_SPENT = Unread(Verdict.UNREACHABLE, f"not read: this call had already read {CALL_BYTES // 1024**2} MiB")


@dataclass(frozen=True, slots=True)
class FileFact:
    """What is known of a path without reading it: whether a readable regular file is there, and its size."""

    exists: bool
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Content:
    """The bytes of a file as this call read them."""

    data: bytes
    sha256: str

    def page(self) -> FoldedText | Unread:
        text = decode(self.data)
        return _BINARY if text is None else FoldedText.of(text)


@dataclass(frozen=True, slots=True)
class Workspace:
    """What a call may read: `root` bounds it, `directory` (both resolved) is where relative paths start.

    With `root` None nothing can be read, and every quote is unreachable. Paths come in through `canonical`; all
    else takes and gives canonical names, because those are what a thread stores.
    """

    root: str | None
    directory: str | None
    spellings: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def readable(self) -> bool:
        """Whether there is a root at all."""
        return self.root is not None

    def canonical(self, path: str) -> str:
        """Return the canonical name of `path`: relative to the root with `/`, absolute outside it, else as given.

        By its letters alone, so it says nothing of what exists. Relative paths start from `directory`. Not to be
        applied twice: a name relative to the root would be taken as relative to the directory.
        """
        if not is_usable(path):
            return path
        if self.root is None or self.directory is None:
            return with_slashes(normal(path))
        return self._named(normal(self.directory, path))

    def survey(self, paths: Sequence[str]) -> dict[str, FileFact]:
        """Look for files by their canonical names; what is secret, outside or no regular file does not exist."""
        return {name: self._fact(name) for name in map(self._own, paths)}

    def check(self, quotes: Sequence[Quote]) -> list[Evidence]:
        """Look quotes up, `file` being a canonical name, and give one verdict for each in their order.

        Each file is read once. A call reads CALL_BYTES at most; what comes after that is unreachable.
        """
        found: dict[int, Evidence] = {}
        hints = CALL_HINTS
        for name, content, indices in self._contents([quote.file for quote in quotes]):
            page = content if isinstance(content, Unread) else content.page()
            sha256 = "" if isinstance(content, Unread) else content.sha256
            for index in indices:
                finding = _judged(page, quotes[index], hint=hints > 0)
                hints -= finding.target is not None
                found[index] = _evidence(name, quotes[index], finding, sha256)
        return [found[index] for index in range(len(quotes))]

    def recheck(self, evidence: Sequence[Evidence]) -> list[Evidence]:
        """Return those of the items, which held when they were sent, whose file changed and has the quote no more.

        A file that is gone counts as changed; one that cannot be read now (permission, size, another root) does not.
        """
        gone: set[int] = set()
        for _, content, indices in self._contents([item.path for item in evidence]):
            if isinstance(content, Unread):
                gone.update(indices if content.verdict is Verdict.REFUTED else ())
                continue
            changed = [index for index in indices if evidence[index].sha256 != content.sha256]
            page = content.page() if changed else _BINARY
            if isinstance(page, FoldedText):
                gone.update(index for index in changed if not still_there(page, evidence[index].quote))
        return [item for index, item in enumerate(evidence) if index in gone]

    def numbered(self, paths: Sequence[str], limit_bytes: int) -> tuple[str, list[str]]:
        """Return the text of files with their line numbers, and the files that are left out.

        Left out is what may not be read, is no text, or would not fit in `limit_bytes` any more; the order of `paths`
        is that of importance. A file is given whole or not at all.
        """
        shown: list[str] = []
        left_out: list[str] = []
        for name, content, _ in self._contents(paths):
            text = None if isinstance(content, Unread) else decode(content.data)
            if text is None:
                left_out.append(name)
                continue
            lines = "\n".join(f"{number:5} {line}" for number, line in enumerate(split_lines(text), 1))
            part = f"=== {name}\n{lines}\n"
            if len(part.encode()) > limit_bytes:
                left_out.append(name)
                continue
            limit_bytes -= len(part.encode())
            shown.append(part)
        return "".join(shown), left_out

    def _named(self, path: str) -> str:
        for spelling, resolved in self.spellings:
            below = relative(path, spelling)
            name = relative(normal(resolved, below), self.root or "") if below is not None else None
            if name is not None:
                return with_slashes(name)
        return with_slashes(path)

    def _own(self, path: str) -> str:
        """Return the canonical name for what should be one already: tidied, and never relative to the directory."""
        if self.root is None or not is_usable(path):
            return path
        return self._named(normal(self.root, path))

    def _fact(self, name: str) -> FileFact:
        size = measure(self.root, name) if self.root is not None else NO_ROOT
        return FileFact(exists=False) if isinstance(size, Unread) else FileFact(exists=True, bytes=size)

    def _contents(self, paths: Sequence[str]) -> Iterator[tuple[str, _Content | Unread, list[int]]]:
        """Read every file of `paths` once, one after another: its name, what is in it, the places it is named at."""
        places: dict[str, list[int]] = {}
        for index, path in enumerate(paths):
            places.setdefault(self._own(path), []).append(index)
        left = CALL_BYTES
        for name, indices in places.items():
            data = self._read(name) if left > 0 else _SPENT
            if isinstance(data, Unread):
                yield name, data, indices
            else:
                left -= len(data)
                yield name, _Content(data, hashlib.sha256(data).hexdigest()), indices

    def _read(self, name: str) -> bytes | Unread:
        return read(self.root, name) if self.root is not None else NO_ROOT


def open_workspace(directory: str | None, policy: RootPolicy) -> Workspace:
    """Open what may be read; `directory` is `working_directory` as it was sent, an absolute path, or None.

    Raises RootRefused for a directory that may not be used, with one line that says what to send instead.
    """
    bounds = find_bounds(directory, policy)
    if bounds is None:
        return Workspace(None, None)
    return Workspace(bounds.root, bounds.directory, bounds.spellings)


def _judged(page: FoldedText | Unread, quote: Quote, *, hint: bool) -> QuoteMatch:
    if isinstance(page, Unread):
        return QuoteMatch(page.verdict, note=page.note)
    finding = look_up(page, quote.quote, quote.line)
    if hint and finding.target is not None:
        return replace(finding, note=nearest_line(page, finding.target, quote.line))
    return finding


def _evidence(name: str, quote: Quote, finding: QuoteMatch, sha256: str) -> Evidence:
    return Evidence(
        path=name,
        quote=quote.quote,
        verdict=finding.verdict,
        line=finding.line,
        supports=quote.supports,
        note=finding.note,
        sha256=sha256,
    )
