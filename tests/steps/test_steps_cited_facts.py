"""The ids of facts: told once and kept, whatever the order of the steps."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stepwarden.steps.admission import Accept, Open, admit
from stepwarden.steps.cited_facts import MOST_IDS, CitableFact, FactPlace, choose_place, number_facts, written_places
from stepwarden.steps.events import StepRecorded, decode, encode
from stepwarden.steps.evidence import Evidence, Quote, Verdict
from stepwarden.steps.fold import fold_events, fold_history
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.machine import StepFacts, advance, open_thread
from stepwarden.steps.thread import Thread
from tests.steps.driver import REVIEW, ask

Told = tuple[Sequence[int], int]  # facts of a step by their numbers, and how many steps it goes back


def place(number: int) -> FactPlace:
    return FactPlace("a.py", number, "mark", "file")


def inspected(numbers: Sequence[int]) -> Inspection:
    """Return a look that tells facts by their numbers; every third one has no place."""
    facts = tuple(f"a.py:{number} is odd" if number % 3 else f"note {number}" for number in numbers)
    citable = tuple(CitableFact(at, (place(number),)) for at, number in enumerate(numbers) if number % 3)
    return Inspection(facts=facts, citable=citable)


def played(steps: Sequence[Told]) -> list[Thread]:
    """Return a thread after each of its steps, folded anew from its events as they are on disk."""
    threads: list[Thread] = []
    thread, recorded = None, []
    for numbers, back in steps:
        facts = StepFacts(measured=inspected(numbers), readable=True)
        last = thread.last if thread is not None else 0
        to = last - back + 1 if back and back <= last else None
        sent = ask(to or last + 1, backtrack=to)
        admitted = admit(thread, sent, REVIEW)
        if thread is None:
            assert isinstance(admitted, Open)
            decision = open_thread("t", REVIEW, sent, facts, None)
        else:
            assert isinstance(admitted, Accept)
            decision = advance(thread, admitted, sent, facts, REVIEW)
        recorded += [decode(*encode(event)) for event in decision.events]
        thread = fold_events(Thread("t", "codereview"), recorded)
        again = fold_history(Thread("t", "codereview"), recorded)
        assert (dict(again.fact_ids), dict(again.fact_places)) == (dict(thread.fact_ids), dict(thread.fact_places))
        assert dict(decision.thread.fact_ids) == dict(thread.fact_ids)
        threads.append(thread)
    return threads


looks = st.lists(st.integers(0, 12), max_size=6, unique=True)


@given(st.lists(st.tuples(looks, st.integers(0, 3)), min_size=1, max_size=8))
def test_a_fact_keeps_its_id_and_no_id_is_given_twice_whatever_steps_are_replaced(steps: list[Told]) -> None:
    ever: dict[str, str] = {}
    for (numbers, _), thread in zip(steps, played(steps), strict=True):
        shown = thread.trail[-1].measured
        assert shown is not None
        for number, line in zip(numbers, shown.labelled, strict=True):
            if number % 3 == 0:
                assert line == f"note {number}"
                continue
            label, _, fact = line.partition(" ")
            assert fact == f"a.py:{number} is odd"
            assert ever.setdefault(fact, label) == label
            assert thread.fact_places[label] == (place(number),)
        assert dict(thread.fact_ids) == ever
    assert list(ever.values()) == [f"F{number}" for number in range(1, len(ever) + 1)]


def test_past_the_most_ids_facts_are_told_without_one_so_none_costs_more_than_four_bytes() -> None:
    facts = [f"a.py:{number} is odd" for number in range(MOST_IDS + 5)]
    citable = [CitableFact(number, (place(number),)) for number in range(len(facts))]
    found = Inspection(facts=tuple(facts), citable=number_facts(facts, citable, {}))
    grown = [len(shown) - len(fact) for shown, fact in zip(found.labelled, facts, strict=True)]
    assert grown == [3] * 9 + [4] * 90 + [0] * 5


def test_an_event_of_before_there_were_ids_folds_to_a_thread_without_any() -> None:
    decision = open_thread("t", REVIEW, ask(1), StepFacts(measured=Inspection(facts=("a.py:1 is odd",))), None)
    kind, payload = next(encode(event) for event in decision.events if isinstance(event, StepRecorded))
    assert "citable" not in payload
    assert "uncited" not in payload
    thread = fold_events(Thread("t", "codereview"), [decode(kind, payload)])
    assert not thread.fact_ids
    assert thread.trail[-1].measured == Inspection(facts=("a.py:1 is odd",))


def test_a_fact_that_was_cited_is_nothing_new_a_second_time() -> None:
    thread = played([((1, 2), 0)])[0]
    cited = Evidence("a.py", "total = price * count", Verdict.VERIFIED, 1, fact="F1")
    sent = ask(2, "again", findings="", quotes=(Quote("", fact="F1"),))
    admitted = admit(thread, sent, REVIEW)
    assert isinstance(admitted, Accept)
    assert admitted.new
    after = advance(thread, admitted, sent, StepFacts((cited,), readable=True), REVIEW).thread
    repeated = admit(after, replace(sent, number=3, digest="other"), REVIEW)
    assert not isinstance(repeated, Accept) or not repeated.new
    other = admit(after, replace(sent, number=3, digest="third", quotes=(Quote("", fact="F2"),)), REVIEW)
    assert isinstance(other, Accept)
    assert other.new


def test_the_lines_that_a_fact_names_are_read_with_their_files() -> None:
    def read(fact: str) -> list[tuple[str, int]]:
        return [(paths[-1], line) for paths, line in written_places(fact)]

    assert read("app/(shop)/[id]/page.tsx:3, :9 errors passed over") == [
        ("app/(shop)/[id]/page.tsx", 3),
        ("app/(shop)/[id]/page.tsx", 9),
    ]
    assert read("load takes mode; breaks shop/use.py:6, tests/t.py:5 (lib/x.py:7)") == [
        ("shop/use.py", 6),
        ("tests/t.py", 5),
        ("lib/x.py", 7),
    ]
    assert read("Unusual in it: :12 a lock") == []
    assert read("No import cycles.") == []
    assert read("cut off at src/a.py:12...") == []
    assert tuple(path for path in next(written_places("in my dir/a.py:4"))[0] if "my" in path[:2]) == ("my dir/a.py",)


def test_a_citation_means_the_place_of_the_fact_that_it_names_and_no_other() -> None:
    places = (FactPlace("a.py", 4), FactPlace("b.py", 6))
    assert choose_place(places, "", None) == places[0]
    assert choose_place(places, "b.py", None) == places[1]
    assert choose_place(places, "", 6) == places[1]
    assert choose_place(places, "a.py", 6) is None
    assert choose_place((), "", None) is None
