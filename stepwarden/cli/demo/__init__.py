"""`stepwarden demo`: the real server, a real client and a scripted agent debug a real program, and all is checked."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast


def run(command: Sequence[str] | None = None) -> int:
    """Play the demo; 0 if everything that was expected came, else 1.

    `command` starts the server, over stdio: the one of this installation where it is not given.
    """
    import tempfile
    from pathlib import Path
    from subprocess import SubprocessError

    import anyio
    from mcp.shared.exceptions import MCPError

    from stepwarden.cli.demo.console import DemoConsole
    from stepwarden.cli.demo.host import SERVER, DemoPaths
    from stepwarden.cli.demo.runner import play
    from stepwarden.errors import StepwardenError

    place = DemoPaths(Path(tempfile.mkdtemp(prefix="stepwarden-demo-")))
    stage = DemoConsole()
    try:
        anyio.run(play, stage, place, tuple(command or SERVER))
    except* (
        MCPError,  # the server does not answer, or not as the protocol wants it
        StepwardenError,  # the store cannot be read back
        OSError,  # the server cannot be started, a file cannot be written, time is up
        SubprocessError,  # the sample program does not end
        LookupError,  # a file of the sample program is not what the script was written for
        RuntimeError,  # the client's word for a reply that breaks the tool's schema
        ValueError,  # a reply that is none
    ) as group:
        stage.break_off("; ".join(_causes(group.exceptions)), place.last_words())
    stage.sum_up()
    return 0 if stage.account.good else 1


def _causes(errors: Iterable[BaseException]) -> Iterator[str]:
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            yield from _causes(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        else:
            yield f"{type(error).__name__}: {error}"
