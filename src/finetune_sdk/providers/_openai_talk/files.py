"""The files of a job: whether they are there, and can be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finetune_sdk.errors import DatasetFileError, NotFoundError, WaitTimeoutError
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_talk.uploads import LARGEST, PURPOSE
from finetune_sdk.providers._openai_wire.holdings import REFUSED, WAITING, file_of, file_state
from finetune_sdk.providers._openai_wire.requests import read, segment
from finetune_sdk.providers._openai_wire.values import Table, text
from finetune_sdk.transport import Clock
from finetune_sdk.transport.deadlines import upload_seconds
from finetune_sdk.types import NOT_SENT, DatasetFile

LONGEST_WAIT = 30 * 60.0
"""Seconds that a file may take until it can be read."""

_FIRST, _LONGEST = 0.5, 10.0


def settle(talk: Talk, file: DatasetFile, clock: Clock) -> None:
    """Waits until a file can be read.

    Raises:
        DatasetFileError: it was refused, is not there, or is for something else.
        WaitTimeoutError: it took more than half an hour.
    """
    end, pause = clock.monotonic() + LONGEST_WAIT, _FIRST
    while _waits(_found(talk, file), file):
        if clock.monotonic() + pause > end:
            raise WaitTimeoutError(
                f"the file {file.id!r} cannot be read by a job after {LONGEST_WAIT / 60:.0f} "
                "minutes; no job was made, the same call later goes on with the same file"
            )
        clock.sleep(pause)
        pause = min(pause * 2, _LONGEST)


def look(talk: Talk, file: DatasetFile) -> None:
    """Looks at a file once, where it is sent already.

    Raises:
        DatasetFileError: it was refused, is not there, or is for something else.
    """
    if file != NOT_SENT:
        _waits(_found(talk, file), file)


def get(talk: Talk, file_id: str) -> DatasetFile:
    """A file as it stands.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = file_of(talk.ask(read(f"/files/{segment(file_id)}")))
    if found is None:
        name = talk.provider
        raise NotFoundError(f"{name}: there is no file {file_id!r}", provider=name)
    return found


def download(talk: Talk, file_id: str, path: Path) -> None:
    """Writes the content of a file, which may be large, to `path`; its deadline is by its size.

    Raises:
        NotFoundError: there is none of that id.
        OSError: the path cannot be written.
    """
    size = get(talk, file_id).bytes or LARGEST
    request = replace(read(f"/files/{segment(file_id)}/content"), seconds=upload_seconds(size))
    with path.open("xb") as file:
        talk.save(request, file)


def _found(talk: Talk, file: DatasetFile) -> Table:
    try:
        return talk.ask(read(f"/files/{segment(file.id)}"))
    except NotFoundError:
        raise DatasetFileError(
            f"there is no file {file.id!r} at this account; give the rows or their file as "
            "`training_data` again, or look with `datasets.list`",
            code="not_found",
        ) from None


def _waits(found: Table, file: DatasetFile) -> bool:
    state, purpose = file_state(found), text(found.get("purpose"))
    if state in REFUSED:
        reason = text(found.get("status_details")) or "no reason was given"
        raise DatasetFileError(
            f"the file {file.name or file.id!r} ({file.id}) was refused: {reason}", code=state
        )
    if purpose is not None and purpose != PURPOSE:
        raise DatasetFileError(
            f"the file {file.id!r} is for {purpose!r}; upload the rows with `datasets.upload`, "
            f"which makes one for {PURPOSE!r}",
            code="wrong_purpose",
        )
    return state in WAITING
