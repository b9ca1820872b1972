"""What a law is: a test with a name, words for people, and what it asks a provider for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Concatenate, Literal, NoReturn, ParamSpec, Protocol, TypeVar

import pytest

P = ParamSpec("P")
Skip = Literal["not asked", "not shown"]

_MARK = "finetune_law"
_VERDICT = "finetune_verdict"


@dataclass(frozen=True, slots=True)
class Law:
    """One law.

    Attributes:
        name: of its test.
        words: what it demands, and which promise stands on it.
        needs: mix-ins without which it is not asked.
    """

    name: str
    words: str
    needs: tuple[type[object], ...]


class Asked(Protocol):
    """Whose laws are asked.

    Attributes:
        running: the law that is asked now.
        held: the law that was asked to its end.
        passed_by: the skip that the law itself has ended with.
    """

    running: Law | None
    held: Law | None
    passed_by: BaseException | None


S = TypeVar("S", bound=Asked)
Test = Callable[Concatenate[S, P], None]


def not_asked(why: str) -> NoReturn:
    """Skips the law: the provider lacks what it speaks of."""
    _skip("not asked", why)


def not_shown(why: str) -> NoReturn:
    """Skips the law: the stand-in cannot make happen what it speaks of."""
    _skip("not shown", why)


def _skip(verdict: Skip, why: str) -> NoReturn:
    skipped = pytest.skip.Exception(why)
    setattr(skipped, _VERDICT, verdict)
    raise skipped


def verdict_of(error: BaseException | None) -> Skip | None:
    """What a skip of the suite's own says; None for all that is none."""
    return getattr(error, _VERDICT, None)


def law(*needs: type[object]) -> Callable[[Test[S, P]], Test[S, P]]:
    """Makes a test a law. Its docstring is shown to those who write providers.

    Args:
        needs: mix-ins without which it is not asked.
    """

    def made(body: Test[S, P]) -> Test[S, P]:
        told = Law(body.__name__, inspect.getdoc(body) or "", needs)

        @functools.wraps(body)
        def asked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
            self.running = told
            try:
                body(self, *args, **kwargs)
            except pytest.skip.Exception as error:
                self.passed_by = error
                raise
            self.held = told

        setattr(asked, _MARK, told)
        return asked

    return made


def law_of(test: object) -> Law | None:
    """The law that a test is, None where it is none."""
    found = getattr(test, _MARK, None)
    return found if isinstance(found, Law) else None


def laws_in(kind: type[object]) -> Mapping[str, object]:
    """The tests that are laws, of a class and those that it is made of, in the order of reading."""
    return dict(_laws(kind))


def _laws(kind: type[object]) -> Iterator[tuple[str, object]]:
    themes = [one for one in kind.__mro__ if any(law_of(test) for test in vars(one).values())]
    for theme in themes:
        for name, test in vars(theme).items():
            if law_of(test):
                yield name, test
