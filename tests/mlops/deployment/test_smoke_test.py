"""Rules of mlops.deployment.smoke_test: which pod is what was registered, and works."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mlops.core.errors import DeployError
from mlops.deployment import smoke_test
from mlops.deployment.smoke_test import Wanted

WANTED = Wanted("a" * 64, "content", "a fine film", seconds=60)


@dataclass
class Pod:
    """A pod that answers what it was told; an error is raised."""

    name: str = "pod"
    last_words: str = ""
    answers: dict[str, Any] = field(
        default_factory=lambda: {
            "/readyz": {},
            "/predict": {"label": "good", "probabilities": {"good": 0.9}},
            "/info": {"model_sha256": "a" * 64, "package": "content"},
        }
    )

    def ask(self, path: str, _body: Any = None) -> Any:
        """Answer."""
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ended(self) -> str:
        """Return its last words."""
        return self.last_words


def test_a_pod_that_predicts_with_the_registered_model_passes() -> None:
    """Ready, one prediction, the hashes of model and content."""
    smoke_test.check(Pod(), WANTED)


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/predict", OSError("HTTP Error 500"), "cannot predict 'a fine film': OSError"),
        ("/predict", {"error": {}}, "cannot predict 'a fine film': KeyError"),
        ("/predict", {"label": "good", "probabilities": {"good": 7}}, "expected a probability"),
        ("/info", {"model_sha256": "b" * 64, "package": "content"}, "serves .*bbbb"),
        ("/info", {"model_sha256": "a" * 64, "package": "other"}, "serves .*other"),
        ("/info", "text", "cannot predict|serves"),
    ],
)
def test_a_pod_that_is_another_or_does_not_predict_fails(path: str, answer: Any, told: str) -> None:
    """In a sentence that tells what was found."""
    pod = Pod()
    pod.answers[path] = answer

    with pytest.raises(DeployError, match=told):
        smoke_test.check(pod, WANTED)


def test_a_pod_that_ended_is_not_waited_for() -> None:
    """Its last words are told at once, whatever time it had."""
    pod = Pod(last_words="exit code 137 (out of memory)")
    pod.answers["/readyz"] = OSError("refused")

    with pytest.raises(DeployError, match="ended: exit code 137"):
        smoke_test.check(pod, replace(WANTED, seconds=10_000))


def test_a_pod_that_is_never_ready_is_told() -> None:
    """With what it answered last, and the setting that decides."""
    pod = Pod()
    pod.answers["/readyz"] = OSError("status 503")

    with pytest.raises(DeployError, match=r"within 0 s \(deploy.start_seconds\).*status 503"):
        smoke_test.check(pod, replace(WANTED, seconds=0))
