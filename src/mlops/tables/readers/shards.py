"""Find the files of a source, here or behind any fsspec URL, and open them."""

import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec
import pyarrow as pa
from fsspec.spec import AbstractFileSystem

from mlops.core.errors import DataError
from mlops.tables import local
from mlops.tables.messages import short
from mlops.tables.pins import FIX
from mlops.tables.readers import folders, magic

BROKEN = (pa.ArrowException, EOFError, zlib.error, OSError)
NO_ANSWER = (ConnectionError, TimeoutError)
NETWORK = ("aiohttp", "botocore")  # whose errors are of no common kind
# Without the patience of boto: four more tries, a minute each, to say that nobody is there. Without
# cached listings: they hide the versions of what has been deleted.
S3 = {
    "version_aware": True,
    "use_listings_cache": False,
    "config_kwargs": {
        "connect_timeout": 5, "read_timeout": 60, "retries": {"total_max_attempts": 1},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Shard:
    """One file of a source."""

    system: AbstractFileSystem
    path: str
    name: str
    needed: tuple[str, ...] = ()  # columns that must hold one value in each row
    version: str | None = None  # of the object; none: as it is now
    info: Mapping[str, Any] = field(default_factory=dict)  # from the listing

    @property
    def suffix(self) -> str:
        """Return the end of the name, which stands for the format."""
        return PurePosixPath(self.path.lower().removesuffix(".gz")).suffix

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file, unpacked; turn what its reader raises into one sentence."""
        packed = "gzip" if self.path.lower().endswith(".gz") else None
        try:
            wanted = {"version_id": self.version} if self.version else {}
            with self.system.open(self.path, "rb", compression=packed, **wanted) as file:
                yield file
        except UnicodeDecodeError:
            self.find_wrong_bytes()
            raise
        except Exception as error:
            if known := self._explain(error):
                raise known from error
            raise

    def _explain(self, error: Exception) -> DataError | None:
        """Return the sentence for what a reader or a driver raises; None for any other error."""
        reason = f"({short(str(error), 200)})"
        if type(error).__name__ == "FileExpired":  # s3fs, which is not loaded for its name
            return DataError(
                f"{self.name} changed while it was being read; run the same command again"
            )
        if type(error).__module__.split(".")[0] in NETWORK or isinstance(error, NO_ANSWER):
            return DataError(
                f"{self.name} cannot be read {reason}; check that the server runs and the "
                "credentials, then run the same command again"
            )
        if self.version and isinstance(error, (FileNotFoundError, PermissionError)):
            return DataError(
                f"{self.name} cannot be read in the pinned version {self.version} {reason}; check "
                f"the credentials, or, if the store no longer has it, {FIX}"
            )
        if isinstance(error, BROKEN):
            return DataError(
                f"{self.name} cannot be read {reason}; is it complete, and of the type that "
                "its name says? Export it again"
            )
        return None

    def check_rows(self, given: int, counted: int) -> None:
        """Refuse to go on with other rows than were counted in another way."""
        if given != counted:
            raise DataError(
                f"{self.name} has {counted:,} rows, but {given:,} were read; if the file did not "
                "change meanwhile, write it as Parquet, and report this"
            )

    @contextmanager
    def text(self) -> Iterator[IO[bytes]]:
        """Open the file, if its first bytes may be text."""
        with self.open() as raw:
            file = io.BufferedReader(raw)  # type: ignore[type-var]
            if other := magic.kind(file.peek(magic.LENGTH)[: magic.LENGTH]):
                raise DataError(f"{self.name} is {other}")
            yield file

    def lines(self) -> Iterator[tuple[int, str]]:
        """Give the numbered lines; name the one that is not UTF-8."""
        with self.text() as file:
            for number, raw in enumerate(file, 1):
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    break
                yield number, line
            else:
                return
        self.find_wrong_bytes()

    def find_wrong_bytes(self) -> None:
        """Raise the error that says where the file is not UTF-8."""
        first, wrong, beyond_ascii = "", 0, 0
        with self.open() as file:
            for number, raw in enumerate(file, 1):
                try:
                    beyond_ascii += not raw.decode().isascii()
                except UnicodeDecodeError as error:
                    wrong += 1
                    first = first or f"line {number}, byte {error.start + 1} of the line"
        fix = "convert the file, e.g. with iconv -f WINDOWS-1252 -t UTF-8"
        if beyond_ascii:  # converting would garble these
            fix = (
                f"correct {'that line' if wrong == 1 else f'these {wrong:,} lines'}; "
                f"{beyond_ascii:,} others are UTF-8, so do not convert the file as a whole"
            )
        if wrong:
            raise DataError(f"{self.name}, {first}: not UTF-8; {fix}")


def connect(path: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a path or URL, and the path in it."""
    if (named := local.path(path)) is not None:  # what was hashed is what is read
        return fsspec.filesystem("file"), str(local.found(named))
    options = S3 if path.startswith(("s3://", "s3a://")) else {}
    system, root = fsspec.core.url_to_fs(path, **options)
    return system, root


def find(path: str, needed: tuple[str, ...]) -> list[Shard]:
    """Return the file, or the files of the folder sorted by name."""
    try:
        system, root = connect(path)
        system.invalidate_cache()  # a listing of a second ago may be an old one
        shards = [
            Shard(system, f"{root}{name}", f"{path}{name}", needed, info=info)
            for name, info in folders.listing(path, system, root).items()
        ]
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
    for shard in shards:
        if not shard.info["size"]:
            raise DataError(f"{shard.name} is empty; expected rows of labelled text")
    return shards
