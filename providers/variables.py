"""The variables that providers declare, read and checked. An error names the variable and never its value."""

import re
from urllib.parse import urlsplit

from providers.profile import KeyVariable, Profile
from stepwarden.errors import SettingsError
from stepwarden.settings import Settings

_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on", "t", "y"), True),
    **dict.fromkeys(("0", "false", "no", "off", "f", "n"), False),
}


# What stands where a key should, copied from an example or left unresolved by a host.
_PLACEHOLDER = re.compile(
    r"\$\{.*\}|\$\w+|%\w+%|\{\{.*\}\}|<.*>|\[.*\]|(sk-)?(your|insert|replace|enter|paste)[-_ ].*"
    r"|.*(key|token)[-_ ]here|(sk-)?(x{3,}|\*{3,}|\.{3,})|change[-_]?me|todo|none|null|undefined",
    re.IGNORECASE,
)


def holds_key(settings: Settings, key: KeyVariable) -> bool:
    """Return whether a variable is set to something that stands for no other thing; it may still be no key."""
    return bool(_held(settings, key)[1]) and not holds_placeholder(settings, key)


def holds_placeholder(settings: Settings, key: KeyVariable) -> bool:
    """Return whether a variable holds what is no key but stands for one."""
    return _PLACEHOLDER.fullmatch(_held(settings, key)[1]) is not None


def read_key(settings: Settings, key: KeyVariable) -> str:
    """Return a key, "" where it is not set or a placeholder. Raises SettingsError for what cannot be one."""
    variable, value = _held(settings, key)
    if _PLACEHOLDER.fullmatch(value):
        return ""
    if wrong := _wrong_with(value):
        raise SettingsError(f"{variable}: {wrong}; copy the key again")
    return value


def _held(settings: Settings, key: KeyVariable) -> tuple[str, str]:
    """Return the variable of a key that is set, and its value."""
    names = [name for name in (key.variable, key.other_name) if name and settings.environment.get(name)]
    return (names[0], settings.environment.get(names[0]) or "") if names else (key.variable, "")


def _wrong_with(value: str) -> str:
    """Return what is wrong with a value that should be a key, without the value."""
    if value[:1] in {'"', "'"} or value[-1:] in {'"', "'"}:
        return "there are quotation marks round it"
    if value.casefold().startswith("bearer "):
        return "it begins with the word Bearer, which is no part of a key"
    if any(character in "\r\n" for character in value):
        return "there is a line break in it"
    if any(character.isspace() for character in value):
        return "there is a blank in it"
    strange = next((character for character in value if not character.isascii() or not character.isprintable()), "")
    return f"there is a character in it that no key has (U+{ord(strange):04X})" if strange else ""


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
