"""What a chat's model is sent: the last turns word for word, earlier ones by their first words, nothing twice.

Eight turns of 1,000 characters, with answers as long, come to less than 12,000 characters in the last prompt.
"""

from stepwarden.files.paths import shown
from stepwarden.files.secret_values import hide_secrets
from stepwarden.models import Message
from stepwarden.steps.digest import digest
from stepwarden.steps.thread import Thread
from stepwarden.threads.chat_store import Chat, Turn

VERBATIM_CHARS = 6_000  # of questions and answers word for word; the last turn goes along even if it is longer,
TURN_CHARS = 12_000  # but no text of it beyond this
SUMMARY_CHARS = 2_000  # of all earlier turns together
ASKED_CHARS, ANSWERED_CHARS = 100, 140  # of each earlier question and answer
BRIEFING_CHARS = 6_000  # of a workflow thread's digest
BRIEFING_FINDINGS_CHARS = 600  # of each of its steps
BRIEFING_LISTED = 20  # issues, quotes, files


def conversation(chat: Chat, question: Message, wording: str, briefing: str, *, verbatim: bool = True) -> list[Message]:
    """Return the messages up to and with `question`; `verbatim` False summarises every earlier turn."""
    kept = _verbatim(chat) if verbatim else ()
    earlier = chat.turns[: len(chat.turns) - len(kept)]
    system = "\n\n".join(filter(None, (wording, briefing, _summary(earlier))))
    messages = [Message("system", system)]
    for turn in kept:
        messages += [Message("user", _cut(_question(turn))), Message("assistant", _cut(turn.answer))]
    return [*messages, question]


def question_text(prompt: str, files: str, left_out: tuple[str, ...]) -> str:
    """Return the text of a question with the files that go along, and the names of those that do not."""
    parts = [prompt]
    if files:
        parts.append(f"Files, every line with its number:\n{files}")
    if left_out:
        parts.append(f"Files that did not go along: {', '.join(left_out)}")
    return "\n\n".join(parts)


def _verbatim(chat: Chat) -> tuple[Turn, ...]:
    """Return the latest turns that fit word for word, at least one."""
    left = VERBATIM_CHARS
    count = 0
    for turn in reversed(chat.turns):
        left -= len(_question(turn)) + len(turn.answer)
        if left < 0 and count:
            break
        count += 1
    return chat.turns[len(chat.turns) - count :]


def _question(turn: Turn) -> str:
    """Return an earlier question without what went along with it."""
    along = [f"files {shown(', '.join(turn.files), 200)}"] if turn.files else []
    along += [f"{turn.images} images"] if turn.images else []
    return f"{turn.prompt}\n\n(went along: {', '.join(along)})" if along else turn.prompt


def _cut(text: str) -> str:
    return text if len(text) <= TURN_CHARS else f"{text[:TURN_CHARS]}\n[{len(text) - TURN_CHARS} more characters]"


def _summary(turns: tuple[Turn, ...]) -> str:
    lines: list[str] = []
    left = SUMMARY_CHARS
    for number in range(len(turns), 0, -1):
        turn = turns[number - 1]
        line = f"{number}. asked: {shown(turn.prompt, ASKED_CHARS)} | answered: {shown(turn.answer, ANSWERED_CHARS)}"
        left -= len(line) + 1
        if left < 0:
            break
        lines.insert(0, line)
    if not lines:
        return ""
    older = f", {len(turns) - len(lines)} older ones left out" if len(lines) < len(turns) else ""
    return "\n".join([f"Earlier in this conversation, first words only{older}:", *lines])


def briefing_of(thread: Thread) -> str:
    """Return the live digest of a workflow thread as text without secrets: of its steps the latest, as many as fit."""
    found = digest(thread)
    lines = [f"Work that this conversation is about: {thread.id}, {thread.outcome.value}", shown(found.task, 600)]
    if found.hypothesis:
        mark = "evidenced" if found.hypothesis_evidenced else "not evidenced"
        lines.append(f"Hypothesis ({mark}): {shown(found.hypothesis, 600)}")
    for issue in found.issues[:BRIEFING_LISTED]:
        mark = "" if issue.evidenced else ", not evidenced"
        lines.append(f"{issue.id} {issue.severity}{mark}: {shown(issue.description, 120)} {shown(issue.place, 60)}")
    quotes = found.evidence[-BRIEFING_LISTED // 2 :]
    lines += [
        f"Seen at {shown(item.path, 60)}:{item.line}: {shown(hide_secrets(item.quote, item.path), 80)}"
        for item in quotes
    ]
    if found.files:
        lines.append(f"Files: {shown(', '.join(found.files[:BRIEFING_LISTED]), 600)}")
    left = BRIEFING_CHARS - sum(len(line) + 1 for line in lines)
    steps: list[str] = []
    for step in reversed(found.steps):
        line = f"Step {step.number}: {shown(step.findings, BRIEFING_FINDINGS_CHARS)}"
        left -= len(line) + 1
        if left < 0:
            break
        steps.insert(0, line)
    return hide_secrets("\n".join([*lines, *steps]))
