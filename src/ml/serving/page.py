"""The page at `/`, where a person types a sentence.

Reads: page.html
"""

from pathlib import Path

PAGE = Path(__file__).with_name("page.html").read_bytes()
CONTENT_TYPE = "text/html; charset=utf-8"
