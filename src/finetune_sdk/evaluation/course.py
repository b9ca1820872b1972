"""Who answers, in which order: everybody is asked everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from finetune_sdk.evaluation.asking import Asker, Begin, Question
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.evaluation.prompts import Prompt
from finetune_sdk.prices import Price
from finetune_sdk.types import Answer, CandidateKind


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Something that answers.

    Attributes:
        begin: opens the line to it, once it is needed.
        identity: what answers are kept by: the model, who serves it, and how it is asked. None
            keeps none.
        handle: of the deployment.
        provider: whose service it is; None for a function.
        model: that it serves.
        tuned: the model is a fine-tuned one.
        cost_per_hour: US dollars that the deployment is billed while it exists.
        price: of its tokens; None where it is not known.
    """

    begin: Begin
    identity: str | None
    handle: str | None = None
    provider: str | None = None
    model: str | None = None
    tuned: bool = False
    cost_per_hour: float | None = None
    price: Price | None = None


Opening = Callable[[], AbstractContextManager[Endpoint]]
"""Something that answers, for as long as it may be asked."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A candidate before it is asked."""

    name: str
    kind: CandidateKind
    prompt: Prompt


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Entrants that one endpoint answers for: one after another, so that none slows another."""

    open: Opening
    entrants: Sequence[Entrant]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An entrant, who answered for it, and its answers in the order of the rows."""

    entrant: Entrant
    endpoint: Endpoint
    answers: Sequence[Answer]


def run(stages: Sequence[Stage], examples: Sequence[Example], asker: Asker) -> list[Asked]:
    """What each entrant answers, in the order of the stages.

    Raises:
        EvaluationStoppedError: one answers no more.
    """
    return [one for stage in stages for one in _staged(stage, examples, asker)]


def _staged(stage: Stage, examples: Sequence[Example], asker: Asker) -> list[Asked]:
    with stage.open() as endpoint:
        return [_asked(entrant, endpoint, examples, asker) for entrant in stage.entrants]


def _asked(
    entrant: Entrant, endpoint: Endpoint, examples: Sequence[Example], asker: Asker
) -> Asked:
    questions = [Question(messages=entrant.prompt(one), tools=one.tools) for one in examples]
    answers = asker.answers(
        questions,
        endpoint.begin,
        name=entrant.name,
        identity=endpoint.identity,
    )
    return Asked(entrant=entrant, endpoint=endpoint, answers=answers)
