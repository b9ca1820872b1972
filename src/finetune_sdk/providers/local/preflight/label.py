"""A job's rows before it is made: token by token, and which of them it would learn.

A program of `answering`: it finds a list of pieces for each row of the training data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.preflight.answering import main
from finetune_sdk.providers.local.preflight.reading import read
from finetune_sdk.providers.local.training.methods.supervised import encoder_of
from finetune_sdk.providers.local.training.rows import encoding
from finetune_sdk.providers.local.training.rows.encoding import IGNORED, Example
from finetune_sdk.types import TokenPiece

_CUT = "\ufffd"
"""What bytes that are only a part of a character are read as."""


def find(folder: JobFolder) -> object:
    """The pieces of each row, as JSON has them.

    Raises:
        TrainingFailure: a row cannot be written for the model, or an option is wrong.
        FineTuneError: the model cannot be had.
    """
    order, _ = read(folder)
    rows = encoding.read(folder.rows(order.spec.training_file))
    examples = encoding.made(rows, encoder_of(order).example, "rows that were given")
    return [
        [piece.model_dump(mode="json") for piece in pieces(one, order.tokenizer)]
        for one in examples
    ]


def pieces(example: Example, tokenizer: Any) -> Iterator[TokenPiece]:
    """The tokens of a row, in its order."""
    for text, learned in zip(_texts(example, tokenizer), example.carries, strict=True):
        yield TokenPiece(text=text, learned=learned)


def _texts(example: Example, tokenizer: Any) -> Iterator[str]:
    """What each token adds. Some read otherwise at the start of a text: hence the one before."""
    marked = [label == IGNORED for label in example.labels]

    def text_of(start: int, end: int) -> str:
        ids = example.tokens[start:end]
        text: str = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        return text

    before = done = 0
    for end in range(1, len(marked) + 1):
        text = text_of(before, end)
        if text.endswith(_CUT) and marked[end : end + 1] == [marked[end - 1]]:
            yield ""
            continue
        yield text[len(text_of(before, done)) :]
        before, done = done, end


if __name__ == "__main__":
    main(find)
