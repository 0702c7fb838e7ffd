"""Serve the model of the work tree on loopback until it is interrupted.

Reads: what `package` reads, PORT (3000 unless set)
Writes: models/bento/, .runs/serve-PORT/
"""

import os
import sys
from pathlib import Path

from ml import payload
from ml.errors import run

SERVICE = "ml.service:Classifier"


def main() -> None:
    """Replace this process by BentoML's server."""
    told = payload.lay_out()
    port = os.environ.get("PORT", "3000")
    sys.stderr.write(
        f"{told['name']} {told['version']} of {told['environment']} at http://127.0.0.1:{port} "
        '(Ctrl+C ends it); ask it: make predict TEXT="..."\n'
    )
    source = str(Path(__file__).resolve().parent.parent)
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    # A server's counts lie in BentoML's home, and the next server of that home deletes them.
    os.environ["BENTOML_HOME"] = str(Path(".runs", f"serve-{port}").resolve())
    bentoml = str(Path(sys.executable).with_name("bentoml"))
    os.execv(bentoml, [bentoml, "serve", SERVICE, "--host", "127.0.0.1", "--port", port])


if __name__ == "__main__":
    run(main)
