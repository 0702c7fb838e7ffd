"""Rules of mlops.training.sampler."""

import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from mlops.training.sampler import BATCHES_PER_BUCKET, BucketSampler

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=400)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3))
def test_an_epoch_visits_every_row_once(lengths: list[int], batch_size: int, seed: int) -> None:
    """No row is lost or repeated."""
    assert sorted(BucketSampler(lengths, batch_size, seed)) == list(range(len(lengths)))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    """The same seed and epoch give the same order, whatever was drawn before; others another."""
    lengths = [random.Random(0).randint(1, 40) for _ in range(500)]
    first, again, other = (BucketSampler(lengths, 8, seed) for seed in (1, 1, 2))
    epoch_0 = list(first)
    first.set_epoch(1)

    assert list(again) == epoch_0
    assert list(other) != epoch_0
    assert list(first) != epoch_0


def test_batches_hold_texts_of_similar_length() -> None:
    """Padding stays below 5 % where random batches pad by a third."""
    generator = random.Random(0)
    lengths = [generator.randint(5, 60) for _ in range(8 * BATCHES_PER_BUCKET)]
    order = list(BucketSampler(lengths, 8, 0))
    batches = [order[start : start + 8] for start in range(0, len(order), 8)]

    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)

    assert sum(lengths) / padded > 0.95


def test_batches_are_not_sorted_by_length() -> None:
    """Batches come in mixed order: from short to long wrecks convergence."""
    lengths = list(range(8 * 20))
    order = list(BucketSampler(lengths, 8, 0))
    means = [sum(order[start : start + 8]) / 8 for start in range(0, len(order), 8)]

    assert means not in (sorted(means), sorted(means, reverse=True))


def test_the_short_batch_is_the_last() -> None:
    """A short batch in the middle would shift the cuts behind it and mix lengths."""
    lengths = [1] * 16 + [50]
    order = list(BucketSampler(lengths, 8, 0))

    assert order[-1] == 16


def cut_at_once(lengths: list[int], batch_size: int, seed: int) -> list[int]:
    """Return the order as releases up to 0.4.0 made it: with a tensor for each batch."""
    sizes = torch.tensor(lengths)
    generator = torch.Generator().manual_seed(seed * 1_000_003)
    order = torch.randperm(len(sizes), generator=generator)
    batches: list[torch.Tensor] = []
    for bucket in torch.split(order, batch_size * BATCHES_PER_BUCKET):
        batches.extend(torch.split(bucket[sizes[bucket].argsort(stable=True)], batch_size))
    full = len(batches) - (len(batches[-1]) < batch_size)
    shuffled = torch.randperm(full, generator=generator).tolist()
    return [int(row) for n in [*shuffled, *range(full, len(batches))] for row in batches[n]]


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3))
def test_the_order_is_that_of_earlier_releases(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    """A model keeps its bytes, though no batch is cut before its turn."""
    assert list(BucketSampler(lengths, batch_size, seed)) == cut_at_once(lengths, batch_size, seed)
