"""What is told of a job's rows and steps, once they are read and the settings are chosen."""

from __future__ import annotations

from collections.abc import Sequence

from finetune_sdk.datasets.tokens.tally import TokenTally
from finetune_sdk.providers.local.preflight.forecast import Forecast
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rows.counts import Count
from finetune_sdk.types import Inspection, TokenReport

_NOTES = {
    2: "a row counts its prompt once and both answers; the limit holds for the prompt with each"
}
"""What the numbers say of rows that are computed as several texts."""


def outlook(order: Order, lesson: Lesson, time: Forecast) -> Inspection:
    """The tokens, the steps and the time."""
    counts, recipe = lesson.counts(), order.recipe
    training = _report(order, lesson, counts.training)
    steps = (
        f"{recipe.steps(lesson.rows)}: {recipe.epochs:g} times {lesson.rows} rows in batches of "
        f"{recipe.batch_size}"
    )
    return Inspection(
        training=training,
        validation=_report(order, lesson, counts.validation) if counts.validation else None,
        epochs=recipe.epochs,
        seconds=time.span,
        settings={"tokens": _tokens(training), "steps": steps, "time": time.words},
    )


def _report(order: Order, lesson: Lesson, counts: Sequence[Count]) -> TokenReport:
    tally = TokenTally(f"tokenizer of {order.spec.model}", note=_NOTES.get(lesson.texts))
    for count in counts:
        tally.add(count.line, count.total, count.trained)
    # A text that is longer is an error; a row may have two of them.
    return tally.report().model_copy(update={"limit": order.limit()})


def _tokens(report: TokenReport) -> str:
    carry = "" if report.trained is None else f", {report.trained} of them carry loss"
    return (
        f"{report.total} in {report.rows} rows{carry}; the longest row, in line "
        f"{report.longest_line}, has {report.longest}"
    )
