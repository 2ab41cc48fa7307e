"""The models that this process can ask, and the routes to them. Nothing here uses the network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from providers.catalogue import Catalogue
from providers.endpoints import Endpoint
from providers.profile import Profile
from providers.profiles import PROFILES, SCRIPTED
from stepwarden.models import ModelInfo


@dataclass(frozen=True, slots=True)
class Route:
    """A model at a provider: what it is called there, what is known of it, and why it was chosen."""

    provider: str
    wire_name: str
    info: ModelInfo
    why: str


@dataclass(frozen=True, slots=True)
class KnownModels:
    """The catalogue, the configured endpoints by provider, the models of a script, and what endpoints listed.

    `asked` are the providers that may be asked; `why_barred` says of one that is set and not used what bars it.
    """

    catalogue: Catalogue
    endpoints: Mapping[str, Endpoint]
    scripted: Mapping[str, ModelInfo] = field(default_factory=dict[str, ModelInfo])
    listed: Mapping[str, Sequence[ModelInfo]] = field(default_factory=dict[str, Sequence[ModelInfo]])
    asked: Sequence[Profile] = PROFILES
    why_barred: Callable[[str], str] = field(default=lambda _: "", repr=False)

    @property
    def nothing_configured(self) -> bool:
        """Whether there is neither an endpoint nor a script."""
        return not self.endpoints and not self.scripted

    def source(self, provider: str) -> str:
        """Return where a provider's models are from, for a sentence: `at openai`, `by OPENAI_API_KEY`."""
        return self.endpoints[provider].source

    def scripted_route(self, name: str) -> Route:
        """Return the route to a model of the script."""
        return Route(SCRIPTED.name, name, self.scripted[name], "answers from STEPWARDEN_SCRIPTED")

    def catalogue_routes(self, name: str) -> list[Route]:
        """Return where a model of the catalogue can be asked, its own vendor first."""
        row = self.catalogue.rows.get(name)
        places = [(row.provider, name), *row.also.items()] if row else []
        return [
            Route(
                provider,
                wire_name,
                self.catalogue.info(name, provider, wire_name, name),
                f"in the catalogue, {self.source(provider)}",
            )
            for provider, wire_name in places
            if provider in self.endpoints
        ]

    def route_at(self, provider: str, wire_name: str, shown: str, why: str) -> Route:
        """Return the route to any name at a provider, with what was listed or is in the catalogue of it."""
        for info in self.listed.get(provider, ()):
            if info.name.casefold() == wire_name.casefold():
                return Route(provider, info.name, replace(info, name=shown), why)
        name = self.catalogue.find(wire_name) or ""
        row = self.catalogue.rows.get(name)
        known = name if row is not None and row.provider == provider else ""
        return Route(provider, wire_name, self.catalogue.info(known, provider, wire_name, shown), why)

    def listed_routes(self) -> Iterator[Route]:
        """Return the routes to all that endpoints listed, under the names that they have there."""
        for provider, infos in self.listed.items():
            for info in infos:
                yield Route(provider, info.name, info, f"found {self.source(provider)}")
