"""What of the caller's environment a trainer or a server gets to see.

A list of what may pass, not of what may not: a key of a vendor that nobody here thought of stays
with the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from finetune_sdk.providers.local import files

_NAMES = frozenset(
    {
        "FINETUNE_HOME",
        "HF_HOME",
        "HF_TOKEN",
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "NO_PROXY",
        "PATH",
        # Where Python finds its modules, and no more: warnings that are errors, for one, are
        # meant for the caller's own code.
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONUTF8",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
        "no_proxy",
    }
)
_PREFIXES = (
    "CUDA_",
    "GOMP_",
    "HF_DATASETS_",
    "HF_HUB_",
    "LC_",
    "MKL_",
    "NVIDIA_",
    "OMP_",
    "TRANSFORMERS_",
    "XDG_",
)
_ADDRESSES = frozenset(
    {
        "HF_ENDPOINT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "TRACKIO_SERVER_URL",
        "WANDB_BASE_URL",
        "http_proxy",
        "https_proxy",
    }
)

# By names and not by a prefix: `WANDB_SERVICE`, for one, is a socket of the caller's own process.
_REPORTS = {
    "trackio": frozenset(
        {
            "TRACKIO_BUCKET_ID",
            "TRACKIO_DIR",
            "TRACKIO_SERVER_URL",
            "TRACKIO_SPACE_ID",
            "TRACKIO_WRITE_TOKEN",
        }
    ),
    "wandb": frozenset(
        {
            "WANDB_API_KEY",
            "WANDB_BASE_URL",
            "WANDB_ENTITY",
            "WANDB_IDENTITY_TOKEN_FILE",
            "WANDB_JOB_TYPE",
            "WANDB_MODE",
            "WANDB_NOTES",
            "WANDB_PROJECT",
            "WANDB_RUN_GROUP",
            "WANDB_TAGS",
        }
    ),
}
"""What passes only where a job reports there."""

_ALL_REPORTS = frozenset[str]().union(*_REPORTS.values())

_STORAGES = ("AWS_", "AZURE_STORAGE_", "FSSPEC_", "GOOGLE_", "OSS_")
"""Beginnings of names that say how a storage is reached: for who brings files there, alone."""

_SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_SAS_TOKEN",
    "HF_TOKEN",
    "RAY_AUTH_TOKEN",
    "TRACKIO_WRITE_TOKEN",
    "WANDB_API_KEY",
)


def child_environment(environ: Mapping[str, str], reports: Iterable[str] = ()) -> dict[str, str]:
    """The part of `environ` that a process of ours may see.

    An address passes only without `user:password`, so that no password lies in a process that
    lives long.

    Args:
        reports: where a job's numbers go besides, by `LocalOptions.report_to`.
    """
    more = frozenset[str]().union(*(_REPORTS.get(place, frozenset()) for place in reports))
    names = _NAMES | more | (_ADDRESSES - _ALL_REPORTS)
    return {name: value for name, value in environ.items() if _may_pass(name, value, names)}


def relay_environment(environ: Mapping[str, str], token_env: str) -> dict[str, str]:
    """What who follows a job on a cluster may see besides: the token, and the way to a storage."""
    return {
        name: value
        for name, value in environ.items()
        if name == token_env or name.startswith(_STORAGES)
    }


def reports_of(spec: Path) -> tuple[str, ...]:
    """Where the job of a `spec.json` reports to; nowhere, where the file cannot be read."""
    try:
        options = (files.read_json(spec) or {}).get("options")
    except (OSError, ValueError):
        return ()
    if not isinstance(options, dict):
        return ()
    places = cast("dict[str, object]", options).get("report_to")
    return tuple(map(str, cast("list[object]", places))) if isinstance(places, list) else ()


def secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values in `environ` that may pass and must not show in a log."""
    return tuple(value for name in _SECRETS if (value := environ.get(name)))


def _may_pass(name: str, value: str, names: frozenset[str]) -> bool:
    if name not in names and not name.startswith(_PREFIXES):
        return False
    return name not in _ADDRESSES or not _has_credentials(value)


def _has_credentials(address: str) -> bool:
    try:
        # A proxy may stand without its scheme; the part before an @ is a credential then too.
        return "@" in urlsplit(address if "//" in address else f"//{address}").netloc
    except ValueError:
        return True
