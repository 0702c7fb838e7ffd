"""The keys of logged requests: requests/<environment>/date=YYYY-MM-DD/<name>.parquet."""

import re
from datetime import date

KEY = re.compile(r"requests/[^/]+/date=(\d{4}-\d{2}-\d{2})/[^/]+\.parquet")


def folder(environment: str) -> str:
    """Return the prefix of all that an environment has logged."""
    return f"requests/{environment}/"


def key(environment: str, day: date, name: str) -> str:
    """Return where the rows of a day of one spool file go: at each try the same place."""
    return f"{folder(environment)}date={day.isoformat()}/{name}.parquet"


def day(key: str) -> date | None:
    """Return the day of a key; nothing where it is none of ours."""
    found = KEY.fullmatch(key)
    return date.fromisoformat(found[1]) if found else None
