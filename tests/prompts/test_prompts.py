"""The wording itself, and the loader that refuses what would not fit a reply."""

import sys
from collections import Counter
from importlib.resources import files

import pytest

import prompts
from stepwarden.runs.steered import AbilityName
from tools import catalogue

WORKFLOWS = tuple(workflow.name for workflow in catalogue.WORKFLOWS)
PROMPTS = (*catalogue.NAMES, "upstream")
ABILITIES = tuple(f"ability_{name}" for name in AbilityName)
INSTRUCTIONS_CHARS = 1_900  # hosts cut them at 2,000
BULLETS_BY_PHASE = {
    "survey": {6},
    "dig": {6},
    "prove": {6},
    "conclude": {3, 4},
    "stalled": {3, 4},
    "disprove": {3, 4},
}

# Each on a line of its own, so that the tests can say which line is at fault.
GOOD = """# Title
## description
Words a user says.
## command
Do it
## survey
- Look.
## dig
- Dig.
## prove
- Prove.
## conclude
- Conclude.
## stalled
- Turn.
## disprove
- Doubt.
"""


def _bullets(name: str) -> list[str]:
    return [bullet for bullets in prompts.load(name).sections.values() for bullet in bullets]


def test_the_package_holds_these_files_and_no_other() -> None:
    found = {entry.name.removesuffix(".md") for entry in files(prompts).iterdir() if entry.name.endswith(".md")}
    assert found == {
        *PROMPTS,
        "instructions",
        "expert",
        "manager",
        "consensus_panelist",
        "agent",
        "steered",
        *ABILITIES,
    }


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_loads_within_its_limits(name: str) -> None:
    prompt = prompts.load(name)
    assert prompt.name == name
    assert prompt.title
    assert 0 < len(prompt.description.encode()) <= 260
    assert len(prompt.command.encode()) <= 100
    assert all(0 < len(bullet.encode()) <= 68 for bullet in _bullets(name))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_a_command_and_enough_bullets_in_every_phase(name: str) -> None:
    prompt = prompts.load(name)
    assert prompt.command
    assert tuple(prompt.sections) == prompts.PHASES
    assert all(len(bullets) in BULLETS_BY_PHASE[phase] for phase, bullets in prompt.sections.items())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_description_says_that_the_tool_is_called_once_per_step(name: str) -> None:
    assert "Called once per step" in prompts.load(name).description


def test_a_tool_that_is_no_workflow_may_have_free_sections() -> None:
    prompt = prompts.parse("free", "# Title\n## description\nWords.\n## system\nYou are.\n\n- One.\n## after\nGo.\n")
    assert prompt.texts == {"system": "You are.\n- One.", "after": "Go."}
    assert prompt.command == ""
    assert set(prompts.load("chat").texts) == {"system"}
    assert set(prompts.load("challenge").texts) == {"before", "after"}


@pytest.mark.parametrize("name", ["steered", *ABILITIES])
def test_what_a_steered_run_asks_is_short_and_says_what_is_wanted(name: str) -> None:
    prompt = prompts.load(name)
    assert set(prompt.texts) == {"system"}
    assert 200 < len(prompt.texts["system"]) < 1_000


def test_status_has_words_and_no_phases() -> None:
    prompt = prompts.load("status")
    assert prompt.command == ""
    assert prompt.sections == {}
    assert "continuation_id" in prompt.description


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_bullet_stands_twice_in_a_file(name: str) -> None:
    assert [bullet for bullet, times in Counter(_bullets(name)).items() if times > 1] == []


def test_no_bullet_is_shared_by_more_than_three_files() -> None:
    times = Counter(bullet for name in WORKFLOWS for bullet in set(_bullets(name)))
    assert [bullet for bullet, count in times.items() if count > 3] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_bullet_is_one_sentence_without_filler(name: str) -> None:
    for bullet in _bullets(name):
        assert bullet[0].isupper(), bullet
        assert bullet[-1] in ".?", bullet
        assert "!" not in bullet, bullet
        assert not {"carefully", "thoroughly", "ensure"} & set(bullet.lower().replace(".", " ").split()), bullet


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if name != "planner"])
def test_the_way_to_the_finish_asks_for_quotes(name: str) -> None:
    sections = prompts.load(name).sections
    for phase in ("prove", "conclude"):
        assert any("quote" in bullet.lower() for bullet in sections[phase]), phase


