"""What runs in a stage and decides no byte: the list of docs/pipeline.md, and other code for it.

Each observer has a program here that does something else in its place, or nothing.
"""

import re
from pathlib import Path

import yaml

from common import ROOT
from house import SRC, imported

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = tuple(name for name in PIPELINE if name != "compose")
PAGE = ROOT / "docs" / "pipeline.md"
ROW = re.compile(r"^\| (?P<paths>`.*?`) \| (?P<stages>[a-z, ]+) \| (?P<reason>.+) \|$", re.M)
# A kind of change, the file that it is in, and in the last column the stages that it runs.
KIND = re.compile(r"^\| an? [a-z ]+ \| `(\S+)` \| [^|]+ \| ([a-z, ]+) \|$", re.M)

ANYTHING = "from typing import Any\ndef __getattr__(name): return Any\n"
REFUSE = "raise ImportError('an observer decides something')\n"
# In the order of the list.
OTHERWISE = {
    "ml/__init__.py": "",
    "mlops/__init__.py": "",
    "ml/config.py": f"{ANYTHING}from mlops.config.schema import load\n",
    "mlops/config/schema.py": f"""{ANYTHING}
from pathlib import Path
import yaml
class Part(dict):
    __getattr__ = dict.__getitem__
    def expect(self, labels): pass
    def model_dump(self, include=None, **_):
        return {{name: value for name, value in self.items() if not include or name in include}}
def part(value):
    if isinstance(value, list):
        return [part(one) for one in value]
    return Part({{k: part(v) for k, v in value.items()}}) if isinstance(value, dict) else value
def load():
    return part(yaml.safe_load(Path("params.yaml").read_text()))
""",
    "mlops/config/section.py": REFUSE,
    "mlops/config/operating.py": REFUSE,
    "ml/project.py": REFUSE,
    "mlops/core/project.py": """
import importlib
def project(): return importlib.import_module("ml.project")
""",
    "mlops/core/errors.py": """
class KnownError(BaseException): pass
def __getattr__(name): return KnownError
def run(main): main()
""",
    "mlops/core/terminal.py": """
def follow(items, *_): return items
def slices(total, size, _): return [slice(one, one + size) for one in range(0, total, size)]
def margin(): return ""
class progress:
    def __init__(self, *_): self.reach = self.close = lambda *_: None
""",
    "mlops/core/names.py": "def nearest(*_): return 'Godot'\n",
    "mlops/core/urls.py": "def secret(text): return ''\n",
    "mlops/tables/messages.py": """
def short(*_): return 'short'
def listed(*_): return 'listed'
def meant(*_): return 'meant'
""",
    "mlops/core/paths.py": """
from pathlib import Path
def home(): return Path("elsewhere").absolute()
def checkpoints(key): return home() / "saved"
""",
    "mlops/core/hashing.py": "def digest(path): return str(len(path.name))\n",
    "mlops/config/overrides.py": REFUSE,
    "mlops/core/dvc_lock.py": REFUSE,
    "mlops/core/environment.py": REFUSE,
    "mlops/core/revision.py": REFUSE,
    "mlops/tracking": REFUSE,
    "mlops/tracking/__init__.py": "",
    "mlops/tracking/runs.py": """
from contextlib import nullcontext
from types import SimpleNamespace
def log_evaluation(*_): pass
def training_run(*_):
    return nullcontext(SimpleNamespace(log_metrics=log_evaluation, finish=log_evaluation))
""",
    "mlops/tables/local.py": """
from pathlib import Path
def path(source): return Path(source)
def found(path): return Path.cwd() / path
def tracker(path): return None
""",
    "mlops/config/hub.py": "def missing(*_): return ''\n",
    "mlops/tables/sizes.py": "def check(*_): pass\n",
    "mlops/serving/settings.py": """
import json
from types import SimpleNamespace
class Signature(SimpleNamespace):
    @classmethod
    def model_validate_json(cls, text): return cls(**json.loads(text))
""",
}


def listed() -> dict[str, set[Path]]:
    """Return the observers of each stage, as the document lists them."""
    found: dict[str, set[Path]] = {stage: set() for stage in STAGES}
    for row in ROW.finditer(PAGE.read_text("utf-8").partition("## Observers")[2]):
        paths = {SRC / name for name in re.findall(r"`([^`]+)`", row["paths"])}
        for stage in STAGES if row["stages"] == "all" else row["stages"].split(", "):
            found[stage] |= paths
    return found


def code(stage: str) -> set[Path]:
    """Return the modules and templates that a stage runs, and the faces of packages with code."""
    found = imported(SRC / "ml" / f"{stage}.py")
    faces = {one / "__init__.py" for path in found for one in path.parents if SRC in one.parents}
    names = {name for path in found for name in re.findall(r'"([\w.]+\.j2)"', path.read_text())}
    found |= {path for path in SRC.rglob("*.j2") if path.name in names}
    return found | {face for face in faces if len(face.read_text().splitlines()) > 1}


def under(paths: set[Path], code: set[Path]) -> dict[Path, set[Path]]:
    """Return for each path what of the code it stands for: itself, or what lies in the folder."""
    return {path: {one for one in code if one.is_relative_to(path)} for path in paths}


def alter(stage: str, source: Path) -> None:
    """Put other code into a copy of src, in the place of each observer of a stage."""
    for observer in listed()[stage]:
        for path in [observer] if observer.is_file() else observer.rglob("*.py"):
            name = path.relative_to(SRC).as_posix()
            whole = OTHERWISE.get(observer.relative_to(SRC).as_posix(), "")
            (source / name).write_text(OTHERWISE.get(name, whole))
