"""Which proxy leads to a host: that of http_proxy and https_proxy, unless no_proxy or loopback."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.request import getproxies_environment, proxy_bypass

from mlops.client.address import Address, parse
from mlops.core.errors import ConfigError


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the variable that names it."""

    url: str  # with user and password
    name: str

    def __str__(self) -> str:
        """Return it without user and password."""
        return f"{parse(self.url, self.name)} ({self.name})"


def between(address: Address) -> Proxy | None:
    """Return the proxy between this machine and a service; None where there is none."""
    found = getproxies_environment()
    name = f"{address.scheme}_proxy"
    url = found.get(address.scheme, "")
    if not url or is_loopback(address.host) or _is_excepted(address, found):
        return None
    kind, has_kind, _ = url.partition("://")
    if has_kind and kind.lower() != "http":
        raise ConfigError(
            f"{name}: expected an HTTP proxy, such as http://proxy:3128, found one of {kind!r}; to "
            f"reach {address.host} without a proxy, set no_proxy={address.host}"
        )
    parse(url, name)
    return Proxy(url if has_kind else f"http://{url}", name)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by what it is called."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    found = _number(name)
    found = getattr(found, "ipv4_mapped", None) or found
    return found is not None and (found.is_loopback or found.is_unspecified)


def _is_excepted(address: Address, found: dict[str, str]) -> bool:
    """Tell whether no_proxy names the host, also by a range such as 10.0.0.0/8."""
    if proxy_bypass(address.place):
        return True
    number = _number(address.host)
    for part in found.get("no", "").replace(",", " ").split():
        try:
            if number is not None and number in ipaddress.ip_network(part, strict=False):
                return True
        except ValueError:  # a name
            continue
    return False


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return a host's number; 127.1 and 0x7f000001 are numbers too."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
