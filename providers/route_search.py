"""Which model a name means: of the script, of the catalogue, as listed, or passed on as it stands."""

from collections.abc import Iterator
from dataclasses import replace

from providers.profile import UnknownNames
from providers.profiles import BY_NAME, SCRIPTED, vendor_of
from providers.routes import KnownModels, Route


def find_route(known: KnownModels, name: str) -> Route | None:
    """Return the route that a name leads to, whether it is allowed or not; None where it leads nowhere."""
    if name in known.scripted:
        return known.scripted_route(name)
    return (
        _with_provider(known, name)
        or next(iter(known.catalogue_routes(known.catalogue.find(name) or "")), None)
        or _listed(known, name)
        or _of_vendor(known, name)
        or _passed_on(known, name)
    )


def listed_routes(known: KnownModels) -> Iterator[Route]:
    """Return the routes to all that endpoints listed, each under the shortest name that leads back to it."""
    for route in known.listed_routes():
        found = find_route(known, route.wire_name)
        bare = found is not None and (found.provider, found.wire_name) == (route.provider, route.wire_name)
        shown = route.wire_name if bare else f"{route.provider}/{route.wire_name}"
        yield replace(route, info=replace(route.info, name=shown))


def own_routes(known: KnownModels) -> Iterator[Route]:
    """Return the routes to the models that a variable names, such as CUSTOM_MODEL_NAME."""
    for provider, endpoint in known.endpoints.items():
        if not endpoint.model:
            continue
        found = find_route(known, endpoint.model)
        bare = found is None or found.provider == provider
        shown = endpoint.model if bare else f"{provider}/{endpoint.model}"
        why = f"set by {endpoint.profile.model_variable}, {endpoint.source}"
        yield known.route_at(provider, endpoint.model, shown, why)


def _with_provider(known: KnownModels, name: str) -> Route | None:
    """Return the route of `provider/name`."""
    prefix, _, rest = name.partition("/")
    provider = prefix.casefold()
    if provider == SCRIPTED.name and rest in known.scripted:
        return known.scripted_route(rest)
    if not rest or provider not in known.endpoints:
        return None
    why = f"named with its provider, {known.source(provider)}"
    for route in known.catalogue_routes(known.catalogue.find(rest) or ""):
        if route.provider == provider:
            return replace(route, info=replace(route.info, name=_shown(known, route)), why=why)
    return known.route_at(provider, rest, f"{provider}/{rest}", why)


def _shown(known: KnownModels, route: Route) -> str:
    """Return the name that leads back to a route: the bare one where that does."""
    first = next(iter(known.catalogue_routes(route.info.name)), None)
    bare = first is not None and first.provider == route.provider
    return route.info.name if bare else f"{route.provider}/{route.wire_name}"


def _listed(known: KnownModels, name: str) -> Route | None:
    return next((route for route in known.listed_routes() if route.wire_name.casefold() == name.casefold()), None)


def _of_vendor(known: KnownModels, name: str) -> Route | None:
    vendor = vendor_of(name)
    if vendor is None or vendor.name not in known.endpoints or "/" in name:
        return None
    return known.route_at(vendor.name, name, name, f"named like a model of {vendor.name}, {known.source(vendor.name)}")


def _passed_on(known: KnownModels, name: str) -> Route | None:
    """Return the route of an unknown name: to a provider that takes such names, or to the only one."""
    claimed = vendor_of(name) is not None
    takes = {
        UnknownNames.VENDOR_SLASH_MODEL: "/" in name,
        UnknownNames.ALL: True,
        UnknownNames.UNCLAIMED: not claimed,
    }
    for names, fits in takes.items():
        for provider, endpoint in known.endpoints.items():
            if fits and endpoint.profile.unknown_names is names:
                by = f", {endpoint.source}" if endpoint.by_key_alone else ""
                return known.route_at(provider, name, name, f"passed on to {endpoint.profile.place}{by}")
    foreign = claimed or known.catalogue.find(name) or name.partition("/")[0] in BY_NAME
    if len(known.endpoints) == 1 and not foreign:
        only = next(iter(known.endpoints))
        return known.route_at(only, name, name, f"passed on to {only}, the only provider, {known.source(only)}")
    return None
