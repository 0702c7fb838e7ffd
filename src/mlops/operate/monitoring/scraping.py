"""What Prometheus scrapes: on one machine, on a cluster, and as manifests of the operator."""

from typing import Any

from mlops.config.schema import Params
from mlops.deployment.manifests import NAME
from mlops.deployment.traefik.proxy import METRICS
from mlops.operate.monitoring.promql import PODS, PROXY

EACH = "15s"
DRIFT = "drift.yml"  # rules that `make drift` writes; they may be missing
NAMESPACE = "mlops"
PART_OF = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "models"}
POD = "__meta_kubernetes_pod"


def on_machine(params: Params, targets: str, alertmanager: str, each: str = EACH) -> dict[str, Any]:
    """Return the configuration beside podman's pods; `targets` is the file that names them."""
    fixed = {
        PROXY: f"127.0.0.1:{params.deploy.port + METRICS}",
        "prometheus": f"127.0.0.1:{params.monitoring.port}",
        "alertmanager": alertmanager,
    }
    labels = {"environment": params.environment}
    return {
        "global": {"scrape_interval": each, "scrape_timeout": each, "evaluation_interval": each},
        "rule_files": ["rules.yml", DRIFT],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": PODS,
                "file_sd_configs": [{"files": [targets], "refresh_interval": each}],
            },
            *(
                {"job_name": job, "static_configs": [{"targets": [target], "labels": labels}]}
                for job, target in fixed.items()
            ),
        ],
    }


def pod_monitor(environment: str) -> dict[str, Any]:
    """Return what the Prometheus operator reads in place of annotations."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": _metadata(f"{NAME}-{environment}"),
        "spec": {
            "selector": {
                "matchLabels": {
                    "app.kubernetes.io/part-of": "models",
                    "app.kubernetes.io/instance": environment,
                }
            },
            "podMetricsEndpoints": [
                {
                    "port": "http",
                    "path": "/metrics",
                    "interval": EACH,
                    "relabelings": [*_labels(environment)],
                }
            ],
        },
    }


def prometheus_rule(environment: str, groups: dict[str, Any]) -> dict[str, Any]:
    """Return the rules as the Prometheus operator reads them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(f"{NAME}-{environment}"),
        "spec": groups,
    }


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "labels": PART_OF}


def _labels(environment: str) -> list[dict[str, Any]]:
    """Return how a pod's series get the labels of those on one machine."""
    role = f"{POD}_label_mlops_role"
    return [
        {"targetLabel": "job", "replacement": PODS},
        {"targetLabel": "environment", "replacement": environment},
        {"sourceLabels": [f"{POD}_name"], "targetLabel": "pod"},
        {"targetLabel": "role", "replacement": "live"},
        {"sourceLabels": [role], "regex": "(.+)", "targetLabel": "role"},
    ]
