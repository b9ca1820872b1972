"""Which server answers for a model: vLLM where it can run, the one of transformers elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.local.jobs import slots
from finetune_sdk.providers.local.options import LocalDeploymentOptions, Server

_NAME = "vllm"


@dataclass(frozen=True)
class Choice:
    """A server, and why it is that one.

    Attributes:
        command: of vLLM, its program as a whole path first; empty for the other.
    """

    server: Server
    why: str
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.server}, {self.why}"


def choose(
    options: LocalDeploymentOptions,
    given: Sequence[str],
    environ: Mapping[str, str],
    *,
    devices: Path,
) -> Choice:
    """The server for a deployment on this machine.

    Args:
        given: vLLM's command, as the caller or the profile has it; empty where they do not say.
        devices: where the system shows GPUs.

    Raises:
        ConfigurationError: vLLM is asked for or named and is not there, or an option does not go
            with it.
    """
    command = _command(given, environ)
    if options.server == "transformers":
        return _transformers(options, "as `LocalDeploymentOptions.server` says")
    if options.server == "vllm":
        if not command:
            raise _lacking()
        return _vllm(options, command, "as `LocalDeploymentOptions.server` says")
    gpu = any(slot.device is not None for slot in slots.of_machine(environ, devices=devices))
    if not gpu:
        return _transformers(options, "because this machine has no GPU")
    if not command:
        return _transformers(options, "because there is no command `vllm` on the path")
    return _vllm(options, command, "because this machine has a GPU and vLLM's command")


def _transformers(options: LocalDeploymentOptions, why: str) -> Choice:
    for name in ("max_length", "gpu_memory"):
        if getattr(options, name) is not None:
            raise ConfigurationError(
                f"`LocalDeploymentOptions.{name}` means something to vLLM alone, and transformers "
                f"would serve here ({why}); leave it out"
            )
    return Choice("transformers", why)


def _vllm(options: LocalDeploymentOptions, command: tuple[str, ...], why: str) -> Choice:
    if options.threads is not None:
        raise ConfigurationError(
            "`LocalDeploymentOptions.threads` means nothing to vLLM, which would serve here "
            f"({why}); leave it out, or say `server='transformers'`"
        )
    return Choice("vllm", why, command)


def _command(given: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    program, *rest = given or (_NAME,)
    # Only whole paths: what lies in the working folder may be somebody else's.
    folders = environ.get("PATH", "").split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if Path(folder).is_absolute())
    found = shutil.which(program, path=path)
    if found is not None and Path(found).is_absolute():
        return (found, *rest)
    if given:
        raise ConfigurationError(
            f"`vllm_command` names {program!r}, which is no program that can be run here; give "
            "the whole path of vLLM's own `vllm`, or leave it out"
        )
    return ()


def _lacking() -> ConfigurationError:
    return ConfigurationError(
        "`LocalDeploymentOptions.server` is 'vllm', and there is no command `vllm` on the path; "
        "install vLLM in an environment of its own (it needs another torch) and name its command: "
        "`vllm_command` in your profile, or `LocalProvider(vllm_command=...)`"
    )
