"""The order of the demo: two servers one after the other, and what they leave behind."""

import anyio

from stepwarden.cli.demo import scenes
from stepwarden.cli.demo.aftermath import apply_fix, opened, show_history
from stepwarden.cli.demo.agent import Agent
from stepwarden.cli.demo.host import Place, started
from stepwarden.cli.demo.sample import copy_sample
from stepwarden.cli.demo.stage import Stage
from stepwarden.errors import UnknownStream
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.reading import Archive

LIMIT_S = 60.0  # for all of it, which takes a few seconds: nothing hangs for ever


async def play(stage: Stage, place: Place, command: tuple[str, ...]) -> None:
    """Play every scene; raises TimeoutError after LIMIT_S, and whatever ends a scene before its time."""
    with anyio.fail_after(LIMIT_S):
        sample = copy_sample(place.program)
        scenes.show_failure(stage, sample)
        async with started(command, place) as server:
            acting = scenes.Play(stage, sample, Agent(stage, server.client))
            for act in (
                scenes.open_thread,
                scenes.send_nothing_new,
                scenes.skip_a_step,
                scenes.misquote,
                scenes.go_back,
                scenes.ask_for_more,
            ):
                await act(acting)
            await scenes.kill_server(stage, server)
        async with started(command, place) as server:
            await scenes.go_on(acting, server)
            await scenes.claim_certainty(acting)
            await scenes.prove_it(acting)
        async with opened(place) as archive:
            thread = await _kept(archive, acting.agent.thread)
            apply_fix(stage, sample, thread)
            await show_history(stage, place, archive, thread)


async def _kept(archive: Archive, thread_id: str) -> Thread:
    try:
        return await archive.thread(thread_id, LOCAL)
    except UnknownStream:
        raise LookupError(f"the server's store has no thread {thread_id}") from None
