"""The errors that a user can mend, and the one place where they become an exit code.

    KnownError
    ├── ConfigError    conf/, ENV, EXP or SET is wrong
    ├── DataError      a source or its rows are wrong
    ├── ModelError     a model cannot be built, loaded or trained
    ├── TrackingError  the MLflow store cannot be used
    └── ServingError   the model cannot be packaged, served or asked

Each message says what was expected, what was found and what to do next.
"""

import logging
import sys
from collections.abc import Callable


class KnownError(Exception):
    """Base of all errors that are told in one sentence, without a traceback."""


class ConfigError(KnownError):
    """The configuration is wrong."""


class DataError(KnownError):
    """A data source or its rows are wrong."""


class ModelError(KnownError):
    """A model cannot be built, loaded or trained."""


class TrackingError(KnownError):
    """The MLflow store cannot be used."""


class ServingError(KnownError):
    """The model cannot be packaged, served or asked."""


def run(main: Callable[[], None]) -> None:
    """Run a stage's `main`; a known error ends the process with its sentence and exit code 1."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    for name in ("ml", "__main__"):  # `python -m ml.train` runs the stage under the second name
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        main()
    except KnownError as error:
        sys.exit(f"error: {error}")
