"""Labels and probabilities for the tests of what judges them."""

import numpy as np
from hypothesis import strategies as st

from mlops.evaluation.metrics import Floats, Ints


def random_case(seed: int, rows: int, classes: int) -> tuple[Ints, Floats]:
    """Return labels and probabilities that are right more often than not."""
    random = np.random.default_rng(seed)
    actual = random.integers(0, classes, rows)
    scores = np.exp(random.normal(size=(rows, classes)).round(1) + 2 * np.eye(classes)[actual])
    return actual, scores / scores.sum(axis=1, keepdims=True)


cases = st.builds(random_case, st.integers(0, 999), st.integers(1, 60), st.integers(2, 6))
