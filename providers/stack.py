"""The wrappers round each provider, in their order, made when it is first asked."""

import asyncio
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from providers.catalogue import Catalogue
from providers.endpoints import Endpoint, configured
from stepwarden.models import ModelInfo, Provider
from stepwarden.settings import Settings

if TYPE_CHECKING:
    from providers.answer_cache import AnswerCache
    from providers.budget import Ledger, SpendTracker
    from providers.retry import RetryPolicy
    from providers.scripted import Script

_WRAPPERS = ("stamina", "purgatory.domain.model", "aiolimiter", "genai_prices.data_snapshot")


class Stacks:
    """One stack a provider: cache, typed answers, budget, retry, breaker, limits, and the wire inside.

    So a cached answer costs nothing, a typed answer that is asked for again is paid for twice, and each try of a
    retry passes the breaker and takes its place among the others.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        script: "Script | None",
        patience: "RetryPolicy | None" = None,
        ledger: "Ledger | None" = None,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._patience = patience
        self._ledger = ledger
        self.endpoints: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in configured(settings)}
        self._script = script
        self.personas: Sequence[ModelInfo] = ()
        if settings.scripted is not None or script is not None:
            from providers.scripted import persona_infos, read_script

            self._script = script or read_script(settings.scripted or settings.home)
            self.personas = persona_infos(self._script)
        self._made: dict[str, Provider] = {}
        self._cache: AnswerCache | None = None
        self._purse: SpendTracker | None = None
        self._warming = asyncio.Lock()
        self._warm = False

    async def warm(self) -> None:
        """Import in a thread what the first call needs: it takes the SDK alone 0.3 s of CPU."""
        async with self._warming:
            if not self._warm and (self.endpoints or self._script):
                names = [*_WRAPPERS, *(["openai"] if self.endpoints else [])]
                await asyncio.to_thread(_import_all, names)
                self._warm = True

    def provider(self, name: str) -> Provider:
        """Return the stack of a provider that is configured."""
        if name not in self._made:
            self._made[name] = self._stacked(name)
        return self._made[name]

    async def close(self) -> None:
        """Close what was opened."""
        made, self._made = self._made, {}
        for provider in made.values():
            await provider.close()
        if self._purse is not None:
            await self._purse.close()
        if self._cache is not None:
            await self._cache.close()

    def _stacked(self, name: str) -> Provider:
        from providers.answer_cache import AnswerCache, CachedProvider
        from providers.budget import BudgetedProvider, Limits, SpendTracker
        from providers.circuit_breaker import CircuitBreaker
        from providers.prices import Prices
        from providers.rate_limit import RateLimiter
        from providers.retry import RetryingProvider
        from providers.structured_output import StructuredOutput

        settings = self._settings
        self._cache = self._cache or AnswerCache(settings.home / "cache" / "answers")
        limits = Limits(settings.budget_call, settings.budget_thread, settings.budget_day)
        self._purse = self._purse or SpendTracker(limits, ledger=self._ledger)
        wire = self._wire(name)
        limited = RateLimiter(wire, at_once=settings.model_concurrency, a_minute=settings.model_rate)
        tried = RetryingProvider(CircuitBreaker(limited), self._patience)
        paid = BudgetedProvider(tried, self._purse, Prices(self._catalogue))
        origin = f"{name} {self.endpoints[name].url}" if name in self.endpoints else name
        return CachedProvider(StructuredOutput(paid), self._cache, origin)

    def _wire(self, name: str) -> Provider:
        if name == "scripted" and self._script is not None:
            from providers.scripted import ScriptedProvider

            return ScriptedProvider(self._script)
        endpoint, timeout_s = self.endpoints[name], self._settings.model_timeout_s
        if name == "zhipuai" and self._settings.zhipuai_sdk:
            from providers.zhipu import ZhipuProvider

            return ZhipuProvider(endpoint, self._catalogue, timeout_s)
        from providers.compatible import CompatibleProvider

        return CompatibleProvider(endpoint, self._catalogue, timeout_s)


def _import_all(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)
    importlib.import_module("stamina.instrumentation").set_on_retry_hooks([])  # retrying.py says it better
