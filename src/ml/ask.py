"""Ask the running service about a text.

Reads: TEXT, PORT (3000 unless set), SERVICE_URL (http://127.0.0.1:PORT unless set)
"""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

from ml.errors import ServingError, run


def main() -> None:
    """Print the label, and the probability of each class."""
    text = os.environ.get("TEXT", "")
    if not text:
        raise ServingError('TEXT should be the text to classify; make predict TEXT="a fine film"')
    url = os.environ.get("SERVICE_URL") or f"http://127.0.0.1:{os.environ.get('PORT', '3000')}"
    found = ask(url, text)
    model, probabilities = found["model"], found["probabilities"]
    width = max(map(len, probabilities))
    lines = [f"{model['name']} {model['version']}"]
    for label, p in sorted(probabilities.items(), key=lambda item: -item[1]):
        lines.append(f"{label:{width}}  {p:6.1%}  {'#' * round(40 * p)}")
    if found["truncated"]:
        lines.append(f"only the first {found['tokens']} tokens were read")
    sys.stdout.write("\n".join([*lines, ""]))


def ask(url: str, text: str) -> dict[str, Any]:
    """Return the service's answer to one text."""
    request = urllib.request.Request(
        f"{url}/predict",
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        told = json.load(error)["error"]["message"]
        raise ServingError(f"the service at {url} refused the text: {told}") from None
    except (OSError, ValueError) as error:
        raise ServingError(
            f"a service should answer at {url}, but does not ({error}); "
            "run `make serve` in another terminal, or name the right PORT"
        ) from None


if __name__ == "__main__":
    run(main)
