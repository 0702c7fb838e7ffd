"""The schema of params.yaml: what each stage may read, frozen and checked.

Reads: params.yaml
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from mlops.config import operating
from mlops.config.section import Count, Fraction, Name, Scalar, Section, Share, Text
from mlops.core.errors import ConfigError
from mlops.core.names import nearest
from mlops.core.project import project
from mlops.core.urls import secrets

PARAMS = Path("params.yaml")


Policy = Literal["drop", "refuse"]
Quoting = Literal["auto", "standard", "none"]


class Data(Section):
    """Where the rows come from."""

    train_path: Text
    val_path: Text | None
    test_path: Text | None
    preprocessing: bool
    text_column: Text
    label_column: Text
    quoting: Quoting
    labels: Annotated[list[str | int], Field(min_length=2)] | None
    val_fraction: Fraction
    test_fraction: Fraction
    synthetic_rows: Annotated[int, Field(ge=100, le=200_000)]

    @model_validator(mode="after")
    def _splits(self) -> Self:
        if self.val_fraction + self.test_fraction > 0.8:
            raise ValueError("val_fraction + test_fraction must leave at least 0.2 for training")
        for name in ("val_path", "test_path"):
            if getattr(self, name) == self.train_path:
                raise ValueError(f"{name} must not be the same source as train_path")
        if self.val_path and self.val_path == self.test_path:
            raise ValueError("test_path must not be the same source as val_path")
        if self.labels and len({str(label) for label in self.labels}) < len(self.labels):
            raise ValueError("labels must all be different")
        return self


class Change(Section):
    """Rows of a split, by label, that only one of two snapshots of its source has."""

    previous: str  # fingerprint of the earlier one
    added: dict[str, int] | None  # null: the earlier rows were gone, so nobody knows
    removed: dict[str, int] | None


class Snapshot(Section):
    """What the sources held, found by compose: a changed file is a changed parameter.

    Hashes of local files, fingerprints of remote ones.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    pretrained: str | None = None
    changes: dict[Literal["train", "val", "test"], Change] | None = None  # by the last REFRESH=1


class Prepare(Section):
    """Which rows may train a model, and what happens to the others."""

    sample: Share
    min_sample: Annotated[int, Field(ge=0)]
    max_rows: Count | None
    min_rows: Count
    min_class_share: Annotated[float, Field(ge=0, lt=0.5)]
    max_chars: Count
    nulls: Policy
    empty: Policy
    too_long: Policy
    duplicates: Policy
    conflicts: Policy
    leakage: Policy


class Model(Section):
    """What is trained, as far as the machinery asks; the project's own keys are in ml.config."""

    name: Name
    version: Name
    config_version: float | str
    architecture: Literal["transformers", "custom"]
    pretrained: Name | None
    revision: Name | None
    max_length: Annotated[int, Field(ge=8, le=8192)]

    @model_validator(mode="after")
    def _revision(self) -> Self:
        if self.revision and not self.pretrained:
            raise ValueError("model.revision needs model.pretrained")
        return self


class Training(Section):
    """How it is trained, as far as the machinery asks."""

    seed: Annotated[int, Field(ge=0)]
    threads: Count
    batch_size: Count
    epochs: Count
    precision: Literal["auto", "fp32", "bf16"]
    deterministic: bool
    early_stopping: Annotated[int, Field(ge=0)]


class Case(Section):
    """A text and the label it must get."""

    text: Text
    label: str | int


class Pair(Section):
    """Two texts; from the first to the second the probability of `label` must rise."""

    before: Text
    after: Text
    label: str | int


class Behaviour(Section):
    """A behaviour test in the sense of CheckList (Ribeiro et al., 2020)."""

    name: Name
    min_pass_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    replace: dict[str, str] | None = None
    pairs: list[Pair] | None = None
    cases: list[Case] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.replace, self.pairs, self.cases)) != 1:
            raise ValueError(
                "a behaviour test needs exactly one of: replace (invariance), "
                "pairs (directional), cases (minimum functionality)"
            )
        if not (self.replace or self.pairs or self.cases):
            raise ValueError(f"the behaviour test {self.name!r} is empty, so tests nothing")
        if self.replace and not all(self.replace):
            raise ValueError(f"the behaviour test {self.name!r} must name the words to replace")
        return self

    def expect(self, labels: list[str]) -> None:
        """Refuse labels that the data do not have."""
        for example in (*(self.pairs or ()), *(self.cases or ())):
            if str(example.label) not in labels:
                like = nearest(str(example.label), labels)
                raise ConfigError(
                    f"evaluate.behaviour: {self.name!r} names the label {example.label!r}, "
                    f"the data have {labels}; "
                    + (f"did you mean {like!r}?" if like else "fix the test or remove it")
                )


