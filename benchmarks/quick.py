"""What stands in for real data and models where a benchmark is only tried: a second's work."""

from pathlib import Path
from typing import Any

# All stages on few rows. What only measures quality is off: there is none to measure.
SMALL = (
    "data.synthetic_rows=800 prepare.sample=1.0 prepare.min_rows=2 prepare.min_class_share=0.0 "
    "training.epochs=1 evaluate.resamples=100 export.labels_agree=0.0 export.accuracy_drop=1.0 "
    "export.int8_difference=1.0"
)
WORDS = ("a", "film", "plain", "dull", "superb", "quiet", "loud", "long", "short", "old", "odd")


def sst2(folder: Path) -> Path:
    """Write three splits with the columns of SST-2, of sentences that no other split has."""
    import polars as pl  # noqa: PLC0415  only where it is tried

    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    for split, rows in (("train", 120), ("val", 40), ("test", 40)):
        numbers = range(first, first + rows)
        first += rows
        texts = [f"film {n} is {WORDS[3 + n % 2]} and {WORDS[5 + n % 6]}" for n in numbers]
        frame = pl.DataFrame({"text": texts, "label": [n % 2 for n in numbers]})
        frame.write_parquet(folder / f"{split}.parquet")
    return folder


def bert(folder: Path) -> Path:
    """Save a pretrained model of 2 layers of 32, with random weights."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(chr, range(33, 127)))
    tokens = [*names, *(f"##{chr(n)}" for n in range(97, 123)), *(w for w in WORDS if len(w) > 1)]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(tokens)), encoding="utf-8")
    tokenizer: Any = BertTokenizer(vocab=str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = BertConfig(vocab_size=len(tokenizer), num_attention_heads=2, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder
