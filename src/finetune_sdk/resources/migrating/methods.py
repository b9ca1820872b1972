"""How the job learned, word by word, and what becomes of it at the target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import FineTuneProvider, MethodSupport
from finetune_sdk.resources.context import Context, unsupported
from finetune_sdk.resources.migrating.source import Source
from finetune_sdk.resources.plain import wrong
from finetune_sdk.types import (
    BaseMethod,
    Change,
    Method,
    MethodName,
    MultiGrader,
    PythonGrader,
    Reinforcement,
    Supervised,
    TrainOn,
)

_METHOD: TypeAdapter[Method] = TypeAdapter(Method)

_GOALS = frozenset({"grader", "rewards", "reward_weights"})
"""They say what is learned: without one it is another job, which the guard refuses."""

_CHOSEN = frozenset({"epochs", "batch_size", "learning_rate_multiplier"})
"""What a provider with a rate of its own chooses for its own model, where nobody says it."""


@dataclass(frozen=True, kw_only=True)
class Learning:
    """The method at the target, and what became of each of its words."""

    method: Method
    changes: tuple[Change, ...]


def mapped(
    source: Source, target: Context, said: Mapping[str, object] | None, *, trusted: bool
) -> Learning:
    """The job's method in the words of the target.

    Args:
        source: the job.
        target: where it is to be made again.
        said: the caller's own words, over any of the job's; None as a value leaves one out.
        trusted: programs that a folder brings along may run.

    Raises:
        UnsupportedError: the target cannot do the method, or cannot learn what was learned.
        ConfigurationError: a word is of another method or has a wrong value; or nobody knows how
            the job learned; or it is a stranger's program that says so.
    """
    was = _was(source, said)
    words = dict(said or {})
    _check_words(was, words)
    if source.context is None and not trusted:
        _refuse_programs(source, was, words)
    support = _support(target, was)
    values = {name: getattr(was, name) for name in was.given() if name not in words}
    lacking = values.keys() - support.hyperparameters - _GOALS - {"train_on"}
    kept = {name: value for name, value in values.items() if name not in lacking}
    kept |= {name: value for name, value in words.items() if value is not None}
    learned: list[Change] = []
    if isinstance(was, Supervised) and "train_on" not in words:
        kept["train_on"], change = _train_on(source, target, was, support)
        learned = [change]
    method = _valid(was, kept)
    told = _hyperparameters(target, was, method, words.keys(), lacking)
    return Learning(method=method, changes=(_of_method(source, was), *told, *learned))


def plain(value: object) -> JsonValue:
    """A value as JSON has it."""
    dumped = TypeAdapter(object).dump_python(value, mode="json", exclude_none=True)
    return cast("JsonValue", dumped)


def _was(source: Source, said: Mapping[str, object] | None) -> Method:
    """How the job learned; where that cannot be read, the method that the caller says."""
    if source.job.method is not None:
        return source.job.method
    if said is None:
        raise ConfigurationError(
            f"how {source.job.handle!r} learned cannot be read (job.json has it in the provider's "
            "own words): say it with `hyperparameters`, as in "
            '{"type": "supervised", "epochs": 3} (`--hyperparameter type=supervised`)'
        )
    # The words with a value: one that is only left out may be of any method.
    table = {"type": "supervised", **{k: v for k, v in said.items() if v is not None}}
    try:
        return _METHOD.validate_python(table)
    except ValidationError as error:
        raise wrong(error, BaseMethod, "`hyperparameters`") from None


def _check_words(was: Method, words: dict[str, object]) -> None:
    """The caller's words are of this method; which one it is stands no longer among them.

    Raises:
        ConfigurationError: one is not, or another method is named.
    """
    kind = words.pop("type", was.type)
    if kind != was.type:
        raise ConfigurationError(
            f"`hyperparameters` has the type {kind!r}, and the job learned by {was.type!r}: that "
            "is another job; export it and create that one with `jobs.create`"
        )
    if strange := sorted(map(str, words.keys() - type(was).model_fields.keys())):
        known = ", ".join(f"`{name}`" for name in type(was).model_fields if name != "type")
        raise ConfigurationError(
            f"`hyperparameters` has {', '.join(map(repr, strange))}, which {was.type!r} does not "
            f"have; it has {known}"
        )


def _refuse_programs(source: Source, was: Method, words: Mapping[str, object]) -> None:
    """A folder may be anybody's; what its job runs is said by the caller (docs/decisions/0008).

    Raises:
        ConfigurationError: it brings a program along.
    """
    for name, program in _programs(was):
        if name in words:
            continue
        raise ConfigurationError(
            f"{source.job.handle!r} comes from a folder and brings a program along, which would be "
            f"run: `{name}` ({program}). It is whoever wrote the folder who wrote it; read it in "
            f"{str(source.folder / 'job.json')!r}, and say that you trust it with "
            "`trust_programs=True` (`--trust-programs`), or say your own in `hyperparameters`"
        )


def _programs(method: Method) -> Iterator[tuple[str, str]]:
    if not isinstance(method, Reinforcement):
        return
    if method.rewards:
        yield "rewards", f"{', '.join(method.rewards):.80}"
    graders: list[BaseModel] = [*([method.grader] if method.grader else ())]
    if isinstance(method.grader, MultiGrader):
        graders = [*method.grader.graders.values()]
    if any(isinstance(one, PythonGrader) for one in graders):
        yield "grader", "Python"


def _support(target: Context, method: Method) -> MethodSupport:
    support = target.provider.capabilities.methods.get(method.name)
    if support is None:
        raise unsupported(
            target,
            f"the method {method.type!r}",
            lambda other: method.name in other.capabilities.methods,
            note=target.provider.capabilities.notes.get(method.type),
        )
    return support


def _valid(was: Method, values: Mapping[str, object]) -> Method:
    try:
        return type(was).model_validate(values)
    except ValidationError as error:
        raise wrong(error, type(was), "`hyperparameters`") from None


# The report


def _of_method(source: Source, was: Method) -> Change:
    if source.job.method is None:
        why = "what it was there cannot be read; it is as you said"
        return Change(name="method", outcome="said", now=was.type, why=why)
    return Change(name="method", outcome="kept", was=was.type, now=was.type, why="done here too")


def _hyperparameters(
    target: Context, was: Method, now: Method, said: Collection[str], lacking: Collection[str]
) -> Iterator[Change]:
    """What became of each, in the order of the method's own.

    Args:
        target: where the job is to be made again.
        was: the method there.
        now: here.
        said: names that the caller has a word on.
        lacking: names that the target does not read.
    """
    for name in type(was).model_fields:
        before = plain(getattr(was, name)) if name in was.given() else None
        if name in said:
            here = plain(getattr(now, name)) if name in now.given() else None
            why = "left out, as you said" if here is None else "as you said"
            yield Change(name=name, outcome="said", was=before, now=here, why=why)
        elif name in lacking:
            why = _no_counterpart(target, name)
            yield Change(name=name, outcome="left_out", was=before, why=why)
        elif before is not None and name != "train_on":
            why = _in_effect(was, name)
            yield Change(name=name, outcome="kept", was=before, now=before, why=why)


def _no_counterpart(target: Context, name: str) -> str:
    note = target.provider.capabilities.notes.get(name)
    return f"{target.owner!r} does not read it" + (f": {note}" if note else "")


def _in_effect(was: Method, name: str) -> str:
    # Who tells the factor on a rate of its own tells what was in effect, and not who had said it.
    if name in _CHOSEN and was.learning_rate_multiplier is not None:
        return (
            "in effect there; nobody can tell whether it was said or chosen by the provider for "
            "its own model"
        )
    return "read here too"


def _train_on(
    source: Source, target: Context, was: Supervised, support: MethodSupport
) -> tuple[TrainOn | None, Change]:
    """Which tokens are learned: the same as there, or nothing at all.

    It is said where the target has a choice: what it does by itself may hang on other words.

    Raises:
        UnsupportedError: the target cannot learn those.
    """
    default, learned = support.train_on[0], was.train_on or source.train_on
    if learned is None:
        why = f"nobody can tell which tokens were learned there; {target.owner!r} does this"
        return None, Change(name="train_on", outcome="changed", now=default, why=why)
    if learned not in support.train_on:
        raise unsupported(
            target,
            f"train_on={learned!r}, which is what {source.job.handle!r} has learned",
            _learns(learned),
            note='say which tokens to learn here with `hyperparameters`, as {"train_on": '
            f'"{default}"}} (`--hyperparameter train_on={default}`)',
        )
    why = "as it was said there" if was.train_on else f"what {source.job.provider!r} does by itself"
    if learned != default:
        why += f", said here, where {default!r} would be learned"
    choice = len(support.train_on) > 1 or was.train_on is not None
    change = Change(name="train_on", outcome="kept", was=learned, now=learned, why=why)
    return (learned if choice else None), change


def _learns(train_on: TrainOn) -> Callable[[type[FineTuneProvider]], bool]:
    def can(other: type[FineTuneProvider]) -> bool:
        support = other.capabilities.methods.get(MethodName.SUPERVISED)
        return support is not None and train_on in support.train_on

    return can
