"""The platform: which parts there are, where they answer, and who may do what.

Writes: <folder>, with all data, logs and credentials in it, readable by its owner alone
"""

import json
import secrets
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local_platform import bucket, postgres, processes, swift, tracking_server
from local_platform.part import Part
from mlops.core.errors import PlatformError

ENVIRONMENTS = ("dev", "qa", "prod")
PORTS = ("s3", "account", "container", "object", "postgres", *ENVIRONMENTS)


class Platform:
    """S3, PostgreSQL and an MLflow server for each environment, in one folder on this machine."""

    def __init__(self, folder: Path, programs: Path, ports: Mapping[str, int]) -> None:
        self.folder = folder.absolute()
        self.ports = ports
        self._programs = programs.absolute()
        self._run = self.folder / "run"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # the user postgres must get through; what lies in it is closed
        self._secrets = self._made_once()

    def variables(self, environment: str) -> dict[str, str]:
        """Return the environment variables that lead to an environment, credentials included."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports['s3']}",
            "AWS_ACCESS_KEY_ID": f"{environment}:{environment}",
            "AWS_SECRET_ACCESS_KEY": self._secrets[f"s3-{environment}"],
            "AWS_DEFAULT_REGION": swift.REGION,
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.ports[environment]}",
            "MLFLOW_TRACKING_USERNAME": tracking_server.USER,
            "MLFLOW_TRACKING_PASSWORD": self._secrets[f"mlflow-{environment}"],
            # Files by way of MLflow. Else it sends its clients to S3 at the address that it has
            # itself, which in deploy/compose.yaml is a name that only containers know.
            "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
            "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        }

    def up(self, *kinds: str) -> None:
        """Start what does not run: "s3", "postgres", "mlflow-dev"; all unless some are named."""
        wanted = kinds or ("s3", "postgres", *(f"mlflow-{name}" for name in ENVIRONMENTS))
        if "s3" in wanted:
            self._start(*self._s3())
            for environment in ENVIRONMENTS:
                bucket.make(self.variables(environment), bucket.named(environment))
        if "postgres" in wanted:
            password = self._secrets["postgres"]
            self._start(postgres.part(self.folder / "postgres", self.ports["postgres"], password))
            own = {name: self._secrets[f"postgres-{name}"] for name in ENVIRONMENTS}
            postgres.databases(self.ports["postgres"], password, own)
        names = [name for name in ENVIRONMENTS if f"mlflow-{name}" in wanted]
        self._start(*(self._mlflow(name) for name in names))
        self.write_variables()

    def down(self, *kinds: str, how: int = signal.SIGTERM) -> None:
        """End what runs, the users of a server before it; all unless some are named."""
        found = sorted(path.stem for path in self._run.glob("*.json"))
        kinds = kinds or ("mlflow", "postgres", "s3")
        for kind in kinds:
            prefix = "swift-" if kind == "s3" else kind
            for name in found:
                if name.startswith(prefix):
                    # For PostgreSQL SIGINT is to end at once and cleanly, clients or not.
                    gentle = signal.SIGINT if name == "postgres" else signal.SIGTERM
                    processes.end(self._run, name, gentle if how == signal.SIGTERM else how)

    def running(self) -> dict[str, str]:
        """Return each part that runs and its address."""
        ports = {"swift-proxy": self.ports["s3"], "postgres": self.ports["postgres"]}
        ports |= {f"mlflow-{name}": self.ports[name] for name in ENVIRONMENTS}
        return {
            name: f"127.0.0.1:{port}"
            for name, port in ports.items()
            if processes.find(self._run, name)
        }

    def variables_file(self, environment: str) -> Path:
        """Return the file that holds the variables of an environment, one a line."""
        return self.folder / f"{environment}.env"

    def _start(self, *parts: Part) -> None:
        for part in parts:
            processes.start(self._run, part)
        for part in parts:
            processes.wait(self._run, part)

    def _s3(self) -> list[Part]:
        own = {name: self._secrets[f"s3-{name}"] for name in ENVIRONMENTS}
        folder = self.folder / "swift"
        folder.mkdir(mode=0o700, exist_ok=True)
        return swift.parts(folder, self._programs, self.ports, own)

    def _mlflow(self, environment: str) -> Part:
        password = self._secrets[f"postgres-{environment}"]
        server = f"127.0.0.1:{self.ports['postgres']}"
        variables = {
            **self.variables(environment),
            "DATABASE": tracking_server.database(environment, password, server),
            "PASSWORD": self._secrets[f"mlflow-{environment}"],
            "SECRET": self._secrets["flask"],
        }
        port = self.ports[environment]
        return tracking_server.part(self._run, environment, self._programs, port, variables)

    def write_variables(self) -> None:
        """Write what leads to each environment, and what deploy/compose.yaml needs to be told."""
        for environment in ENVIRONMENTS:
            self._write(self.variables_file(environment), self.variables(environment))
        told = {name.replace("-", "_").upper(): secret for name, secret in self._secrets.items()}
        outside = ("s3", "postgres", *ENVIRONMENTS)
        told |= {f"PORT_{name.upper()}": str(self.ports[name]) for name in outside}
        self._write(self.folder / "compose.env", told)

    @staticmethod
    def _write(path: Path, variables: Mapping[str, str]) -> None:
        path.touch(mode=0o600)
        lines = [f"{name}={value}" for name, value in variables.items()]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def _made_once(self) -> dict[str, str]:
        path = self.folder / "secrets.json"
        if not path.exists():
            kinds = ("s3", "mlflow", "postgres")
            names = ["postgres", "flask", *(f"{k}-{e}" for k in kinds for e in ENVIRONMENTS)]
            partial = self.folder / "secrets.partial"
            partial.touch(mode=0o600)
            partial.write_text(json.dumps({name: secrets.token_hex(16) for name in names}))
            partial.replace(path)
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return found


def programs(folder: Path, lock: Path, uv: str) -> Path:
    """Install the servers' own environment, unless it is that of the lock; return its programs."""
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        sync = ["pip", "sync", "--python", str(folder), "--require-hashes", str(lock)]
        for command in (["venv", "--allow-existing", str(folder)], sync):
            if subprocess.run([uv, "--quiet", *command], check=False).returncode:
                raise PlatformError(
                    f"the packages of {lock} should be installed in {folder}, but uv failed (above)"
                )
        stamp.write_bytes(lock.read_bytes())
    return folder / "bin"
