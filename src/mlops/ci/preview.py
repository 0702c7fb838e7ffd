"""Preview the gate for the model in the work tree, on the test split of development.

Reads: models/, reports/, data/prepared/
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlops.config.schema import Params
from mlops.core.checks import Check
from mlops.core.errors import ModelError
from mlops.core.project import project
from mlops.release import criteria, evidence, gate
from mlops.release.evidence import BENTO, Evidence, Split

SERVED = Path("models/serving")
SIGNATURE = SERVED / "signature.json"


def checks(params: Params, base: Path | None) -> Iterator[Check]:
    """Yield the criteria of an environment; against the base where it has the same test split.

    Where less data are in development, `test rows` alone would fail for that: it is left out.
    """
    test = gate.read_split()
    try:
        ours = _gathered(Path(), test, params)
        yield from (
            c for c in project().criteria(ours, test, params.gate) if c.criterion != "test rows"
        )
    except ModelError as error:
        yield Check("the model predicts", False, str(error), "probabilities")
        return
    if base is None or (base / SIGNATURE).read_bytes() == SIGNATURE.read_bytes():
        return  # nothing to compare with, or the very same model
    try:
        theirs = _gathered(base, test, params)
    except ModelError as error:
        yield Check("the base predicts", True, f"{error}", "nothing: it is no champion")
        return
    yield from criteria.check_lead(ours, theirs, test, params.evaluate)


def _gathered(project: Path, test: Split, params: Params) -> Evidence:
    """Ask the exported model of a work tree as if it were registered."""
    with tempfile.TemporaryDirectory(prefix="preview-") as name:
        release = Path(name)
        (release / BENTO).symlink_to((project / SERVED).resolve())
        return evidence.gather(release, test, params)
