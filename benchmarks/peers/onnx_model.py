"""What the peers on ONNX Runtime share: the exported model, one thread, texts to probabilities."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class Model:
    """The graph and its tokenizer, out of the folder that SERVING names."""

    def __init__(self) -> None:
        folder = Path(os.environ["SERVING"])
        signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
        self.labels = signature["labels"]
        self.inputs = signature["inputs"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(signature["max_length"])
        self.tokenizer.enable_padding(
            direction=signature["padding_side"],
            pad_id=signature["pad_id"],
            pad_type_id=signature["pad_type_id"],
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            folder / "cpu.onnx", options, providers=["CPUExecutionProvider"]
        )

    def predict(self, texts: list[str]) -> list[dict[str, object]]:
        """Return label and probabilities of each text, run as one batch."""
        encoded = self.tokenizer.encode_batch(texts)
        values = {
            "input_ids": [text.ids for text in encoded],
            "attention_mask": [text.attention_mask for text in encoded],
            "token_type_ids": [text.type_ids for text in encoded],
        }
        (logits,) = self.session.run(
            ["logits"], {name: np.array(values[name], dtype=np.int64) for name in self.inputs}
        )
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = (powers / powers.sum(axis=1, keepdims=True)).tolist()
        return [
            {
                "label": self.labels[row.index(max(row))],
                "probabilities": dict(zip(self.labels, row, strict=True)),
            }
            for row in shares
        ]
