"""Evidence that cites a fact of the server's own by its id: the quote is the fact's line as it is on disk now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stepwarden.files import Workspace
from stepwarden.files.line_marks import FileLines, read_lines
from stepwarden.steps.cited_facts import FactPlace, choose_place
from stepwarden.steps.evidence import Evidence, Quote, Verdict

NO_FACTS: Mapping[str, Sequence[FactPlace]] = {}


@dataclass(frozen=True, slots=True)
class Citations:
    """The quotes of a step, those that cite a fact with its line; `notes` by the ids of facts say what changed since.

    `gone` are citations whose line cannot be read any more. `unknown` names what was cited and is no fact.
    """

    quotes: tuple[Quote, ...]
    notes: Mapping[str, str]
    gone: tuple[Evidence, ...]
    unknown: tuple[str, ...]

    def noted(self, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
        """Return what became of the quotes, with the notes, and the citations that are gone."""
        told = (
            replace(item, note="; ".join(filter(None, (self.notes.get(item.fact, ""), item.note))))
            if item.fact
            else item
            for item in evidence
        )
        return (*told, *self.gone)


def resolve_citations(
    quotes: Sequence[Quote], known: Mapping[str, Sequence[FactPlace]], workspace: Workspace
) -> Citations:
    """Return quotes with the lines of the facts that they cite; `known` are the facts of the thread. Reads files."""
    cited = [(quote, choose_place(known.get(quote.fact, ()), quote.file, quote.line)) for quote in quotes if quote.fact]
    paths = dict.fromkeys(place.path for _, place in cited if place is not None)
    files = read_lines(workspace.root, list(paths)) if paths else {}
    places = iter(cited)
    found: list[Quote] = []
    notes: dict[str, str] = {}
    gone: list[Evidence] = []
    unknown: list[str] = []
    for quote in quotes:
        place = next(places)[1] if quote.fact else None
        if not quote.fact:
            found.append(quote)
        elif place is None:
            unknown.append(_named(quote, known))
        elif (now := _line_now(place, files.get(place.path))) is None:
            note = f"{quote.fact} names a line that cannot be read any more"
            gone.append(
                Evidence(place.path, "", Verdict.UNREACHABLE, supports=quote.supports, note=note, fact=quote.fact)
            )
        else:
            line, text, since = now
            notes[quote.fact] = since and f"{since} since {quote.fact} was told"
            found.append(replace(quote, file=place.path, line=line, quote=quote.quote or text))
    return Citations(tuple(found), notes, tuple(gone), tuple(dict.fromkeys(unknown)))


def _line_now(place: FactPlace, file: FileLines | None) -> tuple[int, str, str] | None:
    """Return where the line of a fact is now, its words, and what changed since; None where it is nowhere."""
    if file is None:
        return None
    line = file.nearest(place.mark, place.line) or place.line
    text = file.text(line)
    if text is None or not text.strip():
        return None
    if file.file_mark == place.file_mark:
        return line, text, ""
    if file.mark(line) != place.mark:
        return line, text, "the line changed"
    return line, text, f"moved from line {place.line}" if line != place.line else "its file changed"


def _named(quote: Quote, known: Mapping[str, Sequence[FactPlace]]) -> str:
    """Return what a citation names, with the file and line that its fact does not have."""
    place = f"{quote.file}:{quote.line}" if quote.line else quote.file
    return f"{quote.fact} at {place}" if quote.fact in known and place else quote.fact
