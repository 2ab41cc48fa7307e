"""The origin of a request: tokens go to the server they are for, and not where it redirects to."""

import httpx2

from stepwarden.upstream.config import UpstreamConfig


def same_origin(url: httpx2.URL, config: UpstreamConfig) -> bool:
    """Return whether a request goes to the upstream's own scheme, host and port."""
    own = httpx2.URL(config.url or "")
    return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)
