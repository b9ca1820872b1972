"""Where a job trains that does not train here, and what was submitted of it."""

from __future__ import annotations

from finetune_sdk.providers.local.cluster.capacity import asked
from finetune_sdk.providers.local.jobs.records import Record


class Cluster(Record):
    """The place, as it was when the job was made; a changed profile moves no job.

    Attributes:
        address: of the cluster's dashboard.
        storage: a path or URL that both see.
        token_env: the environment variable with the token; the token itself lies in no file.
        processes: so many train together.
        cpus_per_process: that each asks for.
        gpus_per_process: likewise.
        grace: seconds between asking a trainer to end and killing it.
        trainer: program and arguments that train there instead of our own.
    """

    address: str
    storage: str
    token_env: str = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of a variable
    processes: int = 1
    cpus_per_process: int = 1
    gpus_per_process: int = 0
    grace: float = 10.0
    trainer: tuple[str, ...] | None = None

    def __str__(self) -> str:
        count = f"{self.processes} process{'es' if self.processes > 1 else ''}"
        each = " each" if self.processes > 1 else ""
        return (
            f"the Ray cluster at {self.address!r}: {count} with {asked(self)}{each}; what comes of "
            f"it passes through {self.storage!r}"
        )


class Submitted(Record):
    """The newest submission.

    Attributes:
        attempt: its number, from 1.
        live: it may be running there, or be about to.
        lost: so many before it ended because the cluster lost what they ran on.
        log: bytes of its log that are in the job's log.
        word: that lies in the storage, so that the cluster can tell it from another.
        base: what the base model is called here.
    """

    attempt: int = 0
    live: bool = False
    lost: int = 0
    log: int = 0
    word: str = ""
    base: str = ""


class Waiting(Record):
    """What the job waits for on the cluster; there while it does."""

    reason: str
