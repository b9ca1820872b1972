"""What the program on the cluster is told, and how it says that it cannot do it."""

from __future__ import annotations

import json
import socket

from pydantic import BaseModel, ConfigDict

from finetune_sdk import __version__
from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.storage import Storage

MARK = "finetune-seat:"
"""Begins the line by which a program speaks that cannot write to the storage: Ray keeps the last
lines that it printed."""


class Orders(BaseModel):
    """The only argument of the program, as JSON. Nothing in it is secret: Ray shows it.

    Attributes:
        storage: the path or URL.
        attempt: the number of this submission.
        word: that `probe.json` of the job must hold.
        host: of the caller, for messages.
        version: of this package at the caller.
        grace: seconds between asking the trainer to end and killing it.
        trainer: program and arguments instead of our own trainer.
        processes: so many train together, each with so many CPUs and GPUs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    storage: str
    job: str
    attempt: int
    word: str
    host: str
    version: str
    grace: float = 10.0
    trainer: tuple[str, ...] | None = None
    processes: int = 1
    cpus_per_process: int = 1
    gpus_per_process: int = 0


class GaveUp(Exception):  # noqa: N818 - it says so, and why
    """It cannot be done here, and no file can say so. Its text is the line to print."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{MARK} {json.dumps({'code': code, 'message': message})}")

    @classmethod
    def of(cls, line: str) -> GaveUp:
        """The one that a line of a log or a traceback tells of.

        Raises:
            ValueError: it tells of none.
        """
        told = json.loads(line.partition(MARK)[2])
        return cls(str(told["code"]), str(told["message"]))


def check(orders: Orders) -> None:
    """Looks whether this is the caller's package, and its storage.

    Raises:
        GaveUp: it is not.
    """
    host = socket.gethostname()
    if orders.version != __version__:
        raise GaveUp(
            "other_version",
            f"the caller has finetune-anywhere {orders.version}, and {host!r} on the cluster has "
            f'{__version__}: install the same on all nodes, `pip install "finetune-anywhere'
            f'[local,ray]=={orders.version}"`',
        )
    try:
        storage = Storage(orders.storage)
        probe = storage.read_json(f"{layout.job(orders.job)}/{layout.PROBE}") or {}
    except Exception as error:
        raise GaveUp("storage_not_shared", _not_shared(orders, host, f": {error}")) from error
    if probe.get("word") != orders.word:
        raise GaveUp("storage_not_shared", _not_shared(orders, host, ""))


def _not_shared(orders: Orders, host: str, reason: str) -> str:
    return (
        f"what {orders.host!r} has written to the storage {orders.storage!r}, {host!r} on the "
        f"cluster does not see{reason}; name a folder that is mounted on both under the same path, "
        "or a URL that both may read and write, such as 's3://bucket/folder'"
    )
