"""`finetune data show`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import render
from finetune_sdk.cli.conversation import Learned, Turn, turns
from finetune_sdk.cli.data.words import File, Format, row_format
from finetune_sdk.cli.session import Session, clean
from finetune_sdk.datasets.tokens import Counter, encoding, encoding_of
from finetune_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.text import Text

    from finetune_sdk.datasets import Dataset, Row

Cut = list[tuple[str, Learned]]
"""A row as pieces of text, each a token where they are cut into tokens."""

_STYLES: dict[Learned, tuple[str, str]] = {
    "yes": ("black on green", "black on bright_green"),
    "against": ("black on red", "black on bright_red"),
    "no": ("", "dim"),
}


def show(
    context: typer.Context,
    file: File,
    rows: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
    line: Annotated[int, typer.Option(min=1, help="The line to begin with.")] = 1,
    model: Annotated[
        str | None, typer.Option(help="Cut texts into the tokens of this model.")
    ] = None,
    train_on: Annotated[str, typer.Option(help="What is learned: assistant, or all.")] = (
        "assistant"
    ),
    format_: Format = None,
) -> None:
    """Print rows as conversations; what carries loss is coloured."""
    session = Session.of(context)
    if train_on not in ("assistant", "all"):
        raise ConfigurationError(f"`--train-on` is {train_on!r}; it takes assistant or all")
    dataset = datasets.load(file, format=row_format(format_, "--format"))
    source = datasets.detect(dataset)
    if source is None:
        raise ConfigurationError(
            f"{file}: the format of the rows is not known; say it with --format"
        )
    cutter = _cutter(model)
    for number, row in islice(_rows(dataset, line), rows):
        told = turns(row, source, train_on=train_on)
        if session.json:
            pieces = [
                {"speaker": one.speaker, "text": text, "learned": learned}
                for one in told
                for text, learned in cutter(one)
            ]
            render.plain_document({"line": number, "pieces": pieces})
        else:
            _print(f"{dataset.place}:{number}", [(one.speaker, cutter(one)) for one in told])
    session.say("Coloured text carries loss." if model is None else "Each colour is a token.")


def _rows(dataset: Dataset, line: int) -> Iterator[tuple[int, Row]]:
    for record in dataset.records():
        if record.line >= line and record.row is not None:
            yield record.line, record.row


def _whole(turn: Turn) -> Cut:
    return [(turn.text, turn.learned)]


def _tokens(counter: Counter, turn: Turn) -> Cut:
    return [(piece.text, turn.learned) for piece in counter.pieces(turn.text)]


def _cutter(model: str | None) -> Callable[[Turn], Cut]:
    if model is None:
        return _whole
    name = encoding_of(model)
    if name is None:
        raise ConfigurationError(
            f"how {model!r} cuts texts is known to its own tokenizer; leave `--model` out to see "
            "which texts are learned, and count with `finetune data count`"
        )
    return partial(_tokens, encoding(name))


def _print(place: str, told: list[tuple[str, Cut]]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(place, style="bold")
    for speaker, cut in told:
        learned = any(state != "no" for _, state in cut)
        console.print(f"  {clean(speaker)}{' *' if learned else ''}:", style="cyan")
        console.print(_drawn(cut))
    console.print()


def _drawn(cut: Cut) -> Text:
    from rich.text import Text

    text = Text()
    for place, (piece, learned) in enumerate(cut):
        text.append(clean(piece), style=_STYLES[learned][place % 2])
    return text
