"""What of the caller's environment a trainer or a server gets to see.

A list of what may pass, not of what may not: a key of a vendor that nobody here thought of stays
with the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

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
_ADDRESSES = frozenset({"HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"})


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` that a process of ours may see.

    An address passes only without `user:password`, so that no password lies in a process that
    lives long.
    """
    return {name: value for name, value in environ.items() if _may_pass(name, value)}


def secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values in `environ` that pass and must not show in a log."""
    return tuple(value for value in (environ.get("HF_TOKEN"),) if value)


def _may_pass(name: str, value: str) -> bool:
    if name in _ADDRESSES:
        return not _has_credentials(value)
    return name in _NAMES or name.startswith(_PREFIXES)


def _has_credentials(address: str) -> bool:
    try:
        # A proxy may stand without its scheme; the part before an @ is a credential then too.
        return "@" in urlsplit(address if "//" in address else f"//{address}").netloc
    except ValueError:
        return True
