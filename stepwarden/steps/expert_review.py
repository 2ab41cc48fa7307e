"""The review of a thread by a second model, as the machine judges it."""

from dataclasses import dataclass

from stepwarden.steps.evidence import Verdict


@dataclass(frozen=True, slots=True)
class Objection:
    """One objection, or what an expert that agrees has to add.

    `verdict` is what the server found of its quote; None where it brought none. `claim` is an issue's id, "hypothesis",
    or "" where it names none.
    """

    text: str
    path: str = ""
    line: int | None = None
    quote: str = ""
    verdict: Verdict | None = None
    claim: str = ""

    @property
    def stands(self) -> bool:
        """Whether it counts: an objection that misquotes the code does not."""
        return self.verdict is not Verdict.REFUTED


@dataclass(frozen=True, slots=True)
class ExpertReview:
    """An expert's verdict, or in `failed` why there is none. `missing` are files it wants looked at.

    `price` is the cost as it is shown, `left_out` counts files that did not fit its request, `files` those that did.
    `advice` is what whoever acts on the result should know: the fix, its test, what it may break.
    """

    agrees: bool = True
    summary: str = ""
    points: tuple[Objection, ...] = ()
    missing: tuple[str, ...] = ()
    model: str = ""
    price: str = ""
    failed: str = ""
    left_out: int = 0
    advice: tuple[str, ...] = ()
    files: int = 0

    @property
    def objections(self) -> tuple[Objection, ...]:
        """The points that stand: of one that disagrees its objections, of one that agrees its remarks."""
        return tuple(point for point in self.points if point.stands)

    @property
    def approves(self) -> bool:
        """Whether it says yes; one that failed says nothing."""
        return self.agrees and not self.failed

    @property
    def disagrees(self) -> bool:
        """Whether it bars the finish once: it says no, and something of what it says stands or is asked for."""
        return not self.failed and not self.agrees and bool(self.objections or self.missing)

    @property
    def verdict(self) -> str:
        """What it comes to in a few words; a no without a reason that stands bars nothing, and is no approval."""
        if self.failed:
            return self.failed
        if self.agrees or self.disagrees:
            return "agrees" if self.agrees else "disagrees"
        why = "its quote is not in the file" if self.points else "it gives no reason"
        return f"disagrees, but {why}, so it was ignored"
