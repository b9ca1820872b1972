"""`finetune data`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import render
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.output import write
from finetune_sdk.cli.session import Session
from finetune_sdk.config import chosen, find_file, load_file
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import MethodName

if TYPE_CHECKING:
    from finetune_sdk.types import DatasetReport

app = typer.Typer(no_args_is_help=True, help="Rows to learn from.")

File = Annotated[str, typer.Argument(metavar="FILE", help="A JSONL file, a row a line.")]

_NAMES = ("train", "validation", "test")


@app.command()
def check(
    context: typer.Context,
    file: File,
    method: Annotated[
        MethodName, typer.Option(help="What the rows are for.")
    ] = MethodName.SUPERVISED,
    limit: Annotated[int, typer.Option(min=1, help="Findings shown, at most.")] = 100,
) -> None:
    """Check every row: line, place in the row, what is wrong, how to mend it."""
    session = Session.of(context)
    report = _report(session, file, method, limit)
    if session.json:
        render.document(report)
    else:
        for finding in report.findings:
            render.plain_line(str(finding))
    session.say(
        f"{report.file}: {report.rows} row(s) of format {report.format}, "
        f"{report.errors} error(s), {report.warnings} warning(s)"
    )
    if not report.ok:
        raise typer.Exit(ExitCode.ERROR)
    chosen_method = () if method is MethodName.SUPERVISED else ("--method", method.value)
    session.next("jobs", "create", "--model", "MODEL", "--training-data", file, *chosen_method)


def _report(session: Session, file: str, method: MethodName, limit: int) -> DatasetReport:
    if _has_profile(session):
        with session.open() as client:
            return client.datasets.check(file, method=method, limit=limit)
    session.say("No profile is chosen: checked against no provider's own limits.")
    rules = datasets.RowRules(format=datasets.FORMATS[method])
    return datasets.check(datasets.load(file), rules=rules, limit=limit)


def _has_profile(session: Session) -> bool:
    path = find_file(session.config, environ=os.environ)
    file = load_file(path) if path else None
    return chosen(session.profile, file=file, environ=os.environ) is not None


@app.command()
def split(
    context: typer.Context,
    file: File,
    parts: Annotated[
        str, typer.Option(help="Shares that sum to 1: train, validation, test.")
    ] = "0.9,0.1",
    seed: Annotated[int, typer.Option(help="The same seed gives the same parts.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to; beside FILE by default.")
    ] = None,
) -> None:
    """Split a file in parts; equal rows never stand on two sides."""
    session = Session.of(context)
    shares = _shares(parts)
    pieces = datasets.split(datasets.load(file), parts=shares, seed=seed)
    folder, stem = out or Path(file).parent, Path(file).stem
    targets = [folder / f"{stem}.{name}.jsonl" for name in _NAMES[: len(shares)]]
    for target, piece in zip(targets, pieces, strict=True):
        write(target, (row + b"\n" for row in piece.lines()), replace=session.yes)
        if session.json:
            render.plain_document({"file": str(target), "rows": len(piece)})
        else:
            render.line(f"{target}  {len(piece)} row(s)")
    session.next("data", "check", str(targets[0]))


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
