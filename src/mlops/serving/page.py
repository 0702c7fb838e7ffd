"""The page at `/`, where a person types a sentence.

Reads: page.html
"""

from pathlib import Path

PAGE = Path(__file__).with_name("page.html").read_bytes()
# The page needs nothing from elsewhere, so nothing else is allowed.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY}
