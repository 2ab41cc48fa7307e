"""The wrappers round each provider, in their order, made when it is first asked."""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from providers.catalogue import Catalogue
from providers.endpoints import Endpoint, configured_endpoints
from providers.profile import Adapter
from providers.profiles import SCRIPTED
from stepwarden.models import ModelInfo, Provider
from stepwarden.settings import Settings

if TYPE_CHECKING:
    from providers.answer_cache import AnswerCache
    from providers.retry import RetryPolicy
    from providers.scripted import Script
    from providers.spend_tracker import Ledger, SpendTracker

_LIBRARIES = ("stamina", "purgatory.domain.model", "aiolimiter", "genai_prices.data_snapshot")


class Stacks:
    """One stack a provider: cache, typed answers, budget, retry, breaker, limits, and its adapter inside.

    So a cached answer costs nothing, a typed answer that is asked for again is paid for twice, and each try of a
    retry passes the breaker and takes its place among the others.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        script: "Script | None",
        retry_policy: "RetryPolicy | None" = None,
        ledger: "Ledger | None" = None,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._retry_policy = retry_policy
        self._ledger = ledger
        self.endpoints: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in configured_endpoints(settings)}
        self._script = script
        self.scripted_models: Sequence[ModelInfo] = ()
        if settings.scripted is not None or script is not None:
            from providers.scripted import read_script, scripted_models

            self._script = script or read_script(settings.scripted or settings.home)
            self.scripted_models = scripted_models(self._script)
        self._made: dict[str, Provider] = {}
        self._cache: AnswerCache | None = None
        self._spending: SpendTracker | None = None
        self._warming = asyncio.Lock()
        self._warm = False

    async def warm(self) -> None:
        """Import in a thread what the first call needs: the SDK alone takes 0.3 s of CPU."""
        async with self._warming:
            if not self._warm and (self.endpoints or self._script):
                names = [*_LIBRARIES, *(["openai"] if self.endpoints else [])]
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
        if self._spending is not None:
            await self._spending.close()
        if self._cache is not None:
            await self._cache.close()

    def _stacked(self, name: str) -> Provider:
        from providers.answer_cache import AnswerCache, CachedProvider
        from providers.budget import BudgetedProvider
        from providers.circuit_breaker import CircuitBreaker
        from providers.prices import Prices
        from providers.rate_limit import RateLimiter
        from providers.retry import RetryingProvider
        from providers.spend_tracker import Limits, SpendTracker
        from providers.structured_output import StructuredOutput

        settings = self._settings
        self._cache = self._cache or AnswerCache(settings.home / "cache" / "answers")
        limits = Limits(settings.budget_call, settings.budget_thread, settings.budget_day)
        self._spending = self._spending or SpendTracker(limits, ledger=self._ledger)
        endpoint = Endpoint(SCRIPTED, "", adapter=SCRIPTED.adapter) if name == SCRIPTED.name else self.endpoints[name]
        adapter = _ADAPTERS[endpoint.adapter](endpoint, self._catalogue, settings.model_timeout_s, self._script)
        limited = RateLimiter(adapter, at_once=settings.model_concurrency, a_minute=settings.model_rate)
        tried = RetryingProvider(CircuitBreaker(limited), self._retry_policy)
        paid = BudgetedProvider(tried, self._spending, Prices(self._catalogue))
        return CachedProvider(StructuredOutput(paid), self._cache, f"{name} {endpoint.url}".rstrip())


def _compatible(endpoint: Endpoint, catalogue: Catalogue, timeout_s: float, _script: "Script | None") -> Provider:
    from providers.compatible import CompatibleProvider

    return CompatibleProvider(endpoint, catalogue, timeout_s)


def _zai(endpoint: Endpoint, catalogue: Catalogue, timeout_s: float, _script: "Script | None") -> Provider:
    from providers.zhipu import ZhipuProvider

    return ZhipuProvider(endpoint, catalogue, timeout_s)


def _script(_endpoint: Endpoint, _catalogue: Catalogue, _timeout_s: float, script: "Script | None") -> Provider:
    from providers.scripted import ScriptedProvider

    assert script is not None, "a route to a script's model exists only where there is a script"
    return ScriptedProvider(script)


_ADAPTERS: Mapping[Adapter, Callable[[Endpoint, Catalogue, float, "Script | None"], Provider]] = {
    Adapter.COMPATIBLE: _compatible,
    Adapter.ZAI: _zai,
    Adapter.SCRIPT: _script,
}


def _import_all(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)
    importlib.import_module("stamina.instrumentation").set_on_retry_hooks([])  # retry.py logs in its own words
