"""Ask the running service about a text.

Reads: TEXT, PORT (3000 unless set), SERVICE_URL (http://127.0.0.1:PORT unless set)
"""

import os
import sys
from contextlib import suppress
from typing import Any

from mlops.client import address, exchange
from mlops.client.address import Address, printable
from mlops.client.failure import ServiceError
from mlops.client.response import is_info
from mlops.core.errors import ServingError, run

FORM = {"model", "label", "probabilities", "tokens", "truncated"}


def main() -> None:
    """Print the label, and the probability of each class."""
    text = os.environ.get("TEXT", "")
    if not text:
        raise ServingError('TEXT is missing. Example: make predict TEXT="a fine film"')
    service = address.asked("SERVICE_URL")
    found = ask(service, text)
    notice = find_notice(service)
    model, probabilities = found["model"], found["probabilities"]
    width = max(map(len, probabilities))
    lines = [f"{model['name']} {model['version']}"]
    for label, p in sorted(probabilities.items(), key=lambda item: -item[1]):
        lines.append(f"{label:{width}}  {p:6.1%}  {'#' * round(40 * p)}")
    if found["truncated"]:
        lines.append(f"only the first {found['tokens']} tokens were read")
    # A service of an earlier release says neither.
    lines += [f"warning: {one}" for one in (found.get("warning"), notice) if isinstance(one, str)]
    sys.stdout.write("\n".join([*map(printable, lines), ""]))


def ask(service: Address, text: str) -> dict[str, Any]:
    """Return the service's answer to one text."""
    return exchange.ask(service, "/predict", {"text": text}, form=is_prediction)


def find_notice(service: Address) -> Any:
    """Return what the service says of its model; nothing where only /predict is let through."""
    with suppress(ServiceError):
        info = exchange.fetch(service, "/info").value
        return info.get("notice") if is_info(info) else None
    return None


def is_prediction(value: Any) -> bool:
    """Tell whether a value has all of a prediction that is printed here."""
    if not isinstance(value, dict) or not value.keys() >= FORM:
        return False
    model, label, shares = value["model"], value["label"], value["probabilities"]
    return (
        isinstance(model, dict)
        and {"name", "version"} <= model.keys()
        and isinstance(shares, dict)
        and isinstance(label, str)
        and label in shares
        and all(isinstance(share, float | int) and 0 <= share <= 1 for share in shares.values())
    )


if __name__ == "__main__":
    run(main)
