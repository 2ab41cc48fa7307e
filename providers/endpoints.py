"""From settings to what can be asked: the configured endpoints, and what the others lack."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from providers.profiles import BY_NAME, PROFILES, Profile
from stepwarden.models import UnusableProvider
from stepwarden.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One vendor as it is configured here. The key is in no representation of it."""

    profile: Profile
    url: str
    key: str = field(default="", repr=False)
    key_variable: str = ""
    api_version: str = ""

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.profile.name

    @property
    def host(self) -> str:
        """The host that is asked, for people."""
        return urlsplit(self.url).netloc


def configured(settings: Settings) -> Iterator[Endpoint]:
    """Return an endpoint for every vendor whose settings are complete."""
    for profile in PROFILES:
        if not _lacks(profile, settings):
            yield _endpoint(profile, settings)


def unconfigured(settings: Settings) -> Iterator[UnusableProvider]:
    """Return what every other vendor lacks."""
    for profile in PROFILES:
        if lack := _lacks(profile, settings):
            yield UnusableProvider(profile.name, lack)


def what_to_set(name: str) -> str:
    """Return the variables that make a provider usable, for a sentence."""
    return _wanted(BY_NAME[name])


def _wanted(profile: Profile) -> str:
    key = " or ".join(key.variable for key in profile.keys) if profile.key_needed else ""
    return " and ".join(filter(None, (key, profile.url_variable)))


def _lacks(profile: Profile, settings: Settings) -> str:
    has_key = any(getattr(settings, key.field) for key in profile.keys) or not profile.key_needed
    has_url = not profile.url_variable or getattr(settings, profile.url_field)
    if not has_key or not has_url:
        missing = [] if has_key else [" or ".join(key.variable for key in profile.keys)]
        missing += [] if has_url else [profile.url_variable]
        return f"set {' and '.join(missing)}"
    if profile.name == "zhipuai" and settings.zhipuai_sdk and not importlib.util.find_spec("zai"):
        return "install stepwarden[zhipu], or unset STEPWARDEN_ZHIPUAI_SDK"
    return ""


def _endpoint(profile: Profile, settings: Settings) -> Endpoint:
    key = next((key for key in profile.keys if getattr(settings, key.field)), None)
    url: str = (profile.url_field and getattr(settings, profile.url_field)) or (key and key.url) or profile.url
    version = ""
    if profile.name == "azure":
        version = settings.azure_openai_api_version or ""
        if not version and "/openai" not in url:
            url = f"{url}/openai/v1"
    if profile.name == "ollama":
        url = url.replace("//0.0.0.0", "//127.0.0.1")  # what a server binds is no address to ask
        if ":" not in urlsplit(url).netloc:
            url = f"{url}:11434"
        if not url.endswith("/v1"):
            url = f"{url}/v1"
    return Endpoint(
        profile,
        url,
        getattr(settings, key.field).get_secret_value() if key else "",
        key.variable if key else next((key.variable for key in profile.keys), profile.url_variable),
        version,
    )
