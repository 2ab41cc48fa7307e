"""The variables that providers declare, read and checked. An error names the variable and never its value."""

from urllib.parse import urlsplit

from providers.profile import KeyVariable, Profile
from stepwarden.errors import SettingsError
from stepwarden.settings import Settings

_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on", "t", "y"), True),
    **dict.fromkeys(("0", "false", "no", "off", "f", "n"), False),
}


def read_key(settings: Settings, key: KeyVariable) -> str:
    """Return a key, "" where it is not set. Raises SettingsError for what cannot be one."""
    value = settings.environment.get(key.variable) or settings.environment.get(key.other_name) or ""
    if not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError(f"{key.variable}: there are blanks or foreign characters in it; copy it again")
    return value


def read_address(settings: Settings, profile: Profile, version: str) -> str:
    """Return the base URL that the user set, "" where none is set. Raises SettingsError for what is not an address."""
    written = settings.environment.get(profile.url_variable)
    if written is None:
        return ""
    try:
        url = profile.complete_url(written.rstrip("/"), version)
        parts = urlsplit(url)
    except ValueError:  # brackets that are no IPv6 address
        parts = urlsplit(url := "")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{profile.url_variable}: send an address such as https://host/v1")
    if parts.username or parts.password:
        text = f"{profile.url_variable}: there is a password in the address; put the key into its own variable"
        raise SettingsError(text)
    return url


def read_flag(settings: Settings, variable: str) -> bool:
    """Return whether a variable switches something on. Raises SettingsError for what is neither yes nor no."""
    value = settings.environment.get(variable)
    if value is None:
        return False
    flag = _FLAGS.get(value.casefold())
    if flag is None:
        raise SettingsError(f"{variable}: send true or false")
    return flag
