"""The page at `/`, where a person types a sentence.

Reads: page.html; SERVING_SECOND, the address of a second service on this machine and its name,
    which `make play AGAINST=...` sets: the page asks both
"""

import html
import os
from pathlib import Path

SECOND, _, NAME = os.environ.get("SERVING_SECOND", "").partition(" ")
_WHO = f'<body data-second="{html.escape(SECOND)}" data-name="{html.escape(NAME)}">'
PAGE = Path(__file__).with_name("page.html").read_bytes().replace(b"<body>", _WHO.encode())
_ASKED = " ".join(filter(None, ["'self'", SECOND]))
# The page needs nothing from elsewhere, so nothing else is allowed.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    f"connect-src {_ASKED}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY}
