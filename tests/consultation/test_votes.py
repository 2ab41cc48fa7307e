"""What becomes of an answer in the exchange round."""

from dataclasses import replace
from decimal import Decimal

import pytest

from stepwarden.consultation.outcomes import ModelAnswer, ModelFailure
from stepwarden.consultation.votes import revised
from stepwarden.models import Usage
from stepwarden.steps.panel_answer import PanelAnswer, Vote
from stepwarden.steps.synthesis import Seats, synthesis
from stepwarden.steps.thread import Thread
from tools.shared.consensus_view import synthesis_lines, synthesis_part

FIRST = replace(PanelAnswer(1, "m", "m"), vote=Vote.OPPOSE, summary="it is slow", cost=Decimal("0.01"))
PAID = Usage(10, 5, cost=Decimal("0.02"))


@pytest.mark.parametrize(
    ("came", "vote", "cost"),
    [
        (ModelAnswer("", "m", "p", PAID, 1.0, {"vote": "support", "summary": "it is fast now"}), Vote.SUPPORT, "0.03"),
        (ModelAnswer("I keep to it", "m", "p", PAID, 1.0), Vote.OPPOSE, "0.03"),
        (ModelAnswer("", "m", "p", Usage(10, 5), 1.0), Vote.OPPOSE, None),
        (ModelFailure(None, "down", "m"), Vote.OPPOSE, "0.01"),
    ],
    ids=["another vote", "prose", "unpriced", "failed"],
)
def test_what_the_exchange_cost_counts_whatever_came_of_it(
    came: ModelAnswer | ModelFailure, vote: Vote, cost: str | None
) -> None:
    voice = revised(FIRST, came)
    assert (voice.counted, voice.cost) == (vote, None if cost is None else Decimal(cost))


def test_a_changed_vote_is_told_with_its_reason() -> None:
    voice = revised(FIRST, ModelAnswer("", "m", "p", PAID, 1.0, {"vote": "support", "summary": "it is fast now"}))
    found = synthesis([voice, PanelAnswer(2, "n", "n", vote=Vote.SUPPORT, summary="yes")], Seats(("m", "n")))
    thread = replace(Thread("consensus-x", "consensus"), answers={1: voice})
    assert "- m: support (before the exchange: oppose): it is fast now" in synthesis_lines(
        synthesis_part(found, thread), ()
    )


def test_a_changed_vote_leaves_the_reasons_of_the_old_one_behind() -> None:
    first = replace(FIRST, reasons=("it locks",), conditions=("no lock",))
    again = {"vote": "support", "summary": "fast now", "reasons": ["the lock is gone"], "conditions": []}
    changed = revised(first, ModelAnswer("", "m", "p", PAID, 1.0, again))
    assert (changed.final_reasons, changed.final_conditions) == (("the lock is gone",), ())
    kept = revised(first, ModelAnswer("", "m", "p", PAID, 1.0, again | {"vote": "oppose", "reasons": []}))
    assert (kept.final_reasons, kept.final_conditions) == (("it locks",), ("no lock",))
