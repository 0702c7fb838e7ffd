"""Rules of mlops.pipeline.smoke; the run of all stages is in test_e2e."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ml.config import Params
from mlops.pipeline import smoke

MakeParams = Callable[..., Params]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("rows.csv", "{here}/rows.csv"),
        ("hf:rows.csv#train", "hf:{here}/rows.csv#train"),
        ("hf:stanfordnlp/sst2", "hf:stanfordnlp/sst2"),
        ("s3://bucket/rows.csv", "s3://bucket/rows.csv"),
        ("synthetic", "synthetic"),
    ],
)
def test_local_paths_are_found_from_the_temporary_folder(
    named: str, expected: str, project: Path, make_params: MakeParams
) -> None:
    """What is a file here becomes absolute; names that are no files stay."""
    (project / "rows.csv").write_text("text,label\n")

    found = smoke.absolute(make_params(data={"train_path": named}))

    assert found.data.train_path == expected.format(here=project)
