"""`finetune init` and `finetune trust`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune_sdk.cli import render
from finetune_sdk.cli.output import write
from finetune_sdk.cli.session import Session
from finetune_sdk.config import trust_host

_TEMPLATE = """\
# Where fine-tuning jobs run. Keep this file with your project: it holds no secret. A key stands in
# an environment variable, and a profile names that variable: api_key_env = "NAME"
#
# This file is found from the working folder upward; $FINETUNE_CONFIG names another one.

# The profile to use when none is named (--profile NAME, or $FINETUNE_PROFILE).
profile = "local"

# A profile is a named table of settings for one provider. This one is this machine.
[profiles.local]
provider = "local"

# OpenAI, or a server that speaks its protocol (base_url = "..."):
# [profiles.openai]
# provider = "openai"
# api_key_env = "OPENAI_API_KEY"

# A model of the Hugging Face Hub, trained on HF Jobs:
# [profiles.hub]
# provider = "autotrain"
# token_env = "HF_TOKEN"

# What a job learns with where it does not say so itself:
# [profiles.local.hyperparameters]
# epochs = 3
# learning_rate = 2e-4

# One name for each place's own model, so that moving a job to another place changes no code.
# On the left stands a profile or a provider.
[models.small]
local = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""


def init(
    context: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Write a commented finetune.toml."""
    session = Session.of(context)
    path = Path(session.config or "finetune.toml").expanduser().absolute()
    write(path, [_TEMPLATE.encode()], replace=force or session.yes)
    if session.json:
        render.plain_document({"written": str(path)})
    session.say(f"Wrote {path}")
    session.next("doctor")


def trust(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help="An exact host name, without scheme and path.")],
) -> None:
    """Let profiles of any config file send your key to a host."""
    session = Session.of(context)
    added = trust_host(host)
    if session.json:
        render.plain_document({"trusted": host, "added": added})
    session.say(f"{host} is trusted{'' if added else ' already'}.")
    session.next("doctor")
