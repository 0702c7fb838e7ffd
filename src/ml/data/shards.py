"""Find the files of a source, here or behind any fsspec URL, and open them."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

import fsspec
import pyarrow as pa
from fsspec.spec import AbstractFileSystem

from ml.data.wording import listed, meant, short
from ml.errors import DataError

BROKEN = (pa.ArrowException, EOFError, zlib.error, OSError)


@dataclass(frozen=True)
class Shard:
    """One file of a source."""

    system: AbstractFileSystem
    path: str
    name: str
    needed: tuple[str, ...] = ()  # columns that must hold one value in each row

    @property
    def suffix(self) -> str:
        """Return the end of the name that tells the format."""
        return PurePosixPath(self.path.removesuffix(".gz")).suffix.lower()

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file, unpacked; turn what its reader raises into one sentence."""
        packed = "gzip" if self.path.endswith(".gz") else None
        try:
            with self.system.open(self.path, "rb", compression=packed) as file:
                yield file
        except UnicodeDecodeError:
            self.find_wrong_bytes()
            raise
        except BROKEN as error:
            raise DataError(
                f"{self.name} cannot be read ({short(str(error), 200)}); "
                "is it whole, and what its name says? Write it again"
            ) from error

    def lines(self) -> Iterator[tuple[int, str]]:
        """Give the numbered lines; tell which one is not UTF-8."""
        with self.open() as file:
            for number, raw in enumerate(file, 1):
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{self.name}, line {number}, byte {error.start + 1} of the line: "
                        "not UTF-8; convert the file, e.g. with iconv -f WINDOWS-1252 -t UTF-8"
                    ) from None
                yield number, line

    def find_wrong_bytes(self) -> None:
        """Raise the error that tells where the file is not UTF-8."""
        for _ in self.lines():
            pass


def find(path: str, needed: tuple[str, ...]) -> list[Shard]:
    """Return the file, or the files of the folder sorted by name."""
    try:
        system, root = fsspec.core.url_to_fs(path)
        names = _names(path, system, root)
        shards = [Shard(system, f"{root}{name}", f"{path}{name}", needed) for name in names]
        empty = [shard.name for shard in shards if not system.size(shard.path)]
    except DataError:
        raise
    except ImportError as error:
        raise DataError(f"{path} needs a driver that is not installed: {error}") from error
    # Every driver has errors of its own: for want of credentials, of a bucket, of a network.
    except Exception as error:
        raise DataError(
            f"{path} cannot be reached ({type(error).__name__}: {error}); "
            "check the address, the network and the credentials"
        ) from error
    if empty:
        raise DataError(f"{empty[0]} is empty; expected rows of labelled text")
    return shards


def _names(path: str, system: AbstractFileSystem, root: str) -> list[str]:
    """Return what follows `root` in the name of each file."""
    if not system.exists(root):
        raise DataError(f"{path} does not exist{_near(system, root)}")
    if system.isfile(root):
        return [""]
    files = (entry["name"] for entry in system.ls(root, detail=True) if entry["type"] == "file")
    names = sorted(PurePosixPath(file).name for file in files)
    # What Spark, macOS and editors leave beside the data begins with one of these.
    names = [name for name in names if not name.startswith((".", "_"))]
    if not names:
        raise DataError(f"the folder {path} holds no files; expected CSV, TSV, JSONL or Parquet")
    return [name if root.endswith("/") else f"/{name}" for name in names]


def _near(system: AbstractFileSystem, root: str) -> str:
    folder, _, name = root.rstrip("/").rpartition("/")
    if not system.isdir(folder):
        return f", nor does its folder {folder}; correct the path"
    names = sorted(PurePosixPath(entry).name for entry in system.ls(folder, detail=False))
    return meant(name, names) or f"; its folder holds {listed(names)}"
