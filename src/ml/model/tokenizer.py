"""A tokenizer trained on the training texts, for models that start from random weights."""

from collections.abc import Iterable

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Where each family looks for the summary of a sentence: at its first token or at its last one.
TEMPLATES = {"gpt2": "$A [SEP]", "llama": "$A [SEP]", "xlnet": "$A [SEP] [CLS]"}


def train(
    texts: Iterable[str], family: str, vocab_size: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Train byte-level BPE, which reads every script and gives the same vocabulary every time.

    WordPiece and Unigram of `tokenizers` do not (huggingface/tokenizers#1794).
    """
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=SPECIAL,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=TEMPLATES.get(family, "[CLS] $A [SEP]"),
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=max_length,
        padding_side=padding_side(family),
        model_input_names=["input_ids", "attention_mask"],
    )


def padding_side(family: str) -> str:
    """Return where to pad so that a text's logits do not depend on its batch mates.

    XLNet reads the last position; the others count positions from the left.
    """
    return "left" if family == "xlnet" else "right"
