"""How an endpoint is reached from here: by which proxy, trusting which certificates, and which variables say so."""

import importlib.util
import ipaddress
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from stepwarden.settings import Settings

_SOCKS = {"socks5", "socks5h"}
_SYSTEM = "the proxy of the system's settings"


class UnusablePath(ValueError):
    """A variable stands in the way; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class NetworkPath:
    """The way to one endpoint. The proxy may hold a password, so it is in no representation.

    `proxy_variable` and `certificates_variable` say what set them, "" where nothing did.
    """

    host: str
    secure: bool
    proxy: str = field(default="", repr=False)
    proxy_variable: str = ""
    certificates: str = ""
    certificates_variable: str = ""

    @property
    def proxy_shown(self) -> str:
        """The proxy without a password that may stand in it, and what set it."""
        return f"{urlsplit(self.proxy).netloc.rpartition('@')[2]} ({self.proxy_variable})"

    @property
    def around_proxy(self) -> str:
        """What to do about a proxy that cannot be used."""
        return f"correct {self.proxy_variable}, or add {self.host} to NO_PROXY"

    def check_proxy(self) -> None:
        """Raise UnusablePath where the proxy is none that can be used."""
        if not self.proxy:
            return
        try:
            parts = urlsplit(self.proxy)
            is_address = bool(parts.hostname) and parts.port != 0
        except ValueError:  # of a port that is no number
            parts, is_address = urlsplit(""), False
        if not is_address or parts.scheme not in {"http", "https", *_SOCKS}:
            raise UnusablePath(
                f"{self.proxy_variable} is not the address of an http, https or socks5 proxy: {self.around_proxy}."
            )
        if parts.scheme in _SOCKS and importlib.util.find_spec("socksio") is None:
            raise UnusablePath(
                f"{self.proxy_variable} names a SOCKS proxy: install stepwarden[socks], or add {self.host} to NO_PROXY."
            )

    def trusted(self) -> ssl.SSLContext:
        """Return what checks certificates: those that a variable names, else the system's. Raises UnusablePath.

        Nothing is read where no TLS is spoken; such a client trusts nobody.
        """
        if not self.secure and not self.proxy.startswith("https://"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not self.certificates:
            import httpx2

            return httpx2.create_ssl_context(trust_env=False)
        place, name = Path(self.certificates), self.certificates_variable
        of_file = name == "SSL_CERT_FILE"
        if not (place.is_file() if of_file else place.is_dir()):
            what = "file" if of_file else "directory"
            raise UnusablePath(f"{name} names a {what} that is not there ({place}): correct {name}, or unset it.")
        try:
            return ssl.create_default_context(cafile=place) if of_file else ssl.create_default_context(capath=place)
        except (ssl.SSLError, OSError):
            text = f"{name} names a file without certificates that can be read ({place}): correct {name}, or unset it."
            raise UnusablePath(text) from None


DIRECT = NetworkPath("", secure=False)
"""The way where there is no network between."""


def network_path(url: str, settings: Settings) -> NetworkPath:
    """Return the way to an address. An endpoint of this machine is reached without a proxy."""
    parts, environment = urlsplit(url), settings.environment
    host = (parts.hostname or "").casefold()
    proxy, set_by = "", ""
    if not _is_here(host) and not _is_exempt(host, environment.get("NO_PROXY") or ""):
        variables = (f"{parts.scheme.upper()}_PROXY", "ALL_PROXY")
        set_by = next((name for name in variables if environment.get(name)), "")
        proxy = environment.get(set_by) or ""
        if not set_by and (proxy := _system_proxy(parts.scheme, host)):
            set_by = _SYSTEM
    certificates = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environment.get(name)), "")
    return NetworkPath(
        host,
        secure=parts.scheme == "https",
        proxy=f"http://{proxy}" if proxy and "://" not in proxy else proxy,
        proxy_variable=set_by,
        certificates=environment.get(certificates) or "",
        certificates_variable=certificates,
    )


def _is_here(host: str) -> bool:
    """Return whether a host is this machine."""
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _is_exempt(host: str, no_proxy: str) -> bool:
    """Return whether NO_PROXY names a host: itself, its domain, its network, or `*`; other entries are passed over."""
    address = _address(host)
    for written in no_proxy.replace(",", " ").split():
        entry = written.casefold().rpartition("://")[2].rstrip("/")
        if entry == "*":
            return True
        if address is not None and _holds(entry, address):
            return True
        name = entry.rpartition(":")[0] if entry.count(":") == 1 else entry
        name = name.removeprefix("*").removeprefix(".")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an entry of NO_PROXY is this address, or a network that holds it."""
    bare = entry.partition("]")[0].strip("[") if entry.startswith("[") else entry
    bare = bare.rpartition(":")[0] if bare.count(":") == 1 else bare
    try:
        return address in ipaddress.ip_network(bare, strict=False)
    except ValueError:
        return False


def _system_proxy(scheme: str, host: str) -> str:
    """Return the proxy that macOS or Windows are set to, where no variable names one."""
    if sys.platform not in {"darwin", "win32"}:
        return ""
    import urllib.request

    if urllib.request.proxy_bypass(host):
        return ""
    proxies = urllib.request.getproxies()
    return proxies.get(scheme) or proxies.get("all") or ""
