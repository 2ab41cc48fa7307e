"""From a failed connection to a ModelError that names what stands in the way: a proxy, certificates, the address."""

import ssl
from collections.abc import Iterator

from providers.endpoints import Endpoint
from providers.failures import quoted
from providers.network_path import UnusablePath
from stepwarden.models import ErrorKind, ModelError, shown_seconds

PROXY_WANTS_LOGIN = "407, it wants a user and a password"


def unusable_path(endpoint: Endpoint, error: UnusablePath, model: str) -> ModelError:
    """Return the error where a variable stands in the way."""
    text = f"{endpoint.profile.title} at {endpoint.host} cannot be reached: {error}"
    return ModelError(ErrorKind.MISCONFIGURED, text, model=model)


def not_reached(endpoint: Endpoint, error: BaseException | str, model: str) -> ModelError:
    """Return the error of a connection that was not made or broke off."""
    title, path = f"{endpoint.profile.title} at {endpoint.host}", endpoint.path
    causes = [] if isinstance(error, str) else list(_causes(error))
    why = quoted(error if isinstance(error, str) else _words(causes), endpoint.key)
    untrusted = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        return ModelError(ErrorKind.MISCONFIGURED, _untrusted(endpoint, title, untrusted), model=model)
    if path.proxy:
        text = f"{title} cannot be reached by the proxy {path.proxy_shown}: {why}: {path.around_proxy}."
    else:
        text = f"{title} broke off or cannot be reached ({why}): check {endpoint.address_variable or 'the network'}."
    return ModelError(ErrorKind.NETWORK, text, model=model)


def timed_out(endpoint: Endpoint, model: str, waited_s: float, longest_s: float) -> ModelError:
    """Return the error of an endpoint that was waited for so long in vain; `longest_s` is what the setting allows."""
    by_setting = " (STEPWARDEN_MODEL_TIMEOUT_S)" if waited_s >= longest_s else ""
    text = f"{endpoint.profile.title} gave no answer within {shown_seconds(waited_s)}{by_setting}"
    return ModelError(
        ErrorKind.TIMEOUT, f"{text}: ask again later, or name a quicker model.", model=model, waited_s=waited_s
    )


def _untrusted(endpoint: Endpoint, title: str, error: ssl.SSLCertVerificationError) -> str:
    path = endpoint.path
    why = f"{title} shows a certificate that is not trusted here ({error.verify_message or error.reason})"
    if path.certificates:
        variable = path.certificates_variable
        return f"{why}: add that of its authority to {path.certificates} ({variable}), or unset {variable}."
    return f"{why}: put that of its authority into a file, and name the file in SSL_CERT_FILE."


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _words(causes: list[BaseException]) -> str:
    """Return the words of the first cause that has some, the SDK's own apart: it says "Connection error." of all."""
    told = [str(cause) or type(cause).__name__ for cause in causes[1:]] or [str(causes[0])]
    return told[0]
