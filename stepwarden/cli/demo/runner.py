"""The order of the demo: two servers one after the other, then their history."""

import anyio

from stepwarden.cli.demo import scenario
from stepwarden.cli.demo.agent import DemoAgent
from stepwarden.cli.demo.checks import DemoChecks
from stepwarden.cli.demo.history import apply_fix, open_history, show_history
from stepwarden.cli.demo.host import DemoPaths, start_server
from stepwarden.cli.demo.sample import copy_sample
from stepwarden.errors import UnknownStream
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.queries import ThreadQueries

LIMIT_S = 240.0  # for all of it, which takes a few seconds: nothing hangs for ever


async def run_demo(checks: DemoChecks, paths: DemoPaths, command: tuple[str, ...]) -> None:
    """Run every section; raises TimeoutError after LIMIT_S, and what ends a section early."""
    with anyio.fail_after(LIMIT_S):
        sample = copy_sample(paths.program)
        scenario.show_failure(checks, sample)
        async with start_server(command, paths) as server:
            run = scenario.Scenario(checks, sample, DemoAgent(checks.console, server.client))
            for section in (
                scenario.open_thread,
                scenario.send_nothing_new,
                scenario.skip_a_step,
                scenario.misquote,
                scenario.go_back,
                scenario.ask_for_more,
            ):
                await section(run)
            await scenario.kill_server(checks, server)
        async with start_server(command, paths) as server:
            await scenario.continue_thread(run, server)
            await scenario.claim_certainty(run)
            await scenario.prove_it(run)
        async with open_history(paths) as queries:
            thread = await _load(queries, run.agent.thread)
            apply_fix(checks, sample, thread)
            await show_history(checks, paths, queries, thread)


async def _load(queries: ThreadQueries, thread_id: str) -> Thread:
    try:
        return await queries.thread(thread_id, LOCAL)
    except UnknownStream:
        raise LookupError(f"the server's store has no thread {thread_id}") from None
