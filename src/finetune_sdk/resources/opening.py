"""From a profile's name to an open provider: what both clients stand on."""

from __future__ import annotations

import os
from pathlib import Path

from finetune_sdk import config as configuration
from finetune_sdk.home import state_folder
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.resources.context import Context


def open_context(
    profile_or_provider: str | FineTuneProvider | None,
    *,
    config: str | Path | None,
    home: str | Path | None,
) -> Context:
    """A context with its provider open; the arguments are those of `FineTuneClient`."""
    if isinstance(profile_or_provider, FineTuneProvider):
        return Context(opened=profile_or_provider)
    path = configuration.find_file(config, environ=os.environ)
    file = configuration.load_file(path) if path else None
    profile = configuration.resolve(
        profile_or_provider, file=file, environ=os.environ, providers=registry.names()
    )
    kind = registry.load(profile.provider)
    for table in (profile.values, profile.options):
        configuration.check_trust(table, well_known=kind.well_known_hosts, environ=os.environ)
    settings = ProviderSettings(
        values=profile.values, home=state_folder(home, os.environ), environ=os.environ
    )
    return Context(
        opened=kind.open(settings),
        reopen=lambda: kind.open(settings),
        profile=profile.profile,
        hyperparameters=profile.hyperparameters,
        options=profile.options,
        resolve_model=lambda name: configuration.resolve_model(name, profile),
    )
