"""`finetune data split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import render
from finetune_sdk.cli.data.words import File
from finetune_sdk.cli.output import write
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ConfigurationError

_NAMES = ("train", "validation", "test")


def split(
    context: typer.Context,
    file: File,
    parts: Annotated[
        str, typer.Option(help="Shares that sum to 1: train, validation, test.")
    ] = "0.9,0.1",
    seed: Annotated[int, typer.Option(help="The same seed gives the same parts.")] = 0,
    stratify: Annotated[
        str | None,
        typer.Option(
            metavar="POINTER",
            help="A value of which each part gets its share, such as /label (JSON pointer).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to; beside FILE by default.")
    ] = None,
) -> None:
    """Split a file in parts; rows that are nearly the same never stand on two sides."""
    session = Session.of(context)
    shares = _shares(parts)
    pieces = datasets.split(datasets.load(file), parts=shares, seed=seed, stratify=stratify)
    folder, stem = out or Path(file).parent, Path(file).name.partition(".")[0]
    targets = [folder / f"{stem}.{name}.jsonl" for name in _NAMES[: len(shares)]]
    for target, piece in zip(targets, pieces, strict=True):
        write(target, (row + b"\n" for row in piece.lines()), replace=session.yes)
        if session.json:
            render.plain_document({"file": str(target), "rows": len(piece)})
        else:
            render.line(f"{target}  {len(piece)} row(s)")
    session.next("data", "check", str(targets[1]), "--against", str(targets[0]))


def _shares(text: str) -> list[float]:
    try:
        shares = [float(share) for share in text.split(",")]
    except ValueError:
        shares = []
    if not 2 <= len(shares) <= len(_NAMES):
        raise ConfigurationError(
            f"`--parts` is {text!r}; give two or three shares, such as 0.8,0.1,0.1"
        )
    return shares
