"""A model for the tests of serving, in the format of `export`: a few words, a few kilobytes."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from common import ROOT

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "film",
    "was",
    "good",
    "bad",
    "great",
    "dull",
    "the",
    "a",
    "fine",
]
FEELING = {"good": 4.0, "great": 4.0, "bad": -4.0, "dull": -4.0}
LABELS = ["negative", "positive"]
SIGNATURE: dict[str, Any] = {
    "format": 1,
    "labels": LABELS,
    "inputs": ["input_ids", "attention_mask"],
    "max_length": 16,
    "special_tokens": 2,
    "pad_id": 0,
    "pad_type_id": 0,
    "padding_side": "right",
    "precision": {"cpu": "fp32", "gpu": None},
    "model_sha256": "0" * 64,
    "parity": {"labels_agree": 1.0, "rows": 500},
    "example": "the film was good",
}


def export(
    folder: Path, work: int = 0, feeling: dict[str, float] = FEELING, **signature: Any
) -> Path:
    """Write an exported model; `work` makes it slower, each unit by some milliseconds.

    `feeling` is what it knows: how positive each word is.
    """
    folder.mkdir(parents=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    onnx.save(_graph(work, feeling), str(folder / "cpu.onnx"))
    (folder / "signature.json").write_text(json.dumps(SIGNATURE | signature), encoding="utf-8")
    return folder


def settings(**changes: Any) -> dict[str, Any]:
    """Return section `serving` of the committed params.yaml, with changes."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return {**params["serving"], **changes}


def serving(folder: Path, **changes: Any) -> Path:
    """Add to an exported model what the packager adds."""
    value = {
        "format": 1,
        "preprocessing": True,
        "settings": settings(**changes),
        "info": {"name": "toy", "version": "v1", "commit": "c0ffee"},
    }
    (folder / "serving.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def project(folder: Path, work: int = 0, **changes: Any) -> Path:
    """Write a project that can be packaged: the code of this one, an exported model, figures."""
    copied = ("src", "bentofile.yaml", "requirements", "README.md")
    for name in copied:
        source = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["serving"] = settings(**changes)
    params["export"]["gpu"] = params["serving"]["device"] == "cuda"
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    serving_folder = export(folder / "models" / "serving", work)
    if params["export"]["gpu"]:
        shutil.copy(serving_folder / "cpu.onnx", serving_folder / "gpu.onnx")
    (folder / "reports").mkdir()
    metrics = {"accuracy": 0.9, "rows": 500, "per_class": {}}
    (folder / "reports" / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return folder


def _tokenizer() -> Tokenizer:
    words = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.add_special_tokens(WORDS[:4])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _graph(work: int, feeling: dict[str, float]) -> onnx.ModelProto:
    """Return the mean feeling of the words that are not padding, as two logits."""
    feelings = np.array([feeling.get(word, 0.0) for word in WORDS], np.float32)
    constants = {
        "feelings": np.stack([-feelings, feelings], axis=1),
        "last": np.array([2]),
        "second": np.array([1]),
        "none": np.array(0, np.float32),
        "big": np.ones((512 if work else 1,) * 2, np.float32),
    }
    steps = [
        ("Gather", ["feelings", "input_ids"], "felt"),
        ("Unsqueeze", ["mask", "last"], "column"),
        ("Mul", ["felt", "column"], "masked"),
        ("ReduceSum", ["masked", "second"], "sum"),
        ("ReduceSum", ["mask", "second"], "words"),
        ("Div", ["sum", "words"], "mean"),
        ("ReduceSum", ["words"], "all"),
        ("Mul", ["big", "all"], "busy0"),
        *[("MatMul", [f"busy{n}", "big"], f"busy{n + 1}") for n in range(work)],
        ("ReduceSum", [f"busy{work}"], "result"),
        ("Mul", ["result", "none"], "nothing"),
        ("Add", ["mean", "nothing"], "logits"),
    ]
    keep = {"words": 1}
    nodes = [helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT)]
    for kind, inputs, output in steps:
        more: dict[str, Any] = {"keepdims": keep.get(output, 0)} if kind == "ReduceSum" else {}
        nodes.append(helper.make_node(kind, inputs, [output], **more))
    graph = helper.make_graph(
        nodes,
        "toy",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in SIGNATURE["inputs"]
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model
