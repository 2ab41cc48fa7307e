"""The commands and their options; the code of each is imported when it runs."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden import __version__
from stepwarden.cli.hosts import HostName
from stepwarden.cli.models import models
from stepwarden.cli.runs import runs
from stepwarden.cli.threads import threads
from stepwarden.cli.upstreams import upstreams
from stepwarden.errors import StepwardenError

Transport = Literal["stdio", "streamable-http", "http", "sse"]

app = typer.Typer(
    name="stepwarden",
    help="An MCP server that makes an AI agent work in steps, and makes the steps count.",
    epilog="Begin with `stepwarden config claude-code` (or another host), then `stepwarden doctor`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(threads, name="threads")
app.add_typer(runs, name="runs")
app.add_typer(upstreams, name="upstreams")
app.add_typer(models, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stepwarden {__version__}")
        raise typer.Exit


@app.callback()
def stepwarden(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """An MCP server that makes an AI agent work in steps, and makes the steps count."""


@app.command()
def serve(
    transport: Annotated[
        Transport, typer.Option(help="stdio for hosts that start it; http and sse are the same app as streamable-http.")
    ] = "stdio",
    host: Annotated[str | None, typer.Option(help="Address to bind over HTTP (STEPWARDEN_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port over HTTP, 0 for a free one (STEPWARDEN_PORT).")] = None,
) -> None:
    """Serve MCP: over stdio, or over HTTP at /mcp, /sse (old hosts) and /health."""
    from stepwarden.cli.serve import serve as run

    if transport == "stdio" and (host is not None or port is not None):
        raise typer.BadParameter("--host and --port need --transport streamable-http")
    run(http=transport != "stdio", host=host, port=port)


@app.command("run")
def run_request(  # noqa: PLR0913, PLR0917 - options of a command
    request: Annotated[str, typer.Argument(help="What is to be done, in words.", show_default=False)],
    model: Annotated[str | None, typer.Option(help="A name from `stepwarden models`.")] = None,
    tool: Annotated[
        list[str] | None, typer.Option(help="Only these tools: names, or UPSTREAM/* for all of one.")
    ] = None,
    essential: Annotated[
        list[str] | None, typer.Option(help="Tools that are kept where the model fails with all of them.")
    ] = None,
    approve: Annotated[
        Literal["writes", "all", "destructive"], typer.Option(help="Which calls wait for you.")
    ] = "writes",
    limit: Annotated[
        list[str] | None, typer.Option(help="name=number: steps, seconds, tokens, dollars, ...; none takes one away.")
    ] = None,
    stop: Annotated[str | None, typer.Option(help='A stop condition as JSON: {"tool_seen": "send_email"}.')] = None,
    directory: Annotated[str | None, typer.Option(help="Whose files may be read; else where you are.")] = None,
    yes: Annotated[
        list[str] | None, typer.Option(help="Allow all calls of this kind unasked: read, write, destructive.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="name=value, kept with the run and shown in its exports.")
    ] = None,
    pause_at_limits: Annotated[bool, typer.Option("--pause-at-limits", help="Rest at a limit, not stop.")] = False,
    mode: Annotated[
        Literal["steered", "agent"] | None,
        typer.Option(help="steered: each step is judged and can be steered; else so where upstreams are configured."),
    ] = None,
    depth: Annotated[
        Literal["lean", "full"], typer.Option(help="Steered: ask the model only what rules cannot answer, or all.")
    ] = "lean",
    watch: Annotated[
        bool, typer.Option("--watch", help="Leave it to a worker or a host's server, and only show it here.")
    ] = False,
) -> None:
    """Do what is asked, with a model and tools, and show it; exit 0 when it is done, 2 where it waits for you."""
    from stepwarden.agents.run_request import RunRequest
    from stepwarden.cli import run_console, run_options
    from stepwarden.runs.run_calls import Approval
    from stepwarden.runs.steered import Depth

    wanted = RunRequest(
        request,
        model=model,
        directory=str(Path(directory or ".").absolute()),
        mode=mode or "auto",
        depth=Depth(depth),
        tools=tool,
        essential=tuple(essential or ()),
        approval=Approval(approve),
        limits=run_options.read_limits(limit or []),
        stop=run_options.read_condition(stop),
        pauses_at_limits=pause_at_limits,
        metadata=run_options.read_metadata(metadata or ()),
        heeds_settings=approve != "destructive",  # which the person said here and now
    )
    terminal = run_console.Terminal(run_options.read_kinds(yes or []))
    raise typer.Exit(run_console.start(wanted, terminal, drives=not watch))


@app.command()
def worker() -> None:
    """Drive the runs of the store that have something to do, whoever started them, until it is ended."""
    from stepwarden.cli.runs import work

    work()


@app.command()
def doctor() -> None:
    """Check the installation, the store, the settings and the hosts' configuration; exit 1 if there is a problem."""
    from stepwarden.cli.doctor import run_checks

    raise typer.Exit(run_checks())


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.", dir_okay=False, show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also where the file is there already.")] = False,
) -> None:
    """Copy the store to a file, also while servers run, and check the copy."""
    from stepwarden.cli import backups

    backups.backup(file, overwrite=overwrite)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A copy by `stepwarden backup`.", dir_okay=False, show_default=False)],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also over a store that holds something, which is kept.")
    ] = False,
) -> None:
    """Put a copy in the place of the store, also while servers run: they notice, and tell their hosts."""
    from stepwarden.cli import backups

    backups.restore(file, replace=replace)


