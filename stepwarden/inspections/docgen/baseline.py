"""Which files a docgen thread lists, and the first text of each, kept to compare with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.inspections.context import InspectionContext
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline
from stepwarden.source.unchanged import find_differences


@dataclass
class DocgenBaseline:
    """The listed files by path, each with the name its first text is kept by; `to_keep` are new texts to keep."""

    listed: dict[str, str]
    kept: dict[str, bytes]
    to_keep: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def first_text(self, path: str) -> bytes:
        """Return the text that a listed file had when it was listed."""
        return self.kept[self.listed[path]]

    def add(self, context: InspectionContext, path: str) -> bool:
        """List a file and keep its text, unless it is kept since before a backtrack; False where it is unreadable."""
        if context.is_first and path in self.kept:
            self.listed[path] = path
            return True
        data = read_file(context.root, path)
        if isinstance(data, Unread):
            return False
        name = next(name for number in range(len(self.kept) + 1) if (name := _numbered(path, number)) not in self.kept)
        self.listed[path] = name
        self.kept[name] = self.to_keep[name] = data
        return True

    def find_gone(self, context: InspectionContext) -> list[str]:
        """Return the listed files that are no longer there; they stay listed."""
        return [path for path, fact in context.workspace.survey(list(self.listed)).items() if not fact.exists]

    def list_renamed(
        self, context: InspectionContext, sources: Mapping[str, Outline], gone: Sequence[str]
    ) -> dict[str, str]:
        """List the files under whose names the code of `gone` ones is now; return old -> new names."""
        by_text = {name: path for path, name in self.listed.items() if path not in gone}
        renamed: dict[str, str] = {}
        for old in gone:
            name = self.listed[old]
            if name in by_text:  # noticed by an earlier inspection
                renamed[old] = by_text[name]
                continue
            before = parse_outline(old, self.kept[name])
            if before is None:
                continue
            for new, outline in sources.items():
                if new in self.listed or _shape(outline) != _shape(before):
                    continue
                data = read_file(context.root, new)
                if not isinstance(data, Unread) and not find_differences(self.kept[name], data, outline.language, new):
                    self.listed[new] = name
                    renamed[old] = new
                    break
        return renamed


def _numbered(path: str, number: int) -> str:
    return f"{path}#{number}" if number else path


def _shape(outline: Outline) -> tuple[object, ...]:
    return (outline.language, *((item.qualified, item.kind) for item in outline.definitions))
