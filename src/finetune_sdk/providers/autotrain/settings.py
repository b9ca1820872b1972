"""What a profile of AutoTrain says, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.transport.addresses import address
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.transport.deadlines import CALL_SECONDS

NAME = "autotrain"
"""The provider's name, as errors and jobs carry it."""

TOKEN_ENV, ENDPOINT_ENV = "HF_TOKEN", "HF_ENDPOINT"
AUTOTRAIN_IMAGE_ENV, TRL_IMAGE_ENV = "FINETUNE_AUTOTRAIN_IMAGE", "FINETUNE_TRL_IMAGE"
HUB = "https://huggingface.co"
HOSTS = frozenset({"huggingface.co", "hf.co", "api.endpoints.huggingface.cloud"})

Runner = Literal["jobs", "space", "server"]
Engine = Literal["auto", "autotrain", "trl"]

_VARIABLE = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
# With its scheme, so that whoever reads the file sees an address, and asks whether it is trusted.
_ADDRESS = Annotated[str, Field(pattern=r"^https?://")]
_NAMESPACE = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}$")]
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9_./:@-]{0,255}")
HARDWARE = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
SECONDS = Annotated[float, Field(ge=60, le=30 * 86_400, allow_inf_nan=False)]

AUTOTRAIN_IMAGE = "huggingface/autotrain-advanced:latest"
"""The only tag that is written of anywhere; nobody builds it any more."""
TRL_IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
"""That of `huggingface_hub` for scripts: it has `uv`, which brings TRL in the one version whose
arguments are sent. Another image is taken to have TRL in it."""


@dataclass(frozen=True)
class Images:
    """The containers that jobs run in, which get the token.

    Attributes:
        autotrain: with AutoTrain in it.
        trl: with `uv`, or with TRL in it.
    """

    autotrain: str = AUTOTRAIN_IMAGE
    trl: str = TRL_IMAGE


class AutoTrainSettings(BaseModel):
    """What may stand in a profile of `provider = "autotrain"`.

    Attributes:
        token_env: the environment variable with the token.
        namespace: the user or the organization that pays and owns; the token's own by default.
        endpoint: of the Hub.
        runner: where a job runs: on HF Jobs, on a Space, or by an AutoTrain server.
        server_url: of the AutoTrain app, for the runner `server`. It gets the token.
        engine: what trains; `auto` is AutoTrain where it can, else TRL.
        hardware: of a job that does not say it itself.
        job_timeout: seconds after which a job is ended, where it does not say it itself.
        timeout: seconds for a call, its retries included; uploads have their own by size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_env: _VARIABLE | None = None
    namespace: _NAMESPACE | None = None
    endpoint: _ADDRESS | None = None
    runner: Runner = "jobs"
    server_url: _ADDRESS | None = None
    engine: Engine = "auto"
    hardware: HARDWARE | None = None
    job_timeout: SECONDS | None = None
    timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, strict=True)] = (
        CALL_SECONDS
    )


def images(environ: Mapping[str, str]) -> Images:
    """The containers; the environment may name others, and a config file may not: it is a program.

    Raises:
        ConfigurationError: one is no image's name.
    """
    return Images(
        _image(environ, AUTOTRAIN_IMAGE_ENV, AUTOTRAIN_IMAGE),
        _image(environ, TRL_IMAGE_ENV, TRL_IMAGE),
    )


def _image(environ: Mapping[str, str], variable: str, usual: str) -> str:
    name = (environ.get(variable) or usual).strip()
    if not _IMAGE.fullmatch(name):
        raise ConfigurationError(
            f"the environment variable {variable} is {name!r:.80}, which names no image; write it "
            f"as {usual!r}"
        )
    return name


def place(profile: AutoTrainSettings, environ: Mapping[str, str]) -> str:
    """The address of the Hub: what the code or the profile says, or the environment.

    Raises:
        ConfigurationError: it is none, or would get the token in clear text.
    """
    return address(
        profile.endpoint or environ.get(ENDPOINT_ENV) or HUB, word="endpoint", example=HUB
    )


def server(profile: AutoTrainSettings) -> str:
    """The address of the AutoTrain app.

    Raises:
        ConfigurationError: it is not said, or is none.
    """
    if profile.server_url is None:
        raise ConfigurationError(
            'the runner "server" needs `server_url`, the address of an AutoTrain app, such as '
            "'http://127.0.0.1:8000'; start one with `autotrain app`, or write "
            '`runner = "jobs"` to train on HF Jobs without one'
        )
    plain = address(profile.server_url, word="server_url", example="http://127.0.0.1:8000")
    return plain.removesuffix("/api")


def credential(
    given: str | Callable[[], str] | None,
    profile: AutoTrainSettings,
    environ: Mapping[str, str],
    stored: Callable[[], str | None],
) -> Credential:
    """The token: what is said, that of the environment, or that of `hf auth login`.

    Args:
        stored: reads what `hf auth login` has kept; asked where nothing else is there and the
            profile names no variable.
    """
    variable = profile.token_env or TOKEN_ENV
    found = given or (environ.get(variable) or "").strip() or None
    source = "`token`" if given else f"the environment variable {variable}"
    if found is None and profile.token_env is None and (kept := stored()):
        found, source = kept, "the token of `hf auth login`"
    return Credential(
        found,
        source=source,
        missing=f"there is no token; set the environment variable {variable} to a token that may "
        "write, from https://huggingface.co/settings/tokens, or run `hf auth login`",
    )
