"""The sections of params.yaml that are this project's: model, training, bounds of the gate.

Each key has its value and its reason in conf/. The other sections are the machinery's
(mlops.config.schema); a new section is a field of Params here.
"""

from typing import Annotated, Literal, Self, cast

from pydantic import Field, model_validator

from mlops.config import schema
from mlops.config.section import Count, Name, Scalar, Section, Share


class Scratch(Section):
    """Size of a transformer that is trained from random weights."""

    type: Literal["bert", "distilbert", "roberta", "electra", "gpt2", "llama", "xlnet"]
    layers: Count
    hidden: Count
    heads: Count
    intermediate: Count
    vocab_size: Annotated[int, Field(ge=300)]

    @model_validator(mode="after")
    def _heads(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Model(schema.Model):
    """What is trained."""

    custom: Name | None
    options: dict[str, Scalar]
    scratch: Scratch
    dropout: Annotated[float, Field(ge=0, lt=1)] | None

    @model_validator(mode="after")
    def _kind(self) -> Self:
        if self.architecture == "custom" and not self.custom:
            raise ValueError(
                "architecture: custom needs model.custom, the name of a registered class"
            )
        if self.architecture == "custom" and self.pretrained:
            raise ValueError("architecture: custom cannot be combined with model.pretrained")
        if self.architecture == "transformers" and self.custom:
            raise ValueError("model.custom needs architecture: custom")
        return self


class Training(schema.Training):
    """How it is trained."""

    gradient_accumulation: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    optimizer: Literal["adam", "adamw", "sgd", "adafactor"]
    momentum: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    schedule: Literal["linear", "cosine", "constant"]
    warmup: Annotated[float, Field(ge=0, lt=1)]
    max_grad_norm: Annotated[float, Field(gt=0)]
    loss_function: Literal["cross_entropy", "focal", "custom"]
    custom_loss: Name | None
    focal_gamma: Annotated[float, Field(ge=0)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    class_weights: Literal["none", "balanced"] | Annotated[list[float], Field(min_length=2)]

    @model_validator(mode="after")
    def _loss(self) -> Self:
        if (self.loss_function == "custom") != bool(self.custom_loss):
            raise ValueError("loss_function: custom needs custom_loss, and only it takes one")
        if self.loss_function != "cross_entropy" and self.label_smoothing:
            raise ValueError("label_smoothing acts on cross_entropy only; set it to 0")
        if isinstance(self.class_weights, list) and min(self.class_weights) <= 0:
            raise ValueError("class_weights must all be positive")
        return self


class Gate(schema.Gate):
    """What a model must show before it may be deployed."""

    min_rows: Count
    min_accuracy: Share
    min_macro_f1: Share
    max_ece: Share
    min_recall: Annotated[float, Field(ge=0, le=1)]
    scores: dict[str, float]
    min_worst_slice: Annotated[float, Field(ge=0, le=1)]
    max_latency_ms: Annotated[float, Field(gt=0)]
    max_size_mb: Annotated[float, Field(gt=0)]


class Params(schema.Params):
    """The whole composed configuration."""

    model: Model
    training: Training
    gate: Gate

    @model_validator(mode="after")
    def _weights(self) -> Self:
        weights, labels = self.training.class_weights, self.data.labels
        if isinstance(weights, list) and labels and len(weights) != len(labels):
            raise ValueError(
                f"training.class_weights has {len(weights)} values, data.labels has {len(labels)}"
            )
        return self


def load() -> Params:
    """Read params.yaml, which compose has already checked."""
    return cast(Params, schema.load())
