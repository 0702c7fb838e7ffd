"""This project's own part: what its model is about. Edit freely; src/mlops does the rest."""

import sys

from mlops import code_folder

if sys.argv[0] == "-m":
    __path__ = [code_folder(__file__)]
