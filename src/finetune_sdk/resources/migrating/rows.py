"""What the job learns from at the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from pydantic import JsonValue, ValidationError

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.local_rows import digest_of
from finetune_sdk.resources.migrating.source import Source
from finetune_sdk.resources.request import Rows
from finetune_sdk.types import Change, DatasetFile, ExportedFile, Gap, HubDataset

Role = Literal["training", "validation"]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Rows as the target is given them.

    Attributes:
        rows: None where there are none.
        said: they are the caller's.
        count: of the job's own rows, where known.
        left_out: the job had some, and this is why they do not come along.
    """

    rows: Dataset | DatasetFile | HubDataset | None = None
    said: bool = False
    count: int | None = None
    left_out: Change | None = None

    @property
    def on_hub(self) -> HubDataset | None:
        """Those that stay on the Hub, and are read there."""
        return self.rows if isinstance(self.rows, HubDataset) else None

    @property
    def digest(self) -> str | None:
        """What tells them from others."""
        rows = self.rows
        if rows is None:
            return None
        return digest_of(rows.file if isinstance(rows, HubDataset) else rows)


def shape(count: int | None, form: str | None = None) -> JsonValue:
    """Rows in a report: how many, and of which format; None where neither is known."""
    told: dict[str, JsonValue] = {"rows": count, "format": form}
    return {name: value for name, value in told.items() if value is not None} or None


def training(source: Source, target: Context, said: Rows | None) -> Carried:
    """The rows to learn from.

    Raises:
        DatasetError: they could not be had, and the caller gives none.
    """
    count = _count(source, "training")
    if said is not None:
        return Carried(rows=_loaded(said), said=True, count=count)
    if hub := _on_hub(source, target, "training"):
        return Carried(rows=hub)
    exported = _exported(source, "training")
    if exported is None:
        raise DatasetError(
            f"the rows that {source.job.handle!r} has learned from are not there: "
            f"{_why(_gap(source, 'training'))}. Give your own with `training_data=` "
            "(`--training-data`)"
        )
    return Carried(rows=exported, count=count)


def validation(source: Source, target: Context, said: Rows | None) -> Carried:
    """The rows to measure on, where there are any.

    Raises:
        DatasetError: they could not be had, another try may have them, and the caller gives none.
    """
    if said is not None and _is_empty(said):
        was, why = shape(_count(source, "validation")), "left out, as you said"
        return Carried(left_out=Change(name="validation_rows", outcome="said", was=was, why=why))
    if said is not None:
        return Carried(rows=_loaded(said), said=True, count=_count(source, "validation"))
    if source.job.validation_file is None and _file(source, "validation") is None:
        return Carried()
    count = _count(source, "validation")
    if "validation_data" not in target.provider.capabilities.fields:
        note = target.provider.capabilities.notes.get("validation_data")
        return _lost(count, f"{target.owner!r} takes none" + (f": {note}" if note else ""))
    if hub := _on_hub(source, target, "validation"):
        return Carried(rows=hub)
    exported = _exported(source, "validation")
    if exported is not None:
        return Carried(rows=exported, count=count)
    way = "give your own with `validation_data=` (`--validation-data`)"
    gap = _gap(source, "validation")
    if gap is not None and gap.again:
        # With them it would be another job, and this one is paid for by then.
        raise DatasetError(
            f"the rows that {source.job.handle!r} was measured on are not there: {_why(gap)}. Try "
            f"again, or {way}; an empty one goes without"
        )
    return _lost(count, f"not there: {_why(gap)}; {way}")


def _is_empty(rows: Rows) -> bool:
    return isinstance(rows, str | list | tuple) and not rows


def _lost(count: int | None, why: str) -> Carried:
    change = Change(name="validation_rows", outcome="left_out", was=shape(count), why=why)
    return Carried(left_out=change, count=count)


def _loaded(rows: Rows) -> Dataset | DatasetFile | HubDataset:
    # Once: rows that somebody makes one by one are gone when they are read.
    return rows if isinstance(rows, DatasetFile | HubDataset) else datasets.load(rows)


def _file(source: Source, role: Role) -> ExportedFile | None:
    return next((file for file in source.lineage.files if file.role == role), None)


def _count(source: Source, role: Role) -> int | None:
    file = _file(source, role)
    return None if file is None else file.rows


def _exported(source: Source, role: Role) -> Dataset | None:
    file = _file(source, role)
    if file is None:
        return None
    # By what it is called, and not by what the lineage calls it: that may lead out of the folder.
    path = source.folder / f"{role}.jsonl"
    rows = datasets.load(path)
    if digest_of(rows) != file.digest:
        raise ConfigurationError(
            f"{str(path)!r} is not what was exported: its digest is not that of lineage.json; "
            f"give it as `{role}_data=` (`--{role}-data`) if it is what you mean"
        )
    return rows


def _gap(source: Source, role: Role) -> Gap | None:
    return next((gap for gap in source.lineage.gaps if gap.what == f"{role} data"), None)


def _why(gap: Gap | None) -> str:
    if gap is None:
        return "the export has none"
    return f"{gap.why.rstrip('. ')}{' (another try may have them)' if gap.again else ''}"


def _on_hub(source: Source, target: Context, role: Role) -> HubDataset | None:
    """The dataset of the Hub that the job was given by its name; None where it was not."""
    able = source.capabilities
    job = source.job
    file = job.training_file if role == "training" else job.validation_file
    if not (able and able.hub_datasets and target.provider.capabilities.hub_datasets):
        return None
    # What was uploaded has a name of its own beside its id.
    if file is None or file.name is not None:
        return None
    repo, _, query = file.id.partition("?")
    try:
        return HubDataset(id=repo, **dict(parse_qsl(query)))
    except (ValidationError, TypeError):
        return None
