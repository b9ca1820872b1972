"""How long a job would train, told from its rows, its settings and the machine's speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from finetune_sdk.providers.local.preflight import duration
from finetune_sdk.providers.local.preflight.arithmetic import Load, Shape
from finetune_sdk.providers.local.preflight.duration import Course, Pace, Texts
from finetune_sdk.providers.local.preflight.speed import speed
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rows.counts import Count
from finetune_sdk.providers.local.training.shared.layout import lay
from finetune_sdk.types import MethodName, Span

_BATCHES = 16
"""So many are laid out to see what their rows share."""


class Forecast(NamedTuple):
    """Seconds from the start of the trainer to its end, in numbers and in words.

    Attributes:
        span: None where it cannot be told; the words say why.
    """

    span: Span | None
    words: str


_GENERATES = Forecast(None, "not told: how much the model writes in its answers shows only then")
_SPARSE = Forecast(None, "not told: only a part of this model's weights computes each token")
_STRANGE = Forecast(None, "not told: this model cannot be built without its weights")
_UNKNOWN = Forecast(None, "not told: the speed of this machine in such sums could not be measured")


def forecast(
    order: Order,
    lesson: Lesson,
    shape: Shape | None,
    load: Load,
    choices: Choices,
    *,
    started: float,
) -> Forecast:
    """Takes about a fifth of a second, for a look at the machine's speed.

    Args:
        shape: None where it is not known.
        load: what is computed at once.
        started: seconds that it took to load the same libraries and rows.
    """
    if load.method is MethodName.REINFORCEMENT:
        return _GENERATES
    if shape is None or shape.sparse:
        return _SPARSE if shape else _STRANGE
    counts, size = lesson.counts(), choices.micro_batch_size
    learned = _texts(order, lesson, counts.training, choices)
    rate = speed(shape, choices, load.tokens)
    if rate is None:
        return _UNKNOWN
    course = _course(order, lesson, size)
    measured = _texts(order, lesson, counts.validation, choices)
    sums = duration.operations(shape, load, learned, measured, course)
    pace = duration.pace(load.device, load.precision)
    # What several processes lose to each other is not known before.
    ideal = Span(low=sums / rate.high / choices.processes, high=sums / rate.low)
    span = duration.seconds(ideal, course, pace.span, started=started)
    return Forecast(span, _words(span, sums, rate, choices, pace))


def _texts(order: Order, lesson: Lesson, counts: Sequence[Count], choices: Choices) -> Texts:
    """The texts of some rows, with the padding that they get, or what they share."""
    lengths = [count.text for count in counts]
    if order.recipe.group_by_length:
        lengths.sort()
    if not choices.shared_prefix:
        lengths = duration.padded(lengths, choices.micro_batch_size)
    texts = lengths * lesson.texts
    passing = round(sum(texts) * (_computed(lesson, choices) if choices.shared_prefix else 1))
    labelled = sum(count.trained or 0 for count in counts)
    scored = labelled if choices.labelled_only else sum(texts)
    if order.spec.method.name == MethodName.REWARD:
        scored = 0
    return Texts(lengths=texts, tokens=passing, scored=scored)


def _computed(lesson: Lesson, choices: Choices) -> float:
    """The share of tokens that is computed where beginnings are shared, in the first batches."""
    at_once = choices.micro_batch_size * lesson.texts
    texts = list(islice(lesson.encoded(), _BATCHES * at_once))
    batches = (texts[start : start + at_once] for start in range(0, len(texts), at_once))
    return sum(len(lay(batch).tokens) for batch in batches) / sum(map(len, texts))


def _course(order: Order, lesson: Lesson, size: int) -> Course:
    recipe, options = order.recipe, order.options
    steps = recipe.steps(lesson.rows)
    every = options.eval_steps or math.ceil(steps / math.ceil(recipe.epochs))
    patience = options.early_stopping_patience
    return Course(
        passes=recipe.epochs,
        scored_once=bool(options.trl.get("precompute_ref_log_probs")),
        measurements=math.ceil(steps / every),
        parts=math.ceil(recipe.epochs * math.ceil(lesson.rows / size)),
        # The first measurement is the best until another is better.
        least=min(1.0, (patience + 1) * every / steps) if patience else 1.0,
    )


def _words(span: Span, sums: float, rate: Span, choices: Choices, pace: Pace) -> str:
    threads = f" with {choices.threads} threads" if choices.device == "cpu" else ""
    shared = f"shared out to {choices.processes} processes or as one, " * (choices.processes > 1)
    return (
        f"{duration.words(span.low)} to {duration.words(span.high)}, with the start of the "
        f"trainer: {sums:.2g} floating point operations, {shared}at the {rate.low:.2g} to "
        f"{rate.high:.2g} a second that matrix products in {choices.precision}{threads} made now, "
        f"{pace.span.low:g} to {pace.span.high:g} times as long, {pace.source}"
    )