def test_the_instructions_are_short_and_name_what_the_host_needs() -> None:
    text = prompts.instructions()
    assert len(text) < INSTRUCTIONS_CHARS
    assert text.isascii()
    unnamed = [name for name in catalogue.NAMES if f"{name}:" not in text]
    assert unnamed == [] or len(text) + len(f" {unnamed[0]}: a few words.") >= INSTRUCTIONS_CHARS, "there is room"
    needed = {
        *(f"{name}:" for name in catalogue.SETS["lean"]),
        *("required_actions", "continuation_id", "working_directory", "next_step_number", "total_steps"),
        *("evidence", "supports", "confidence", "backtrack_from_step", "next_step_required=false", "HELD"),
        *("awaiting_expert", "model", "use_assistant_model"),
    }
    assert {words for words in needed if words not in text} == set()


def test_a_prompt_is_read_once_and_cannot_be_changed() -> None:
    prompt = prompts.load("debug")
    assert prompts.load("debug") is prompt
    with pytest.raises(AttributeError):
        prompt.title = "Other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        prompt.sections["dig"] = ()  # type: ignore[index]


def test_a_prompt_that_is_not_there_is_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.md"):
        prompts.load("nothing")


def test_reading_the_files_takes_a_few_calls_a_line() -> None:
    texts = {name: files(prompts).joinpath(f"{name}.md").read_text("utf-8") for name in PROMPTS}
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        for name, text in texts.items():
            prompts.parse(name, text)
    finally:
        sys.setprofile(None)
    assert calls <= 20 * sum(len(text.splitlines()) for text in texts.values()), "a start of the server reads them all"


def test_a_well_formed_text_becomes_a_prompt() -> None:
    prompt = prompts.parse("good", GOOD.replace("Words a", "Words\na").replace("- Dig.", "- Dig.\n\n- Dig more."))
    assert (prompt.name, prompt.title, prompt.command) == ("good", "Title", "Do it")
    assert prompt.description == "Words a user says."
    assert prompt.sections["dig"] == ("Dig.", "Dig more.")
    assert prompt.sections["disprove"] == ("Doubt.",)


def test_windows_line_ends_make_no_difference() -> None:
    assert prompts.parse("good", GOOD.replace("\n", "\r\n")) == prompts.parse("good", GOOD)


def test_a_bullet_at_its_limit_is_accepted() -> None:
    bullet = "x" * 68
    assert prompts.parse("good", GOOD.replace("- Look.", f"- {bullet}")).sections["survey"] == (bullet,)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("# Title\n", "", 1, "opens with '# '"),
        ("# Title\n", "# \n", 1, "opens with '# '"),
        (GOOD, "", 1, "empty"),
        ("# Title\n", "# Title\nstray\n", 2, "before the first section"),
        ("## dig", "## digg", 8, "unknown section 'digg'"),
        ("## dig", "##dig", 8, "unknown section"),
        ("## dig", "### dig", 8, "unknown section"),
        ("## dig", "## survey", 8, "there twice"),
        ("## disprove\n- Doubt.\n", "", 15, "'disprove' is missing"),
        ("## description\nWords a user says.\n", "", 15, "'description' is missing"),
        ("## command\nDo it\n", "", 15, "'command' is missing"),
        ("Words a user says.\n", "", 2, "'description' is empty"),
        ("- Dig.\n", "", 8, "'dig' is empty"),
        ("- Dig.", "Dig.", 9, "opens with '- '"),
        ("- Dig.", "-", 9, "opens with '- '"),
        ("- Dig.", "- Dig\n  deeper.", 10, "opens with '- '"),
        ("- Dig.", "- " + "x" * 69, 9, "bullet of 69 bytes, over 68"),
        ("- Dig.", "- D\u00edg.", 9, "ASCII"),
        ("Words a user says.", "x" * 261, 3, "description of 261 bytes, over 260"),
        ("Do it", "x" * 101, 5, "command of 101 bytes, over 100"),
    ],
)
def test_a_malformed_file_is_refused_with_file_and_line(old: str, new: str, line: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        prompts.parse("bad", GOOD.replace(old, new))
    assert str(caught.value).startswith(f"bad.md:{line}: ")
