"""Where a service is, as a user names it: URL, SERVICE_URL or PORT."""

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from mlops.core.errors import ConfigError

PORT = "3000"


@dataclass(frozen=True)
class Address:
    """The base address of a service; what proves who asks is kept apart and never shown."""

    scheme: str
    host: str
    port: int | None
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """Return the address without user and password, and without a slash at its end."""
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def place(self) -> str:
        """Return host and port, as they are written in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def asked(*names: str, port: str = "") -> Address:
    """Return the address in the first variable that is set, else that of a port of this machine."""
    for name in names:
        if text := os.environ.get(name, "").strip():
            return parse(text, name)
    own = port or os.environ.get("PORT", "").strip() or PORT
    if not (own.isascii() and own.isdigit() and 0 < int(own[:6]) <= 65_535):
        raise ConfigError(f"PORT: expected a port number from 1 to 65535, found {shown(own)!r}")
    return Address("http", "127.0.0.1", int(own))


def parse(text: str, name: str) -> Address:
    """Return what a text names; `name` is the variable that it comes from."""
    whole = text if "://" in text else f"http://{text.removeprefix('//')}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # its words would show a password that holds a slash
        parts, host, port = urlsplit(""), "", None
    plain = not re.search(r"[\s\x00-\x1f\x7f]", whole) and not re.match("https?:(?!//)", text)
    named = bool(re.fullmatch(r"[\w.-]+|[0-9a-fA-F.]*:[0-9a-fA-F:.]*(%\w+)?", host)) and port != 0
    if parts.scheme not in ("http", "https") or not plain or not named:
        raise ConfigError(
            f"{name}: expected the address of a service, such as http://127.0.0.1:3000, "
            f"found {shown(text)!r}"
        )
    if parts.query or parts.fragment or whole.endswith(("?", "#")):
        raise ConfigError(
            f"{name}: expected the address of a service without a query or a fragment, "
            f"found {shown(text)!r}; remove what follows ? or #"
        )
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    return Address(parts.scheme, host, port, path, _authorization(parts.username, parts.password))


def shown(text: str) -> str:
    """Return a text that may hold an address without user, password, query and control characters.

    Everything up to the last @ goes: a password may hold any character.
    """
    bare = re.sub(r"^([a-zA-Z][\w+.-]*://|//)?\S*@", r"\1", text)
    return printable(re.sub(r"[?#]\S*", "?...", bare))


def printable(text: str, most: int = 300) -> str:
    """Return the beginning of a text in one line, without what a terminal would obey."""
    line = "".join(one if one.isprintable() else " " for one in text[:most])
    return line if len(text) <= most else f"{line}..."


def _authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None and password is None:
        return {}
    pair = f"{unquote(user or '')}:{unquote(password or '')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
