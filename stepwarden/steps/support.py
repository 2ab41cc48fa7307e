"""What one claim rests on: quotes that the server found in the files, and that have to do with the claim.

Section 4 of the step protocol. Counted from what the server checked; nothing from the words of the agent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from stepwarden.steps.evidence import Evidence
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.step import Issue
from stepwarden.steps.text import is_filler

FEW_QUOTES = 8  # of one step for one claim, of which one that has to do with it is enough
NEAR_LINES = 10  # a quote of an issue's file counts for it within so many lines (protocol, section 4)


@dataclass(frozen=True, slots=True)
class Support:
    """Whether one of a claim's quotes has to do with it; `beside` is the last one that has not.

    `placed` says that the quote that decided it has a context, which those recorded first have not.
    """

    relevant: bool = False
    beside: Evidence | None = None
    placed: bool = False

    def with_quotes(
        self, items: Iterable[Evidence], claim: str, task: str, place: tuple[str, int] | None = None
    ) -> "Support":
        """Return the support with more quotes that hold, sent for a claim of these words, about `place`.

        A filler claims nothing, so nothing supports it.
        """
        quotes = [] if self.relevant or is_filler(claim) else list(items)
        if not quotes:
            return self
        about = next((item for item in quotes if is_relevant(item, (claim,), task, place)), None)
        if about is not None and is_mostly(quotes, lambda item: is_relevant(item, (claim,), task, place)):
            return Support(relevant=True, placed=about.context is not None)
        last = next(item for item in reversed(quotes) if item is not about)
        return Support(beside=last, placed=last.context is not None)


NO_SUPPORT = Support()


def is_mostly(quotes: Sequence[Evidence], is_about: Callable[[Evidence], bool]) -> bool:
    """Whether quotes that were sent together are about a claim: one of a few, and half of many.

    Of many lines, drawn at random, one has to do with anything.
    """
    about = (item for item in quotes if is_about(item))
    needed = 1 if len(quotes) <= FEW_QUOTES else (len(quotes) + 1) // 2
    return sum(1 for _ in islice(about, needed)) == needed


def counts_for(item: Evidence, issue: Issue) -> bool:
    """Return whether a quote is one for `issue`: it names its id, or stands in its file near its line."""
    if item.supports == issue.id:
        return True
    if item.path != issue.path:
        return False
    return issue.line is None or (item.line is not None and abs(item.line - issue.line) <= NEAR_LINES)


def place_of(issue: Issue) -> tuple[str, int] | None:
    """Return the file and the line that an issue is about, None where it names no line."""
    return (issue.path, issue.line) if issue.path and issue.line else None
