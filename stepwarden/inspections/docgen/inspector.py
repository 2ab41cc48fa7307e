"""Counts what is undocumented, and checks that the code of the listed files is unchanged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.inspections.context import CannotInspect, InspectionContext, InspectionResult
from stepwarden.inspections.docgen.baseline import DocgenBaseline
from stepwarden.inspections.docgen.hollow import find_hollow
from stepwarden.inspections.docgen.progress import (
    GONE,
    MOST_FILES,
    DocgenProgress,
    FileState,
    Options,
    excerpt,
    find_wanted,
    inspect_progress,
    kept_options,
    too_many_files,
)
from stepwarden.inspections.shared.subject import incompleteness, is_inside
from stepwarden.source.documentation import find_undocumented, is_package
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Definition, Outline
from stepwarden.source.scan.result import Scan
from stepwarden.source.testfiles import is_test_file
from stepwarden.source.unchanged import Difference, find_differences


def inspect(context: InspectionContext) -> InspectionResult:
    """Count what is undocumented in the scope of the thread, and compare the listed files with their first text.

    Raises CannotInspect for a scope that does not exist, and where step 1 finds more files than one thread takes.
    """
    first = context.is_first or "docgen" not in context.earlier.data
    options = _options(context) if first else kept_options(context.earlier.data)
    scan = context.reader.scan(context.root, options.scope or (context.directory,), until=context.until)
    if first:
        _check_scope(options, scan)
    sources, tests = _sources(scan, options)
    baseline = DocgenBaseline({} if first else dict(context.earlier.data["docgen"]["listed"]), dict(context.kept))
    gone = baseline.find_gone(context)
    renamed = baseline.list_renamed(context, sources, gone)
    known: Sequence[str] = () if first else context.earlier.data["docgen"].get("gone", ())
    missing = find_undocumented(sources, everything=options.everything)
    work = [path for path in sources if find_wanted(sources[path], options)] if options.update else list(missing)
    new = [path for path in work if path not in baseline.listed]
    if first and len(new) > MOST_FILES:
        raise CannotInspect(too_many_files(new, sum(len(missing.get(path, ())) for path in new)))
    new = [path for path in new if baseline.add(context, path)]
    inspector = _FileInspector(context, baseline, options, scan, {new: old for old, new in renamed.items()})
    progress = DocgenProgress(
        files=tuple(
            inspector.inspect(path, missing.get(path, ())) for path in sorted(baseline.listed) if path not in renamed
        ),
        source_count=len(sources),
        left_out=tuple(_left_out(tests if first else 0)),
        partial="".join(incompleteness(scan)),
        new=() if first else tuple(new),
        deleted=tuple(path for path in gone if path not in renamed and path not in known),
        renamed=tuple((old, new) for old, new in renamed.items() if old not in known),
        gone=tuple(gone),
        listed=baseline.listed,
    )
    claimed = context.submission.fields.get("num_files_documented")
    inspection = inspect_progress(progress, options, step=context.step.number, claimed=claimed)
    return InspectionResult(inspection, baseline.to_keep)


def _options(context: InspectionContext) -> Options:
    """Return what step 1 asks for."""
    fields = context.submission.fields
    notes = (
        ("flow notes", fields.get("document_flow")),
        ("complexity notes (Big O)", fields.get("document_complexity")),
        ("comments on hard logic", fields.get("comments_on_complex_logic")),
    )
    return Options(
        scope=context.submission.relevant,
        everything=bool(fields.get("include_private")),
        update=bool(fields.get("update_existing")),
        style=str(fields.get("style") or ""),
        notes=tuple(name for name, wanted in notes if wanted),
    )


def _check_scope(options: Options, scan: Scan) -> None:
    """Raise CannotInspect where nothing readable is at a path of the scope."""
    names = (*scan.outlines, *scan.others)
    missing = [path for path in options.scope if not any(is_inside(name, (path,)) for name in names)]
    if missing and scan.complete:
        raise CannotInspect(
            f"relevant_files: nothing readable at {', '.join(missing[:3])}. Send step 1 again with files or "
            "directories inside working_directory, or without relevant_files for all of it."
        )


def _sources(scan: Scan, options: Options) -> tuple[dict[str, Outline], int]:
    """Return the source files of the scope, and how many test files were left out because they were not named."""
    named_tests = [path for path in options.scope if is_test_file(f"{path}/x") or is_test_file(path)]
    sources = {
        path: outline
        for path, outline in scan.outlines.items()
        if is_inside(path, named_tests) or not is_test_file(path)
    }
    return sources, len(scan.outlines) - len(sources)


@dataclass(frozen=True)
class _FileInspector:
    """Compares listed files with their first text."""

    context: InspectionContext
    baseline: DocgenBaseline
    options: Options
    scan: Scan
    moved: Mapping[str, str]  # new -> old names

    def inspect(self, path: str, missing: tuple[Definition, ...]) -> FileState:
        """Return the state of a listed file on disk; `missing` are its undocumented definitions."""
        before = self.baseline.first_text(path)
        data = read_file(self.context.root, path)
        if isinstance(data, Unread):
            known = parse_outline(path, before)
            assert known is not None, "only files with an outline are listed"
            gone = not self.context.workspace.survey([path])[path].exists
            return FileState(path, known.language, unread=GONE if gone else data.note)
        outline, first = parse_outline(path, data), parse_outline(path, before)
        assert outline is not None, "the language depends on the name, which is the same"
        assert first is not None, "only files with an outline are listed"
        changes = () if data == before else find_differences(before, data, outline.language, path)
        unread = path not in self.context.thread.claims.checked
        return FileState(
            path,
            outline.language,
            missing=missing,
            wanted=len(find_wanted(outline, self.options)),
            hollow=find_hollow(data, before, path, (*find_wanted(outline, self.options), *_package(outline))),
            changes=tuple(map(_describe, changes)),
            broken=outline.broken[0] if outline.broken and not first.broken else None,
            unseen=self.options.update and data == before and unread,
            hidden=self._hidden(outline, first),
        )

    def _hidden(self, outline: Outline, first: Outline) -> str:
        """Return how a file was taken out of what is counted since it was listed, "" where it was not."""
        path = outline.path
        if path in self.moved:
            return f"moved from {self.moved[path]}, where imports expect it: move it back"
        if outline.generated and not first.generated:
            return "now says that a program generated it, or looks so: undo that"
        if path not in self.scan.outlines and self.scan.complete:
            return "git ignores it now, or it can no longer be read as source: undo that"
        return ""


def _package(outline: Outline) -> tuple[Definition, ...]:
    return tuple(item for item in outline.definitions if is_package(item, outline))


def _describe(change: Difference) -> str:
    before, after = excerpt(change.before), excerpt(change.after)
    if not before:
        return f"line {change.line_after}: added `{after}`"
    if not after:
        return f"line {change.line_before}: removed `{before}`"
    if change.before == change.after:  # a comment that a program obeys, away from its code
        return f"line {change.line_after}: `{before}` stands no longer right above the code it is for"
    return f"line {change.line_after}: `{before}` -> `{after}`"


def _left_out(tests: int) -> Iterable[str]:
    if tests:
        files = f"{tests} test file{'' if tests == 1 else 's'}"
        yield f"Left out: {files}; relevant_files at step 1 can name them."
