"""Datasets that a provider holds, and what a check of rows found."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from finetune_sdk.types._base import Document, Value

Severity = Literal["error", "warning"]


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


class Finding(Value):
    """One fault of one row, with its place and its mend.

    Attributes:
        file: where the rows came from.
        line: the row's line, from 1; 0 speaks of the dataset as a whole.
        pointer: JSON pointer (RFC 6901) into the row; empty is the whole row.
        code: stable name of the fault.
        message: what is wrong.
        fix: how to mend it.
    """

    file: str
    line: int
    pointer: str
    code: str
    message: str
    fix: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        pointer = f" {self.pointer}" if self.pointer else ""
        return f"{place}{pointer}: {self.severity} {self.code}: {self.message}. {self.fix}"


class DatasetReport(Document):
    """What `datasets.check` found.

    Attributes:
        rows: rows read, good and bad.
        findings: the faults in the order of the lines, capped at `limit` of the check.
        errors: number of all findings that are errors, shown or not.
        warnings: number of all findings that are warnings, shown or not.
    """

    file: str
    format: str
    rows: int
    findings: tuple[Finding, ...] = ()
    errors: int = 0
    warnings: int = 0

    @property
    def ok(self) -> bool:
        """No error was found; warnings may have been."""
        return self.errors == 0
