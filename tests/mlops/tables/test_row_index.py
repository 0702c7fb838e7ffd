"""Rules of mlops.tables.row_index."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlops.tables import row_index

KEYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30)


@given(keys=KEYS)
def test_numbers_are_equal_where_both_halves_of_the_key_are(keys: list[tuple[int, int]]) -> None:
    """One half alone may be equal by chance."""
    high, low = (np.array([key[half] for key in keys], dtype=np.uint64) for half in (0, 1))
    numbers = row_index.number(high, low).tolist()

    for one, first in zip(keys, numbers, strict=True):
        for other, second in zip(keys, numbers, strict=True):
            assert (first == second) is (one == other)
