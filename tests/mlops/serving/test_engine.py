"""The engine: probabilities, truncation, batches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import toy
from mlops.serving.engine import Engine, exact


@pytest.fixture(name="folder", scope="session")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.export(tmp_path_factory.mktemp("toy") / "serving")


@pytest.fixture(name="engine", scope="session")
def _engine(folder: Path) -> Engine:
    return Engine(folder)


def test_a_text_gets_the_label_of_its_likeliest_class(engine: Engine) -> None:
    """Label, a probability for each class that sum to one, and what was read."""
    good, bad = engine.predict(["the film was good", "the film was bad"])

    assert (good.label, bad.label) == ("positive", "negative")
    assert good.probabilities["positive"] == pytest.approx(bad.probabilities["negative"])
    assert sum(good.probabilities.values()) == pytest.approx(1)
    assert (good.tokens, good.truncated) == (6, False)


@pytest.mark.parametrize(("words", "tokens", "truncated"), [(14, 16, False), (15, 16, True)])
def test_truncation_is_told(engine: Engine, words: int, tokens: int, truncated: bool) -> None:
    """A text is cut at the model's length, special tokens counted, and only then said to be."""
    (found,) = engine.predict([" ".join(["film"] * words)])

    assert (found.tokens, found.truncated) == (tokens, truncated)


def test_what_is_cut_off_does_not_count(engine: Engine) -> None:
    """The end of a truncated text changes nothing."""
    start = ["good"] * 14
    one, other = engine.predict([" ".join([*start, "bad"]), " ".join([*start, "great"])])

    assert one == other


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    texts=st.lists(
        st.lists(st.sampled_from(toy.WORDS[4:]), min_size=1, max_size=20).map(" ".join),
        max_size=40,
    ),
    batch_items=st.integers(1, 16),
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_batch_mates_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], batch_items: int, side: str
) -> None:
    """In any list, batched in any way and padded on any side, each text gets what it gets alone."""
    folder = tmp_path_factory.getbasetemp() / f"side-{side}"
    if not folder.exists():
        toy.export(folder, padding_side=side)
    together = Engine(folder, batch_items=batch_items).predict(texts)
    alone = [Engine(folder, batch_items=1).predict([text])[0] for text in texts[:3]]

    assert len(together) == len(texts)
    for one, found in zip(alone, together, strict=False):
        assert (found.label, found.tokens, found.truncated) == (
            one.label,
            one.tokens,
            one.truncated,
        )
        assert np.allclose(list(found.probabilities.values()), list(one.probabilities.values()))


def test_batches_have_near_equal_lengths(engine: Engine) -> None:
    """No batch holds more than its number of texts, nor much padding; each text is in one."""
    lengths = [3, 16, 4, 16, 5, 9, 9, 9, 15, 3] * 5
    batches = list(engine._batches(lengths))

    assert sorted(row for batch in batches for row in batch) == list(range(50))
    for batch in batches:
        assert len(batch) <= engine.batch_items
        assert min(lengths[row] for row in batch) >= 0.8 * max(lengths[row] for row in batch)


@pytest.mark.parametrize(
    ("left", "expected"), [(False, [[5, 6], [7, 0]]), (True, [[5, 6], [0, 7]])]
)
def test_the_graph_gets_what_its_signature_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, left: bool, expected: list[list[int]]
) -> None:
    """Inputs, padding side and padding values are those of the export."""
    engine = Engine(folder)
    names = ["input_ids", "token_type_ids"]
    changes = {"inputs": names, "pad_type_id": 9, "padding_side": "left" if left else "right"}
    engine.signature = engine.signature.model_copy(update=changes)
    given: dict[str, Any] = {}

    class Session:
        def run(self, _names: list[str], feed: dict[str, Any]) -> list[Any]:
            given.update(feed)
            return [np.zeros((2, 2), np.float32)]

    class Tokens:
        def __init__(self, ids: list[int]) -> None:
            self.ids, self.type_ids, self.attention_mask = ids, [1] * len(ids), [1] * len(ids)

        def __len__(self) -> int:
            return len(self.ids)

    monkeypatch.setattr(engine, "_session", Session())
    engine._run([Tokens([5, 6]), Tokens([7])])  # type: ignore[list-item]

    assert list(given) == names
    assert given["input_ids"].tolist() == expected
    assert given["token_type_ids"].tolist() == ([[1, 1], [9, 1]] if left else [[1, 1], [1, 9]])


