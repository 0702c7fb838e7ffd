"""Rendered manifests, and the parts of them that the checks ask for."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import yaml

UNITS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class Manifests:
    """The documents of one release."""

    def __init__(self, text: str) -> None:
        self.documents: list[Mapping[str, Any]] = [one for one in yaml.safe_load_all(text) if one]
        self.kinds = [one["kind"] for one in self.documents]

    def __getitem__(self, kind: str) -> Any:
        return self.documents[self.kinds.index(kind)]

    @cached_property
    def pod(self) -> Any:
        """The template of the pods."""
        return self["Deployment"]["spec"]["template"]

    @cached_property
    def container(self) -> Any:
        """The one container of a pod."""
        return self.pod["spec"]["containers"][0]

    @cached_property
    def pods(self) -> int:
        """How many pods there are at least."""
        if "ScaledObject" in self.kinds:
            return int(self["ScaledObject"]["spec"]["minReplicaCount"])
        if "HorizontalPodAutoscaler" in self.kinds:
            return int(self["HorizontalPodAutoscaler"]["spec"]["minReplicas"])
        return int(self["Deployment"]["spec"].get("replicas", 1))


def quantity(value: object) -> float:
    """Return the number that Kubernetes reads; what it would not read is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(\D*)", str(value))
    return float(found[1]) * UNITS[found[2]] if found and found[2] in UNITS else float("nan")
