"""What is read of an exported folder, which may be anybody's: regular files of a bounded size."""

from __future__ import annotations

import errno
from pathlib import Path

from finetune_sdk.datasets.lines import open_regular
from finetune_sdk.errors import DatasetError

MOST = 32 * 1024 * 1024
"""Bytes of a file that says something of a job: a thousand times what they have."""


def read(path: Path) -> bytes:
    """The bytes of a small file.

    Raises:
        OSError: there is none, it may not be read, or it is no file of that kind.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MOST + 1)
    except DatasetError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise OSError(errno.EINVAL, "it is not a regular file", str(path)) from None
    if len(data) > MOST:
        raise OSError(errno.EFBIG, f"it has more than {MOST // 1024**2} MiB", str(path))
    return data
