"""`finetune data show`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import render
from finetune_sdk.cli.conversation import Learned, Turn, turns
from finetune_sdk.cli.data.words import File, Format, has_profile, row_format
from finetune_sdk.cli.session import Session, clean
from finetune_sdk.datasets.converting import base_of
from finetune_sdk.datasets.tokens import Counter, encoding, encoding_of
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import Method, MethodName, RowFormat, Supervised

if TYPE_CHECKING:
    from rich.text import Text

    from finetune_sdk.datasets import Dataset, Row

Cut = list[tuple[str, Learned]]
"""A text in pieces, each a token where it is cut into tokens."""


class Part(NamedTuple):
    """A part of a row.

    Attributes:
        speaker: who says it; None where the row is one text.
        cut: what is said.
    """

    speaker: str | None
    cut: Cut


_STYLES: dict[Learned, tuple[str, str]] = {
    "yes": ("black on green", "black on bright_green"),
    "against": ("black on red", "black on bright_red"),
    "no": ("", "dim"),
}
_LEGEND = "What is coloured, and said by who has a *, carries loss."
_SHADES = "Each shade is a token; those in colour carry loss."


def show(
    context: typer.Context,
    file: File,
    rows: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
    line: Annotated[int, typer.Option(min=1, help="The line to begin with.")] = 1,
    model: Annotated[
        str | None, typer.Option(help="Cut texts into the tokens of this model.")
    ] = None,
    train_on: Annotated[
        str | None, typer.Option(help="What is learned: assistant, or all.", show_default=False)
    ] = None,
    format_: Format = None,
) -> None:
    """Print rows as conversations; what carries loss is coloured.

    With a model that the profile trains with its own tokenizer, they are printed as its chat
    template writes them.
    """
    session = Session.of(context)
    if train_on not in (None, "assistant", "all"):
        raise ConfigurationError(f"`--train-on` is {train_on!r}; it takes assistant or all")
    dataset = datasets.load(file, format=row_format(format_, "--format"))
    source = datasets.detect(dataset)
    if source is None:
        raise ConfigurationError(
            f"{file}: the format of the rows is not known; say it with --format"
        )
    numbers, chosen = _rows(dataset, line, rows)
    told: Iterable[list[Part]]
    if not chosen or model is None or encoding_of(model):
        told = _told(chosen, source, _cutter(model), train_on or "assistant")
    else:
        few = datasets.load(chosen, name=f"{file} from line {line}", format=source)
        told = _written(session, few, model, _method(source, train_on))
    for number, parts in zip(numbers, told, strict=True):
        _put(session, dataset.place, number, parts)
    session.say(_LEGEND if model is None else _SHADES)


def _rows(dataset: Dataset, line: int, most: int) -> tuple[list[int], list[Row]]:
    """Rows from a line on, and their lines."""
    found = (
        (record.line, record.row)
        for record in dataset.records()
        if record.line >= line and record.row is not None
    )
    chosen = list(islice(found, most))
    return [number for number, _ in chosen], [row for _, row in chosen]


def _told(
    chosen: Sequence[Row],
    source: RowFormat,
    cutter: Callable[[Turn], Cut],
    train_on: str,
) -> Iterator[list[Part]]:
    for row in chosen:
        told = turns(row, source, train_on=train_on)
        yield [Part(turn.speaker, cutter(turn)) for turn in told]


def _whole(turn: Turn) -> Cut:
    return [(turn.text, turn.learned)]


def _tokens(counter: Counter, turn: Turn) -> Cut:
    return [(piece.text, turn.learned) for piece in counter.pieces(turn.text)]


def _cutter(model: str | None) -> Callable[[Turn], Cut]:
    name = encoding_of(model) if model else None
    return partial(_tokens, encoding(name)) if name else _whole


def _method(source: RowFormat, train_on: str | None) -> Method | MethodName:
    """The first method that learns from such rows."""
    base = base_of(source)
    name = next(method for method, format_ in datasets.FORMATS.items() if format_ == base)
    if name is MethodName.SUPERVISED:
        return Supervised.model_validate({"train_on": train_on})
    return name


def _written(
    session: Session, few: Dataset, model: str, method: Method | MethodName
) -> list[list[Part]]:
    """The rows as the profile's provider has its model read them."""
    if not has_profile(session):
        raise ConfigurationError(
            f"how {model!r} cuts texts is known to its own tokenizer; name the profile that trains "
            "it, as in `--profile local`, or leave `--model` out to see which texts are learned"
        )
    with session.open() as client:
        written = client.datasets.tokens(few, model=model, method=method)
    return [
        [Part(None, [(piece.text, "yes" if piece.learned else "no") for piece in pieces])]
        for pieces in written
    ]


def _put(session: Session, place: str, line: int, parts: Sequence[Part]) -> None:
    if not session.json:
        _print(f"{place}:{line}", parts)
        return
    pieces = [
        {**({"speaker": part.speaker} if part.speaker else {}), "text": text, "learned": learned}
        for part in parts
        for text, learned in part.cut
    ]
    render.plain_document({"line": line, "pieces": pieces})


def _print(place: str, parts: Sequence[Part]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(place, style="bold")
    for speaker, cut in parts:
        if speaker is not None:
            learned = any(state != "no" for _, state in cut)
            console.print(f"  {clean(speaker)}{' *' if learned else ''}:", style="cyan")
        console.print(_drawn(cut))
    console.print()


def _drawn(cut: Cut) -> Text:
    from rich.text import Text

    text = Text()
    shown = [one for one in cut if one[0]]
    for place, (piece, learned) in enumerate(shown):
        text.append(clean(piece), style=_STYLES[learned][place % 2])
    return text
