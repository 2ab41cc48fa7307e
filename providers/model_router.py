"""Which model a name means, and which is chosen where none is named. Nothing here uses the network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from providers.model_names import same_model, shown_name
from providers.profiles import BY_NAME
from providers.route_search import find_route, listed_routes, own_routes
from providers.routes import KnownModels, Route
from providers.routing_errors import none_usable, unknown_model
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelTier

NEAREST = 3
LIKENESS = 0.5  # of difflib; below it two names share little

_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """The patterns of models that may and may not be asked, none allowed means all; and the default model's name."""

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    default: str = "auto"

    def permits(self, route: Route) -> bool:
        """Return whether a model may be asked, by any name it goes by."""
        name, info = route.wire_name, route.info
        last = name.rpartition("/")[2]
        names = {info.name, *info.aliases, name, f"{route.provider}/{name}", last, last.partition(":")[0]}
        folded = [name.casefold() for name in names]
        if _any_matches(self.denied, folded):
            return False
        return not self.allowed or _any_matches(self.allowed, folded)


def _any_matches(patterns: Sequence[str], names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in names)


class ModelRouter:
    """Chooses among the known models those that the rules allow."""

    def __init__(self, known: KnownModels, rules: RoutingRules) -> None:
        self._known = known
        self._rules = rules
        # By tier and pauses: every step wants to know who may be asked about it, and a setting changes with none.
        self._chosen: dict[tuple[ModelTier, tuple[str, ...]], Route | ModelError] = {}

    def add_listed(self, listed: Mapping[str, Sequence[ModelInfo]]) -> None:
        """Take in what endpoints listed; those that listed nothing keep what they listed before."""
        self._known = replace(self._known, listed={**self._known.listed, **listed})
        self._chosen.clear()

    def route(self, name: str) -> Route:
        """Return the route of a name. Raises ModelError (NO_MODEL, UNKNOWN_MODEL, NOT_ALLOWED)."""
        wanted = name.strip()
        route = find_route(self._known, wanted) if wanted else None
        if route is None:
            raise unknown_model(self._known, wanted, self._nearest_phrase(wanted))
        if not self._rules.permits(route):
            text = (
                f"'{shown_name(wanted)}' is not allowed here by STEPWARDEN_MODELS_ALLOWED or _DENIED"
                f"{self._nearest_phrase(wanted)}."
            )
            raise ModelError(ErrorKind.NOT_ALLOWED, text, model=wanted)
        return route

    def route_for(self, tier: ModelTier, paused: Sequence[str] = ()) -> Route:
        """Return the best that is configured and allowed; providers that are `paused` come last.

        The default model is for judgements: what is wanted fast is chosen by its tier. Raises ModelError (NO_MODEL).
        """
        key = (tier, tuple(paused))
        if key not in self._chosen:
            try:
                self._chosen[key] = self._choose(tier, paused)
            except ModelError as error:
                self._chosen[key] = error
        chosen = self._chosen[key]
        if isinstance(chosen, ModelError):
            raise chosen.with_traceback(None)
        return chosen

    def _choose(self, tier: ModelTier, paused: Sequence[str]) -> Route:
        if self._rules.default != "auto" and tier is not ModelTier.FAST:
            route = self.route(self._rules.default)
            return replace(route, why=f"set by STEPWARDEN_DEFAULT_MODEL, {self._known.source(route.provider)}")
        candidates = [route for route in self._candidates(tier) if self._rules.permits(route)]
        for route in sorted(candidates, key=lambda route: route.provider in paused):
            return route
        raise none_usable(self._known, restricted=bool(self._rules.allowed or self._rules.denied))

    def usable(self, paused: Sequence[str] = ()) -> list[ModelInfo]:
        """Return all that can be asked now."""
        return [route.info for route in self.usable_routes(paused)]

    def usable_routes(self, paused: Sequence[str] = ()) -> list[Route]:
        """Return the routes to all that can be asked now: by the catalogue, by setting, and as listed by endpoints."""
        known = self._known
        routes = [known.scripted_route(name) for name in known.scripted]
        routes += [route for name in known.catalogue.rows for route in known.catalogue_routes(name)[:1]]
        routes += list(own_routes(known))
        there = {(route.provider, route.wire_name) for route in routes}
        routes += [route for route in listed_routes(known) if (route.provider, route.wire_name) not in there]
        return [route for route in routes if route.provider not in paused and self._rules.permits(route)]

    def nearest(self, name: str) -> list[str]:
        """Return the usable names most like a name, or a few of the usable where none is."""
        import difflib  # only mistakes need it

        usable = self.usable()
        names = {alias.casefold(): info.name for info in usable for alias in (info.name, *info.aliases)}
        near = difflib.get_close_matches(name.casefold(), names, NEAREST, LIKENESS)
        found = list(dict.fromkeys(names[one] for one in near))
        return found or [info.name for info in usable[:NEAREST]]

    def _candidates(self, tier: ModelTier) -> Iterator[Route]:
        known = self._known
        for name in known.scripted:
            yield known.scripted_route(name)
        for name in known.catalogue.needs.get(tier, ()):
            for route in known.catalogue_routes(name):
                listed = known.listed.get(route.provider)
                if not listed or any(same_model(route.wire_name, info.name) for info in listed):
                    yield replace(route, why=f"first choice for {tier}, {known.source(route.provider)}")
        yield from own_routes(known)
        # Servers of the user's own first: they are the ones that ask for no key.
        yield from sorted(listed_routes(known), key=lambda route: BY_NAME[route.provider].key_needed)
        for name in (*known.catalogue.rows, *(name for name in self._rules.allowed if not _PATTERN & set(name))):
            if self._rules.allowed and (route := find_route(known, name)) is not None:
                yield replace(route, why=f"first of those allowed, {known.source(route.provider)}")

    def _nearest_phrase(self, wanted: str) -> str:
        near = self.nearest(wanted)
        return f"; nearest: {', '.join(near)}" if near else ""
