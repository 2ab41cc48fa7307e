"""The entry to this package: a workspace answers what a call may ask about files, and keeps nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from stepwarden.files.canonical_names import CanonicalNames
from stepwarden.files.encodings import decode
from stepwarden.files.file_contents import FileContent, read_contents
from stepwarden.files.quote_context import SourceLines, context_of
from stepwarden.files.quoted_file import QuotedFile
from stepwarden.files.quotes import QuoteMatch
from stepwarden.files.roots import RootPolicy, find_bounds
from stepwarden.files.safe_open import NO_ROOT, Unread, find_spelling, measure_file
from stepwarden.files.secret_values import hide_secrets, list_secrets
from stepwarden.files.text import split_lines
from stepwarden.files.written_paths import WrittenPath, inside_project, read_written
from stepwarden.steps.evidence import HOLDS, Evidence, Quote, Verdict

CALL_HINTS = 20  # refuted quotes of a call for which the nearest line is searched


@dataclass(frozen=True, slots=True)
class FileFact:
    """What is known of a path without reading it: whether a readable regular file is there, and its size."""

    exists: bool
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Workspace:
    """What a call may read: files below `root`; `directory` (both resolved) is where relative paths start.

    With `root` None nothing can be read, and every quote is unreachable. Paths come in through `canonical`; all other
    methods take and return canonical names, because those are what a thread stores.
    """

    root: str | None
    directory: str | None
    spellings: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def readable(self) -> bool:
        """Whether there is a root at all."""
        return self.root is not None

    def locate(self, path: str) -> WrittenPath:
        """Return the canonical name of a path, with the lines it was written with: see `canonical`."""
        readings = read_written(path)
        if self.root is None:
            last = readings[-1]
            return replace(last, path=self._names.of(last.path))
        found = next(filter(None, map(self._found, self._readings(readings))), None)
        return found or replace(readings[-1], path=self._names.of(readings[-1].path))

    def canonical(self, path: str) -> str:
        """Return the canonical name of `path`: relative to the root with `/`, absolute outside it.

        However a host or a model writes it (`a.py:12`, `file://`, `b/a.py` of a diff), it is the name of the file that
        is there; where none is, the letters alone say it. Of what is outside the root or secret, nothing is revealed.
        Relative paths start from `directory`. Not to be applied twice: a name relative to the root would be taken as
        relative to the directory.
        """
        return self.locate(path).path

    def survey(self, paths: Sequence[str]) -> dict[str, FileFact]:
        """Return facts of files by their canonical names; secret, outside or irregular files do not exist."""
        return {name: _fact(self.root, name) for name in map(self._names.tidied, paths)}

    def check(self, quotes: Sequence[Quote]) -> list[Evidence]:
        """Look quotes up, `file` being a canonical name, and return one verdict for each in their order.

        Each file is read once. A call reads CALL_BYTES at most; quotes of files after that are unreachable.
        """
        found: dict[int, Evidence] = {}
        hints = CALL_HINTS
        for name, content, indices in self._read([quote.file for quote in quotes]):
            file = content if isinstance(content, Unread) else QuotedFile(name, content.data)
            sha256 = "" if isinstance(content, Unread) else content.sha256
            source = None if isinstance(content, Unread) else content.source(name)
            for index in indices:
                match = _match(file, quotes[index], hint=hints > 0)
                hints -= match.target is not None
                quote = quotes[index] if isinstance(file, Unread) else _hidden(quotes[index], file)
                found[index] = _evidence(name, quote, match, sha256, source)
        return [found[index] for index in range(len(quotes))]

    def recheck(self, evidence: Sequence[Evidence]) -> list[Evidence]:
        """Return those items, verified when they were sent, whose file changed and no longer has the quote.

        A file that is gone counts as changed; one that cannot be read now (permission, size, another root) does not.
        """
        gone: set[int] = set()
        for name, content, indices in self._read([item.path for item in evidence]):
            if isinstance(content, Unread):
                gone.update(indices if content.verdict is Verdict.REFUTED else ())
                continue
            changed = [index for index in indices if evidence[index].sha256 != content.sha256]
            if changed:
                file = QuotedFile(name, content.data)
                gone.update(index for index in changed if not file.has(evidence[index].quote))
        return [item for index, item in enumerate(evidence) if index in gone]

    def numbered(self, paths: Sequence[str], limit_bytes: int) -> tuple[str, list[str]]:
        """Return the text of files with line numbers and without secrets, and the names of files that are left out.

        A file is left out if it may not be read, is not text, or does not fit in what remains of `limit_bytes`; the
        order of `paths` is that of importance. A file is included whole or not at all.
        """
        included: list[str] = []
        left_out: list[str] = []
        for name, content, _ in self._read(paths):
            text = None if isinstance(content, Unread) else decode(content.data)
            if text is None:
                left_out.append(name)
                continue
            shown = split_lines(hide_secrets(text, name))
            lines = "\n".join(f"{number:5} {line}" for number, line in enumerate(shown, 1))
            part = f"=== {name}\n{lines}\n"
            if len(part.encode()) > limit_bytes:
                left_out.append(name)
                continue
            limit_bytes -= len(part.encode())
            included.append(part)
        return "".join(included), left_out

    def secrets_in(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the values of the secrets in the files of `paths` that may be read: what nobody is to repeat."""
        found: dict[str, None] = {}
        for name, content, _ in self._read(paths):
            text = None if isinstance(content, Unread) else decode(content.data)
            found |= dict.fromkeys(list_secrets(text, name) if text is not None else ())
        return tuple(found)

    def _readings(self, readings: Sequence[WrittenPath]) -> Iterator[WrittenPath]:
        yield from readings
        project = PurePath(self.root or "").name
        for reading in readings:
            yield from inside_project(reading, project)

    def _found(self, reading: WrittenPath) -> WrittenPath | None:
        """Return a reading of a path with the canonical name of what is there, None where nothing is."""
        name = self._names.of(reading.path)
        spelled = find_spelling(self.root or "", name)
        return None if spelled is None else replace(reading, path=spelled)

    @property
    def _names(self) -> CanonicalNames:
        return CanonicalNames(self.root, self.directory, self.spellings)

    def _read(self, paths: Sequence[str]) -> Iterator[tuple[str, FileContent | Unread, list[int]]]:
        """Read every file of `paths` once: its name, its content, and its indices in `paths`."""
        names = self._names
        indices: dict[str, list[int]] = {}
        for index, path in enumerate(paths):
            indices.setdefault(names.tidied(path), []).append(index)
        return read_contents(self.root, indices)


