"""The errors where no model can be chosen, and where a name means none."""

from functools import partial

from providers.model_names import shown_name
from providers.profiles import BY_NAME, PROFILES, vendor_of
from providers.routes import KnownModels
from stepwarden.models import ErrorKind, ModelError


def none_usable(known: KnownModels, *, restricted: bool) -> ModelError:
    """Return the error where no model can be chosen; `restricted` where models are allowed or denied by settings."""
    if known.nothing_configured:
        return ModelError(ErrorKind.NO_MODEL, partial(_nothing_configured, known))
    if restricted:
        text = "STEPWARDEN_MODELS_ALLOWED and _DENIED leave no model of what is configured: change them."
        return ModelError(ErrorKind.NO_MODEL, text)
    places = ", ".join(endpoint.profile.place for endpoint in known.endpoints.values())
    variables = [endpoint.profile.model_variable for endpoint in known.endpoints.values()]
    named = " or ".join(filter(None, variables))
    what = f"name a model, or set {named}" if named else "or name a model"
    return ModelError(ErrorKind.NO_MODEL, f"No model is known at {places}: see that it runs, {what}.")


def unknown_model(known: KnownModels, wanted: str, nearest: str) -> ModelError:
    """Return the error for a name that means no model here; `nearest` is the end of its sentence."""
    if known.nothing_configured:
        return ModelError(ErrorKind.NO_MODEL, partial(_nothing_configured, known), model=wanted)
    provider = _provider_of(known, wanted)
    needs = ""
    if provider and provider not in known.endpoints:
        needs = f"; {known.why_barred(provider) or f'it needs {BY_NAME[provider].to_set}'}"
    text = f"No model here is named '{shown_name(wanted)}'{needs}{nearest}."
    return ModelError(ErrorKind.UNKNOWN_MODEL, text, model=wanted)


def _nothing_configured(known: KnownModels) -> str:
    keys = ", ".join(profile.to_set for profile in known.asked if profile.key_needed)
    addresses = " or ".join(profile.to_set for profile in known.asked if not profile.key_needed)
    named = "" if len(known.asked) == len(PROFILES) else " of the providers that STEPWARDEN_PROVIDERS names"
    return f"No model is configured{named}: set {', '.join(filter(None, (keys, addresses)))}."


def _provider_of(known: KnownModels, name: str) -> str | None:
    """Return the provider that a name belongs to, configured or not."""
    row = known.catalogue.rows.get(known.catalogue.find(name) or "")
    if row is not None:
        return row.provider
    prefix = name.partition("/")[0].casefold()
    vendor = vendor_of(name)
    return prefix if prefix in BY_NAME else vendor.name if vendor else None
