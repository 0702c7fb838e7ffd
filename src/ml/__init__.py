"""This project's own part: what its model is about. Edit freely; src/mlops does the rest."""

from mlops import STARTED, code_folder

if STARTED:
    __path__ = [code_folder(__file__)]
