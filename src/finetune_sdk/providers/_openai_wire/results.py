"""The result file of a job: a table of its steps, plain or in base64."""

from __future__ import annotations

import base64
import binascii
import csv
from collections.abc import Iterator

from finetune_sdk.errors import ResponseDecodeError
from finetune_sdk.providers._openai_wire.events import measured
from finetune_sdk.providers._openai_wire.values import number
from finetune_sdk.types import Metric

_BEGIN = b"step,"


def metrics_of_file(body: bytes, *, provider: str) -> Iterator[Metric]:
    """The numbers of a result file, oldest first.

    Raises:
        ResponseDecodeError: it is no such table, neither plain nor in base64.
    """
    lines = _plain(body, provider).decode("utf-8", "replace").splitlines()
    try:
        for row in csv.DictReader(lines):
            step = number(_number(row.get("step")))
            if step is not None and step >= 0:
                yield from measured(int(step), {name: _number(row[name]) for name in row})
    except csv.Error as error:
        raise _unreadable(provider, str(error)) from None


def _plain(body: bytes, provider: str) -> bytes:
    # Some accounts get base64; nobody says when (several public scripts decode it unasked).
    if _bare(body).startswith(_BEGIN):
        return _bare(body)
    try:
        decoded = _bare(base64.b64decode(b"".join(body.split()), validate=True))
    except binascii.Error:
        decoded = b""
    if not decoded.startswith(_BEGIN):
        raise _unreadable(provider, "it does not begin with `step,`")
    return decoded


def _bare(body: bytes) -> bytes:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()


def _number(cell: object) -> float | None:
    try:
        # A row that is too long puts a list here.
        return float(cell) if isinstance(cell, str) and cell.strip() else None
    except ValueError:
        return None


def _unreadable(provider: str, why: str) -> ResponseDecodeError:
    return ResponseDecodeError(
        f"{provider}: the result file of the job cannot be read: {why}",
        provider=provider,
        retryable=False,
    )