class Evaluate(Section):
    """How it is judged."""

    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    confidence: Fraction
    resamples: Annotated[int, Field(ge=100)]
    length_slices: list[Count]
    slice_columns: list[str]
    min_slice_rows: Count
    worst_errors: Annotated[int, Field(ge=0)]
    behaviour: list[Behaviour]

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [test.name for test in self.behaviour]
        if len(set(names)) < len(names):
            raise ValueError(f"each behaviour test needs a name of its own, found {names}")
        return self


class Export(Section):
    """What is served, and how near to the trained model it must be."""

    precision: Literal["int8", "fp32"]
    int8_from: Count
    gpu: bool
    labels_agree: Annotated[float, Field(ge=0, le=1)]
    accuracy_drop: Annotated[float, Field(ge=0, le=1)]
    int8_difference: Annotated[float, Field(gt=0, le=1)]
    fp32_difference: Annotated[float, Field(gt=0, le=1)]
    example: Text


class Resources(Section):
    """What the machine must offer; never a reason to train again."""

    gpu: Annotated[int, Field(ge=0)]
    memory_gb: Annotated[float, Field(gt=0)]
    cpu_cores: Count
    missing: Literal["warn", "fail"]
    workers: Annotated[int, Field(ge=0)]
    checkpoint_steps: Count


class Serving(Section):
    """How the model is served; read by the packager, which hands it to the service."""

    workers: Annotated[int, Field(ge=1, le=256)]
    threads: Count
    device: Literal["cpu", "cuda"]
    batching: bool
    batch_items: Count
    max_chars: Count
    max_items: Count
    max_body_bytes: Annotated[int, Field(ge=1000)]
    queue_size: Count
    timeout: Annotated[float, Field(gt=0, le=600)]
    keep_alive: Annotated[float, Field(gt=0, le=3600)]


class Gate(Section):
    """What a model must show before it may be deployed: the bounds are the project's."""

    enabled: bool


class Storage(Section):
    """Where DVC shares what an environment has computed, and how long."""

    remote: Annotated[str, Field(pattern=r"^s3://[^/]+/.+[^/]$")]
    retention_days: Annotated[int, Field(ge=0)] | None


class Mlflow(Section):
    """Where a run is recorded."""

    experiment_name: Name | None
    registered_model: Name
    artifact_location: Text | None
    tags: dict[str, Scalar]


class Metadata(Section):
    """What the model card says about the project."""

    created_date: str
    author: str
    description: str


class Project(Section):
    """Who the project is; its names become parts of addresses."""

    name: Annotated[str, Field(pattern=r"^[a-z]([a-z0-9.-]*[a-z0-9])?$", max_length=60)]
    description: Text
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(/[\w.-]+)?$")]
    bucket: Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]*[a-z0-9]$", max_length=58)]
    registry: Annotated[str, Field(pattern=r"^[\w.-]+(:\d+)?(/[\w.-]+)*$")]
    target: Literal["kubernetes", "podman", "none"]


class Params(Section):
    """The whole composed configuration; a project's own is a subclass (ml.config)."""

    environment: Literal["dev", "qa", "prod"]
    experiment: str = "default"  # its file in conf/experiment; computed, never written
    project: Project
    data: Data
    prepare: Prepare
    model: Model
    training: Training
    evaluate: Evaluate
    export: Export
    resources: Resources
    serving: Serving
    gate: Gate
    deploy: operating.Deploy
    load_test: operating.LoadTest
    objectives: operating.Objectives
    monitoring: operating.Monitoring
    canary: operating.Canary
    request_log: operating.RequestLog
    drift: operating.Drift
    storage: Storage
    mlflow: Mlflow
    metadata: Metadata
    snapshot: Snapshot = Snapshot()

    @model_validator(mode="after")
    def _graph(self) -> Self:
        if self.serving.device == "cuda" and not self.export.gpu:
            raise ValueError(
                "serving.device is cuda, which serves the graph that export.gpu=true makes; set it"
            )
        return self


def load(path: Path = PARAMS) -> Params:
    """Read the composed configuration, which `mlops.pipeline.compose` has already checked."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, wrong in secrets(values):
            raise ConfigError(f"{path}: {'.'.join(map(str, key))}: {wrong}")
        return project().params().model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        found = str(error)
    raise ConfigError(
        f"{path}: expected the configuration that compose wrote, found {found}; "
        f"`python -m mlops.pipeline.compose` writes {path} again"
    )
