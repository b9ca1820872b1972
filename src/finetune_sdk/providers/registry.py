"""Which providers are installed, by the entry-point group that ours and others' share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points

from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.transport import redact

GROUP = "finetune_sdk.providers"

_OUR_DISTRIBUTION = "finetune-anywhere"
FAKE = "fake"
"""The provider that trains nothing."""


def names() -> list[str]:
    """Names of the installed providers, sorted. None of them is loaded for this."""
    return sorted(_found())


def load(name: str) -> type[FineTuneProvider]:
    """The provider's class.

    Raises:
        ConfigurationError: there is none of that name, two distributions claim the name, or
            its distribution is broken.
        MissingDependencyError: a package of an extra is not installed.
    """
    claims = _found().get(name)
    if claims is None:
        raise ConfigurationError(f"no provider {name!r} is installed; installed: {names()}")
    if len(claims) > 1:
        rivals = " and ".join(f"`{_distribution(claim)}`" for claim in claims)
        raise ConfigurationError(
            f"the provider {name!r} is claimed by {rivals}; uninstall all but one"
        )
    return _class(claims[0])


def able(predicate: Callable[[type[FineTuneProvider]], bool]) -> tuple[str, ...]:
    """Names of the providers whose class satisfies the predicate, for messages.

    One that is broken is passed over, and so is the fake, which is no way on.
    """
    return tuple(name for name in names() if name != FAKE and _satisfies(name, predicate))


def _satisfies(name: str, predicate: Callable[[type[FineTuneProvider]], bool]) -> bool:
    try:
        return predicate(load(name))
    except FineTuneError:
        return False


def _found() -> dict[str, list[EntryPoint]]:
    claims: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        claims.setdefault(point.name, []).append(point)
    return {name: _rightful(points) for name, points in claims.items()}


def _rightful(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    # One distribution may be found twice, as an editable install and on the path.
    by_origin = {(_distribution(point), point.value): point for point in points}
    ours = [point for point in by_origin.values() if _distribution(point) == _OUR_DISTRIBUTION]
    # Nobody takes a name that the package itself ships.
    return ours[:1] or list(by_origin.values())


def _distribution(point: EntryPoint) -> str:
    name = point.dist.name if point.dist is not None else "unknown"
    return re.sub(r"[-_.]+", "-", name).lower()


def _class(point: EntryPoint) -> type[FineTuneProvider]:
    try:
        found: object = point.load()
    except FineTuneError:
        raise
    except (Exception, SystemExit) as error:
        raise _broken(point, redact(f"{type(error).__name__}: {error}")) from error
    if not (isinstance(found, type) and issubclass(found, FineTuneProvider)):
        raise _broken(point, f"{point.value} is no subclass of FineTuneProvider")
    return found


def _broken(point: EntryPoint, why: str) -> ConfigurationError:
    package = _distribution(point)
    return ConfigurationError(
        f"the provider {point.name!r} of the package `{package}` cannot be loaded: {why}; "
        f"upgrade or uninstall `{package}`"
    )
