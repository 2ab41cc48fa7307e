"""What `doctor` says of models: who may be asked and why, who would be the expert, and what stands in the way."""

from collections.abc import Iterator

from providers.endpoints import Endpoint, barred_providers, configured_endpoints
from providers.network_path import UnusablePath
from stepwarden.cli.findings import CheckResult
from stepwarden.errors import SettingsError
from stepwarden.models import ModelError, ModelTier
from stepwarden.settings import Settings


def check_models(settings: Settings) -> Iterator[CheckResult]:
    """Check what can be asked, without asking anybody; settings that are wrong are told elsewhere."""
    try:
        endpoints = list(configured_endpoints(settings))
    except SettingsError:
        return
    if not endpoints and settings.scripted is None:
        yield CheckResult("ok", "models", "none: workflows go by their rules alone (listmodels says what to set)")
    else:
        yield _check_expert(settings)
    for endpoint in endpoints:
        yield _check_endpoint(endpoint)
    for barred in barred_providers(settings):
        yield CheckResult("note", "models", f"{barred.provider}: {barred.why}")


def _check_expert(settings: Settings) -> CheckResult:
    from providers.models import build_models

    try:
        choice = build_models(settings).choose(None, ModelTier.DEEP)
    except ModelError as error:  # such as of a local server, which is asked for its models later
        return CheckResult("ok", "models", f"expert: none yet: {error}")
    except SettingsError as error:
        return CheckResult("problem", "models", str(error), "correct the file")
    return CheckResult("ok", "models", f"expert: {choice.info.name}, {choice.why}")


def _check_endpoint(endpoint: Endpoint) -> CheckResult:
    found = f"{endpoint.name} at {endpoint.host}, {endpoint.source}"
    try:
        endpoint.path.check_proxy()
        endpoint.path.trusted()
    except UnusablePath as error:
        return CheckResult("problem", "models", f"{found}: cannot be reached", str(error).rstrip("."))
    if endpoint.path.proxy:
        found += f", by the proxy {endpoint.path.proxy_shown}"
    if endpoint.by_key_alone:
        advice = "if you did not choose it, name who may be asked in STEPWARDEN_PROVIDERS"
        return CheckResult("note", "models", found, advice)
    return CheckResult("ok", "models", found)
