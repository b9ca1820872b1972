"""`finetune data count`."""

from __future__ import annotations

from typing import Annotated

import typer

from finetune_sdk import datasets
from finetune_sdk.cli import histogram, render
from finetune_sdk.cli.data.words import File, Format, Method, has_profile, row_format
from finetune_sdk.cli.session import Session
from finetune_sdk.datasets import Dataset
from finetune_sdk.datasets.tokens import encoding_of
from finetune_sdk.resources.counting import by_encoding
from finetune_sdk.resources.rules import method_object
from finetune_sdk.types import MethodName, TokenReport


def count(
    context: typer.Context,
    file: File,
    model: Annotated[str, typer.Option(help="A name of [models], or a base model.")],
    method: Method = MethodName.SUPERVISED,
    format_: Format = None,
) -> None:
    """Count tokens as a model will: in all, those that are learned, and row by row."""
    session = Session.of(context)
    dataset = datasets.load(file, format=row_format(format_, "--format"))
    report = _counted(session, dataset, model, method)
    if session.json:
        render.document(report)
        return
    render.facts(histogram.facts(report))
    render.line("")
    for line in histogram.drawn(report):
        render.line(line)


def _counted(session: Session, dataset: Dataset, model: str, method: MethodName) -> TokenReport:
    name = encoding_of(model)
    if name is None or has_profile(session):
        with session.open() as client:
            return client.datasets.count(dataset, model=model, method=method)
    return by_encoding(name, dataset, model, method_object(method))
