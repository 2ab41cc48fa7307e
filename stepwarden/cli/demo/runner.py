"""The order of each demo: of a thread, two servers one after the other; of a run, two workers; then their history."""

import anyio

from stepwarden.cli.demo import run_scenario, scenario
from stepwarden.cli.demo.agent import DemoAgent
from stepwarden.cli.demo.checks import DemoChecks
from stepwarden.cli.demo.history import apply_fix, open_history, show_history
from stepwarden.cli.demo.host import DemoPaths, start_server
from stepwarden.cli.demo.run_history import show_next, show_report
from stepwarden.cli.demo.sample import copy_sample
from stepwarden.cli.demo.stock_room import StockRoom
from stepwarden.cli.demo.stock_script import write_scripts
from stepwarden.cli.question import is_person_there
from stepwarden.errors import UnknownStream
from stepwarden.runtime import build_runtime
from stepwarden.settings import Settings
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


async def run_run_demo(checks: DemoChecks, paths: DemoPaths) -> None:
    """Run every section of the demo of a run; raises TimeoutError after LIMIT_S, and what ends a section early."""
    runtime = build_runtime(Settings(home=paths.home, scripted=write_scripts(paths)))
    room, person = StockRoom(paths.directory), is_person_there()
    run = run_scenario.RunScenario(checks, paths, runtime.runs.open(), room, person)
    try:
        with anyio.fail_after(None if person else LIMIT_S):
            async with run_scenario.starting_workers(run):
                for section in (
                    run_scenario.start_run,
                    run_scenario.drive_to_approval,
                    run_scenario.ask_person,
                    run_scenario.kill_driver,
                    run_scenario.go_on,
                    run_scenario.show_outcome,
                    show_report,
                ):
                    await section(run)
        show_next(run)
    finally:
        with anyio.CancelScope(shield=True):
            await runtime.close()


async def _load(queries: ThreadQueries, thread_id: str) -> Thread:
    try:
        return await queries.thread(thread_id, LOCAL)
    except UnknownStream:
        raise LookupError(f"the server's store has no thread {thread_id}") from None