def test_half_precision_logits_give_full_precision_probabilities(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The GPU's graph may answer in fp16; large logits do not overflow."""

    class Session:
        def run(self, *_arguments: object) -> list[Any]:
            return [np.array([[60000.0, -60000.0]], np.float16)]

    monkeypatch.setattr(engine, "_session", Session())
    (found,) = engine.predict(["film"])

    assert found.probabilities == {"negative": 1.0, "positive": 0.0}


def test_without_a_gpu_the_cpu_serves(folder: Path) -> None:
    """`device: cuda` on a machine without one falls back, and the engine says so."""
    assert Engine(folder, device="cuda").device == "cpu"


def gpu_build(monkeypatch: pytest.MonkeyPatch, got: str) -> list[str]:
    """Make of onnxruntime its build for GPUs, whose sessions get a provider; list the graphs."""
    opened: list[str] = []

    class Session:
        def __init__(self, graph: str, _options: object, providers: list[str]) -> None:
            opened.append(Path(graph).name)
            self.provider = got if providers == ["CUDAExecutionProvider"] else providers[0]

        def get_providers(self) -> list[str]:
            return [self.provider]

    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    return opened


def test_with_a_gpu_its_own_graph_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where provider, graph and wish are there, gpu.onnx is opened with CUDA, else not."""
    folder = toy.export(tmp_path / "serving", precision={"cpu": "int8", "gpu": "fp16"})
    opened = gpu_build(monkeypatch, "CUDAExecutionProvider")
    without = Engine(folder, device="cuda")
    (folder / "gpu.onnx").touch()
    engines = [without, Engine(folder, device="cuda"), Engine(folder, device="cpu")]

    assert [engine.device for engine in engines] == ["cpu", "cuda", "cpu"]
    assert [engine.precision for engine in engines] == ["int8", "fp16", "int8"]
    assert opened == ["cpu.onnx", "gpu.onnx", "cpu.onnx"]


def test_what_runs_on_the_cpu_is_not_called_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a GPU onnxruntime-gpu quietly takes the CPU, where fp16 is slow: cpu.onnx serves."""
    folder = toy.export(tmp_path / "serving")
    (folder / "gpu.onnx").touch()
    opened = gpu_build(monkeypatch, "CPUExecutionProvider")
    engine = Engine(folder, device="cuda")

    assert (engine.device, engine.precision) == ("cpu", "fp32")
    assert opened == ["gpu.onnx", "cpu.onnx"]
    assert "the CPU serves; missing is a GPU with its driver, or CUDA's libraries" in caplog.text


def test_the_signature_must_be_of_this_format(tmp_path: Path) -> None:
    """A folder of a later export is refused, not misread."""
    folder = toy.export(tmp_path / "serving", format=2)

    with pytest.raises(ValueError, match="format"):
        Engine(folder)


@pytest.mark.parametrize(
    ("flags", "asked"), [("fma avx512_vnni", "0"), ("fma avx_vnni", "0"), ("fma avx2", "1")]
)
def test_exact_products_are_asked_for_where_they_are_not_given(
    flags: str, asked: str, tmp_path: Path
) -> None:
    """By what the processor says of itself; one that says nothing gets the exact way."""
    path = tmp_path / "cpuinfo"

    assert exact(path) == "1"
    path.write_text(f"flags : {flags}\n")
    assert exact(path) == asked
