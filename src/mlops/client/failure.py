"""Why a service gives no answer, as a sentence, and what to do about it."""

import http.client
import socket
import ssl
import urllib.error
from typing import Any

from mlops.client.address import PORT, Address, printable
from mlops.client.proxy import Proxy
from mlops.core.errors import ServingError

ADDRESS = "Is the service up, and is SERVICE_URL (or PORT) its address?"


class ServiceError(ServingError):
    """What is at an address does not answer as the service does: what was found, what to do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}. {advice}" if advice else found)
        self.found = found


def unanswered(
    error: Exception, address: Address, between: Proxy | None, seconds: float
) -> ServiceError:
    """Return the error that says why there is no answer."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    why, advice = _why(reason, address, seconds)
    if between:
        return ServiceError(f"no answer from {address} ({why})", around(between, address))
    what = "no service at" if isinstance(reason, ConnectionRefusedError) else "no answer from"
    return ServiceError(f"{what} {address} ({why})", advice)


def around(between: Proxy, address: Address) -> str:
    """Say which proxy is between, and how to do without."""
    return (
        f"The request went through the proxy {between}; to reach {address.host} without it, set "
        f"no_proxy={address.host}."
    )


def _why(reason: Any, address: Address, seconds: float) -> tuple[str, str]:
    """Return what went wrong below HTTP, and what to do about it."""
    port = "" if str(address.port) == PORT else f" PORT={address.port}"
    start = f"Start one with `make serve{port}`, or set PORT or SERVICE_URL to where one runs."
    look = "Look into the log of the service, and of what is in front of it."
    cases: tuple[tuple[Any, str, str], ...] = (
        (ssl.SSLCertVerificationError,
         f"its certificate cannot be verified: {getattr(reason, 'verify_message', '')}",
         "Set SSL_CERT_FILE to the certificate of the authority that signed it."),
        (ssl.SSLError, f"no TLS: {getattr(reason, 'reason', '') or reason}",
         f"Is it http://{address.place}{address.path}?"),
        (TimeoutError, f"nothing within {seconds:g} s", look),
        (ConnectionRefusedError, "connection refused", start),
        (socket.gaierror, f"no host {address.host}", "Check the name in SERVICE_URL."),
        (http.client.RemoteDisconnected, "it closed the connection without an answer", look),
        (http.client.IncompleteRead, "it closed the connection in the middle of the answer", look),
        (ConnectionError, "it closed the connection", look),
        (http.client.HTTPException, "what it sent is not HTTP",
         f"Is it https://{address.place}{address.path}?" if address.scheme == "http" else start),
    )  # fmt: skip
    for kind, why, advice in cases:
        if isinstance(reason, kind):
            return why, advice
    return printable(str(getattr(reason, "strerror", None) or reason)), ADDRESS
