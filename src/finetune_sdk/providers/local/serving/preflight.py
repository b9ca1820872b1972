"""What must be there before a deployment is made. Imports none of it: that costs seconds."""

from __future__ import annotations

import socket
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    MissingDependencyError,
    UnsupportedError,
)
from finetune_sdk.providers.local.options import LocalDeploymentOptions, Server
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import DeploymentSpec, JobSpec

_PACKAGES = ("torch", "transformers", "accelerate", "fastapi", "uvicorn", "openai")
_SEAM = Path("cli", "serving", "server.py")
_LOOPBACK = "127.0.0.1"


def read_options(spec: DeploymentSpec) -> LocalDeploymentOptions:
    """The options of `spec`.

    Raises:
        ConfigurationError: one is unknown or wrong.
    """
    try:
        return LocalDeploymentOptions.model_validate(spec.options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(
            f"`LocalDeploymentOptions.{where}` is wrong: {first['msg']}, not {first['input']!r}"
        ) from error


def refuse_reward(model: str) -> None:
    """Looks whether a job of this machine made the model to score answers, not to write them.

    Raises:
        UnsupportedError: it did.
    """
    path = Path(model)
    for folder in (path.parent, path.parent.parent):
        try:
            spec = JobSpec.from_json((folder / "spec.json").read_bytes())
        except (OSError, ValueError):
            continue
        if spec.method.type == "reward":
            raise UnsupportedError(
                f"the model {model!r} is a reward model: it scores answers and writes none, so it "
                "cannot be deployed; load it with transformers' "
                "`AutoModelForSequenceClassification.from_pretrained(..., num_labels=1)`"
            )


def check_packages(server: Server) -> None:
    """Looks for what the server's process will import.

    Args:
        server: who answers behind it.

    Raises:
        MissingDependencyError: a package is not installed.
        ConfigurationError: the installed transformers has no `build_server`.
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise MissingDependencyError(package, "local")
    if server == "transformers" and not _has_seam():
        raise ConfigurationError(
            f"the installed transformers {version('transformers')} cannot serve: it has no "
            "`transformers.cli.serving.server.build_server`; "
            "run: pip install 'transformers[serving]>=5.23,<6'"
        )


def _has_seam() -> bool:
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return False
    try:
        text = (Path(spec.origin).parent / _SEAM).read_text(encoding="utf-8")
    except OSError:
        return False
    return "def build_server(" in text


def bind(port: int | None) -> socket.socket:
    """A listening socket on 127.0.0.1; its descriptor is handed to the server's process.

    Raises:
        ConflictError: somebody else has the port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of a server that ended lately are no obstacle; one that listens is.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port or 0))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConflictError(
            f"`port` {port} on {_LOOPBACK} cannot be taken ({error.strerror}); "
            "leave `port` out to take a free one",
            provider=NAME,
            code="port_in_use",
        ) from error
    return listener
