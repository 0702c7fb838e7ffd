"""The requests that services have logged: shipped, read, forgotten, labelled.

Reads: the store that request_log.url names
"""

from mlops.operate.requests.reader import read

__all__ = ["read"]
