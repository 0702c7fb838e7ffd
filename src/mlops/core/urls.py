"""Credentials in addresses: what counts as one, and how to write the address without it.

The only place that knows. A configuration with one is refused, errors and logs leave it out.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

# A name before the @ is a user or a container in these; in all others it may be a token.
USERS = {"abfs", "abfss", "hdfs", "sftp", "smb", "ssh", "wasb", "wasbs", "webhdfs"}
# In `github:` an organisation, a repository and a commit stand there, which look like a password.
_USER = re.compile(
    r"(?P<scheme>\b(?!github:)[a-z][a-z0-9+.-]*)://"
    r"(?P<user>[^\s/?#]*@"  # up to the last @ before the path
    # A password with unquoted signs: what follows the colon is no port.
    r"|[^\s/?#@:\[]*:(?!\d*(?:[/?#\s\"']|$)|:)[^\s@]*@)",
    re.I,
)
_PARAMETER = re.compile(r"(?P<name>(?<=[?&;#])[\w.%~-]+)=(?!\*\*\*)(?P<value>[^&;#\s\"'<>)\]}]+)")
_NAMES = {"sig", "sign", "key", "pass", "pwd", "auth", "jwt", "code", "keypairid"}
_PARTS = re.compile(
    r"signature|token(?!s)|secret|passw|passphrase|credential|authorization"
    r"|(api|access|account|private|session|subscription|functions|license|shared|user)key"
)
_TOKEN = re.compile(
    r"\b(gh[opsu]_\w{16,}|ghr_\w{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[a-zA-Z0-9]{30,}"
    r"|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{35}|xox[abp]-[\w-]{10,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_VARIABLE = re.compile(
    r"SECRET|PASSW|PASSPHRASE|CREDENTIAL|(API|ACCESS|ACCOUNT|PRIVATE)_?KEY|_(PASS|PWD|SAS)$"
    r"|TOKEN(_?\d+)?$",
    re.I,
)
Key = tuple[str | int, ...]
CURE = (
    "every run records its configuration: use the variables of AWS, HF_TOKEN or ~/.netrc instead "
    "(docs/storage.md, Credentials)"
)


def secret(text: str) -> str:
    """Name the credential that a text holds, without its value; nothing if it holds none."""
    if re.match(r"[\w+.:-]+://", text):  # an address from end to end: blanks are part of it
        text = re.sub(r"\s", "_", text)
    for found in _USER.finditer(text):
        if _hides(found):
            return "a user or a password before the @"
    for found in _PARAMETER.finditer(text):
        if _named(found["name"]):
            return f"the parameter {found['name']}"
    return "an access token or a key" if _TOKEN.search(text) else ""


def plain(text: str) -> str:
    """Return an address, or a text with some, without the credentials in it."""
    text = _USER.sub(lambda found: f"{found['scheme']}://" if _hides(found) else found[0], text)
    text = _PARAMETER.sub(
        lambda found: f"{found['name']}=***" if _named(found["name"]) else found[0], text
    )
    return _TOKEN.sub("***", text)


def secret_variable(name: str) -> bool:
    """Tell whether an environment variable holds a secret, as its name says."""
    return _VARIABLE.search(name) is not None


def secrets(value: object, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """Give the key of each text in nested values that holds a credential, and a complaint."""
    if isinstance(value, str):
        if what := secret(value):
            yield key, f"expected no credentials, found {what}; {CURE}"
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secrets(str(name), key)
            yield from secrets(inner, (*key, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from secrets(inner, (*key, index))


def _hides(found: re.Match[str]) -> bool:
    return found["scheme"].lower() not in USERS or ":" in found["user"]


def _named(name: str) -> bool:
    word = re.sub(r"[^a-z0-9]", "", unquote(name).lower())
    return word in _NAMES or _PARTS.search(word) is not None
