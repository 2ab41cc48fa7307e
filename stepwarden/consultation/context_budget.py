"""How much of a model's context a request may fill, and the files that fit into what is left of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stepwarden.files import Workspace
from stepwarden.models import ModelInfo

BYTES_PER_TOKEN = 3.5  # of code and prose in English, on the low side
CONTEXT_TOKENS = 64_000  # of a model of which nobody says how much it takes
SHARE = 0.6  # of the context that the request may fill; the rest is for thinking and the answer


def request_bytes(infos: Iterable[ModelInfo]) -> int:
    """Return how many bytes of text a request to any one of these models may have."""
    tokens = min((info.context_tokens or CONTEXT_TOKENS for info in infos), default=CONTEXT_TOKENS)
    return int(tokens * BYTES_PER_TOKEN * SHARE)


@dataclass(frozen=True, slots=True)
class FileSection:
    """Files as they go into a prompt, every line with its number; `left_out` did not fit or may not be read.

    `sent` counts those that are there. `secrets` are values in any of them, which `text` has not.
    """

    text: str
    left_out: tuple[str, ...] = ()
    sent: int = 0
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def note(self) -> str:
        """What the model is told of the files that are not there."""
        return f"\n\nNot included, did not fit or may not be read: {', '.join(self.left_out)}" if self.left_out else ""


NO_FILES = FileSection("")


def file_section(workspace: Workspace, paths: Sequence[str], budget_bytes: int, texts: Iterable[str]) -> FileSection:
    """Return the files that fit beside `texts` into a request, the first ones first. Reads files."""
    used = sum(len(text.encode()) for text in texts)
    text, left_out = workspace.numbered(paths, max(0, budget_bytes - used))
    return FileSection(text, tuple(left_out), len(paths) - len(left_out), workspace.secrets_in(paths))
