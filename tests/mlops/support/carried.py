"""Projects of earlier releases without copier, which is slow: what it would render, and edits."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

import clones
from clones import call
from common import ROOT


def rendered(folder: Path, tag: str, commit: str | None = None) -> Path:
    """Lay what copier would make of a commit, or of this work tree, into a folder."""
    folder.mkdir()
    if commit:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        subprocess.run(["tar", "x", "-C", str(folder)], input=archive.stdout, check=True)
    else:
        for name in call(ROOT, "git", "ls-files", "-co", "--exclude-standard").splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    excluded = yaml.safe_load((folder / "copier.yml").read_text())["_exclude"]
    patterns = folder.with_suffix(".excluded")
    patterns.write_text("\n".join(line for line in excluded if "{" not in line))
    call(folder, "git", "init", "--quiet")
    call(folder, "git", "add", "--all", "--force")
    for name in call(folder, "git", "ls-files", "-ci", f"--exclude-from={patterns}").splitlines():
        (folder / name).unlink()
    shutil.rmtree(folder / ".git")
    (folder / ".copier-answers.yml").write_text(f"_commit: {tag}\n_src_path: /nowhere\nname: x\n")
    return folder


def committed(folder: Path, message: str) -> None:
    """Make a commit of all that is there, in a repository of its own."""
    if not (folder / ".git").exists():
        call(folder, "git", "init", "--quiet", "--initial-branch", "main")
    call(folder, "git", "add", "--all")
    call(folder, "git", "commit", "--quiet", "--message", message)


def ran(project: Path, code: Path, *words: str) -> str:
    """Run a module of some release's code in a project; return all that it printed."""
    environ = {**clones.environment(project), "PYTHONPATH": str(code / "src"), "SET": ""}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project, env=environ, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.stdout


@dataclass(frozen=True)
class Edit:
    """What a project does to a file: put a text in the place of the first that is found.

    Without `find` the text is the whole file. After the update `there` files hold texts.
    """

    file: str
    find: str
    put: str
    there: tuple[tuple[str, str], ...] = ()

    def possible(self, project: Path) -> bool:
        """Tell whether the release has what this changes."""
        return not self.find or (
            (project / self.file).is_file() and self.find in (project / self.file).read_text()
        )

    def make(self, project: Path) -> None:
        """Change the file."""
        path = project / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text().replace(self.find, self.put, 1) if self.find else self.put
        path.write_text(text)


TOP2 = """def _top2(answers: Answers) -> float:
    best = np.sort(answers.probabilities, axis=1)[:, -2:].sum(axis=1)
    return statistics.fmean(best.tolist())


SCORES = {"""
OWN_NETWORK = '''"""A network of our own."""

from typing import cast

from torch import Tensor, nn

from ml.config import Scratch
from ml.errors import ModelError
from ml.network.custom import register
from ml.network.trainer import EarlyStopping

KNOWN = (Scratch, ModelError, EarlyStopping)


@register("mine")
class Mine(nn.Module):
    """A bag of words."""

    def __init__(self, vocab_size: int, num_labels: int, hidden: int = 8) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, hidden)
        self.last = nn.Linear(hidden, num_labels)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits [batch, num_labels]."""
        words = (self.embed(input_ids) * attention_mask[..., None]).sum(1)
        return cast(Tensor, self.last(words / attention_mask.sum(1, keepdim=True)))
'''
OWN_TEST = '''"""Rules of our own network."""

from ml import tracking
from ml.gating.criteria import Check, absolute
from ml.judging import metrics, slices
from ml.network import mine
from ml.network.mine import Mine


def test_ours() -> None:
    """It is there, and what it uses is."""
    assert mine.Mine is Mine
    assert all((tracking.training_run, metrics.confusion, slices.worst, Check, absolute))
'''

