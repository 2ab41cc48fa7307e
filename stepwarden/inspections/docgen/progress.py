"""How much documentation is missing, and what to do next."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from stepwarden.inspections.shared.fact_text import list_some
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection

NAMED_NEXT = 8  # definitions that are named of the next file
NAMED_OPEN = 1  # the same, of every other file
MOST_CHANGES = 2  # differences of one file in one line
EXCERPT_CHARACTERS = 48
GONE = "deleted, with its documentation: restore it"
MOST_FILES = 50  # of one thread; above, it asks which to do first

CONVENTIONS: Mapping[Language, str] = {
    Language.PYTHON: "docstrings",
    Language.JAVASCRIPT: "JSDoc /** */ right above",
    Language.TYPESCRIPT: "TSDoc /** */ right above",
    Language.GO: "// Name ... right above",
    Language.JAVA: "Javadoc /** */ right above",
    Language.RUST: "/// right above",
    Language.C: "/** */ right above",
    Language.CPP: "/** */ right above",
    Language.CSHARP: "/// <summary> right above",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a docgen thread was asked for at its first step.

    `scope` are the files and directories it is about, `everything` includes private definitions, `update` asks to
    review existing documentation; `style` and `notes` only word what the agent is to write.
    """

    scope: tuple[str, ...] = ()
    everything: bool = False
    update: bool = False
    style: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileState:
    """One listed file as it is on disk.

    `missing` are its undocumented definitions, `hollow` those whose new documentation says nothing, `wanted` counts
    all that should be documented. `hidden` says how the file was taken out of what is counted. `changes` say where its
    code differs from what it was, `broken` is the line of a new syntax error. `unseen` says that its existing
    documentation was to be reviewed and was not; `unread` why the file could not be read.
    """

    path: str
    language: Language
    missing: tuple[Definition, ...] = ()
    hollow: tuple[Definition, ...] = ()
    wanted: int = 0
    changes: tuple[str, ...] = ()
    broken: int | None = None
    unseen: bool = False
    unread: str = ""
    hidden: str = ""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do in it."""
        left = self.missing or self.hollow or self.changes
        return not (left or self.unseen or self.broken or self.unread or self.hidden)

    @property
    def is_spoiled(self) -> bool:
        """Whether something has to be undone in it before it can be documented."""
        return bool(self.changes or self.broken or self.unread or self.hidden)


@dataclass(frozen=True, slots=True)
class DocgenProgress:
    """The listed files, and which are new, deleted or renamed since the last inspection; `gone` are all that are.

    `source_count` counts the source files of the scope, `left_out` says what of it was not read on purpose,
    `partial` that more was not read.
    """

    files: tuple[FileState, ...]
    source_count: int
    left_out: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()
    partial: str = ""
    listed: Mapping[str, str] = field(default_factory=dict[str, str])  # path -> the name its first text is kept by


def find_wanted(outline: Outline, options: Options) -> tuple[Definition, ...]:
    """Return the definitions of a file that should be documented; in a generated one, none."""
    if outline.generated:
        return ()
    return tuple(item for item in outline.definitions if not item.exempt and (item.public or options.everything))


def name_of(item: Definition) -> str:
    """Return the name of a definition with its line, as replies show it."""
    name = f"{item.kind.value} {item.name}".strip() if item.kind is DefinitionKind.MODULE else item.qualified
    return f"{name} ({item.line})"


def names_of(items: Sequence[Definition], most: int) -> str:
    """Return the names of the first definitions, and how many more there are."""
    return list_some([name_of(item) for item in items], most)


def excerpt(text: str) -> str:
    """Return code on one line, cut at EXCERPT_CHARACTERS."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_CHARACTERS else f"{line[: EXCERPT_CHARACTERS - 3]}..."


def open_work(state: FileState, most: int = NAMED_OPEN) -> str:
    """Return what is left to do in one file, naming at most `most` of its definitions."""
    if state.unread:
        return f"{state.path}: {state.unread}"
    if state.broken:
        return f"{state.path}:{state.broken}: syntax error, fix it"
    if state.changes:
        more = f" +{len(state.changes) - MOST_CHANGES}" if len(state.changes) > MOST_CHANGES else ""
        return f"{state.path}: code changed, restore it: {'; '.join(state.changes[:MOST_CHANGES])}{more}"
    if state.hidden:
        return f"{state.path}: {state.hidden}"
    if state.missing:
        return f"{state.path}: {len(state.missing)} undocumented: {names_of(state.missing, most)}"
    if state.hollow:
        return f"{state.path}: docs that say nothing: {names_of(state.hollow, most)}"
    return f"{state.path}: review its documentation, then name it in files_checked"


def sort_open(files: Iterable[FileState]) -> list[FileState]:
    """Return the files with work left: those with changed code first, then by path."""
    left = [state for state in files if not state.is_done]
    return sorted(left, key=lambda state: (not state.is_spoiled, state.path))


