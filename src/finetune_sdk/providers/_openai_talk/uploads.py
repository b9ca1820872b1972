"""Files: sent as they lie on the disk, in parts where they are large."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import BinaryIO, cast

from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import (
    DatasetError,
    DatasetFileError,
    FineTuneError,
    InvalidRequestError,
    NotFoundError,
    ResponseDecodeError,
    UnsupportedError,
)
from finetune_sdk.providers._openai_talk.talk import Talk
from finetune_sdk.providers._openai_wire.holdings import file_of
from finetune_sdk.providers._openai_wire.requests import Part, Request, page, segment, upload
from finetune_sdk.providers._openai_wire.values import Table, rows, table, text
from finetune_sdk.types import DatasetFile

PURPOSE = "fine-tune"

ONE_REQUEST = 100 * 1024 * 1024
"""Bytes that go in one request; more go in parts. The limit is 512 MB, and from 150 MB on some
regions fail without a word (public issues of 2025 and 2026)."""

PART = 64 * 1024 * 1024
"""Bytes of a part, the most that is allowed."""

LARGEST = 8 * 1024**3
"""Bytes of a file in parts, the most that is allowed."""

_BLOCK = 1024 * 1024


def send(talk: Talk, dataset: Dataset, *, key: str, whole: int | None = None) -> DatasetFile:
    """Uploads the rows as a file whose name carries the key.

    Args:
        key: of the job that it is for.
        whole: bytes that go in one request at a service that takes no parts.

    Raises:
        DatasetFileError: it is refused, or too large.
        UnsupportedError: it is too large for a service that takes no parts.
        ProviderError: it did not arrive.
    """
    with _opened(dataset) as file:
        size = os.fstat(file.fileno()).st_size
        _check_size(talk, dataset, size, whole)
        name = filename(dataset.name, key)
        way = _in_one if size <= (whole or ONE_REQUEST) else _in_parts
        try:
            found = way(talk, file, name, size)
        except InvalidRequestError as error:
            words = f"the file of {dataset.place!r} was refused; {error}"
            raise DatasetFileError(words, code=error.code) from None
    made = file_of(found)
    if made is None:
        raise _no_id(talk)
    return made.model_copy(update={"name": name, "bytes": size})


def _check_size(talk: Talk, dataset: Dataset, size: int, whole: int | None) -> None:
    found = f"{dataset.place!r} has {size} bytes as JSONL"
    if whole is not None and size > whole:
        raise UnsupportedError(
            f"{found}, and {talk.provider} takes at most {whole} in one request; nothing was sent. "
            "Split it with `datasets.split`, or set `uploads = true` in the profile to send it in "
            "parts, which nobody has seen work there yet"
        )
    if size > LARGEST:
        raise DatasetFileError(
            f"{found}, and a file may have at most {LARGEST}; split it with `datasets.split`"
        )


def filename(name: str, key: str) -> str:
    """A file's name there: people know it by its beginning, and we by the key in it."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name.partition(".")[0])[:40].strip("-") or "rows"
    return f"{stem}-{mark(key)}.jsonl"


def mark(key: str) -> str:
    """What of a key stands in a file's name."""
    return sha256(key.encode()).hexdigest()[:16]


@contextmanager
def _opened(dataset: Dataset) -> Generator[BinaryIO]:
    """The rows as a file of JSON lines: the file itself where it is one, else a temporary one."""
    if (file := _plain(dataset)) is not None:
        with file:
            yield file
        return
    with tempfile.TemporaryFile() as spool:
        for line in dataset.lines():
            spool.write(line + b"\n")
        spool.flush()
        yield cast("BinaryIO", spool)


def _plain(dataset: Dataset) -> BinaryIO | None:
    """The file of the rows, where it can be sent as it lies; None where it is written anew."""
    if dataset.path is None or dataset.kind != "jsonl":
        return None
    try:
        file = dataset.path.open("rb")
    except OSError as error:
        raise DatasetError(f"{dataset.place!r} cannot be read: {error.strerror}") from error
    head = file.read(2)
    # Packed, with a byte order mark or in UTF-16 it begins otherwise.
    if head[:1] == b"{" and b"\0" not in head:
        return file
    file.close()
    return None


def _in_one(talk: Talk, file: BinaryIO, name: str, size: int) -> Table:
    part = Part(name="file", filename=name, file=file, size=size)
    return talk.ask(upload("/files", part, {"purpose": PURPOSE}))


def _in_parts(talk: Talk, file: BinaryIO, name: str, size: int) -> Table:
    body = {"bytes": size, "filename": name, "mime_type": "text/jsonl", "purpose": PURPOSE}
    started = talk.ask(Request(use="upload", method="POST", path="/uploads", body=body))
    place = f"/uploads/{segment(_id(talk, started))}"
    try:
        parts = [_one_part(talk, file, place, start, size) for start in range(0, size, PART)]
        return _completed(talk, place, parts, name)
    except FineTuneError:
        # It would go by itself within an hour.
        with suppress(FineTuneError):
            talk.ask(Request(use="delete", method="POST", path=f"{place}/cancel"))
        raise


def _one_part(talk: Talk, file: BinaryIO, place: str, start: int, size: int) -> str:
    view = View(file, start, min(PART, size - start))
    part = Part(
        name="data", filename="part", file=cast("BinaryIO", io.BufferedReader(view, _BLOCK)),
        size=view.size,
    )  # fmt: skip
    return _id(talk, talk.ask(upload(f"{place}/parts", part, {})))


def _completed(talk: Talk, place: str, parts: list[str], name: str) -> Table:
    request = Request(
        use="upload", method="POST", path=f"{place}/complete", body={"part_ids": parts}
    )
    try:
        return table(talk.ask(request).get("file"))
    except (InvalidRequestError, NotFoundError):
        # Completed before, and the answer was lost: the file is there under its name.
        found = talk.ask(page("/files", 100, None, purpose=PURPOSE))
        same = [one for one in rows(found.get("data")) if one.get("filename") == name]
        if not same:
            raise
        return same[0]


def _id(talk: Talk, answer: Table) -> str:
    id_ = text(answer.get("id"))
    if id_ is None:
        raise _no_id(talk)
    return id_


def _no_id(talk: Talk) -> ResponseDecodeError:
    words = f"{talk.provider}: the answer to an upload has no id in it"
    return ResponseDecodeError(words, provider=talk.provider, effect="unknown")


class View(io.RawIOBase):
    """A part of a file, as a file of its own. Nothing of it is held in memory."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._at = 0
        self.size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        want = min(len(buffer), self.size - self._at)
        if want <= 0:
            return 0
        self._file.seek(self._start + self._at)
        block = self._file.read(want)
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)
