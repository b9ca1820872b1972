"""From a profile's name to an open provider: what both clients stand on."""

from __future__ import annotations

import os
from pathlib import Path

from finetune_sdk import config as configuration
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.home import state_folder
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.defaults import check_defaults
from finetune_sdk.resources.guard import checked_options
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.stand_ins import StandIn, check_left, stand_in_of


def open_context(
    profile_or_provider: str | FineTuneProvider | None,
    *,
    config: str | Path | None,
    home: str | Path | None,
) -> Context:
    """A context with its provider open; the arguments are those of `FineTuneClient`."""
    if isinstance(profile_or_provider, FineTuneProvider):
        folder = state_folder(home, os.environ)
        return Context(
            opened=profile_or_provider,
            home=folder,
            opener=lambda name: open_context(name, config=config, home=folder),
        )
    if not is_a(profile_or_provider, str, type(None)):
        raise ConfigurationError(
            "`profile_or_provider` takes a profile's or a provider's name, or a provider; "
            f"got {profile_or_provider!r:.80}"
        )
    path = configuration.find_file(config, environ=os.environ)
    chosen = path is not None and configuration.is_chosen(path, config, environ=os.environ)
    return _of_profile(profile_or_provider, path, chosen=chosen, home=home)


def _of_profile(
    name: str | None, path: Path | None, *, chosen: bool, home: str | Path | None
) -> Context:
    file = configuration.load_file(path) if path else None
    choice = configuration.chosen(name, file=file, environ=os.environ)
    wanted = choice[0] if choice else registry.FAKE
    stand_in, known = stand_in_of(wanted), registry.names()
    profile = configuration.resolve(
        wanted if stand_in and choice is None else name,
        file=file,
        environ=os.environ,
        # What is stood in for need not be installed here, nor known where there is no file.
        providers={*known, *(_named(file) if file else [wanted])} if stand_in else known,
    )
    if stand_in := stand_in or stand_in_of(profile.provider):
        return _stood_in(stand_in, profile, path, chosen=chosen, home=home)
    check_left(profile.name, profile.provider)
    kind = registry.load(profile.provider)
    for table in (profile.values, profile.options):
        configuration.check_trust(table, well_known=kind.well_known_hosts, environ=os.environ)
    if not chosen:
        _refuse_programs(kind, profile)
    settings = ProviderSettings(
        values=profile.values,
        home=state_folder(home, os.environ),
        environ=os.environ,
        prices=profile.prices,
        sunsets=profile.sunsets,
    )
    context = Context(
        opened=_open(kind, settings, profile),
        home=settings.home,
        reopen=lambda: registry.open_provider(kind, settings),
        profile=profile.profile,
        hyperparameters=profile.hyperparameters,
        options=profile.options,
        source=str(profile.source),
        resolve_model=lambda name: configuration.resolve_model(name, profile),
        models=profile.models,
        opener=lambda name: _of_profile(name, path, chosen=chosen, home=settings.home),
    )
    _check_defaults(context)
    return context


def _named(file: configuration.ConfigFile | None) -> list[str]:
    """The providers of the file's profiles."""
    return [str(table["provider"]) for table in file.profiles.values()] if file else []


def _stood_in(
    stand_in: StandIn,
    profile: configuration.ResolvedProfile,
    path: Path | None,
    *,
    chosen: bool,
    home: str | Path | None,
) -> Context:
    """A profile with another provider in it; its settings and options are of the absent one."""
    folder = state_folder(home or stand_in.home, os.environ)
    context = Context(
        opened=stand_in.provider,
        check=stand_in.check_lasting,
        home=folder,
        profile=profile.name,
        hyperparameters=profile.hyperparameters,
        source=str(profile.source),
        resolve_model=lambda name: configuration.resolve_model(name, profile),
        models=profile.models,
        opener=lambda name: _of_profile(name, path, chosen=chosen, home=folder),
    )
    check_defaults(context)
    return context


def _open(
    kind: type[FineTuneProvider],
    settings: ProviderSettings,
    profile: configuration.ResolvedProfile,
) -> FineTuneProvider:
    try:
        return registry.open_provider(kind, settings)
    except ConfigurationError as error:
        if profile.profile is None:
            raise
        place = f"{profile.source}: [profiles.{profile.profile}]"
        raise ConfigurationError(f"{place}: {error}") from None


def _refuse_programs(kind: type[FineTuneProvider], profile: configuration.ResolvedProfile) -> None:
    for name in sorted(kind.programs & set(profile.values)):
        raise ConfigurationError(
            f"{profile.source}: [profiles.{profile.profile}]: `{name}` says what is run, and this "
            "file was found from the working folder upward, so it may be somebody else's; put it "
            f"into your own {configuration.user_folder() / configuration.FILE_NAME}, name the file "
            "in $FINETUNE_CONFIG, or give it in code"
        )


def _check_defaults(context: Context) -> None:
    # A wrong word in the file is told now, and not when a job is created.
    check_defaults(context)
    place = f"{context.source}: [profiles.{context.profile}.options]"
    kind = context.provider.capabilities.options
    checked_options(context, context.options, kind, place)
    for name in sorted(kind.programs & set(context.options)) if kind else ():
        raise ConfigurationError(
            f"{place}: `{name}` may not stand in a config file, which may be somebody else's: it "
            "says what is run; give it in code, or in a recipe"
        )