@app.command()
def config(host: Annotated[HostName, typer.Argument(help="Which host to set up.", show_default=False)]) -> None:
    """Print what to paste into a host's configuration; stderr says where it goes."""
    from stepwarden.cli.hosts import find_recipe

    found = find_recipe(host)
    typer.echo(found.place, err=True)
    typer.echo(found.snippet)


@app.command()
def login(  # one parameter for each option: typer reads them from the signature
    name: Annotated[str | None, typer.Argument(help="The upstream to sign in at.", show_default=False)] = None,
    status: Annotated[bool, typer.Option("--status", help="Show the state of every upstream's sign-in.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the browser; else only print the URL.")] = True,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for you.")] = 600.0,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port on loopback for the redirect.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="More scopes to ask for; can be repeated.")] = None,
) -> None:
    """Sign in at an upstream server in your browser, once; or show the state of the sign-ins."""
    from stepwarden.cli import login

    if status:
        login.show_status()
    elif name is None:
        raise typer.BadParameter("name an upstream, or send --status", param_hint="NAME")
    else:
        scopes = tuple(" ".join(scope or ()).split())
        login.login(name, browser=browser, timeout_s=timeout, port=port, scopes=scopes)


@app.command()
def logout(name: Annotated[str, typer.Argument(help="The upstream to sign out of.", show_default=False)]) -> None:
    """Revoke and delete the tokens of an upstream server."""
    from stepwarden.cli import login

    login.logout(name)


@app.command()
def calibration(
    reset: Annotated[bool, typer.Option("--reset", help="Learn only from threads that finish from now on.")] = False,
) -> None:
    """Show how many steps finished threads took, from which the manager plans new ones."""
    from stepwarden.cli import calibration as numbers

    numbers.reset() if reset else numbers.show()


@app.command("scripted-model")
def scripted_model(
    script: Annotated[Path, typer.Argument(help="A JSON file of replies.", exists=True, dir_okay=False)],
    port: Annotated[int, typer.Option(help="Port on loopback, 0 for a free one.")] = 0,
) -> None:
    """Serve a script as an OpenAI-compatible model on loopback, to test what uses a model."""
    from providers.scripted_server import serve_script

    try:
        serve_script(script, "127.0.0.1", port, lambda url: typer.echo(f"listening on {url}", err=True))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise StepwardenError(f"Cannot listen on 127.0.0.1:{port}: {reason}; choose another --port.") from error


@app.command()
def demo(
    what: Annotated[Literal["thread", "run"], typer.Argument(help="A thread of a host's, or a run.")] = "thread",
) -> None:
    """Show a thread from its first step to its end, or with `run` a run, without a host, a model or a key."""
    from stepwarden.cli.demo import run, run_a_run

    raise typer.Exit(run_a_run() if what == "run" else run())
