"""Which providers may be asked, and what bars the others: code goes to nobody whom the user did not choose.

Hosts pass on keys of their own. So where providers are named, or an endpoint of the user's is configured, only those
are asked; else a key is taken for a choice, and what is told of its models says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from providers.profile import Profile
from providers.profiles import BY_NAME, PROFILES
from providers.variables import holds_key
from stepwarden.errors import SettingsError
from stepwarden.settings import Settings


@dataclass(frozen=True, slots=True)
class AskedProviders:
    """The providers that may be asked; `named` where the user named them, `barred_by` what keeps the others out."""

    profiles: Sequence[Profile]
    named: bool = False
    barred_by: str = ""

    def source(self, profile: Profile, variable: str, settings: Settings) -> str:
        """Return where a model of a provider is from, for a sentence: by a key alone, or at a place that was chosen."""
        if settings.environment.get(profile.url_variable):
            return f"at {profile.url_variable}"
        return f"at {profile.place}" if self.named or not variable else f"by {variable}"

    def why_barred(self, profile: Profile, settings: Settings) -> str:
        """Return why a provider is not asked, and what would change that; "" for one that is."""
        if profile in self.profiles:
            return ""
        variables = [key.variable for key in profile.keys] + [profile.url_variable]
        found = next((name for name in variables if settings.environment.get(name)), "")
        if not found:
            return f"set {profile.to_set}, and STEPWARDEN_PROVIDERS"
        return f"{found} is not used, {self.barred_by}: add {profile.name} to STEPWARDEN_PROVIDERS to use it"


def asked_providers(settings: Settings) -> AskedProviders:
    """Return which providers may be asked. Raises SettingsError for a name that is no provider's."""
    if settings.providers:
        named = tuple(dict.fromkeys(_named(name) for name in settings.providers))
        return AskedProviders(named, named=True, barred_by="since STEPWARDEN_PROVIDERS does not name it")
    own = tuple(_own(settings))
    if settings.scripted is not None:
        return AskedProviders(own, barred_by="since STEPWARDEN_SCRIPTED is set")
    if own:
        addresses = " and ".join(profile.url_variable for profile in own)
        return AskedProviders(own, barred_by=f"since {addresses} is set")
    return AskedProviders(PROFILES)


def _own(settings: Settings) -> Iterator[Profile]:
    """Return the providers whose address the user set, with a key where one is needed."""
    for profile in PROFILES:
        has_key = not profile.key_needed or any(holds_key(settings, key) for key in profile.keys)
        if profile.url_variable and settings.environment.get(profile.url_variable) and has_key:
            yield profile


def _named(written: str) -> Profile:
    name = written.strip().casefold()
    if name in BY_NAME:
        return BY_NAME[name]
    for profile in PROFILES:
        others = (*profile.title.casefold().split(), profile.prices, *(start.rstrip("-") for start in profile.prefixes))
        if name in others:
            return profile
    import difflib  # only mistakes need it

    names = [profile.name for profile in PROFILES]
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]}" if near else ""
    raise SettingsError(f"STEPWARDEN_PROVIDERS: no provider '{name}'{meant}. There are: {', '.join(names)}")
