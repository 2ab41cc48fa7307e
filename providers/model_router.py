"""Which model a name means, and which is chosen where nobody named one. It asks nobody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from providers.catalogue import Catalogue, Row
from providers.endpoints import what_to_set
from providers.model_names import same_model, shown_name
from providers.profiles import BY_NAME, PROFILES
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelTier

NEAREST = 3
LIKENESS = 0.5  # of difflib; below it two names share little

_LOCAL = ("custom", "ollama")
_PATTERN = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """The patterns of models that may and may not be asked; none allowed means all."""

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def permits(self, provider: str, wire_name: str, info: ModelInfo) -> bool:
        """Return whether a model may be asked, by any name it goes by."""
        last = wire_name.rpartition("/")[2]
        names = {info.name, *info.aliases, wire_name, f"{provider}/{wire_name}", last, last.partition(":")[0]}
        folded = [name.casefold() for name in names]
        if _any_matches(self.denied, folded):
            return False
        return not self.allowed or _any_matches(self.allowed, folded)


def _any_matches(patterns: Sequence[str], names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in names)


@dataclass(frozen=True, slots=True)
class Route:
    """A model at a provider: what it is called there, what is known of it, and why it was taken."""

    provider: str
    wire_name: str
    info: ModelInfo
    why: str


class ModelRouter:
    """Everything that can be asked by this process: the catalogue, what was discovered, and what passes through."""

    def __init__(
        self,
        catalogue: Catalogue,
        providers: Sequence[str],
        rules: RoutingRules,
        *,
        default: str = "auto",
        custom_model: str | None = None,
        scripted: Sequence[ModelInfo] = (),
    ) -> None:
        self._catalogue = catalogue
        self._providers = tuple(providers)
        self._rules = rules
        self._default = default
        self._custom_model = custom_model
        self._scripted = {info.name: info for info in scripted}
        self.discovered: Mapping[str, Sequence[ModelInfo]] = {}

    def route(self, name: str) -> Route:
        """Return the route of a name. Raises ModelError (NO_MODEL, UNKNOWN_MODEL, NOT_ALLOWED)."""
        wanted = name.strip()
        route = self._found(wanted) if wanted else None
        if route is None:
            raise self._unknown(wanted)
        if not self._permits(route):
            text = (
                f"'{shown_name(wanted)}' is not allowed here by STEPWARDEN_MODELS_ALLOWED or _DENIED"
                f"{self._nearest_sentence(wanted)}."
            )
            raise ModelError(ErrorKind.NOT_ALLOWED, text, model=wanted)
        return route

    def by_need(self, need: ModelTier, resting: Sequence[str] = ()) -> Route:
        """Return the best that is configured and allowed; providers that are `resting` come last.

        The default model is for judgements: what is wanted fast is chosen by need. Raises ModelError (NO_MODEL).
        """
        if self._default != "auto" and need is not ModelTier.FAST:
            return replace(self.route(self._default), why="STEPWARDEN_DEFAULT_MODEL")
        candidates = [route for route in self._candidates(need) if self._permits(route)]
        for route in sorted(candidates, key=lambda route: route.provider in resting):
            return route
        raise ModelError(ErrorKind.NO_MODEL, self._why_none)  # told only where somebody asks

    def usable(self, resting: Sequence[str] = ()) -> list[ModelInfo]:
        """Return all that can be asked now: by the catalogue, by setting, and as discovered."""
        routes = [self._scripted_route(name) for name in self._scripted]
        routes += [route for name in self._catalogue.rows for route in self._places(name)[:1]]
        routes += list(self._own())
        listed = [(route.provider, route.wire_name) for route in routes]
        for provider, infos in self.discovered.items():
            routes += [self._listed(provider, info) for info in infos if (provider, info.name) not in listed]
        return [route.info for route in routes if route.provider not in resting and self._permits(route)]

    def nearest(self, name: str) -> list[str]:
        """Return the usable names most like a name, or a few of the usable where none is."""
        import difflib  # only mistakes need it

        usable = self.usable()
        names = {alias.casefold(): info.name for info in usable for alias in (info.name, *info.aliases)}
        near = difflib.get_close_matches(name.casefold(), names, NEAREST, LIKENESS)
        found = list(dict.fromkeys(names[one] for one in near))
        return found or [info.name for info in usable[:NEAREST]]

    def _permits(self, route: Route) -> bool:
        return self._rules.permits(route.provider, route.wire_name, route.info)

    def _found(self, wanted: str) -> Route | None:
        if wanted in self._scripted:
            return self._scripted_route(wanted)
        return (
            self._prefixed(wanted)
            or next(iter(self._places(self._catalogue.find(wanted) or "")), None)
            or self._listed_somewhere(wanted)
            or self._of_vendor(wanted)
            or self._passed_through(wanted)
        )

    def _prefixed(self, wanted: str) -> Route | None:
        provider, _, rest = wanted.partition("/")
        provider = provider.casefold()
        if not rest:
            return None
        if provider == "scripted" and rest in self._scripted:
            return self._scripted_route(rest)
        if provider not in self._providers:
            return None
        name = self._catalogue.find(rest) or ""
        for route in self._places(name):
            if route.provider == provider:
                return replace(route, info=replace(route.info, name=self._shown(route)), why=f"asked at {provider}")
        return self._at(provider, rest, f"{provider}/{rest}", f"a name of {provider}")

    def _shown(self, route: Route) -> str:
        """Return the name that leads back to a route: the bare one where that does."""
        first = next(iter(self._places(route.info.name)), None)
        bare = first is not None and first.provider == route.provider
        return route.info.name if bare else f"{route.provider}/{route.wire_name}"

    def _places(self, name: str) -> list[Route]:
        """Return where a model of the catalogue can be asked, its own vendor first."""
        row = self._catalogue.rows.get(name)
        if row is None:
            return []
        at = [(row.provider, name), *row.also.items()]
        return [
            Route(provider, wire, self._catalogue.info(name, provider, wire, name), "in the catalogue")
            for provider, wire in at
            if provider in self._providers
        ]

    def _listed_somewhere(self, wanted: str) -> Route | None:
        for provider, infos in self.discovered.items():
            for info in infos:
                if info.name.casefold() == wanted.casefold():
                    return Route(provider, info.name, info, f"listed by {provider}")
        return None

    def _listed(self, provider: str, info: ModelInfo) -> Route:
        found = self._found(info.name)
        bare = found is not None and (found.provider, found.wire_name) == (provider, info.name)
        shown = info.name if bare else f"{provider}/{info.name}"
        return Route(provider, info.name, replace(info, name=shown), f"listed by {provider}")

    def _of_vendor(self, wanted: str) -> Route | None:
        vendor = _vendor(wanted)
        if vendor in self._providers and "/" not in wanted:
            return self._at(vendor, wanted, wanted, f"named like {vendor}'s")
        return None

    def _passed_through(self, wanted: str) -> Route | None:
        if "/" in wanted and "openrouter" in self._providers:
            return self._at("openrouter", wanted, wanted, "a name of openrouter")
        if "custom" in self._providers:
            return self._at("custom", wanted, wanted, "passed on to CUSTOM_API_URL")
        if "ollama" in self._providers and _vendor(wanted) is None:
            return self._at("ollama", wanted, wanted, "passed on to ollama")
        stranger = _vendor(wanted) is not None or self._catalogue.find(wanted) or wanted.partition("/")[0] in BY_NAME
        if len(self._providers) == 1 and not stranger:
            return self._at(self._providers[0], wanted, wanted, f"passed on to {self._providers[0]}, the only one")
        return None

    def _at(self, provider: str, wire_name: str, shown: str, why: str) -> Route:
        for info in self.discovered.get(provider, ()):
            if info.name.casefold() == wire_name.casefold():
                return Route(provider, info.name, replace(info, name=shown), why)
        name = self._catalogue.find(wire_name) or ""
        row = self._catalogue.rows.get(name)
        known = name if row is not None and row.provider == provider else ""
        return Route(provider, wire_name, self._catalogue.info(known, provider, wire_name, shown), why)

    def _scripted_route(self, name: str) -> Route:
        return Route("scripted", name, self._scripted[name], "answers from STEPWARDEN_SCRIPTED")

    def _candidates(self, need: ModelTier) -> Iterator[Route]:
        for name in self._scripted:
            yield self._scripted_route(name)
        for name in self._catalogue.needs.get(need, ()):
            for route in self._places(name):
                if self._still_there(route):
                    yield replace(route, why=f"first for {need} of what is configured")
        yield from self._own()
        for provider in sorted(self.discovered, key=lambda provider: provider not in _LOCAL):
            for info in self.discovered[provider]:
                yield replace(self._listed(provider, info), why=f"listed by {provider}; the catalogue has none")
        for name in (*self._catalogue.rows, *(name for name in self._rules.allowed if not _PATTERN & set(name))):
            if self._rules.allowed and (route := self._found(name)) is not None:
                yield replace(route, why="the first of those allowed")

    def _own(self) -> Iterator[Route]:
        if self._custom_model and "custom" in self._providers:
            model = self._custom_model
            bare = (self._found(model) or self._at("custom", model, model, "")).provider == "custom"
            yield self._at("custom", model, model if bare else f"custom/{model}", "CUSTOM_MODEL_NAME")

    def _still_there(self, route: Route) -> bool:
        listed = self.discovered.get(route.provider)
        return not listed or any(same_model(route.wire_name, info.name) for info in listed)

    def _why_none(self) -> str:
        if not self._providers and not self._scripted:
            keys = ", ".join(what_to_set(profile.name) for profile in PROFILES if profile.keys and profile.key_needed)
            return f"No model is configured: set {keys}, OLLAMA_HOST or CUSTOM_API_URL."
        if self._rules.allowed or self._rules.denied:
            return "STEPWARDEN_MODELS_ALLOWED and _DENIED leave no model of what is configured: change them."
        places = ", ".join(self._providers)
        return f"No model of {places} is known: see that it runs, name a model, or set CUSTOM_MODEL_NAME."

    def _unknown(self, wanted: str) -> ModelError:
        if not self._providers and not self._scripted:
            return ModelError(ErrorKind.NO_MODEL, self._why_none, model=wanted)
        row: Row | None = self._catalogue.rows.get(self._catalogue.find(wanted) or "")
        prefix = wanted.partition("/")[0].casefold()
        vendor = row.provider if row else prefix if prefix in BY_NAME else _vendor(wanted)
        lacks = f"; it needs {what_to_set(vendor)}" if vendor and vendor not in self._providers else ""
        text = f"No model here is named '{shown_name(wanted)}'{lacks}{self._nearest_sentence(wanted)}."
        return ModelError(ErrorKind.UNKNOWN_MODEL, text, model=wanted)

    def _nearest_sentence(self, wanted: str) -> str:
        near = self.nearest(wanted)
        return f"; nearest: {', '.join(near)}" if near else ""


def _vendor(name: str) -> str | None:
    """Return the vendor whose models are named so."""
    folded = name.casefold()
    return next(
        (profile.name for profile in PROFILES if profile.prefixes and folded.startswith(profile.prefixes)), None
    )