def open_workspace(directory: str | None, policy: RootPolicy) -> Workspace:
    """Return what may be read; `directory` is `working_directory` as it was sent, an absolute path, or None.

    Raises RootRefused for a directory that may not be used, with one line that says what to send instead.
    """
    bounds = find_bounds(directory, policy)
    if bounds is None:
        return Workspace(None, None)
    return Workspace(bounds.root, bounds.directory, bounds.spellings)


def _fact(root: str | None, name: str) -> FileFact:
    size = measure_file(root, name) if root is not None else NO_ROOT
    return FileFact(exists=False) if isinstance(size, Unread) else FileFact(exists=True, bytes=size)


def _match(file: QuotedFile | Unread, quote: Quote, *, hint: bool) -> QuoteMatch:
    if isinstance(file, Unread):
        return QuoteMatch(file.verdict, note=file.note)
    return file.look_up(quote.quote, quote.line, hint=hint)


def _hidden(quote: Quote, file: QuotedFile) -> Quote:
    return replace(quote, quote=file.without_secrets(quote.quote))


def _evidence(name: str, quote: Quote, match: QuoteMatch, sha256: str, source: SourceLines | None) -> Evidence:
    context = None
    if source is not None and match.line is not None and match.verdict in HOLDS:
        context = context_of(source, match.line, hide_secrets(match.text or quote.quote, name))
    return Evidence(
        path=name,
        quote=quote.quote,
        verdict=match.verdict,
        line=match.line,
        supports=quote.supports,
        note=match.note,
        sha256=sha256,
        context=context,
        fact=quote.fact,
    )
