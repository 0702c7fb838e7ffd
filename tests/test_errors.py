"""Rules of ml.errors."""

import pytest

from ml.errors import DataError, run


def test_a_known_error_ends_with_its_sentence_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`sys.exit` with a text prints it to stderr and exits 1, without a traceback."""

    def main() -> None:
        raise DataError("expected rows, found none")

    with pytest.raises(SystemExit) as stopped:
        run(main)

    assert stopped.value.code == "error: expected rows, found none"


def test_an_unknown_error_is_not_hidden() -> None:
    """A mistake of ours crashes loudly."""

    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)
