"""Before any byte is sent: can this provider do what was asked?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue, ValidationError

from finetune_sdk.errors import ConfigurationError, UnsupportedError
from finetune_sdk.providers.base import Field, FineTuneProvider, MethodSupport
from finetune_sdk.resources.context import Context, unsupported
from finetune_sdk.resources.plain import is_a, wrong
from finetune_sdk.types import Grader, GraderType, Method, ProviderOptions, TrainOn

RATES = frozenset({"learning_rate", "learning_rate_multiplier"})
"""Two things, never turned into each other; with both given each provider reads its own."""

_GOALS = frozenset({"grader", "rewards"})
# Without one of them another thing is learned, and that is no lesser job but a wrong one.


@dataclass
class Guarded:
    """What passed: the method and the options as the provider gets them, and what was let go."""

    method: Method
    options: dict[str, JsonValue]
    support: MethodSupport
    dropped: set[str] = field(default_factory=set[str])
    warnings: list[str] = field(default_factory=list[str])


def guard(
    context: Context,
    method: Method,
    options: Sequence[ProviderOptions],
    fields: Iterable[Field],
    *,
    strict: bool,
) -> Guarded:
    """Holds a request against what the provider can do.

    Args:
        context: whose provider.
        method: with the profile's defaults in it.
        options: of any provider; the others' are passed over.
        fields: the optional words of `jobs.create` that the caller used.
        strict: False turns what is not supported into a warning and leaves it out; not what
            says what is to be learned.

    Raises:
        UnsupportedError: the provider cannot do it; names those that can.
        ConfigurationError: an option is wrong.
    """
    support = context.provider.capabilities.methods.get(method.name)
    if support is None:
        raise unsupported(
            context,
            f"the method {method.name.value!r}",
            lambda other: method.name in other.capabilities.methods,
            note=context.opened.capabilities.notes.get(method.name.value),
        )
    given = {**context.options, **own_options(context, options)}
    kind = context.provider.capabilities.options
    passed = Guarded(method, checked_options(context, given, kind, "`options`"), support)
    if support.note is not None:
        passed.warnings.append(f"`{method.name.value}`: {support.note}")
    for problem, name in _problems(context, method, support, fields):
        if strict or name in _GOALS:
            raise problem
        passed.dropped.add(name)
        passed.warnings.append(f"left out, because strict=False: {problem}")
    passed.method = _without(method, passed.dropped)
    return passed


def _problems(
    context: Context, method: Method, support: MethodSupport, fields: Iterable[Field]
) -> Iterable[tuple[UnsupportedError, str]]:
    given = method.given()
    for name in sorted(given - support.hyperparameters - {"train_on"}):
        if name in RATES and given >= RATES and RATES & support.hyperparameters:
            continue
        yield _missing(context, name, _reads(method, name)), name
    train_on = getattr(method, "train_on", None)
    if train_on is not None and train_on not in support.train_on:
        what = f"train_on={train_on!r}"
        yield unsupported(context, what, _trains_on(method, train_on)), "train_on"
    grader = getattr(method, "grader", None)
    if grader is not None and "grader" in support.hyperparameters:
        yield from _grader_problems(context, method, support, grader)
    for name in sorted(set(fields) - context.provider.capabilities.fields):
        yield _missing(context, name, _takes(name)), name


def _grader_problems(
    context: Context, method: Method, support: MethodSupport, grader: Grader
) -> Iterable[tuple[UnsupportedError, str]]:
    if grader.type in support.graders:
        return
    what = f"graders of the type {grader.type!r}"
    note = context.opened.capabilities.notes.get(grader.type)
    yield unsupported(context, what, _grades(method, grader.type), note=note), "grader"


def _missing(
    context: Context, name: str, can: Callable[[type[FineTuneProvider]], bool]
) -> UnsupportedError:
    return unsupported(context, f"`{name}`", can, note=context.opened.capabilities.notes.get(name))


def _reads(method: Method, name: str) -> Callable[[type[FineTuneProvider]], bool]:
    def can(other: type[FineTuneProvider]) -> bool:
        support = other.capabilities.methods.get(method.name)
        return support is not None and name in support.hyperparameters

    return can


def _trains_on(method: Method, train_on: TrainOn) -> Callable[[type[FineTuneProvider]], bool]:
    def can(other: type[FineTuneProvider]) -> bool:
        support = other.capabilities.methods.get(method.name)
        return support is not None and train_on in support.train_on

    return can


def _grades(method: Method, grader: GraderType) -> Callable[[type[FineTuneProvider]], bool]:
    def can(other: type[FineTuneProvider]) -> bool:
        support = other.capabilities.methods.get(method.name)
        return support is not None and grader in support.graders

    return can


def _takes(name: Field) -> Callable[[type[FineTuneProvider]], bool]:
    return lambda other: name in other.capabilities.fields


def _without(method: Method, names: set[str]) -> Method:
    fields = type(method).model_fields
    return method.model_copy(update={name: fields[name].default for name in names & method.given()})


def own_options(context: Context, options: Sequence[ProviderOptions]) -> dict[str, JsonValue]:
    """What is said to this provider; entries for others are passed over.

    Raises:
        ConfigurationError: there is more than one entry for it, or one is no options at all.
    """
    name = context.opened.name
    if not is_a(options, Sequence) or not all(is_a(one, ProviderOptions) for one in options):
        raise ConfigurationError("`options` takes a list of options, as in [LocalOptions(...)]")
    own = [option for option in options if option.provider == name]
    if len(own) > 1:
        raise ConfigurationError(
            f"`options` has {len(own)} entries for the provider {name!r}; give one"
        )
    return own[0].model_dump(mode="json", exclude_unset=True) if own else {}


def checked_options(
    context: Context,
    values: Mapping[str, object],
    kind: type[ProviderOptions] | None,
    source: str,
) -> dict[str, JsonValue]:
    """The values, held against the provider's options class.

    Args:
        context: whose provider.
        values: the fields.
        kind: the class; None where the provider has no options.
        source: where the values come from, for messages.

    Raises:
        ConfigurationError: one is unknown or wrong.
    """
    if not values:
        return {}
    if kind is None:
        raise ConfigurationError(
            f"{source}: the provider {context.opened.name!r} has no options of its own; leave out "
            + ", ".join(f"`{name}`" for name in sorted(values))
        )
    try:
        checked = kind.model_validate(values)
    except ValidationError as error:
        raise wrong(error, kind, source) from None
    dumped = checked.model_dump(mode="json", exclude_unset=True)
    return cast("dict[str, JsonValue]", dumped)
