"""From settings to what can be asked: the configured endpoints, and what the others lack."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from providers.network_path import DIRECT, NetworkPath, network_path
from providers.profile import Adapter, Profile
from providers.profiles import PROFILES
from providers.variables import read_address, read_flag, read_key
from stepwarden.errors import SettingsError
from stepwarden.models import UnusableProvider
from stepwarden.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider as it is configured here. The key is in no representation of it.

    `model` is the one that the user's own endpoint is asked for, "" where none is set. `path` is the way to it.
    """

    profile: Profile
    url: str
    key: str = field(default="", repr=False)
    key_variable: str = ""
    api_version: str = ""
    model: str = ""
    adapter: Adapter = Adapter.COMPATIBLE
    path: NetworkPath = DIRECT

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.profile.name

    @property
    def host(self) -> str:
        """The host that is asked, for people."""
        return urlsplit(self.url).netloc


def configured_endpoints(settings: Settings) -> Iterator[Endpoint]:
    """Return an endpoint for every provider whose settings are complete. Raises SettingsError for a bad variable."""
    for profile in PROFILES:
        if not _missing(profile, settings):
            yield _endpoint(profile, settings)


def unconfigured_providers(settings: Settings) -> Iterator[UnusableProvider]:
    """Return every other provider with what it needs."""
    for profile in PROFILES:
        if missing := _missing(profile, settings):
            yield UnusableProvider(profile.name, missing)


def check_variables(settings: Settings) -> None:
    """Raise SettingsError, with one line for each provider that has a variable without a usable value."""
    lines: list[str] = []
    for profile in PROFILES:
        try:
            _missing(profile, settings)
            _endpoint(profile, settings)
        except SettingsError as error:
            lines.append(str(error))
    if lines:
        raise SettingsError("\n".join(lines))


def free_manager_model(settings: Settings) -> str | None:
    """Return a model that costs nothing and that the keys set here can ask, None where there is none."""
    for profile in PROFILES:
        if profile.manager_model and any(read_key(settings, key) for key in profile.keys):
            return profile.manager_model
    return None


def _missing(profile: Profile, settings: Settings) -> str:
    """Return what to set or install before a provider can be used, "" where nothing is missing."""
    has_key = not profile.key_needed or any(read_key(settings, key) for key in profile.keys)
    has_url = not profile.url_needed or settings.environment.get(profile.url_variable)
    if not has_key or not has_url:
        missing = [] if has_key else [" or ".join(key.variable for key in profile.keys)]
        missing += [] if has_url else [profile.url_variable]
        return f"set {' and '.join(missing)}"
    sdk = profile.sdk
    if sdk and read_flag(settings, sdk.variable) and not importlib.util.find_spec(sdk.module):
        return f"install stepwarden[{sdk.extra}], or unset {sdk.variable}"
    return ""


def _endpoint(profile: Profile, settings: Settings) -> Endpoint:
    environment, sdk = settings.environment, profile.sdk
    found = ((key, read_key(settings, key)) for key in profile.keys)
    key, secret = next(((key, secret) for key, secret in found if secret), (None, ""))
    version = environment.get(profile.version_variable) or ""
    url = read_address(settings, profile, version) or (key and key.url) or profile.url
    return Endpoint(
        profile,
        url,
        secret,
        key.variable if key else next((key.variable for key in profile.keys), profile.url_variable),
        version,
        environment.get(profile.model_variable) or "",
        sdk.adapter if sdk and read_flag(settings, sdk.variable) else profile.adapter,
        network_path(url, settings),
    )
