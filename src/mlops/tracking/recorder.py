"""An open run: what it records goes into its journal.

Writes: .runs/<env>/<id>/, .runs/<model>.json
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlflow.tracking.context.registry import resolve_tags

from mlops.config.schema import Params
from mlops.core import hashing, revision
from mlops.tracking import description, machine, naming, provenance, records, server
from mlops.tracking.journal import Journal
from mlops.tracking.system_metrics import PREFIX


class Run:
    """An open run; who opened it sends its journal to the store."""

    def __init__(self, journal: Journal, uri: str) -> None:
        self.journal = journal
        self.uri = uri
        self.notify: Callable[[], None] = lambda: None  # the one who sends
        # In the store; empty while a new run could not be sent.
        sent = journal.sent(server.redact(uri))
        self.run_id = str(sent["run_id"] or "")
        self.page = str(sent.get("page", ""))  # of MLflow's web interface
        self._logged = journal.last_steps()

    def start(self, params: Params, suffix: str = "") -> None:
        """Begin the journal of a new run."""
        self.journal.set_target(server.redact(self.uri), server.is_offline())
        self.journal.append(
            "run",
            name=description.name_run(params) + suffix,
            experiment=description.name_experiment(params),
            artifact_location=params.mlflow.artifact_location,
            tags={**resolve_tags(), **provenance.describe_source()},
        )

    def describe(self, params: Params, data: Mapping[str, str]) -> None:
        """Record parameters, tags, the state of the code and the digest of each data set."""
        sections = params.model_dump(exclude={"environment", "experiment", "mlflow", "metadata"})
        values = {name: str(value) for name, value in naming.flatten(sections, "").items()}
        self.journal.append("params", values=values)
        origin = {
            "who": revision.who() or "unknown",
            **machine.read_packages(),
            **machine.read_hardware(),
        }
        hashes = {f"data.{name}.sha256": digest for name, digest in data.items()}
        named = {"environment": params.environment, "experiment": params.experiment}
        self.tag({**params.mlflow.tags, **named, **origin, **hashes})
        self.tag(provenance.rows_changed(params.snapshot))
        self.attach_state(provenance.read_state())
        for name, digest in data.items():
            source = f"data/prepared/{name}.parquet"
            self.journal.append("dataset", name=name, digest=digest[:32], source=source)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the metrics of a step, unless the run has them from before it was killed."""
        fresh = {
            name: float(value)
            for name, value in metrics.items()
            if step > self._logged.get(name, -1)
        }
        if fresh:
            self.journal.append("metrics", step=step, values=fresh)
            self.notify()

    def log_evaluation(self, params: Params, metrics: Mapping[str, Any]) -> None:
        """Record scores as metrics, counts and intervals of the whole as tags, and a verdict."""
        leaves = naming.name_leaves(metrics, "test")
        scores = {
            name: value for name, (path, value) in leaves.items() if description.is_score(path)
        }
        self.journal.append("metrics", step=0, values=scores)
        whole = {n: value for n, (path, value) in leaves.items() if len(path) == 2}
        self.tag({name: value for name, value in whole.items() if name not in scores})
        if metrics.keys() >= description.TOLD:
            self.tag({description.NOTE: description.describe(params, metrics, self.page)})
        test = Path("data/prepared/test.parquet")
        if test.exists():
            self.tag({"data.test.sha256": hashing.digest(test)})

    def next_sample(self) -> int:
        """Return the step of the next sample of system metrics."""
        steps = [step for name, step in self._logged.items() if name.startswith(PREFIX)]
        return max(steps, default=-1) + 1

    def tag(self, tags: Mapping[str, Any]) -> None:
        """Set tags."""
        self.journal.append("tags", values={name: str(value) for name, value in tags.items()})

    def attach_state(self, now: provenance.State) -> None:
        """Record code, configuration and hashes of one moment."""
        self.tag(now.tags)
        self.journal.attach(now.files)

    def finish(self, params: Params, model_digest: str) -> None:
        """Record which model the run made, so that it is found again by the model's content."""
        self.tag({"model.sha256": model_digest})
        records.write(
            model_digest,
            environment=params.environment,
            run_id=self.run_id,
            journal=self.journal.name,
            tracking_uri=server.redact(self.uri),
            evaluated=False,
            lock=None,
        )
