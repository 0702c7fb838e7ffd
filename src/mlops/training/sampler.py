"""Batches of texts of equal length, in an order that only the seed and the epoch decide."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

# Longer stretches pad less but mix less; 50 batches leave 3 % padding on SST-2.
BATCHES_PER_BUCKET = 50


class BucketSampler(Sampler[int]):
    """Shuffle rows, sort stretches of them by length, and shuffle the batches cut from these.

    The Trainer's own `group_by_length` does not shuffle the batches, which wrecks convergence, and
    draws from the global generator, so that a resumed epoch differs.
    """

    def __init__(self, lengths: Tensor | list[int], batch_size: int, seed: int) -> None:
        self.lengths = torch.as_tensor(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; the Trainer calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)
        for bucket in torch.split(order, self.batch_size * BATCHES_PER_BUCKET):
            bucket.copy_(bucket[self.lengths[bucket].argsort(stable=True)])
        # Only the last batch can be short; it stays last, or it would shift the cuts behind it.
        full = len(order) // self.batch_size
        for index in torch.randperm(full, generator=generator).tolist():
            start = index * self.batch_size
            yield from order[start : start + self.batch_size].tolist()
        yield from order[full * self.batch_size :].tolist()
