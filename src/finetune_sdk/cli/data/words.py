"""The arguments that these commands share."""

from __future__ import annotations

import os
from typing import Annotated, get_args

import typer

from finetune_sdk.cli.session import Session
from finetune_sdk.config import chosen, find_file, load_file
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.types import MethodName, RowFormat

File = Annotated[
    str, typer.Argument(metavar="FILE", help="JSONL, JSON, CSV, TSV or Parquet; also packed.")
]
Method = Annotated[MethodName, typer.Option(help="What the rows are for.")]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="What the rows look like; found out otherwise."),
]

FORMATS: tuple[RowFormat, ...] = get_args(RowFormat)


def row_format(word: str | None, option: str) -> RowFormat | None:
    """The format of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if word is None:
        return None
    for known in FORMATS:
        if known == word:
            return known
    raise ConfigurationError(
        f"`{option}` is {word!r}{did_you_mean(word, FORMATS)}; it takes {', '.join(FORMATS)}"
    )


def has_profile(session: Session) -> bool:
    """A profile was named, here or in the config."""
    path = find_file(session.config, environ=os.environ)
    file = load_file(path) if path else None
    return chosen(session.profile, file=file, environ=os.environ) is not None
