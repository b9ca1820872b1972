"""Datasets that a provider holds, and what a check of rows found."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from finetune_sdk.types._base import Document, Value

Severity = Literal["error", "warning"]

RowFormat = Literal[
    "chat",
    "completion",
    "preference",
    "preference_trl",
    "kto",
    "prompts",
    "sharegpt",
    "alpaca",
]
"""What a row looks like.

chat             `{"messages": [...]}`, OpenAI's and everybody's
completion       `{"prompt": ..., "completion": ...}`, of text or of messages
preference       `{"input": {"messages": [...]}, "preferred_output": [...],
                 "non_preferred_output": [...]}`, OpenAI's
preference_trl   `{"prompt": ..., "chosen": ..., "rejected": ...}`, TRL's
kto              `{"prompt": ..., "completion": ..., "label": true}`, TRL's
prompts          `{"messages": [...]}` that ends with the user, and fields for graders
sharegpt         `{"conversations": [{"from": "human", "value": ...}, ...]}`
alpaca           `{"instruction": ..., "input": ..., "output": ...}`
"""


class DatasetFile(Document):
    """A dataset that a provider holds.

    Attributes:
        id: the provider's name for it.
        name: the file's name, for people.
        rows: number of rows, where known.
        bytes: size in bytes, where known.
        digest: SHA-256 of the bytes in hexadecimal, where known.
    """

    id: str
    name: str | None = None
    rows: int | None = None
    bytes: int | None = None
    digest: str | None = None
    created_at: datetime | None = None


NOT_SENT = DatasetFile(id="not-sent-yet")
"""Stands in a spec for rows that are on this machine still."""


_PART = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}"
_WORD = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,96}$")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class HubDataset:
    """A dataset of the Hugging Face Hub, for a provider that reads it there.

    Attributes:
        id: `owner/name`, or the name alone of one that has no owner.
        split: the rows of it.
        config: the subset, of a dataset that has several.
        revision: a branch, a tag or a commit; the newest commit by default.
    """

    id: Annotated[str, Field(pattern=rf"^(?:{_PART}/)?{_PART}$")]
    split: _WORD = "train"
    config: _WORD | None = None
    revision: _WORD | None = None

    @property
    def file(self) -> DatasetFile:
        """The same, as what a provider holds."""
        said = {"split": self.split, "config": self.config, "revision": self.revision}
        usual = {"split": "train"}
        words = {name: one for name, one in said.items() if one not in (None, usual.get(name))}
        return DatasetFile(id=f"{self.id}?{urlencode(words)}" if words else self.id)


class Finding(Value):
    """One fault of one row, with its place and its mend.

    Attributes:
        file: where the rows came from.
        line: the row's line, from 1; 0 speaks of the dataset as a whole.
        pointer: JSON pointer (RFC 6901) into the row; empty is the whole row.
        code: stable name of the fault.
        message: what is wrong.
        fix: how to mend it.
        providers: those that it concerns; empty is all.
    """

    file: str
    line: int
    pointer: str
    code: str
    message: str
    fix: str
    severity: Severity = "error"
    providers: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        pointer = f" {self.pointer}" if self.pointer else ""
        return f"{place}{pointer}: {self.severity} {self.code}: {self.message}. {self.fix}"


class Bin(Value):
    """Rows of a histogram that have at least `low` and at most `high` tokens."""

    low: int
    high: int
    rows: int


class TokenReport(Document):
    """The tokens of a dataset.

    Attributes:
        counter: what counted them: an encoding's or a tokenizer's name.
        exact: False where a token more or less is possible; `note` says why.
        note: what the number leaves open.
        rows: rows that were counted.
        total: tokens of all rows.
        trained: tokens that carry loss; None where it is not known which do.
        longest: tokens of the longest row.
        longest_line: where it stands, from 1.
        median: of the rows.
        limit: tokens that the model reads of a row; None where it is not known.
        over_limit: rows that are longer.
        billable: tokens of all rows where each counts up to the limit.
        histogram: rows by their tokens, shortest first.
    """

    counter: str
    exact: bool
    note: str | None = None
    rows: int
    total: int
    trained: int | None = None
    longest: int = 0
    longest_line: int = 0
    median: int = 0
    limit: int | None = None
    over_limit: int = 0
    billable: int
    histogram: tuple[Bin, ...] = ()


class DatasetReport(Document):
    """What `datasets.check` found.

    Attributes:
        format: what the rows look like; what they ought to, where that cannot be told.
        rows: rows read, good and bad.
        findings: the faults in the order of the lines, capped at `limit` of the check.
        errors: number of all findings that are errors, shown or not.
        warnings: number of all findings that are warnings, shown or not.
        codes: number of all findings by code, shown or not.
        notes: what was not looked for, and how to ask for it.
        tokens: where they were counted.
    """

    file: str
    format: RowFormat
    rows: int
    findings: tuple[Finding, ...] = ()
    errors: int = 0
    warnings: int = 0
    codes: dict[str, int] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tokens: TokenReport | None = None

    @property
    def ok(self) -> bool:
        """No error was found; warnings may have been."""
        return self.errors == 0


class Loss(Value):
    """Something that rows of the source say and those of the target cannot.

    Attributes:
        what: its name, as `allow_loss` takes it.
        rows: how many rows lose it.
        line: the first of them, from 1.
        message: in words.
    """

    what: str
    rows: int
    line: int
    message: str


class ConversionReport(Document):
    """What a conversion did.

    Attributes:
        source: what the rows looked like.
        target: what they look like now.
        rows_in: rows read.
        rows_out: rows that came out.
        renamed: what is called otherwise now, such as "`from` is `role`".
        lost: what could not be brought along.
        notes: what else the reader should know.
    """

    source: RowFormat
    target: RowFormat
    rows_in: int
    rows_out: int
    renamed: tuple[str, ...] = ()
    lost: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()


class Mend(Value):
    """Something that was mended.

    Attributes:
        line: of the source, from 1; 0 speaks of the file as a whole.
        code: of the finding that is no more.
        message: what was done.
    """

    line: int
    code: str
    message: str


class MendReport(Document):
    """What a mended copy differs in.

    Attributes:
        file: the source.
        target: the copy.
        rows_in: rows read.
        rows_out: rows written.
        mends: what was done, in the order of the lines, the first thousand.
        count: of all mends, listed or not.
    """

    file: str
    target: str
    rows_in: int
    rows_out: int
    mends: tuple[Mend, ...] = ()
    count: int = 0
