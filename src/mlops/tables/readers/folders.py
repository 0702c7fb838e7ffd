"""List the files of a source: one file, or all of a folder; whatever else lies in it is refused."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec.spec import AbstractFileSystem

from mlops.core.errors import DataError
from mlops.tables import local
from mlops.tables.messages import listed, meant

Info = Mapping[str, Any]
# Tables with a list of valid files: those that were removed from it are still there.
TABLES = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
# What `Dataset.save_to_disk` leaves in its folder.
SAVED = {"dataset_dict.json", "dataset_info.json", "state.json"}
ROLES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "dev": "val", "test": "test", "testing": "test",
}  # fmt: skip
# What the pipeline keeps in data/ is no neighbour that anybody could have meant.
OWN = re.compile(r"(raw|prepared)(\.partial)?|.*\.(partial|dvc)|\..*")


def listing(path: str, system: AbstractFileSystem, root: str) -> dict[str, Info]:
    """Return what is known of each file, by what follows `root` in its name."""
    if not system.exists(root):
        raise DataError(f"{path} does not exist{_near(system, root)}")
    if system.isfile(root):
        return {"": system.info(root)}
    if "file" in system.protocol and not system.isdir(root):
        raise DataError(f"{path} is neither a file nor a folder; write its rows to a file")
    files, folders = _entries(path, system, root)
    if found := SAVED & files.keys():
        raise DataError(
            f"the folder {path} holds {found.pop()}, as `save_to_disk` of Hugging Face writes it; "
            f"name it hf:{path}"
        )
    if folders:
        raise DataError(
            f"the folder {path} holds folders ({listed(folders)}), whose files would not be read; "
            "put all files into one folder, or name one of these (values in names such as "
            "year=2024 would have to become a column)"
        )
    if not files:
        raise DataError(f"the folder {path} holds no files; expected CSV, TSV, JSONL or Parquet")
    _refuse_splits(path, files)
    return {name if root.endswith("/") else f"/{name}": files[name] for name in sorted(files)}


def _entries(path: str, system: AbstractFileSystem, root: str) -> tuple[dict[str, Info], list[str]]:
    """Return the files of a folder and the names of its subfolders, links followed."""
    files: dict[str, Info] = {}
    folders = []
    for entry in system.ls(root, detail=True):
        name = PurePosixPath(entry["name"]).name
        if name in TABLES:
            raise DataError(
                f"the folder {path} is a {TABLES[name]} table, some of its files may be outdated; "
                "write its rows to Parquet files"
            )
        # What Spark, macOS and editors leave next to the data begins with one of these; a store may
        # list the folder itself.
        if name.startswith((".", "_")) or entry["name"].rstrip("/") == root.rstrip("/"):
            continue
        kind = entry["type"] if entry["type"] in ("file", "directory") else _target(system, entry)
        if kind == "directory":
            folders.append(name)
        elif kind == "file":
            files[name] = entry
        else:
            raise DataError(f"{path.rstrip('/')}/{name} is {kind}; remove it from the folder")
    return files, sorted(folders)


def _target(system: AbstractFileSystem, entry: Info) -> str:
    """Return what a link leads to, or what else an entry is."""
    if system.isfile(entry["name"]):
        return "file"
    if system.isdir(entry["name"]):
        return "directory"
    return "a link that leads nowhere" if entry.get("islink") else "neither file nor folder"


def _refuse_splits(path: str, files: Mapping[str, Info]) -> None:
    """Refuse files that are splits by their names: in one folder they would all be one split."""
    roles: dict[str, str] = {}
    for name in sorted(files):
        word = re.match(r"[a-z]*", name.lower())
        if word and (role := ROLES.get(word[0])):
            roles.setdefault(role, name)
    if len(roles) > 1:
        given = ", ".join(f"data.{role}_path={path.rstrip('/')}/{roles[role]}" for role in roles)
        raise DataError(
            f"the folder {path} holds {listed(roles.values())}, which would all become one split; "
            f"give each split a file or a folder of its own ({given}), or rename the files if they "
            "belong together"
        )


def _near(system: AbstractFileSystem, root: str) -> str:
    folder, _, name = root.rstrip("/").rpartition("/")
    if not system.isdir(folder):
        kind = "bucket" if "s3" in system.protocol and "/" not in folder else "folder"
        return f", nor does its {kind} {folder}; correct the path"
    if "file" in system.protocol and (file := local.tracker(Path(root))):
        return f" here; `make pull` or `dvc pull {file}` brings what {file.name} names"
    names = sorted(PurePosixPath(entry).name for entry in system.ls(folder, detail=False))
    if name in names:
        return ": it is a link whose target is gone"
    names = [entry for entry in names if not OWN.fullmatch(entry)]
    return meant(name, names) or f"; its folder holds {listed(names)}"
