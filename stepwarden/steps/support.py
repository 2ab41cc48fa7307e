"""What one claim rests on: quotes that the server found in the files, and that have to do with the claim.

Section 4 of the step protocol. Counted from what the server checked; nothing from the words of the agent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stepwarden.steps.evidence import Evidence
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.step import Issue
from stepwarden.steps.text import is_filler

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
        support = self
        for item in () if is_filler(claim) else items:
            if support.relevant:
                return support
            is_about = is_relevant(item, (claim,), task, place)
            support = Support(is_about, None if is_about else item, placed=item.context is not None)
        return support


NO_SUPPORT = Support()


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
