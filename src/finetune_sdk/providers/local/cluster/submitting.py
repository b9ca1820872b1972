"""What a submission is made of: the job, its rows and base model in the storage; the call."""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import socket
from pathlib import Path

from finetune_sdk import __version__
from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.orders import Orders
from finetune_sdk.providers.local.cluster.reach import name_of
from finetune_sdk.providers.local.cluster.record import Cluster, Submitted
from finetune_sdk.providers.local.cluster.storage import Heed, Storage
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created
from finetune_sdk.providers.local.models import weights

_SEAT = "finetune_sdk.providers.local.cluster.seat"
_SPREAD = "finetune_sdk.providers.local.cluster.spread"
_WHOLE = "whole.json"
_BLOCK = 2**20


def new_word() -> str:
    """A word that can only be read in the storage."""
    return secrets.token_hex(8)


def send(folder: JobFolder, storage: Storage, base: Path | None, word: str, heed: Heed) -> None:
    """Sends what is not there yet.

    Args:
        base: the folder of the base model, where the cluster cannot fetch it by its name.
        word: that who sees this storage can read in it.
        heed: called on the way; what it raises ends it.

    Raises:
        OSError: the storage refuses.
    """
    spec = folder.spec()
    for file in (spec.training_file, spec.validation_file):
        if (
            file is not None
            and storage.size(layout.rows(file.id)) != folder.rows(file).stat().st_size
        ):
            storage.put(folder.rows(file), layout.rows(file.id), heed)
    told = {
        "spec": spec.model_dump(mode="json"),
        "model": None if base is None else _send_model(base, storage, heed),
        "notes": list(created.notes) if (created := Created.of(folder)) else [],
    }
    place = storage.inside(layout.job(folder.id))
    place.write_json(layout.SPEC, told)
    place.write_json(layout.PROBE, {"word": word, "host": socket.gethostname()})


def body(folder: JobFolder, cluster: Cluster, submitted: Submitted) -> dict[str, object]:
    """What Ray is asked to run, as its job API takes it."""
    orders = Orders(
        storage=cluster.storage,
        job=folder.id,
        attempt=submitted.attempt,
        word=submitted.word,
        host=socket.gethostname(),
        version=__version__,
        grace=cluster.grace,
        trainer=cluster.trainer,
        processes=cluster.processes,
        cpus_per_process=cluster.cpus_per_process,
        gpus_per_process=cluster.gpus_per_process,
    )
    alone = cluster.processes == 1
    program = ["python", "-P", "-m", _SEAT if alone else _SPREAD, orders.model_dump_json()]
    asked = {
        "entrypoint_num_cpus": cluster.cpus_per_process,
        "entrypoint_num_gpus": cluster.gpus_per_process,
    }
    # A trainer that is asked to end may take its time; Ray's own patience is 3 s.
    patience = {"RAY_JOB_STOP_WAIT_TIME_S": str(int(cluster.grace) + 5)}
    return {
        "entrypoint": shlex.join(program),
        "submission_id": name_of(folder, submitted),
        "runtime_env": {"env_vars": patience},
        "metadata": {"finetune_job": folder.id},
        **(asked if alone else {}),
    }


def base_of(folder: JobFolder, cluster: Cluster) -> Path | None:
    """The folder of the base model, where the cluster cannot fetch it by its name.

    Makes what is missing of it, as that of an adapter with its own base.

    Raises:
        FineTuneError: it cannot be had.
    """
    model = folder.spec().model
    if cluster.trainer is not None:
        return Path(model) if Path(model).is_dir() else None
    found = weights.find(model, folder.home, os.environ)
    return None if found.kind == "hub" else weights.fetch(found, folder.home, folder.tell)


def _send_model(base: Path, storage: Storage, heed: Heed) -> str:
    files = layout.below(base)
    digest = _digest(files, heed)
    place = storage.inside(layout.model(digest))
    if place.size(_WHOLE) is None:
        for name, path in files.items():
            place.put(path, name, heed)
        place.write_json(_WHOLE, {name: path.stat().st_size for name, path in files.items()})
    return digest


def _digest(files: dict[str, Path], heed: Heed) -> str:
    """Of the names and contents of a folder's files."""
    whole = hashlib.sha256()
    for name, path in files.items():
        whole.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                heed()
                whole.update(block)
    return whole.hexdigest()[:24]
