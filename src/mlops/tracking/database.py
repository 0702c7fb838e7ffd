"""The SQLite file of an embedded MLflow store, checked before MLflow opens it. Knows no MLflow.

Reads: .mlflow/<environment>/mlflow.db
Writes: in it where artifacts lie, once the project has another folder
"""

import importlib.util
import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlops.core import paths
from mlops.core.errors import TrackingError

log = logging.getLogger(__name__)

PLACES = {  # columns that name a folder
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
DAMAGED = re.compile("file is not a database|disk image is malformed|btreeInitPage")


def prepare(uri: str) -> None:
    """Check the store, and point it to the artifacts in the folder that the project has now."""
    check(uri)
    path = _path(uri)
    if path and path.is_relative_to(paths.home() / ".mlflow"):
        with closing(sqlite3.connect(path, timeout=20)) as database:
            _aim(database, path.parent / "artifacts")


def check(uri: str) -> None:
    """Raise a TrackingError if a SQLite file is damaged, or of another release of MLflow."""
    path = _path(uri)
    if not path:
        return
    wrong = _damage(path)
    if wrong:
        raise TrackingError(
            f"the MLflow database {_short(path)} is damaged ({wrong}): its runs and registered "
            f"versions cannot be read. Restore it from a backup, or move it away (mv "
            f"{_short(path)} {path.name}.damaged) and run the same command again, which creates a "
            "new one; artifacts, models and reports are kept"
        )
    with closing(_open(path)) as database:
        _check_release(database, path)


def is_damaged(text: str) -> bool:
    """Return whether an error is about a damaged SQLite file."""
    return bool(DAMAGED.search(text))


def _path(uri: str) -> Path | None:
    """Return the file of a SQLite store that is there."""
    if not uri.startswith("sqlite:///"):
        return None
    path = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    return path if path.is_file() else None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=20)


def _damage(path: Path) -> str:
    if not path.stat().st_size:
        # MLflow would begin a new one; a kill in the first moments of all leaves it empty, too.
        left = any((path.parent / "artifacts").glob("*"))
        return "it is empty, while artifacts of its runs are there" if left else ""
    try:
        with closing(_open(path)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        return ""  # it is locked, or cannot be opened: MLflow says so
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if said == "ok" else " ".join(str(said).split())


def _check_release(database: sqlite3.Connection, path: Path) -> None:
    try:
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return  # no tables yet
    before = _read_migrations()
    if not row or not before or row[0] in set(before) - set(before.values()):
        return
    found = f"the MLflow database {_short(path)} was written by"
    if row[0] in before:
        raise TrackingError(
            f"{found} an older MLflow than the one installed here; back it up, then run "
            f"`mlflow db upgrade sqlite:///{_short(path)}`"
        )
    raise TrackingError(
        f"{found} a newer MLflow than the one installed here (schema {row[0]}); take the newer "
        "requirements/ and run `make install`, or move the file away to begin a new one"
    )


def _read_migrations() -> dict[str, str | None]:
    """Return each state of the tables that the installed MLflow knows, and the one before it."""
    found = importlib.util.find_spec("mlflow")
    folder = Path(found.origin or "").parent / "store/db_migrations/versions" if found else None
    known: dict[str, str | None] = {}
    for path in folder.glob("*.py") if folder else ():
        text = path.read_text(encoding="utf-8")
        named = re.search(r'^revision = "(\w+)"', text, re.M)
        before = re.search(r'^down_revision = "(\w+)"', text, re.M)
        if named:
            known[named[1]] = before[1] if before else None
    return known


def _aim(database: sqlite3.Connection, folder: Path) -> None:
    """Replace the folder that the project had by the one that it has.

    MLflow writes whole paths. In a copied or moved project they would lead into another one.
    """
    tail = "/".join(folder.parts[-3:])
    try:
        rows = database.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    except sqlite3.Error:
        return  # no tables yet
    old = {place for (place,) in rows if place and place.startswith("file:")}
    old = {place for place in old if place.endswith(f"/{tail}") and not _same(place, folder)}
    for place in sorted(old):
        try:
            with database:
                moved, left = _move_places(database, place, folder)
        except sqlite3.OperationalError as error:
            log.warning(
                "MLflow's artifacts lie in %s: %s cannot be changed (%s)", place, tail, error
            )
            return
        log.warning(
            "this project was copied or moved: MLflow's artifacts are now in %s, no more in %s%s",
            folder,
            place,
            f"; those of {left} runs or versions are only there and stay" if left else "",
        )
        log.info("%d places changed", moved)


def _move_places(database: sqlite3.Connection, old: str, folder: Path) -> tuple[int, int]:
    """Change all places below the old folder; return how many, and how many had to stay."""
    moved = left = 0
    for table, columns in PLACES.items():
        for column in columns:
            query = f"SELECT rowid, {column} FROM {table} WHERE substr({column}, 1, ?) = ?"
            for row, place in database.execute(query, (len(old), old)).fetchall():
                new = folder.as_uri() + place[len(old) :]
                if table != "experiments" and _local(place).exists() and not _local(new).exists():
                    left += column != "source"
                    continue
                database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))
                moved += 1
    return moved, left


def _same(place: str, folder: Path) -> bool:
    return _local(place) == folder or _local(place).resolve() == folder.resolve()


def _local(place: str) -> Path:
    return Path(unquote(urlsplit(place).path))


def _short(path: Path) -> str:
    return str(path).removeprefix(f"{paths.home()}/")
