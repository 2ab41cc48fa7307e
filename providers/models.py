"""All models of a process behind one door: chosen, asked through the wrappers, closed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from providers.asked_providers import asked_providers
from providers.catalogue import Catalogue, load_catalogue
from providers.deadline import Deadline
from providers.discovery import ModelDiscovery
from providers.endpoints import barred_providers, unconfigured_providers
from providers.model_router import ModelRouter, RoutingRules
from providers.prices import Prices
from providers.provider_pauses import PausedProviders
from providers.routed_provider import RoutedProvider
from providers.routes import KnownModels
from providers.stack import Stacks
from stepwarden.models import Choice, ModelError, ModelInfo, ModelReply, ModelRequest, ModelTier, UnusableProvider
from stepwarden.settings import Settings

if TYPE_CHECKING:
    from providers.retry import RetryPolicy
    from providers.scripted import Script
    from providers.spend_tracker import Ledger


class AllModels:
    """The models of one process; see `stepwarden.models.Models`."""

    def __init__(self, settings: Settings, catalogue: Catalogue, stacks: Stacks) -> None:
        self._settings = settings
        self._stacks = stacks
        self._prices = Prices(catalogue)
        self._paused = PausedProviders()
        self._router = ModelRouter(
            KnownModels(
                catalogue,
                stacks.endpoints,
                {info.name: info for info in stacks.scripted_models},
                asked=asked_providers(settings).profiles,
                why_barred=self._why_barred,
            ),
            RoutingRules(settings.models_allowed, settings.models_denied, settings.default_model),
        )
        self._discovery = ModelDiscovery(stacks, self._paused)

    def choose(self, name: str | None, need: ModelTier) -> Choice:
        """Return the model for a name, or for a need."""
        if name is None or name.strip().casefold() in {"", "auto"}:
            route = self._router.route_for(need, self._paused.names)
        else:
            route = self._router.route(name)
        endpoint = self._stacks.endpoints.get(route.provider)
        return Choice(route.info, route.why, endpoint.source if endpoint and endpoint.by_key_alone else "")

    def usable(self) -> Sequence[ModelInfo]:
        """Return what can be asked now, without the network."""
        return self._router.usable(self._paused.names)

    async def priced(self) -> Sequence[ModelInfo]:
        """Return what can be asked now, with the prices that are known."""
        await self._prices.load()
        routes = self._router.usable_routes(self._paused.names)
        return [replace(route.info, price=self._prices.listed(route.provider, route.wire_name)) for route in routes]

    def unusable(self) -> Sequence[UnusableProvider]:
        """Return what cannot be asked now, and what to set."""
        return [*self._paused.reasons, *unconfigured_providers(self._settings)]

    async def discover(self) -> None:
        """Ask every endpoint for its models, all at once; calls meanwhile or soon after share what is found."""
        self._router.add_listed(await self._discovery.look())

    async def warm(self, model: str | None = None) -> None:
        """Import what the first call needs, in a thread; for a model, do all that comes before its first request."""
        await self._stacks.warm()
        if model is not None:
            with suppress(ModelError):  # the request says so
                await self._stacks.provider(self._router.route(model).provider).warm()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer of the model that `request.model` means."""
        provider, timed = await self._routed(request)
        return await provider.complete(timed)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the answer in pieces, and last the whole."""
        provider, timed = await self._routed(request)
        async with aclosing(provider.stream(timed)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close every provider and the cache."""
        await self._stacks.close()

    def _why_barred(self, provider: str) -> str:
        return next((one.why for one in barred_providers(self._settings) if one.provider == provider), "")

    async def _routed(self, request: ModelRequest) -> tuple[RoutedProvider, ModelRequest]:
        """Return what answers a request, and the request with the time that is left."""
        deadline = Deadline(request.deadline_s)
        route = self._router.route(request.model)
        await self.warm()
        provider = RoutedProvider(self._stacks.provider(route.provider), route, self._paused, self._router.nearest)
        return provider, replace(request, deadline_s=deadline.left_s)


def build_models(
    settings: Settings,
    script: "Script | None" = None,
    *,
    retry_policy: "RetryPolicy | None" = None,
    ledger: "Ledger | None" = None,
) -> AllModels:
    """Put the models of a process together; nobody is asked, and no vendor's library imported.

    `script` stands in for the file of STEPWARDEN_SCRIPTED, `retry_policy` for how retries wait. `ledger` is where
    spending outlives the process. Raises SettingsError for a variable or a file that cannot be used.
    """
    catalogue = load_catalogue(settings.models_file)
    return AllModels(settings, catalogue, Stacks(settings, catalogue, script, retry_policy, ledger))
