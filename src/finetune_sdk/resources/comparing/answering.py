"""A deployment, or a function, as something that answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from finetune_sdk.errors import ConfigurationError, FineTuneError, RateLimitError
from finetune_sdk.evaluation.asking import Line, Question, Said, timed
from finetune_sdk.evaluation.course import Endpoint
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources import _openai_client
from finetune_sdk.resources.comparing.serving import Served
from finetune_sdk.resources.context import Context
from finetune_sdk.transport import Clock
from finetune_sdk.transport.policy import LONGEST_WAIT, Policy
from finetune_sdk.types import ChatReply, Deployment

ANSWER_SECONDS = 600.0
PATIENCE = 1800.0
"""Seconds that one question waits for a place that is asked too much."""

_PAUSE = 20.0
_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How all are asked.

    Attributes:
        temperature: None leaves it to the server.
        max_tokens: of an answer; None leaves it to the server.
        concurrency: questions at a time; None is what the place answers, and no more than 4.
    """

    temperature: float | None
    max_tokens: int | None
    concurrency: int | None

    def limit(self, at_once: int | None) -> int:
        """Questions to have under way at a place that answers so many at once."""
        return self.concurrency or min(_AT_ONCE, at_once or _AT_ONCE)

    def body(self, question: Question) -> dict[str, object]:
        """The keywords of a chat request."""
        return _openai_client.chat_body(
            question.messages,
            temperature=self.temperature,
            top_p=None,
            max_tokens=self.max_tokens,
            seed=None,
            stop=None,
            tools=question.tools or None,
            timeout=ANSWER_SECONDS,
        )


@contextmanager
def of_served(context: Context, served: Served, manner: Manner) -> Generator[Endpoint]:
    """What serves a model, with one connection for all that is asked, once something is."""
    server = context.need(CanDeploy, "deployments.chat")
    with ExitStack() as kept:
        yield Endpoint(
            # Whatever is answered already needs no deployment.
            begin=cache(lambda: _line(context, served.get(), manner, kept)),
            identity=_identity(context, served, manner),
            handle=served.handle,
            provider=context.opened.name,
            model=served.model,
            tuned=served.tuned,
            cost_per_hour=served.cost_per_hour,
            price=context.call(lambda: server.request_price(served.model, tuned=served.tuned)),
        )


def _line(context: Context, deployment: Deployment, manner: Manner, kept: ExitStack) -> Line:
    server = context.need(CanDeploy, "deployments.chat")
    connection = context.call(lambda: server.connect(deployment.name))
    talk = _openai_client.Conversation(connection, context.opened.name)
    kept.callback(talk.close)
    policy = Policy(context.clock)

    def ask(question: Question) -> Said:
        body = manner.body(question)
        return _patiently(
            context,
            lambda: policy.run(
                "read",
                lambda _: timed(context.clock, lambda: context.call(lambda: talk.ask(body))),
                seconds=ANSWER_SECONDS,
                renew=_renewal(connection.refused),
            ),
        )

    return Line(ask=ask, limit=manner.limit(connection.at_once))


def _renewal(refused: Callable[[], object] | None) -> Callable[[], bool] | None:
    return None if refused is None else lambda: bool(refused())


def _patiently(context: Context, ask: Callable[[], Said]) -> Said:
    """Waits where the place is asked too much: others of the questions are being answered."""
    waited = 0.0
    while True:
        try:
            return ask()
        except RateLimitError as error:
            pause = _PAUSE if error.retry_after is None else error.retry_after + 1.0
            if not error.retryable or pause > LONGEST_WAIT or waited + pause > PATIENCE:
                raise
            waited += pause
        context.clock.sleep(pause)


def _identity(context: Context, served: Served, manner: Manner) -> str:
    """What answers are kept by: the model, who serves it, and how it is asked.

    Of a deployment that is somebody's own it is that very one: it may have options that change
    what is answered. Those that are made for comparisons are all alike.
    """
    provider = context.opened
    how = [manner.temperature, manner.max_tokens]
    which = [served.model, _written(served.model), served.own]
    return json.dumps([provider.name, provider.account, which, how])


def _written(model: str) -> list[list[object]]:
    """When the files of a model were written that is a folder here; empty for all others."""
    try:
        files = sorted(Path(model).iterdir()) if Path(model).is_dir() else []
        return [[one.name, one.stat().st_size, one.stat().st_mtime_ns] for one in files]
    except (OSError, ValueError):
        return []


@contextmanager
def of_function(
    function: Callable[[list[Mapping[str, object]]], ChatReply | str],
    name: str,
    manner: Manner,
    clock: Clock,
) -> Generator[Endpoint]:
    """A function. Nobody knows whether it is the same tomorrow: its answers are not kept."""

    def ask(question: Question) -> Said:
        return timed(clock, lambda: _reply(_called(function, question, name), name))

    line = Line(ask=ask, limit=manner.limit(None))
    yield Endpoint(begin=lambda: line, identity=None)


def _reply(given: object, name: str) -> ChatReply:
    if isinstance(given, ChatReply):
        return given
    if isinstance(given, str):
        return ChatReply(content=given, model=name)
    raise ConfigurationError(
        f"`others`: {name!r} gave {given!r:.80}; it has to give a text or a `ChatReply`"
    )


def _called(
    function: Callable[[list[Mapping[str, object]]], ChatReply | str],
    question: Question,
    name: str,
) -> object:
    try:
        return function(list(question.messages))
    except FineTuneError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"`others`: {name!r} raised {type(error).__name__}: {error}"
        ) from error
