"""Model classes of your own: write an nn.Module, register it, select it with `model=custom`.

A module takes `vocab_size`, `num_labels` and the keys of `model.options`; its forward takes
`input_ids` and `attention_mask`, both [batch, tokens], and returns logits [batch, num_labels].
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

# A name in the configuration can only choose among these: no import path ever comes from a file.
REGISTRY: dict[str, type[nn.Module]] = {}


def register(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Make a module selectable as `model.custom: <name>`."""

    def add(module: type[nn.Module]) -> type[nn.Module]:
        REGISTRY[name] = module
        return module

    return add


@register("mean_pool")
class MeanPool(nn.Module):
    """Classify the mean of the token embeddings through one hidden layer (Iyyer et al., 2015)."""

    def __init__(self, vocab_size: int, num_labels: int, hidden: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, hidden)
        self.layers = nn.Sequential(
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_labels)
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits [batch, num_labels]."""
        mask = attention_mask.unsqueeze(-1).to(self.embed.weight.dtype)
        mean = (self.embed(input_ids) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return cast(Tensor, self.layers(mean))


class CustomConfig(PretrainedConfig):  # type: ignore[misc]
    """What a saved custom model needs to be built again."""

    model_type = "custom"

    def __init__(
        self,
        custom: str = "",
        vocab_size: int = 0,
        options: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        self.custom = custom
        self.vocab_size = vocab_size
        self.options = options or {}
        super().__init__(**rest)


class CustomForSequenceClassification(PreTrainedModel):  # type: ignore[misc]
    """A registered module behind the interface of transformers."""

    config_class = CustomConfig

    def __init__(self, config: CustomConfig) -> None:
        super().__init__(config)
        module = REGISTRY[config.custom]
        self.module = module(
            vocab_size=config.vocab_size, num_labels=config.num_labels, **config.options
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Leave the weights as the module itself has set them."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> SequenceClassifierOutput:
        """Return the logits and, where labels are given, their cross-entropy."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        logits = self.module(input_ids=input_ids, attention_mask=attention_mask)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


AutoConfig.register("custom", CustomConfig)
AutoModelForSequenceClassification.register(CustomConfig, CustomForSequenceClassification)
