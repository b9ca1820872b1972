"""Which profile, which provider, with which settings: one pure function."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from finetune_sdk.config.file import ConfigFile
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.prices import Prices
from finetune_sdk.prices import packaged as packaged_prices
from finetune_sdk.sunsets import ProviderSunset, Sunsets
from finetune_sdk.sunsets import packaged as packaged_sunsets
from finetune_sdk.transport import redact

_OURS = ("provider", "hyperparameters", "options")


@dataclass(frozen=True, kw_only=True)
class ResolvedProfile:
    """A provider and everything that the config says about it.

    Attributes:
        name: what stands in handles: the profile's name, or the provider's.
        profile: the profile's name; None where a provider was named instead.
        provider: the provider's name.
        values: the profile's table, for the provider to read.
        hyperparameters: the profile's defaults for the method.
        options: the profile's defaults for the provider's own options.
        models: the file's `[models]`.
        prices: the file's `[prices]`, the profile's before its provider's.
        sunsets: the file's `[sunsets]`, before the packaged ones.
        source: the file; None where there is none.
    """

    name: str
    profile: str | None = None
    provider: str
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    hyperparameters: Mapping[str, object] = field(default_factory=dict[str, object])
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    prices: Prices = field(default_factory=Prices)
    sunsets: Sunsets = field(default_factory=Sunsets)
    source: Path | None = None


def chosen(
    name: str | None, *, file: ConfigFile | None, environ: Mapping[str, str]
) -> tuple[str, str] | None:
    """The name that rules and who gave it: the argument, $FINETUNE_PROFILE or the file."""
    if name is not None:
        return name, "the caller"
    if from_environ := environ.get("FINETUNE_PROFILE"):
        return from_environ, "$FINETUNE_PROFILE"
    if file is not None and file.profile is not None:
        return file.profile, f"`profile` in {file.path}"
    return None


def resolve(
    name: str | None,
    *,
    file: ConfigFile | None,
    environ: Mapping[str, str],
    providers: Collection[str],
) -> ResolvedProfile:
    """The profile of that name, or the provider of that name without settings.

    Args:
        name: a profile's or a provider's; None takes `$FINETUNE_PROFILE`, then the file's own.
        file: what the config file says; None where there is none.
        environ: the environment.
        providers: names of the providers that are installed.

    Raises:
        ConfigurationError: no name at all, an unknown one, or a profile of an unknown provider.
    """
    choice = chosen(name, file=file, environ=environ)
    if choice is None:
        raise ConfigurationError(_no_profile(file))
    wanted, giver = choice
    file = file or ConfigFile()
    _check_dated(file, providers)
    if wanted in file.profiles:
        return _of_profile(wanted, file, providers)
    if wanted in providers:
        return ResolvedProfile(
            name=wanted,
            provider=wanted,
            models=file.models,
            prices=file.prices,
            sunsets=file.sunsets,
            source=file.path,
        )
    raise ConfigurationError(_unknown(wanted, giver, file, providers))


def resolve_model(name: str, profile: ResolvedProfile) -> str:
    """This place's own name of a model: that of `[models]`, or `name` as it is.

    Raises:
        ConfigurationError: the name stands in `[models]` without an entry for this place.
    """
    places = profile.models.get(name)
    if places is None:
        return name
    here = [place for place in (profile.profile, profile.provider) if place is not None]
    if (found := _first(places, here)) is not None:
        return found
    known = ", ".join(f"`{place}`" for place in sorted(places)) or "none"
    raise ConfigurationError(
        f"{profile.source}: `models.{name}` has no entry for `{profile.name}`"
        f"{did_you_mean(profile.name, places)}; it has: {known}. "
        f'Add `{profile.name} = "..."` to `[models.{name}]`'
    )


def counterparts(
    model: str,
    models: Mapping[str, Mapping[str, str]],
    *,
    there: Sequence[str],
    here: Sequence[str],
) -> dict[str, str]:
    """What `[models]` says of a model of one place at another: by the entry, the model here.

    Args:
        model: the place's own name of it, or the entry's.
        models: the table.
        there: names of the place that the model is of: the profile's, then the provider's.
        here: names of the other place.
    """
    return {
        name: found
        for name, places in models.items()
        if model in (name, _first(places, there)) and (found := _first(places, here)) is not None
    }


def _first(places: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((places[name] for name in names if name in places), None)


def _of_profile(name: str, file: ConfigFile, providers: Collection[str]) -> ResolvedProfile:
    table = file.profiles[name]
    provider = cast("str", table["provider"])
    if provider not in providers:
        raise ConfigurationError(
            redact(
                f"{file.path}: `profiles.{name}.provider` is {provider!r}, which is not installed"
                f"{did_you_mean(provider, providers)}; installed: {_listed(providers)}"
            )
        )
    return ResolvedProfile(
        name=name,
        profile=name,
        provider=provider,
        values={key: value for key, value in table.items() if key not in _OURS},
        hyperparameters=_part(table, "hyperparameters"),
        options=_part(table, "options"),
        models=file.models,
        prices=_prices(file, name, provider),
        sunsets=_sunsets(file, name, provider),
        source=file.path,
    )


def _prices(file: ConfigFile, name: str, provider: str) -> Prices:
    """The file's prices, those of the profile in front of those of its provider."""
    own = dict(file.prices.own)
    if name not in own:
        return file.prices
    own[provider] = {**own.get(provider, {}), **own.get(name, {})}
    return Prices(own)


def _sunsets(file: ConfigFile, name: str, provider: str) -> Sunsets:
    """The file's sunsets, those of the profile in front of those of its provider."""
    own = dict(file.sunsets.own)
    if name not in own:
        return file.sunsets
    general, ours = own.get(provider, ProviderSunset()), own.get(name, ProviderSunset())
    days = ours if ours.new_jobs_end else general
    own[provider] = days.model_copy(update={"models": {**general.models, **ours.models}})
    return Sunsets(own)


def _check_dated(file: ConfigFile, providers: Collection[str]) -> None:
    """A price or a day of a place that nobody knows would be passed over in silence.

    Raises:
        ConfigurationError: the file names such a place.
    """
    known = {*file.profiles, *providers, *packaged_prices(), *packaged_sunsets()}
    for table, names in (("prices", file.prices.own), ("sunsets", file.sunsets.own)):
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    redact(
                        f"{file.path}: `{table}.{name}` is of no profile and of no provider"
                        f"{did_you_mean(name, known)}; known: {_listed(known)}"
                    )
                )


def _part(table: Mapping[str, object], key: str) -> dict[str, object]:
    return dict(cast("Mapping[str, object]", table.get(key, {})))


def _no_profile(file: ConfigFile | None) -> str:
    ways = (
        'name one in the code (`FineTuneClient("local")`) or on the command line '
        "(`--profile local`), set $FINETUNE_PROFILE, or "
    )
    if file is None:
        return f"no profile is chosen, and there is no finetune.toml: {ways}run `finetune init`"
    return (
        f"no profile is chosen: {ways}write `profile = ...` on top of {file.path}; "
        f"it has the profiles: {_listed(file.profiles)}"
    )


def _unknown(name: str, giver: str, file: ConfigFile, providers: Collection[str]) -> str:
    where = f" of {file.path}" if file.path else " (there is no finetune.toml)"
    hint = did_you_mean(name, [*file.profiles, *providers])
    return redact(
        f"{name!r}, named by {giver}, is no profile and no provider{hint}; "
        f"profiles{where}: {_listed(file.profiles)}; providers: {_listed(providers)}"
    )


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
