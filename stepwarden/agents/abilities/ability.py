"""An ability: the type of its answer, how that is checked against the facts, and the event that records it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_journal import BodyStore
from stepwarden.files.secret_values import hide_in_prose
from stepwarden.runs.evidence_rules import why_no_result
from stepwarden.runs.run import Job, Run
from stepwarden.runs.steered import AbilityName, ResultClaim, SteeredWork
from stepwarden.runs.steered_events import SteeredEvent
from stepwarden.runs.steered_rules import facts_of_results

TEXT_CHARS = 600
PASSAGE_CHARS = 240  # to each side of a quote

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Literal["low", "medium", "high"]


def _as_text(value: Any) -> Any:
    """Let arguments be an object as well as its text: models send both."""
    return json.dumps(value) if isinstance(value, dict) else value


ArgumentText = Annotated[str, BeforeValidator(_as_text)]


class AnswerPart(BaseModel):
    """A typed answer, or a part of one."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class ClaimPart(AnswerPart):
    """That results meet a requirement."""

    requirement: str = Field(description="Its id, such as r1")
    results: list[str] = Field(description="Keys of results that show it, such as main/a3")
    quote: str = Field(default="", description="Words of one of these results, exactly as they stand there")


@dataclass(frozen=True)
class AbilityFacts:
    """What an answer is checked against, and recorded with. `texts` are the long results by digest."""

    run: Run
    job: Job
    key: str
    texts: Mapping[str, str]
    bodies: BodyStore

    @property
    def work(self) -> SteeredWork:
        """What is known in the job beside its steps."""
        assert self.job.work is not None
        return self.job.work

    def why_wrong(self, claims: Sequence[ClaimPart]) -> str:
        """Return what is wrong with claims that name what is not there, "" where all is."""
        known = {one.id for one in self.work.requirements}
        facts = facts_of_results(self.run, self.job)
        for claim in claims:
            if claim.requirement not in known:
                return f"there is no requirement {claim.requirement!r:.40}; there are {', '.join(sorted(known))}"
            for key in claim.results:
                if why := why_no_result(facts, key):
                    return f"{claim.requirement}: {why}, so nothing can rest on it"
        return ""

    def claims(self, parts: Sequence[ClaimPart]) -> tuple[ResultClaim, ...]:
        """Return claims as they are recorded: with what stands round the quoted words in the whole result."""
        return tuple(
            ResultClaim(one.requirement, tuple(one.results), _clip(one.quote), self._passage(one)) for one in parts[:24]
        )

    def _passage(self, claim: ClaimPart) -> str:
        if not claim.quote.strip():
            return ""
        pattern = re.compile(r"\s+".join(map(re.escape, claim.quote.split()[:80])), re.IGNORECASE)
        for step in self.job.steps:
            for call in step.calls:
                if call.key in claim.results and (found := pattern.search(whole(call.result, self.texts))):
                    text = found.string
                    return text[max(0, found.start() - PASSAGE_CHARS) : found.end() + PASSAGE_CHARS][:2_000]
        return ""


_Answer = TypeVar("_Answer", bound=AnswerPart)


@dataclass(frozen=True)
class Ability(Generic[_Answer]):
    """One ability. `why_wrong` says what is wrong with an answer, "" where nothing is: it is asked for once more then.

    `shows_tools` lets the model see the tools with what they take.
    """

    name: AbilityName
    answer: type[_Answer]
    event: Callable[[AbilityFacts, _Answer], SteeredEvent]
    why_wrong: Callable[[AbilityFacts, _Answer], str] = lambda _, __: ""
    shows_tools: bool = False

    def checked_answer(self, facts: AbilityFacts) -> type[AnswerPart]:
        """Return the type of the answer, with the facts as a part of what it is checked against."""

        def check(answer: _Answer) -> _Answer:
            if why := self.why_wrong(facts, answer):
                raise ValueError(why)
            return answer

        checks = cast("dict[str, Callable[..., Any]]", {"fits_the_facts": model_validator(mode="after")(check)})
        return create_model(self.answer.__name__, __base__=self.answer, __validators__=checks)

    def record(self, facts: AbilityFacts, answer: BaseModel) -> SteeredEvent:
        """Return the event that records an answer of `checked_answer`."""
        return self.event(facts, cast("_Answer", answer))


def clipped(text: str, most: int = TEXT_CHARS) -> str:
    """Return what a model wrote as it is recorded: on one line, without secrets, not too long."""
    return _clip(hide_in_prose(text), most)


def clipped_all(texts: Sequence[str], most: int = 12) -> tuple[str, ...]:
    """Return several such texts, those that say something."""
    return tuple(clipped(text) for text in texts[:most] if text.strip())


def _clip(text: str, most: int = TEXT_CHARS) -> str:
    return " ".join(text.split())[:most]
