"""docgen's look: which files lack documentation, what of it is done on disk, and whether their code is as it was."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stepwarden.files.safe_open import Unread, read
from stepwarden.inspections.context import CannotInspect, InspectionContext, InspectionResult
from stepwarden.inspections.docgen.progress import (
    MOST_FILES,
    DocgenProgress,
    FileState,
    Options,
    kept_options,
    measured,
    snippet,
    too_many,
    wanted,
)
from stepwarden.source.documentation import undocumented
from stepwarden.source.file_parser import outline
from stepwarden.source.outline import Definition, Outline
from stepwarden.source.reader import Scan
from stepwarden.source.testfiles import is_test_file
from stepwarden.source.unchanged import Difference, differences


def inspect(scene: InspectionContext) -> InspectionResult:
    """Count what is undocumented in the scope of the thread, and compare the listed files with their first text.

    Raises CannotInspect for a scope that is not there, and where step 1 finds more files than one thread takes.
    """
    first = scene.is_first or "docgen" not in scene.before.data
    options = _asked(scene) if first else kept_options(scene.before.data)
    scan = scene.reader.scan(scene.workspace.root or "", options.scope or (scene.base,), until=scene.until)
    if first:
        _check_scope(options, scan)
    sources, tests = _sources(scan, options)
    ledger = _Ledger({} if first else dict(scene.before.data["docgen"]["listed"]), dict(scene.kept))
    went = ledger.drop_gone(scene)
    renamed = ledger.find_renamed(scene, sources, went)
    missing = undocumented(sources, everything=options.everything)
    work = [path for path in sources if wanted(sources[path], options)] if options.update else list(missing)
    came = [path for path in work if path not in ledger.listed]
    if first and len(came) > MOST_FILES:
        raise CannotInspect(too_many(came, sum(len(missing.get(path, ())) for path in came)))
    came = [path for path in came if ledger.enlist(scene, path)]
    found = DocgenProgress(
        files=tuple(_state(scene, path, ledger, options, missing.get(path, ())) for path in sorted(ledger.listed)),
        looked=len(sources),
        left_out=tuple(_left_out(scan, tests if first else 0)),
        came=() if first else tuple(came),
        went=tuple(path for path in went if path not in dict(renamed)),
        renamed=tuple(renamed),
        listed=ledger.listed,
    )
    said = scene.said.fields.get("num_files_documented")
    return InspectionResult(measured(found, options, step=scene.step.number, said_done=said), ledger.to_keep)


@dataclass
class _Ledger:
    """Which files are listed, and by which name the first text of each is kept; `to_keep` is what this look adds."""

    listed: dict[str, str]
    kept: dict[str, bytes]
    to_keep: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def first_text(self, path: str) -> bytes:
        """Return the text that a listed file had when it was first looked at."""
        return self.kept[self.listed[path]]

    def enlist(self, scene: InspectionContext, path: str) -> bool:
        """List a file and keep its text, unless it is kept from before a backtrack; False where it cannot be read."""
        if scene.is_first and path in self.kept:
            self.listed[path] = path
            return True
        data = read(scene.workspace.root or "", path)
        if isinstance(data, Unread):
            return False
        name = next(name for number in range(len(self.kept) + 1) if (name := _numbered(path, number)) not in self.kept)
        self.listed[path] = name
        self.kept[name] = self.to_keep[name] = data
        return True

    def drop_gone(self, scene: InspectionContext) -> dict[str, str]:
        """Take deleted files off the list; gives them with the names their texts are kept by."""
        there = scene.workspace.survey(list(self.listed))
        return {path: self.listed.pop(path) for path, fact in there.items() if not fact.exists}

    def find_renamed(
        self, scene: InspectionContext, sources: Mapping[str, Outline], went: Mapping[str, str]
    ) -> list[tuple[str, str]]:
        """List again, under their new names, the files whose code is now elsewhere: (old path, new path) of each."""
        renamed: list[tuple[str, str]] = []
        for old, name in went.items():
            before = outline(old, self.kept[name])
            if before is None:
                continue
            for new, now in sources.items():
                if new in self.listed or _shape(now) != _shape(before):
                    continue
                data = read(scene.workspace.root or "", new)
                if not isinstance(data, Unread) and not differences(self.kept[name], data, now.language, new):
                    self.listed[new] = name
                    renamed.append((old, new))
                    break
        return renamed


def _numbered(path: str, number: int) -> str:
    return f"{path}#{number}" if number else path


def _shape(found: Outline) -> tuple[object, ...]:
    return (found.language, *((item.qualified, item.kind) for item in found.definitions))


def _asked(scene: InspectionContext) -> Options:
    said, fields = scene.said, scene.said.fields
    notes = (
        ("flow notes", fields.get("document_flow")),
        ("complexity notes (Big O)", fields.get("document_complexity")),
        ("comments on hard logic", fields.get("comments_on_complex_logic")),
    )
    return Options(
        scope=said.relevant,
        everything=bool(fields.get("include_private")),
        update=bool(fields.get("update_existing")),
        style=str(fields.get("style") or ""),
        notes=tuple(name for name, asked in notes if asked),
    )


def _check_scope(options: Options, scan: Scan) -> None:
    names = (*scan.outlines, *scan.others)
    gone = [path for path in options.scope if not any(_is_inside(name, path) for name in names)]
    if gone and scan.complete:
        raise CannotInspect(
            f"relevant_files: nothing readable at {', '.join(gone[:3])}. Send step 1 again with files or directories "
            "inside working_directory, or without relevant_files for all of it."
        )


def _is_inside(path: str, scope: str) -> bool:
    return scope in {"", "."} or f"{path}/".startswith(f"{scope}/")


def _sources(scan: Scan, options: Options) -> tuple[dict[str, Outline], int]:
    """Return the source files of the scope, and how many test files were left out because nobody named them."""
    named_tests = [path for path in options.scope if is_test_file(f"{path}/x") or is_test_file(path)]
    kept: dict[str, Outline] = {}
    for path, found in scan.outlines.items():
        inside = any(_is_inside(path, named) for named in named_tests)
        if inside or not is_test_file(path):
            kept[path] = found
    return kept, len(scan.outlines) - len(kept)


def _state(
    scene: InspectionContext, path: str, ledger: _Ledger, options: Options, missing: tuple[Definition, ...]
) -> FileState:
    before = ledger.first_text(path)
    data = read(scene.workspace.root or "", path)
    if isinstance(data, Unread):
        known = outline(path, before)
        assert known is not None, "only files with an outline are listed"
        return FileState(path, known.language, unread=data.note)
    found = outline(path, data)
    assert found is not None, "the language goes by the name, which is the same"
    changes = () if data == before else differences(before, data, found.language, path)
    first = outline(path, before) if found.broken else None
    return FileState(
        path,
        found.language,
        missing=missing,
        wanted=len(wanted(found, options)),
        changes=tuple(_told(change) for change in changes),
        broken=found.broken[0] if first is not None and not first.broken else None,
        unseen=options.update and data == before and path not in scene.thread.claims.checked,
    )


def _told(change: Difference) -> str:
    before, after = snippet(change.before), snippet(change.after)
    if not before:
        return f"line {change.line_after}: added `{after}`"
    if not after:
        return f"line {change.line_before}: removed `{before}`"
    return f"line {change.line_after}: `{before}` -> `{after}`"


def _left_out(scan: Scan, tests: int) -> Iterable[str]:
    if tests:
        yield f"Left out: {tests} test file{'' if tests == 1 else 's'}; relevant_files at step 1 can name them."
    if not scan.complete:
        named = "; ".join(f"{item.count} {item.why}" for item in scan.left_out[:3])
        yield f"Not all was looked at: {named or 'the time was up'}."
