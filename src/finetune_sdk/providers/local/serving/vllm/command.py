"""How vLLM is called. Pure.

Its words are those of https://docs.vllm.ai/en/v0.12.0/cli/serve/ (seen 2026-11-27). They were
tested against a stand-in that records them, not against vLLM on a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from finetune_sdk.providers.local.options import LocalDeploymentOptions

_NOT_ITS_OWN = frozenset({"HF_TOKEN", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"})
"""Where our modules are, since it lives in an environment of its own; and a key to the Hub, where
it has nothing to fetch."""

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
    command: Sequence[str],
    *,
    model: Path,
    name: str,
    socket: Path,
    options: LocalDeploymentOptions,
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
        options.precision or "auto",
        "--disable-uvicorn-access-log",
        *_given("--max-model-len", options.max_length),
        *_given("--gpu-memory-utilization", options.gpu_memory),
    ]


def _given(name: str, value: float | None) -> list[str]:
    return [] if value is None else [name, str(value)]


def environment(environ: Mapping[str, str], key: str) -> dict[str, str]:
    """What it is started with; it takes its key from there."""
    own = {name: value for name, value in environ.items() if name not in _NOT_ITS_OWN}
    return {**own, **_ALWAYS, "VLLM_API_KEY": key}
