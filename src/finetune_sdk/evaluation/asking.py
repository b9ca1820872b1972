"""Many questions to one that answers: so many at once, each answer kept as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NoReturn

from finetune_sdk.errors import (
    EvaluationStoppedError,
    FineTuneError,
    InvalidRequestError,
    ResponseDecodeError,
)
from finetune_sdk.evaluation.cache import Forgetful, Store, key_of
from finetune_sdk.evaluation.examples import Message, calls_text
from finetune_sdk.evaluation.hands import Hands
from finetune_sdk.transport import Clock, redact
from finetune_sdk.types import Answer, ChatReply

_FAILING = 5


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is sent.

    Attributes:
        messages: the conversation.
        tools: that may be called.
    """

    messages: Sequence[Message]
    tools: Sequence[Message] = ()

    @property
    def body(self) -> dict[str, object]:
        return {"messages": list(self.messages), "tools": list(self.tools)}


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer, and the seconds that it took."""

    reply: ChatReply
    seconds: float


Ask = Callable[[Question], Said]
"""Gives the answer to a question; raises `FineTuneError`s."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A way to ask, open.

    Attributes:
        ask: gives an answer.
        limit: questions to have under way at a time.
    """

    ask: Ask
    limit: int


Begin = Callable[[], Line]
"""Opens the line: a deployment may have to be made for it."""

Told = Callable[[int], None]
"""Is told how many more answers there are."""

_OF_THE_ROW = (InvalidRequestError, ResponseDecodeError)
"""What another row may not meet: it is too long, or its answer was filtered or cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Asks questions, so many at once.

    Attributes:
        store: keeps answers.
        told: of each answer.
    """

    store: Store = field(default_factory=Forgetful)
    told: Told = lambda _: None

    def answers(
        self,
        questions: Sequence[Question],
        begin: Begin,
        *,
        name: str,
        identity: str | None,
    ) -> list[Answer]:
        """An answer to each question, in order.

        Args:
            questions: what is asked.
            begin: opens the line, where not all is answered already.
            name: of who is asked, for messages.
            identity: what its answers are kept by; None keeps none.

        Raises:
            EvaluationStoppedError: it answers nobody any more. What was answered is kept.
        """
        keys = [None if identity is None else key_of(identity, one.body) for one in questions]
        found = {n: kept for n, key in enumerate(keys) if (kept := self._kept(key)) is not None}
        self.told(len(found))
        open_ = [n for n in range(len(questions)) if n not in found]
        if not open_:
            return [found[n] for n in range(len(questions))]
        line = begin()
        try:
            for n, answer in self._asked(questions, open_, line):
                found[n] = answer
                self._keep(keys[n], answer)
                self.told(1)
                _refuse_failing(list(found.values()), total=len(questions))
        except FineTuneError as error:
            _stop(error, name, answered=len(found), total=len(questions))
        return [found[n] for n in range(len(questions))]

    def _kept(self, key: str | None) -> Answer | None:
        kept = None if key is None else self.store.get(key)
        return None if kept is None else kept.model_copy(update={"cached": True})

    def _keep(self, key: str | None, answer: Answer) -> None:
        # What failed may be answered another time.
        if key is not None and answer.error is None:
            self.store.put(key, answer)

    def _asked(
        self, questions: Sequence[Question], open_: Sequence[int], line: Line
    ) -> Iterator[tuple[int, Answer]]:
        """Answers as they come. Never more are under way than may be at once."""
        under_way: dict[Future[Answer], int] = {}
        left, hands = iter(open_), Hands[Answer](min(line.limit, len(open_)))
        try:
            while True:
                for n in islice(left, line.limit - len(under_way)):
                    under_way[hands.begin(partial(_answered, questions[n], line))] = n
                if not under_way:
                    return
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                yield from ((under_way.pop(one), one.result()) for one in _good_first(done))
        finally:
            hands.let_go()


def timed(clock: Clock, ask: Callable[[], ChatReply]) -> Said:
    """What is answered, with its seconds."""
    started = clock.monotonic()
    reply = ask()
    return Said(reply=reply, seconds=max(clock.monotonic() - started, 0.0))


def _answered(question: Question, line: Line) -> Answer:
    try:
        said = line.ask(question)
    except _OF_THE_ROW as error:
        return Answer(error=redact(str(error)))
    reply = said.reply
    return Answer(
        text=_written(reply.content),
        calls=_written(calls_text(reply.tool_calls)) if reply.tool_calls else None,
        seconds=said.seconds,
        at_once=line.limit,
        cut=reply.finish_reason == "length",
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


def _written(text: str) -> str:
    # Half of a pair of surrogates can be sent, and cannot be written down.
    return text.encode("utf-8", "replace").decode("utf-8")


def _good_first(done: set[Future[Answer]]) -> list[Future[Answer]]:
    # One that failed ends the iteration; what came beside it is to be kept.
    return sorted(done, key=lambda one: one.exception() is not None)


def _refuse_failing(answers: Sequence[Answer], *, total: int) -> None:
    """Stops where nothing but failures comes: the fault is not a row's, then.

    Raises:
        FineTuneError: none of the first answers is one.
    """
    if len(answers) == min(_FAILING, total) and all(one.error for one in answers):
        raise FineTuneError(f"none of its first answers is one ({answers[0].error})")


def _stop(error: FineTuneError, name: str, *, answered: int, total: int) -> NoReturn:
    raise EvaluationStoppedError(
        f"{name!r} answers no more: {error}. {answered} of its {total} answers are here; the same "
        "comparison again goes on from there",
        answered=answered,
        total=total,
    ) from error
