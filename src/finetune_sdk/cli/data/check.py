"""`finetune data check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import render
from finetune_sdk.cli.data.words import File, Format, has_profile, row_format
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.output import refuse_taken
from finetune_sdk.cli.session import Session
from finetune_sdk.resources.drafting import check_allowed
from finetune_sdk.types import MethodName, RowFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finetune_sdk.datasets import Dataset
    from finetune_sdk.types import DatasetReport


def check(
    context: typer.Context,
    file: File,
    method: Annotated[
        MethodName | None,
        typer.Option(help="What the rows are for; by default what their format is for."),
    ] = None,
    format_: Format = None,
    limit: Annotated[int, typer.Option(min=1, help="Findings shown, at most.")] = 100,
    against: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Training data of which no row should stand in FILE."),
    ] = None,
    near_duplicates: Annotated[
        bool | None,
        typer.Option(
            "--near-duplicates/--no-near-duplicates",
            help="Look for rows that are nearly the same, however large the file.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A finding to live with, such as secret_in_text."),
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a copy with what can be mended safely."),
    ] = None,
) -> None:
    """Check every row: line, place in the row, what is wrong, how to mend it."""
    session = Session.of(context)
    dataset = datasets.load(file, format=row_format(format_, "--format"))
    if fix is not None:
        dataset = _mended(session, dataset, fix)
    other = None if against is None else datasets.load(against)
    method = method or _made_for(dataset)
    report = _report(session, dataset, method, limit, other, near_duplicates, allow or ())
    _tell(session, report, method)
    if not report.ok:
        raise typer.Exit(ExitCode.ERROR)
    said = () if method is MethodName.SUPERVISED else ("--method", method.value)
    name = file if fix is None else str(fix)
    session.next("jobs", "create", "--model", "MODEL", "--training-data", name, *said)


def _tell(session: Session, report: DatasetReport, method: MethodName) -> None:
    if session.json:
        render.document(report)
    else:
        for finding in report.findings:
            render.plain_line(str(finding))
    for note in report.notes:
        session.say(f"Note: {note}")
    hidden = report.errors + report.warnings - len(report.findings)
    if hidden:
        kinds = ", ".join(f"{count} {code}" for code, count in report.codes.items())
        session.say(f"{hidden} more: --limit {report.errors + report.warnings} ({kinds})")
    session.say(
        f"{report.file}: {report.rows} row(s) of format {report.format} for {method.value}, "
        f"{report.errors} error(s), {report.warnings} warning(s)"
    )


_FOR: dict[RowFormat | None, MethodName] = {
    "preference": MethodName.DPO,
    "preference_trl": MethodName.DPO,
    "kto": MethodName.KTO,
}


def _made_for(dataset: Dataset) -> MethodName:
    """The method that rows of this format are for."""
    return _FOR.get(datasets.detect(dataset), MethodName.SUPERVISED)


def _mended(session: Session, dataset: Dataset, target: Path) -> Dataset:
    refuse_taken(target, replace=session.yes)
    done = datasets.mend(dataset, target, overwrite=session.yes)
    if session.json:
        render.document(done)
    for one in done.mends:
        place = f"{done.file}:{one.line}" if one.line else done.file
        session.say(f"{place}: mended {one.code}: {one.message}")
    session.say(
        f"{done.target}: {done.rows_out} of {done.rows_in} row(s), {done.count} thing(s) mended"
    )
    return datasets.load(target, format=dataset.format)


def _report(
    session: Session,
    dataset: Dataset,
    method: MethodName,
    limit: int,
    against: Dataset | None,
    near_duplicates: bool | None,
    allow: Sequence[str],
) -> DatasetReport:
    if has_profile(session):
        with session.open() as client:
            return client.datasets.check(
                dataset,
                method=method,
                limit=limit,
                against=against,
                near_duplicates=near_duplicates,
                allow=allow,
            )
    session.say("No profile is chosen: checked against no provider's own limits.")
    check_allowed(allow)
    rules = datasets.RowRules(
        format=datasets.FORMATS[method],
        content=datasets.EVERYTHING,
        validation=against is not None,
        allowed=frozenset(allow),
    )
    return datasets.check(
        dataset, rules=rules, limit=limit, near_duplicates=near_duplicates, against=against
    )
