"""All models of a process behind one door: chosen, asked through the wrappers, closed."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from providers.catalogue import Catalogue, load_catalogue
from providers.deadline import Deadline
from providers.endpoints import unconfigured
from providers.model_router import ModelRouter, Route, RoutingRules
from providers.stack import Stacks
from stepwarden.models import (
    Choice,
    ErrorKind,
    ModelError,
    ModelInfo,
    ModelReply,
    ModelRequest,
    ModelTier,
    UnusableProvider,
)
from stepwarden.settings import Settings

if TYPE_CHECKING:
    from providers.budget import Ledger
    from providers.retry import RetryPolicy
    from providers.scripted import Script

DISCOVERED_S = 10.0  # an endpoint that listed nothing is not asked again for so long
REST_S = 600.0  # a provider that refused the key or has no money is not chosen by itself for so long


class AllModels:
    """The models of one process; see `stepwarden.models.Models`."""

    def __init__(self, settings: Settings, catalogue: Catalogue, stacks: Stacks) -> None:
        self._settings = settings
        self._stacks = stacks
        self._directory = ModelRouter(
            catalogue,
            list(stacks.endpoints),
            RoutingRules(settings.models_allowed, settings.models_denied),
            default=settings.default_model,
            custom_model=settings.custom_model_name,
            scripted=stacks.personas,
        )
        self._resting: dict[str, tuple[float, str]] = {}
        self._discovering = asyncio.Lock()
        self._discovered_until = 0.0

    def choose(self, name: str | None, need: ModelTier) -> Choice:
        """Return the model for a name, or for a need."""
        if name is None or name.strip().casefold() in {"", "auto"}:
            route = self._directory.by_need(need, self._resting_now())
        else:
            route = self._directory.route(name)
        return Choice(route.info, f"{route.why}, at {route.provider}")

    def usable(self) -> Sequence[ModelInfo]:
        """List what can be asked now, without the network."""
        return self._directory.usable(self._resting_now())

    def unusable(self) -> Sequence[UnusableProvider]:
        """List what cannot be asked now, and what to set."""
        resting = [UnusableProvider(name, self._resting[name][1]) for name in self._resting_now()]
        return [*resting, *unconfigured(self._settings)]

    async def discover(self) -> None:
        """Ask every endpoint for its models, all at once; who comes meanwhile or soon after shares what is found."""
        async with self._discovering:
            if time.monotonic() < self._discovered_until:
                return
            if self._stacks.endpoints:
                await self.warm()
            names = list(self._stacks.endpoints)
            listed = await asyncio.gather(*(self._listed(name) for name in names))
            found = {name: models for name, models in zip(names, listed, strict=True) if models}
            self._directory.discovered = {**self._directory.discovered, **found}
            self._discovered_until = time.monotonic() + DISCOVERED_S

    async def warm(self) -> None:
        """Import what the first call needs, in a thread; nothing where nothing is configured."""
        await self._stacks.warm()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer of the model that `request.model` means."""
        route, sent = await self._prepared(request)
        try:
            reply = await self._stacks.provider(route.provider).complete(sent)
        except ModelError as error:
            raise self._told(error, route) from None
        return self._named(reply, route)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the answer in pieces, and last the whole."""
        route, sent = await self._prepared(request)
        try:
            async with aclosing(self._stacks.provider(route.provider).stream(sent)) as pieces:
                async for piece in pieces:
                    yield self._named(piece, route) if isinstance(piece, ModelReply) else piece
        except ModelError as error:
            raise self._told(error, route) from None

    async def close(self) -> None:
        """Close every provider and the cache."""
        await self._stacks.close()

    async def _prepared(self, request: ModelRequest) -> tuple[Route, ModelRequest]:
        deadline = Deadline(request.deadline_s)
        route = self._directory.route(request.model)
        if not route.info.sees_images and route.provider == "scripted" and any(m.images for m in request.messages):
            text = f"{route.info.name} takes no images: leave them out, or name a model that sees."
            raise ModelError(ErrorKind.UNSUPPORTED, text, model=route.info.name)
        await self.warm()
        return route, replace(request, model=route.wire_name, deadline_s=deadline.left_s)

    def _named(self, reply: ModelReply, route: Route) -> ModelReply:
        self._resting.pop(route.provider, None)
        return replace(reply, model=route.info.name) if reply.model == route.wire_name else reply

    def _told(self, error: ModelError, route: Route) -> ModelError:
        text = str(error)
        if error.trouble in {ErrorKind.WRONG_KEY, ErrorKind.NO_MONEY}:
            self._resting[route.provider] = (time.monotonic() + REST_S, text)
        if error.trouble is ErrorKind.UNKNOWN_MODEL:
            near = [name for name in self._directory.nearest(route.wire_name) if name != route.info.name]
            text = f"{text.rstrip('.')}; nearest: {', '.join(near)}." if near else text
        return ModelError(error.trouble, text, model=route.info.name, retry_after_s=error.retry_after_s)

    def _resting_now(self) -> list[str]:
        return [name for name, (until, _) in self._resting.items() if time.monotonic() < until]

    async def _listed(self, name: str) -> Sequence[ModelInfo]:
        try:
            return await self._stacks.provider(name).list_models()
        except ModelError as error:
            if error.trouble in {ErrorKind.WRONG_KEY, ErrorKind.NO_MONEY}:
                self._resting[name] = (time.monotonic() + REST_S, str(error))
            return ()


def build_models(
    settings: Settings,
    script: "Script | None" = None,
    *,
    patience: "RetryPolicy | None" = None,
    ledger: "Ledger | None" = None,
) -> AllModels:
    """Put the models of a process together; nobody is asked, and no vendor's library imported.

    `script` stands in for the file of STEPWARDEN_SCRIPTED, `patience` for how retries wait. `ledger` is where
    spending outlives the process. Raises SettingsError for a file that is none.
    """
    catalogue = load_catalogue(settings.models_file)
    return AllModels(settings, catalogue, Stacks(settings, catalogue, script, patience, ledger))
