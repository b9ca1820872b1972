"""`finetune data convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import render
from finetune_sdk.cli.data.words import FORMATS, File, Format, Method, has_profile, row_format
from finetune_sdk.cli.output import refuse_taken
from finetune_sdk.cli.session import Session
from finetune_sdk.types import MethodName

if TYPE_CHECKING:
    from finetune_sdk.datasets import Conversion, Dataset
    from finetune_sdk.types import ConversionReport, RowFormat


def convert(
    context: typer.Context,
    file: File,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSONL file to write.")],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help=f"One of {', '.join(FORMATS)}; by default what the profile's provider reads best.",
        ),
    ] = None,
    method: Method = MethodName.SUPERVISED,
    format_: Format = None,
    allow_loss: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT", help="What may be lost, such as tools; or all."),
    ] = None,
) -> None:
    """Write the rows in another format, and say what was renamed and what is lost."""
    session = Session.of(context)
    refuse_taken(out, replace=session.yes)
    dataset = datasets.load(file, format=row_format(format_, "--format"))
    done = _converted(session, dataset, row_format(to, "--to"), method, allow_loss or [])
    done.dataset.write(out, overwrite=session.yes)
    if session.json:
        render.document(done.report)
    else:
        _tell(done.report, out)
    session.next("data", "check", str(out))


def _converted(
    session: Session,
    dataset: Dataset,
    to: RowFormat | None,
    method: MethodName,
    allow_loss: list[str],
) -> Conversion:
    if has_profile(session):
        with session.open() as client:
            return client.datasets.convert(dataset, to=to, method=method, allow_loss=allow_loss)
    wanted = to or datasets.FORMATS[method]
    return datasets.convert(dataset, to=wanted, allow_loss=allow_loss)


def _tell(report: ConversionReport, out: Path) -> None:
    render.line(f"{out}  {report.rows_out} row(s) of format {report.target}")
    render.line(f"from {report.rows_in} row(s) of format {report.source}")
    for renamed in report.renamed:
        render.plain_line(f"renamed: {renamed}")
    for loss in report.lost:
        render.plain_line(
            f"lost: {loss.what}: {loss.message}, {loss.rows} row(s), first {loss.line}"
        )
    for note in report.notes:
        render.plain_line(f"note: {note}")
