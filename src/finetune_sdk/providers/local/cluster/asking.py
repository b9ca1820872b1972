"""What is looked at of a cluster before a job is made: all that would make it fail at once."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from finetune_sdk.errors import ConfigurationError, UnsupportedError
from finetune_sdk.providers.local import rewards
from finetune_sdk.providers.local.cluster.reach import api_of
from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.providers.local.cluster.storage import Storage
from finetune_sdk.types import JobSpec

_OPEN = (
    "the cluster at {!r} asks nobody for a token, so that whoever reaches it may run programs "
    "there; start it with RAY_AUTH_MODE=token"
)


def ask(cluster: Cluster, spec: JobSpec, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Looks whether the cluster and the storage answer, and makes nothing.

    Returns:
        What the caller should know.

    Raises:
        UnsupportedError: the job needs a module that lies in a folder of this machine.
        ConnectionFailedError: nobody answers at the address.
        AuthenticationError: the token is missing or wrong.
        ConfigurationError: its Ray is too old or too new, or the storage takes nothing.
        MissingDependencyError: fsspec, or its part for this storage, is not installed.
    """
    folder = rewards.locate(spec.method)
    if folder is not None:
        raise UnsupportedError(
            f"the reward functions of this job are imported from {folder!r}, which the cluster "
            "does not have; make them a package and install it there, or train on this machine"
        )
    version = api_of(cluster, environ).version()
    _check_storage(Storage(cluster.storage))
    return (_OPEN.format(cluster.address),) if version.open else ()


def _check_storage(storage: Storage) -> None:
    name = f"tries/{uuid4().hex}"
    try:
        storage.write(name, b"ok")
        answer = storage.read(name)
        storage.remove(name)
    except OSError as error:
        answer, reason = None, f": {error}"
    else:
        reason = ", but gives back something else"
    if answer != b"ok":
        raise ConfigurationError(
            f"the storage {storage.place!r} cannot be written from this machine{reason}; name a "
            "folder that this machine and the cluster see under the same path, or a URL that both "
            "may read and write"
        )