def inspect_progress(found: DocgenProgress, options: Options, *, step: int, claimed: int | None) -> Inspection:
    """Return the inspection of step `step`; `claimed` is how many files the agent counts as documented."""
    left = sort_open(found.files)
    done = len(found.files) - len(left)
    clauses = [Clause("measured", state.path, open_work(state)) for state in left]
    if found.partial:
        clauses.append(Clause("measured", "relevant_files", f"{found.partial}. Name a smaller part in a new thread"))
    return Inspection(
        facts=tuple(_facts(found, done, claimed)),
        actions=tuple(_actions(left, options, is_first=step == 1)),
        clauses=tuple(clauses),
        total=None if found.partial else max(1 + len(found.files), step + 1 if left else step),
        files=len(found.files),
        done="" if clauses else _all_done(found, options),
        data={"docgen": {"listed": dict(found.listed), "gone": list(found.gone), **_kept(options)}},
        sections={} if left or not found.files else {"Documentation": _table(found.files)},
    )


def _facts(found: DocgenProgress, done: int, claimed: int | None) -> Iterable[str]:
    if found.partial:
        yield found.partial
    total = len(found.files)
    if total and (done < total or found.partial or claimed not in {None, done}):  # else the end says it
        count = sum(len(state.missing) + len(state.hollow) for state in found.files)
        counted = "" if claimed is None or claimed == done else f" (you counted {claimed})"
        files = "file" if total == 1 else "files"
        left = f"{count} definition{'' if count == 1 else 's'} left"
        yield f"{done} of {total} {files} documented{counted}; {left}."
    changes = [f"renamed {old} -> {new}" for old, new in found.renamed[:2]]
    changes += [f"new {list_some(found.new)}"] if found.new else []
    changes += [f"deleted {list_some(found.deleted)}"] if found.deleted else []
    if changes:
        yield f"Changed: {'; '.join(changes)}."
    yield from found.left_out


def _actions(left: Sequence[FileState], options: Options, *, is_first: bool) -> Iterable[str]:
    """Return what to undo, if anything, and then the next file to document; that code stays is said first alone."""
    spoiled = next((state for state in left if state.is_spoiled), None)
    if spoiled is not None:
        yield _undo(spoiled)
    state = next((state for state in left if not state.is_spoiled), None)
    if state is None:
        return
    how = f"{options.style} {CONVENTIONS[state.language]}".strip()
    notes = f" Add {' and '.join(options.notes)}." if options.notes else ""
    if state.missing:
        rule = "; change no code" if is_first else ""
        yield f"Document {state.path}: {names_of(state.missing, NAMED_NEXT)}. Use {how}{rule}.{notes}"
    elif state.hollow:
        yield f"Say in {state.path} what {names_of(state.hollow, NAMED_NEXT)} does: its new docs say nothing."
    else:
        yield f"Compare the docs of {state.path} with its code; fix what is wrong or stale.{notes}"


def _undo(state: FileState) -> str:
    if state.unread or state.hidden:
        return open_work(state)
    return f"Restore the code of {state.path}: only comments and docs may differ."


def _all_done(found: DocgenProgress, options: Options) -> str:
    which = "definition" if options.everything else "public definition"
    if not found.files:
        return f"every {which} of {found.source_count} source files is documented: nothing to do"
    return f"every {which} of the {len(found.files)} files is documented and their code is unchanged, checked on disk"


def _table(files: Sequence[FileState]) -> str:
    rows = [f"| `{state.path}` | {state.wanted} | {state.language.value} |" for state in files]
    return "\n".join(["| File | Documented definitions | Language |", "| --- | ---: | --- |", *rows])


def too_many_files(files: Sequence[str], definitions: int) -> str:
    """Return that there are more files than one thread takes, with directories to start with."""
    folders = Counter(folder.as_posix() for path in files for folder in PurePosixPath(path).parents)
    fitting: list[str] = []
    for folder, count in sorted(folders.items(), key=lambda item: (-item[1], item[0])):
        inside = any(folder.startswith(f"{larger}/") for larger in fitting)
        if count <= MOST_FILES and not inside and len(fitting) < 5:
            fitting.append(folder)
    named = ", ".join(f"{folder} ({folders[folder]})" for folder in fitting) or ", ".join(files[:2])
    return (
        f"{len(files)} files have undocumented definitions ({definitions}), and one thread takes "
        f"{MOST_FILES}. Ask the user which to do first, then send step 1 again with relevant_files: files or "
        f"directories, for example {named}."
    )


def _kept(options: Options) -> dict[str, Any]:
    kept = {"scope": list(options.scope), "style": options.style, "notes": list(options.notes)}
    return {**kept, "everything": options.everything, "update": options.update}


def kept_options(data: Mapping[str, Any]) -> Options:
    """Return the options of step 1, as `inspect_progress` recorded them."""
    kept = data["docgen"]
    return Options(tuple(kept["scope"]), kept["everything"], kept["update"], kept["style"], tuple(kept["notes"]))
