"""The order of the demo: two servers one after the other, and what they leave behind."""

import anyio

from stepwarden.cli.demo import scenario
from stepwarden.cli.demo.aftermath import apply_fix, opened, show_history
from stepwarden.cli.demo.agent import DemoAgent
from stepwarden.cli.demo.console import DemoConsole
from stepwarden.cli.demo.host import DemoPaths, started
from stepwarden.cli.demo.sample import copy_sample
from stepwarden.errors import UnknownStream
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.queries import ThreadQueries

LIMIT_S = 240.0  # for all of it, which takes a few seconds: nothing hangs for ever


async def play(stage: DemoConsole, place: DemoPaths, command: tuple[str, ...]) -> None:
    """Play every scene; raises TimeoutError after LIMIT_S, and whatever ends a scene before its time."""
    with anyio.fail_after(LIMIT_S):
        sample = copy_sample(place.program)
        scenario.show_failure(stage, sample)
        async with started(command, place) as server:
            acting = scenario.Scenario(stage, sample, DemoAgent(stage, server.client))
            for act in (
                scenario.open_thread,
                scenario.send_nothing_new,
                scenario.skip_a_step,
                scenario.misquote,
                scenario.go_back,
                scenario.ask_for_more,
            ):
                await act(acting)
            await scenario.kill_server(stage, server)
        async with started(command, place) as server:
            await scenario.go_on(acting, server)
            await scenario.claim_certainty(acting)
            await scenario.prove_it(acting)
        async with opened(place) as archive:
            thread = await _kept(archive, acting.agent.thread)
            apply_fix(stage, sample, thread)
            await show_history(stage, place, archive, thread)


async def _kept(archive: ThreadQueries, thread_id: str) -> Thread:
    try:
        return await archive.thread(thread_id, LOCAL)
    except UnknownStream:
        raise LookupError(f"the server's store has no thread {thread_id}") from None
