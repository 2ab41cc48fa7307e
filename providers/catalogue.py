"""What is known about models before anybody is asked: a data file of the package, with the user's merged over it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from providers.profiles import BY_NAME, vendor_of
from stepwarden.errors import SettingsError
from stepwarden.models import ModelInfo, ModelTier

_FILE_BYTES = 1_000_000


class Price(BaseModel):
    """US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)


class Row(BaseModel):
    """One model. What is not known of it is None.

    `also` gives its name at other providers. `efforts` are the levels of thinking that it takes, from low to high;
    empty where it takes none. `always_thinks` says that thinking cannot be switched off, `fixed_temperature` that a
    temperature is refused. `tools` False says that it cannot be offered tools: they are told of in its prompt. `price`
    wins over genai-prices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    aliases: tuple[str, ...] = ()
    context: int | None = Field(default=None, gt=0)
    output: int | None = Field(default=None, gt=0)
    images: bool | None = None
    tools: bool | None = None
    family: str = ""
    also: Mapping[str, str] = {}
    efforts: tuple[str, ...] | None = None
    always_thinks: bool = False
    fixed_temperature: bool = False
    price: Price | None = None
    description: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = ""
    models: Mapping[str, Row] = {}
    needs: Mapping[ModelTier, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Catalogue:
    """All rows by name, and for every need the names in order of preference."""

    rows: Mapping[str, Row]
    needs: Mapping[ModelTier, tuple[str, ...]]

    @cached_property
    def _names(self) -> dict[str, str]:
        names = {alias.casefold(): name for name, row in self.rows.items() for alias in row.aliases}
        return names | {name.casefold(): name for name in self.rows}

    @cached_property
    def _elsewhere(self) -> dict[tuple[str, str], str]:
        return {
            (provider, wire.casefold()): name for name, row in self.rows.items() for provider, wire in row.also.items()
        }

    def find(self, name: str) -> str | None:
        """Return the name of the row that a name or an alias means; case does not matter."""
        return self._names.get(name.casefold())

    def at(self, provider: str, wire_name: str) -> Row | None:
        """Return the row of a model by its name at a provider."""
        name = self._elsewhere.get((provider, wire_name.casefold())) or self.find(wire_name)
        row = self.rows.get(name) if name else None
        return row if row and (row.provider == provider or provider in row.also) else None

    def info(self, name: str, provider: str, wire_name: str, shown: str) -> ModelInfo:
        """Describe a model at a provider; `name` is its row's, or unknown."""
        row = self.rows.get(name)
        if row is None:
            return ModelInfo(
                shown,
                provider,
                family=family_of(wire_name, provider),
                typed_answers=BY_NAME[provider].answers == "json_schema",
            )
        return ModelInfo(
            name=shown,
            provider=provider,
            aliases=row.aliases,
            family=row.family or family_of(name, row.provider),
            context_tokens=row.context,
            output_tokens=row.output,
            sees_images=row.images,
            calls_tools=row.tools,
            typed_answers=BY_NAME[provider].answers == "json_schema",
            needs=tuple(need for need, names in self.needs.items() if name in names),
            description=row.description,
        )


def family_of(name: str, provider: str) -> str:
    """Return the maker of a model by its name: votes of one family are not independent."""
    last = name.rpartition("/")[2].casefold()
    vendor = vendor_of(last)
    if vendor is not None:
        return vendor.name
    if BY_NAME[provider].prefixes:  # it hosts only models of its own
        return provider
    if "/" in name:
        return name.partition("/")[0].casefold()
    found = re.match(r"[a-z]+", last)
    return found[0] if found else provider


def load_catalogue(overlay: Path | None) -> Catalogue:
    """Return the shipped catalogue with the user's file over it. Raises SettingsError for a file that is not one.

    A row of the user's replaces the fields it names of the row of that name; a list of needs replaces the list.
    """
    shipped = json.loads(Path(__file__).with_name("catalogue.json").read_bytes())
    if overlay is not None:
        _merge(shipped, _read(overlay))
    try:
        found = _File.model_validate_json(json.dumps(shipped))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"STEPWARDEN_MODELS_FILE: {overlay}: {where}: {first['msg']}") from None
    _refuse_strangers(found, overlay)
    return Catalogue(found.models, found.needs)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(_FILE_BYTES + 1)
        if len(content) > _FILE_BYTES:
            raise SettingsError(f"STEPWARDEN_MODELS_FILE: {path} has more than {_FILE_BYTES} bytes")
        found: object = json.loads(content)
    except OSError as error:
        raise SettingsError(f"STEPWARDEN_MODELS_FILE: {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"STEPWARDEN_MODELS_FILE: {path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f'STEPWARDEN_MODELS_FILE: {path} is not an object such as {{"models": {{...}}}}')
    return cast("dict[str, Any]", found)


def _merge(shipped: dict[str, Any], own: dict[str, Any]) -> None:
    for key, value in own.items():
        if key not in {"models", "needs"} or not isinstance(value, dict):
            shipped[key] = value
            continue
        for name, entry in cast("dict[str, Any]", value).items():
            old = shipped[key].get(name)
            shipped[key][name] = {**old, **entry} if isinstance(old, dict) and isinstance(entry, dict) else entry


def _refuse_strangers(found: _File, overlay: Path | None) -> None:
    for name, row in found.models.items():
        for provider in (row.provider, *row.also):
            if provider not in BY_NAME:
                known = ", ".join(BY_NAME)
                raise SettingsError(
                    f"STEPWARDEN_MODELS_FILE: {overlay}: models.{name}: there is no provider '{provider}' ({known})"
                )
    for need, names in found.needs.items():
        if missing := [name for name in names if name not in found.models]:
            raise SettingsError(f"STEPWARDEN_MODELS_FILE: {overlay}: needs.{need}: no model is named '{missing[0]}'")
