"""From settings to what can be asked: the configured endpoints, and what the others lack."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from providers.asked_providers import AskedProviders, asked_providers
from providers.network_path import DIRECT, NetworkPath, network_path
from providers.profile import Adapter, Profile
from providers.profiles import PROFILES
from providers.variables import holds_placeholder, read_address, read_flag, read_key
from stepwarden.errors import SettingsError
from stepwarden.models import UnusableProvider
from stepwarden.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider as it is configured here. The key is in no representation of it.

    `model` is the one that the user's own endpoint is asked for, "" where none is set. `path` is the way to it.
    `source` says for a sentence where its models are from: `at openai`, or `by OPENAI_API_KEY` where only a key, which
    the host may have passed on, says that it is asked.
    """

    profile: Profile
    url: str
    key: str = field(default="", repr=False)
    key_variable: str = ""
    api_version: str = ""
    model: str = ""
    adapter: Adapter = Adapter.COMPATIBLE
    path: NetworkPath = DIRECT
    source: str = ""

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.profile.name

    @property
    def by_key_alone(self) -> bool:
        """Whether nothing but a key says that it may be asked."""
        return self.source.startswith("by ")

    @property
    def address_variable(self) -> str:
        """The variable that its address is from, "" where it is the vendor's own."""
        usual = {self.profile.url, *(key.url for key in self.profile.keys)}
        return "" if self.url in usual else self.profile.url_variable

    @property
    def host(self) -> str:
        """The host that is asked, for people."""
        return urlsplit(self.url).netloc


def configured_endpoints(settings: Settings) -> Iterator[Endpoint]:
    """Return an endpoint for every provider whose settings are complete. Raises SettingsError for a bad variable."""
    asked = asked_providers(settings)
    for profile in asked.profiles:
        if not _missing(profile, settings):
            yield _endpoint(profile, asked, settings)


def unconfigured_providers(settings: Settings) -> Iterator[UnusableProvider]:
    """Return every other provider with what it needs."""
    asked = asked_providers(settings)
    for profile in PROFILES:
        if why := asked.why_barred(profile, settings) or _missing(profile, settings):
            yield UnusableProvider(profile.name, why)


def barred_providers(settings: Settings) -> Iterator[UnusableProvider]:
    """Return the providers whose key or address is set and not used, each with what bars it."""
    asked = asked_providers(settings)
    for profile in PROFILES:
        if profile not in asked.profiles and any(settings.environment.get(name) for name in profile.variables):
            yield UnusableProvider(profile.name, asked.why_barred(profile, settings))


def check_variables(settings: Settings) -> None:
    """Raise SettingsError, with one line for each provider that is asked and has a variable without a usable value."""
    lines: list[str] = []
    asked = asked_providers(settings)
    for profile in asked.profiles:
        try:
            _missing(profile, settings)
            _endpoint(profile, asked, settings)
        except SettingsError as error:
            lines.append(str(error))
    if lines:
        raise SettingsError("\n".join(lines))


def free_manager_model(settings: Settings) -> str | None:
    """Return a model that costs nothing and that the keys set here can ask, None where there is none."""
    for profile in asked_providers(settings).profiles:
        if profile.manager_model and any(read_key(settings, key) for key in profile.keys):
            return profile.manager_model
    return None


def _missing(profile: Profile, settings: Settings) -> str:
    """Return what to set or install before a provider can be used, "" where nothing is missing."""
    has_key = not profile.key_needed or any(read_key(settings, key) for key in profile.keys)
    placeholder = next((key.variable for key in profile.keys if holds_placeholder(settings, key)), "")
    has_url = not profile.url_needed or settings.environment.get(profile.url_variable)
    if not has_key or not has_url:
        missing = [] if has_key else [" or ".join(key.variable for key in profile.keys)]
        missing += [] if has_url else [profile.url_variable]
        needs = f"set {' and '.join(missing)}"
        return f"{placeholder} holds a placeholder and no key: {needs}" if placeholder else needs
    sdk = profile.sdk
    if sdk and read_flag(settings, sdk.variable) and not importlib.util.find_spec(sdk.module):
        return f"install stepwarden[{sdk.extra}], or unset {sdk.variable}"
    return ""


def _endpoint(profile: Profile, asked: AskedProviders, settings: Settings) -> Endpoint:
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
        asked.source(profile, key.variable if key else "", settings),
    )
