"""What an answer cost: by the catalogue's own price, or by the table in the package genai-prices."""

import asyncio
import importlib.metadata
from dataclasses import replace
from decimal import Decimal

from providers.catalogue import Catalogue
from providers.profiles import BY_NAME
from stepwarden.models import ModelPrice, Usage

_MILLION = Decimal(1_000_000)


class Prices:
    """Prices in US dollars, None for what is in no table. It never uses the network."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def load(self) -> None:
        """Read the table, in a thread: it takes 0.2 s the first time."""
        await asyncio.to_thread(_read_table)

    def priced(self, usage: Usage, provider: str, model: str) -> Usage:
        """Return the usage with its cost, where that can be known."""
        if usage.cost is not None:
            return usage
        row = self._catalogue.at(provider, model)
        if row is not None and row.price is not None and row.provider == provider:
            cost = (row.price.input * usage.input_tokens + row.price.output * usage.output_tokens) / _MILLION
            return replace(usage, cost=cost, price_source="catalogue")
        table = BY_NAME[provider].prices
        cost = _looked_up(usage, table, model) if table else None
        if cost is None:
            return usage
        source = f"genai-prices {importlib.metadata.version('genai-prices')}"
        return replace(usage, cost=cost, price_source=source)

    def listed(self, provider: str, model: str) -> ModelPrice | None:
        """Return what a million tokens cost, None for what is in no table."""
        # A small number: some cost more where the prompt is long.
        sent, got = self.cost(1_000, 0, provider, model), self.cost(0, 1_000, provider, model)
        return None if sent is None or got is None else ModelPrice(sent * 1_000, got * 1_000)

    def cost(self, input_tokens: int, output_tokens: int, provider: str, model: str) -> Decimal | None:
        """Return what so many tokens cost."""
        return self.priced(Usage(input_tokens, output_tokens), provider, model).cost


def _read_table() -> None:
    from genai_prices import data_snapshot

    data_snapshot.get_snapshot()


def _looked_up(usage: Usage, table: str, model: str) -> Decimal | None:
    import genai_prices

    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens or None,
    )
    try:
        return genai_prices.calc_price(counted, model, provider_id=table).total_price
    except (LookupError, ValueError):  # no such model, or no price for one of the counts
        return None
