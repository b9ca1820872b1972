"""How vLLM is called. Pure.

Its words are those of https://docs.vllm.ai/en/v0.12.0/cli/serve/ (seen 2026-11-27). They were
tested against a stand-in that records them, not against vLLM on a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from finetune_sdk.providers.local.options import Precision

_NOT_ITS_OWN = frozenset({"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"})
"""What says where our modules are: vLLM lives in an environment of its own."""

_ALWAYS = {
    # The model is a folder on this machine, and nobody is told that it is served.
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    # Below this level older releases write every prompt into their log.
    "VLLM_LOGGING_LEVEL": "WARNING",
}


def arguments(
    command: Sequence[str], *, model: Path, name: str, socket: Path, precision: Precision | None
) -> list[str]:
    """The program and its arguments; the key is none of them, for these are seen by everybody.

    Args:
        model: a folder with whole weights.
        name: what requests name.
        socket: a path that it listens at, instead of a port that others could reach.
    """
    return [
        *command,
        "serve",
        str(model),
        "--served-model-name",
        name,
        "--uds",
        str(socket),
        "--dtype",
        precision or "auto",
        "--disable-uvicorn-access-log",
    ]


def environment(environ: Mapping[str, str], key: str) -> dict[str, str]:
    """What it is started with; it takes its key from there."""
    own = {name: value for name, value in environ.items() if name not in _NOT_ITS_OWN}
    return {**own, **_ALWAYS, "VLLM_API_KEY": key}
