"""`finetune data`: looking at rows, checking, counting, converting and splitting them."""

from __future__ import annotations

import typer

from finetune_sdk.cli.data.check import check
from finetune_sdk.cli.data.convert import convert
from finetune_sdk.cli.data.count import count
from finetune_sdk.cli.data.show import show
from finetune_sdk.cli.data.split import split

app = typer.Typer(no_args_is_help=True, help="Rows to learn from.")
for command in (check, show, count, convert, split):
    app.command()(command)

__all__ = ["app"]
