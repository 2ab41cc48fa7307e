"""`stepwarden models`: what can be asked at which price, and whether the catalogue is still right."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer  # noqa: TID253 - this module is itself imported lazily

from providers.catalogue import Catalogue, load_catalogue
from stepwarden.cli.output import plain, show_table
from stepwarden.models import ModelError, ModelInfo, find_some
from stepwarden.settings import load_settings

if TYPE_CHECKING:
    from providers.catalogue_check import CatalogueDifference
    from providers.stack import Stacks

models = typer.Typer(help="List the models that can be asked, and check the catalogue of models.", no_args_is_help=True)


@models.command("list")
def list_models() -> None:
    """List the models that can be asked now, with their limits and prices."""
    from providers.models import build_models

    async def look() -> Sequence[ModelInfo]:
        built = build_models(load_settings())
        try:
            await find_some(built)
            return await built.priced()
        finally:
            await built.close()

    columns = ("model", "provider", "context", "most output", "images", "$ a million tokens in/out", "tools")
    show_table(columns, [_row(info) for info in asyncio.run(look())])


def _row(info: ModelInfo) -> tuple[str, ...]:
    sees, calls = (
        "unknown" if fact is None else "yes" if fact else "no" for fact in (info.sees_images, info.calls_tools)
    )
    context, output = (f"{tokens:,}" if tokens else "unknown" for tokens in (info.context_tokens, info.output_tokens))
    return info.name, info.provider, context, output, sees, str(info.price or "unknown"), calls


@models.command()
def check(
    offline: Annotated[bool, typer.Option("--offline", help="Compare with the price table alone.")] = False,
) -> None:
    """Compare the catalogue with the price table and with what configured endpoints list; exit 1 if it is wrong."""
    from providers.catalogue_check import table_differences

    settings = load_settings()
    catalogue = load_catalogue(settings.models_file)
    found = list(table_differences(catalogue))
    typer.echo(f"price table: {len(catalogue.rows)} models of the catalogue compared")
    if not offline:
        from providers.stack import Stacks

        found += asyncio.run(_compare_listed(Stacks(settings, catalogue, None), catalogue))
    for one in found:
        typer.echo(plain(f"{'wrong' if one.wrong else 'newer'}: {one.model}: {one.found}"))
    wrong = any(one.wrong for one in found)
    typer.echo("The catalogue differs; STEPWARDEN_MODELS_FILE can correct it." if found else "The catalogue is right.")
    raise typer.Exit(1 if wrong else 0)


async def _compare_listed(stacks: "Stacks", catalogue: Catalogue) -> "list[CatalogueDifference]":
    """Return in what the endpoints' own lists differ; each endpoint is named with what came of asking it."""
    from providers.catalogue_check import listed_differences

    found: list[CatalogueDifference] = []
    try:
        await stacks.warm()
        for name in _in_catalogue(stacks, catalogue):
            try:
                listed = [info.name for info in await stacks.provider(name).list_models()]
            except ModelError as error:
                typer.echo(plain(f"{name}: not compared: {error}"))
                continue
            found += listed_differences(catalogue, name, listed)
            typer.echo(f"{name}: {len(listed)} models listed" if listed else f"{name}: lists none")
    finally:
        await stacks.close()
    return found


def _in_catalogue(stacks: "Stacks", catalogue: Catalogue) -> Iterator[str]:
    """Return the configured providers of which the catalogue has models."""
    known = {provider for row in catalogue.rows.values() for provider in (row.provider, *row.also)}
    return (name for name in stacks.endpoints if name in known)
