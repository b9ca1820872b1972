"""Which providers are installed, by the entry-point group that ours and others' share."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from importlib.util import find_spec
from typing import cast

from finetune_sdk._version import DISTRIBUTION
from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.providers.base import Capabilities, FineTuneProvider, ProviderSettings
from finetune_sdk.transport import redact

logger = logging.getLogger("finetune_sdk")

GROUP = "finetune_sdk.providers"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Without a colon, so that handles can be read."""

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


def open_provider(kind: type[FineTuneProvider], settings: ProviderSettings) -> FineTuneProvider:
    """An open provider of the class.

    Raises:
        ConfigurationError: a setting is wrong, or the class is.
    """
    try:
        # Anybody's code may give anything.
        found = cast("object", kind.open(settings))
    except (FineTuneError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - the same
        raise _unopened(kind, error) from None
    if not isinstance(found, FineTuneProvider):
        raise ConfigurationError(
            f"{_place(kind)}.open gave {type(found).__name__} and no provider; mend it, or upgrade "
            "its package"
        )
    return found


def origins() -> Mapping[str, tuple[str, ...]]:
    """The packages that claim each name, sorted by the name. What is ours is ours alone.

    None of them is loaded for this. Of several, the first has the name where it is this package;
    else none has it.
    """
    return {name: _packages(points) for name, points in sorted(_claims().items())}


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
    return {name: _rightful(points) for name, points in _claims().items()}


def _claims() -> dict[str, list[EntryPoint]]:
    claims: dict[str, list[EntryPoint]] = {}
    for point in _points():
        claims.setdefault(point.name, []).append(point)
    return claims


def _points() -> Iterable[EntryPoint]:
    try:
        return entry_points(group=GROUP)
    except Exception:  # noqa: BLE001 - of one package that is installed wrongly, of whatever kind
        return [point for found in distributions() for point in _points_of(found)]


def _points_of(found: Distribution) -> Iterable[EntryPoint]:
    try:
        return [point for point in found.entry_points if point.group == GROUP]
    except Exception as error:  # noqa: BLE001 - the same
        name = found.metadata["Name"]
        logger.warning("the entry points of the package %s cannot be read: %s", name, error)
        return []


def _packages(points: Iterable[EntryPoint]) -> tuple[str, ...]:
    packages = {_distribution(point) for point in points}
    return tuple(sorted(packages, key=lambda package: (package != DISTRIBUTION, package)))


def _rightful(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    # One distribution may be found twice, as an editable install and on the path.
    by_origin = {(_distribution(point), point.value): point for point in points}
    ours = [point for point in by_origin.values() if _distribution(point) == DISTRIBUTION]
    # Nobody takes a name that the package itself ships.
    return ours[:1] or list(by_origin.values())


def _distribution(point: EntryPoint) -> str:
    name = point.dist.name if point.dist is not None else "unknown"
    return re.sub(r"[-_.]+", "-", name).lower()


def _class(point: EntryPoint) -> type[FineTuneProvider]:
    if not EntryPoint.pattern.fullmatch(point.value):
        raise _broken(point, f"its entry point is {point.value!r} and no `module:Class`")
    try:
        found: object = point.load()
        fault = _fault(found)
    except (FineTuneError, KeyboardInterrupt):
        raise
    except BaseException as error:  # panics of other languages, `sys.exit`, skips of a test
        raise _broken(point, _words(error), _first(error)) from error
    if fault is not None:
        raise _broken(point, f"{point.value}{fault}")
    return cast("type[FineTuneProvider]", found)


def _fault(found: object) -> str | None:
    """What is wrong with what an entry point names; None where it is a provider's class."""
    if not (isinstance(found, type) and issubclass(found, FineTuneProvider)):
        return " is no subclass of FineTuneProvider"
    for word, kind in (("name", str), ("capabilities", Capabilities)):
        if not isinstance(getattr(found, word, None), kind):
            return f".{word} is no {kind.__name__}"
    if not _NAME.fullmatch(found.name):
        return f".name is {found.name!r}; it is made of letters, digits, `_` and `-`"
    if missing := sorted(found.__abstractmethods__):
        return f" lacks {', '.join(f'`{name}`' for name in missing)}"
    return None


def _words(error: BaseException) -> str:
    """What a stranger's exception says, where it can say it."""
    try:
        return redact(f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001 - its `__str__` is anybody's code
        return type(error).__name__


def _first(error: BaseException) -> str:
    """What may be all that is missing."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    try:
        absent = str(name).partition(".")[0] if name else ""
        return f"install `{absent}`, or " if absent and find_spec(absent) is None else ""
    except (ImportError, ValueError):  # of a module that is there, and knows not from where
        return ""


def _broken(point: EntryPoint, why: str, first: str = "") -> ConfigurationError:
    package = _distribution(point)
    return ConfigurationError(
        f"the provider {point.name!r} of the package `{package}` cannot be loaded: {why}; "
        f"{first}upgrade or uninstall `{package}`"
    )


def _unopened(kind: type[FineTuneProvider], error: BaseException) -> ConfigurationError:
    why = f"{_place(kind)} cannot be opened: {_words(error)}"
    told = ConfigurationError(redact(f"{why}; mend it, or upgrade its package"))
    # The chain would print the stranger's message with whatever secret stands in it.
    told.add_note(redact("".join(traceback.format_exception(error))))
    return told


def _place(kind: type[FineTuneProvider]) -> str:
    return f"the provider {kind.name!r}: {kind.__module__}:{kind.__qualname__}"