EDITS = {
    "train.py": Edit(
        "src/ml/train.py",
        '"adafactor": (Adafactor, {"scale_parameter": False',
        '"our own step": (torch.optim.SGD, {}),\n        "adafactor": (Adafactor, {'
        '"scale_parameter": False',
        there=(("src/ml/train.py", "our own step"),),
    ),
    "a score": Edit(
        "src/ml/judging/scores.py",
        "SCORES = {",
        TOP2,
        there=(("src/ml/evaluation/scores.py", "def _top2(answers: Answers)"),),
    ),
    "a score's line": Edit(
        "src/ml/judging/scores.py",
        '_calibration_error),\n',
        '_calibration_error),\n    "top2": Score("best two", "higher", _top2),\n',
        there=(("src/ml/evaluation/scores.py", '"top2": Score('),),
    ),
    "a score's import": Edit(
        "src/ml/judging/scores.py",
        "from collections.abc",
        "import statistics\nfrom collections.abc",
        there=(("src/ml/evaluation/scores.py", "\nimport statistics\n\nimport numpy"),),
    ),
    "what a score is": Edit(
        "src/ml/judging/scores.py",
        "    share: bool = False\n",
        '    share: bool = False\n    unit: str = ""\n',
        there=(("src/mlops/evaluation/scores.py", '    unit: str = ""\n'),),
    ),
    "a request's form": Edit(
        "src/ml/serving/forms.py",
        "many=True\n    ),\n",
        'many=True\n    ),\n    "Review": Form("title and text", ("title", "body"), "{} {}"),\n',
        there=(("src/ml/api/schemas.py", '    "Review": Form('),),
    ),
    "a network": Edit(
        "src/ml/network/custom.py",
        '@register("mean_pool")',
        '@register("tiny_pool")\nclass TinyPool(nn.Module):\n    """Ours."""\n\n\n'
        '@register("mean_pool")',
        there=(("src/ml/model/custom.py", '@register("tiny_pool")'),),
    ),
    "a network's module": Edit(
        "src/ml/network/mine.py",
        "",
        OWN_NETWORK,
        there=(
            ("src/ml/model/mine.py", "from ml.config import Scratch\n"),
            ("src/ml/model/mine.py", "from ml.model.custom import register\n"),
            ("src/ml/model/mine.py", "from mlops.core.errors import ModelError\n"),
            ("src/ml/model/mine.py", "from mlops.training.trainer import EarlyStopping\n"),
        ),
    ),
    "its import": Edit(
        "src/ml/network/model.py",
        "from ml.network import custom, ",
        "from ml.network import mine  # noqa: F401\nfrom ml.network import custom, ",
        there=(("src/ml/model/model.py", "    mine,  # noqa: F401\n"),),
    ),
    "a criterion": Edit(
        "src/ml/gating/criteria.py",
        '    yield at_most("size, MB"',
        '    yield at_least("not NaN", float(not math.isnan(gate.min_top2)), gate.min_top2)\n'
        '    yield at_most("size, MB"',
        there=(
            ("src/ml/evaluation/criteria.py", '    yield at_least("not NaN"'),
            ("src/ml/evaluation/criteria.py", "\nimport math\n"),
        ),
    ),
    "the gate's bound": Edit(
        "src/ml/config.py",
        "    max_size_mb: Annotated[float, Field(gt=0)]\n",
        "    max_size_mb: Annotated[float, Field(gt=0)]\n    min_top2: Share\n",
        there=(("src/ml/config.py", "    min_top2: Share\n"),),
    ),
    "the machinery's key": Edit(
        "src/ml/config.py",
        "    start_seconds: Count\n",
        "    start_seconds: Count\n    our_zone: Text\n",
        there=(("src/mlops/config/operating.py", "    our_zone: Text\n"),),
    ),
    "a section": Edit(
        "src/ml/config.py",
        "class Params(Section):",
        'class Search(Section):\n    """Ours."""\n\n    trials: Count\n\n\nclass Params(Section):',
        there=(("src/ml/config.py", "class Search(Section):"),),
    ),
    "a section's field": Edit(
        "src/ml/config.py",
        "    metadata: Metadata\n",
        "    metadata: Metadata\n    search: Search\n",
        there=(("src/ml/config.py", "    search: Search\n"),),
    ),
    "conf/": Edit(
        "conf/config.yaml",
        "gate:\n",
        "search:\n  trials: 3\n\ngate:\n  min_top2: 0.5\n",
        there=(("conf/config.yaml", "  min_top2: 0.5\n"), ("params.yaml", "min_top2: 0.5\n")),
    ),
    "conf/, the machinery's": Edit(
        "conf/config.yaml",
        "  start_seconds:",
        "  our_zone: north\n  start_seconds:",
        there=(("params.yaml", "our_zone: north\n"),),
    ),
    "an experiment": Edit(
        "conf/experiment/mine.yaml", "", "training:\n  epochs: 1\n",
        there=(("conf/experiment/mine.yaml", "epochs: 1\n"),),
    ),
    "a test": Edit(
        "tests/test_tokenizer.py",
        "\n\ndef test_",
        '\n\ndef test_ours() -> None:\n    """Ours."""\n\n\ndef test_',
        there=(("tests/test_tokenizer.py", "def test_ours() -> None:"),),
    ),
    "a test of one's own": Edit(
        "tests/test_mine.py",
        "",
        OWN_TEST,
        there=(
            ("tests/test_mine.py", "from ml.evaluation.criteria import absolute\n"),
            ("tests/test_mine.py", "from mlops.evaluation import metrics, slices\n"),
            ("tests/test_mine.py", "from mlops.core.checks import Check\n"),
            ("tests/test_mine.py", "from mlops.tracking import runs as tracking\n"),
            ("tests/test_mine.py", "from ml.model.mine import Mine\n"),
        ),
    ),
    "the Makefile": Edit(
        "Makefile",
        ".PHONY: ui\n",
        ".PHONY: ours\nours:\n\t@python -m ml.tracking_query && python -m ml.train\n\n"
        ".PHONY: ui\n",
        there=(("Makefile", "\t@python -m mlops.lineage.query && python -m ml.train\n"),),
    ),
    "a page": Edit(
        "docs/ours.md", "", "See src/ml/network/custom.py, src/ml/network and `ml.errors.run`.\n",
        there=(
            ("docs/ours.md", "See src/ml/model/custom.py, src/ml/model and `mlops.core"),
        ),
    ),
}  # fmt: skip
