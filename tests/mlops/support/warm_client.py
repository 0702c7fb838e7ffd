"""What stands for `python`, `dvc` and `ml` in a clone that is lent a warm Python: see warm.py.

Hands `-m module`, or the program that it is called as, to the process that has the libraries
loaded; all else starts the real Python. Whoever kills this process kills what it stands for.
"""

import array
import json
import os
import signal
import socket
import sys


def main() -> None:
    """Have it run, and end as it ends."""
    folder, _, name = sys.argv[0].rpartition("/")
    with open(f"{folder}/../warm.json") as file:  # noqa: PTH123  pathlib takes longer to load
        told = json.load(file)
    real, words = f"{told['bin']}/{name}", sys.argv[1:]
    module = None
    if name == "python":
        if words[:1] != ["-m"] or len(words) == 1:
            os.execv(real, [real, *words])
        module, words = words[1], words[2:]
    here = os.getcwd()  # noqa: PTH109
    request = {
        "module": module, "program": real, "argv": [sys.argv[0], *words], "cwd": here,
        "executable": f"{folder}/python", "environ": dict(os.environ),
        "first": here if module else told["bin"], "path": told["path"],
    }  # fmt: skip
    sys.exit(ask(told["socket"], request))


def ask(address: str, request: dict[str, object]) -> int:
    """Return the exit code; die of the signal that it died of."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    files = array.array("i", [0, 1, 2])
    server.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    server.sendall(json.dumps(request).encode() + b"\n")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: server.sendall(b"%d\n" % number))
    code = int(server.makefile().readline())
    if code < 0:
        if -code != signal.SIGKILL:  # which has no other
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    main()
