"""Comparing the catalogue with the price table of genai-prices and with endpoints' lists: what is gone, or newer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from providers.catalogue import Catalogue, Row
from providers.model_names import same_model
from providers.profile import UnknownNames
from providers.profiles import BY_NAME

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo as TableModel
    from genai_prices.types import Provider as TableProvider

_OTHER_CONTEXT = 0.05  # of the table's; vendors count thousands and 1,024s
_LEAST_CONTEXT = 16_000  # of a model of the kind that is in the catalogue: smaller ones speak, draw or rerank
_DATE = r"\d{4,}"  # mistral-small-2603, grok-4-0709
_NO_CHAT = re.compile(r"image|audio|tts|live|voice|embed|ocr|transcribe|realtime|moderation|search|robotics|omni|batch")

Where = Literal["the price table", "/models"]


@dataclass(frozen=True, slots=True)
class CatalogueDifference:
    """One thing in which the catalogue differs; `wrong` where it is not right any more, else it could be newer."""

    model: str
    found: str
    wrong: bool = True


def table_differences(catalogue: Catalogue) -> Iterator[CatalogueDifference]:
    """Return in what the price table differs from the catalogue: models that it lacks or calls deprecated, other
    contexts, and newer versions. It takes 0.3 s the first time.
    """
    from genai_prices import data_snapshot

    tables = {table.id: table for table in data_snapshot.get_snapshot().providers}
    for name, row in catalogue.rows.items():
        table = tables.get(BY_NAME[row.provider].prices)
        if table is not None:
            yield from _of_row(name, row, table)
        for provider, wire_name in row.also.items():
            profile = BY_NAME[provider]
            hosts_many = profile.unknown_names is UnknownNames.VENDOR_SLASH_MODEL  # others have names of the user's
            other = tables.get(profile.prices) if hosts_many else None
            if other is not None and other.find_model(wire_name) is None:
                yield CatalogueDifference(name, f"the price table of {provider} has no {wire_name}")
    yield from _newer_in_tables(catalogue, tables)


def _of_row(name: str, row: Row, table: "TableProvider") -> Iterator[CatalogueDifference]:
    found = table.find_model(name)
    if found is None:
        if row.price is None:
            yield CatalogueDifference(
                name, f"the price table of {row.provider} does not have it, and there is no price of its own"
            )
        return
    if found.deprecated:
        yield CatalogueDifference(name, "deprecated by its vendor, says the price table")
    if found.context_window and row.context and _differs(row.context, found.context_window):
        yield CatalogueDifference(
            name, f"a context of {row.context:,} tokens, the price table says {found.context_window:,}"
        )


def _differs(one: int, other: int) -> bool:
    return abs(one - other) > _OTHER_CONTEXT * other


def _newer_in_tables(catalogue: Catalogue, tables: "Mapping[str, TableProvider]") -> Iterator[CatalogueDifference]:
    for provider in dict.fromkeys(row.provider for row in catalogue.rows.values()):
        table = tables.get(BY_NAME[provider].prices)
        names = [model.id for model in table.models if _talks(model)] if table else []
        yield from newer_differences(catalogue, provider, names, "the price table")


def _talks(model: "TableModel") -> bool:
    """Return whether a model of the table answers chats and is still sold."""
    window = model.context_window or 0
    priced = model.get_prices(datetime.now(UTC)).output_mtok is not None
    return not model.deprecated and priced and window >= _LEAST_CONTEXT and not _NO_CHAT.search(model.id.casefold())


def listed_differences(catalogue: Catalogue, provider: str, listed: Sequence[str]) -> Iterator[CatalogueDifference]:
    """Return in what an endpoint's list of models differs: those of the catalogue that it lacks, and newer versions."""
    for name, row in catalogue.rows.items():
        wire_name = name if row.provider == provider else row.also.get(provider)
        if wire_name and listed and not any(same_model(wire_name, one) for one in listed):
            yield CatalogueDifference(name, f"{provider} does not list {wire_name}")
    chats = [name for name in listed if not _NO_CHAT.search(name.casefold())]
    yield from newer_differences(catalogue, provider, chats, "/models")


def newer_differences(
    catalogue: Catalogue, provider: str, names: Sequence[str], where: Where
) -> Iterator[CatalogueDifference]:
    """Return the models of the catalogue of which there is a newer version among `names`: the newest of each."""
    newest: dict[str, tuple[tuple[float, ...], str]] = {}
    for name in names:
        family, version = _family_and_version(name)
        newest[family] = max(newest.get(family, ((), "")), (version, name))
    mine: dict[str, tuple[tuple[float, ...], str]] = {}
    for name, row in catalogue.rows.items():
        wire_name = name if row.provider == provider else row.also.get(provider, "")
        if wire_name:
            family, version = _family_and_version(wire_name)
            mine[family] = max(mine.get(family, ((), "")), (version, name))
    for family, (version, name) in mine.items():
        newer = newest.get(family, ((), ""))
        if newer[0] > version:
            yield CatalogueDifference(name, f"{where} of {provider} has {newer[1]}", wrong=False)


def _family_and_version(name: str) -> tuple[str, tuple[float, ...]]:
    """Return what stays the same from version to version, and the version: 4.20 is less than 4.7, a date than any."""
    name = re.sub(r"-(preview|latest|exp)\b|[-@](\d{8}|\d{4}-\d{2}-\d{2})$", "", name.casefold())
    numbers = re.findall(r"\d+(?:\.\d+)?", name)
    version = tuple(float(number) for number in numbers if not re.fullmatch(_DATE, number))
    dates = tuple(float(number) for number in numbers if re.fullmatch(_DATE, number))
    return re.sub(r"\d+([.-]\d+)*", "#", name), version or (0.0, *dates)
