"""A look at a job before it is made: all that the trainer would find out without the weights.

A program of `answering`: it finds an inspection.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module

from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.models import licence
from finetune_sdk.providers.local.preflight import headers, reckoning, spreading
from finetune_sdk.providers.local.preflight.answering import main
from finetune_sdk.providers.local.preflight.arithmetic import Load, Shape
from finetune_sdk.providers.local.preflight.elsewhere import elsewhere
from finetune_sdk.providers.local.preflight.forecast import forecast
from finetune_sdk.providers.local.preflight.outlook import outlook
from finetune_sdk.providers.local.preflight.reading import read
from finetune_sdk.providers.local.preflight.shape import shape_of, skeleton
from finetune_sdk.providers.local.training import choosing, hardware, methods, owned
from finetune_sdk.providers.local.training.course import learning
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.methods import fitting
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.types import Inspection, MethodName

PATIENCE = 30.0
"""Seconds that the rows may take; the trainer reads them all in any case."""

_COPYING = frozenset({MethodName.DPO, MethodName.KTO, MethodName.REINFORCEMENT})
"""Methods that hold the model against a copy of itself where there is no adapter to switch off."""
_UNREAD = "not told: not all rows were looked at"
_MARKERS = re.compile(r"\{%-?\s*generation\s*-?%\}")


class _OutOfTime(BaseException):
    """The rows take too long. Not an `Exception`, so that nothing on the way takes it for one."""


def inspect(
    folder: JobFolder, *, patience: float = PATIENCE, room: reckoning.Room = reckoning.room
) -> Inspection:
    """What is found out.

    Args:
        folder: of the job that is to be; it needs `spec.json` alone.
        patience: seconds that the rows may take.
        room: tells how much memory a device has.

    Raises:
        TrainingFailure: a row or an option is wrong.
        FineTuneError: the model cannot be had, or the machine is too small.
    """
    began = time.monotonic()
    order, found = read(folder)
    _check_options(order)
    shape = _shape(order)
    lesson = _lesson(order, patience)
    choices = _choose(order, lesson)
    settings = {
        **order.recipe.reasons,
        **(lesson.reasons if lesson else {}),
        **choices.reasons,
        "licence": licence.of(order.base),
        "chat_template": _template(order),
        "rows": _rows(order, lesson, patience),
    }
    load = _load(order, lesson, choices)
    cluster = Cluster.of(folder)
    there = None if cluster else reckoning.share(room(load.device), load)
    if way := spreading.choose(order.options, shape, load, there):
        load = replace(load, parallel=way.name)
        settings["parallel"] = str(way)
    if shape is not None and cluster is None:
        settings |= reckoning.check(order, found, shape, load, there)
    if lesson:
        time_ = forecast(order, lesson, shape, load, choices, started=time.monotonic() - began)
        told = outlook(order, lesson, time_)
    else:
        told = Inspection(epochs=order.recipe.epochs, settings={"time": _UNREAD})
    settings |= told.settings
    told = told.model_copy(update={"settings": settings, "warnings": tuple(order.teller.warnings)})
    return elsewhere(cluster, choices.reasons, told) if cluster else told


def _check_options(order: Order) -> None:
    learning.check(order)
    scheduler = order.options.lr_scheduler
    known = [str(one.value) for one in import_module("transformers").SchedulerType]
    if scheduler is not None and scheduler not in known:
        raise TrainingFailure(
            "invalid_option",
            f"`LocalOptions.lr_scheduler` is {scheduler!r}, which the installed transformers does "
            f"not know; it knows {', '.join(known)}",
        )
    if order.options.trl:
        owned.check_fields(order.options.trl, methods.kind(order.spec.method.name).config())


def _choose(order: Order, lesson: Lesson | None) -> hardware.Choices:
    choices = choosing.choose(order, lesson)
    if lesson:
        _check_values(lesson, choices)
    return choices


def _check_values(lesson: Lesson, choices: hardware.Choices) -> None:
    try:
        lesson.configuration(choices)
    except (ValueError, TypeError) as error:
        raise TrainingFailure("invalid_hyperparameter", f"TRL refuses: {error}") from error


def _shape(order: Order) -> Shape | None:
    try:
        model = skeleton(order.base)
        shape = shape_of(model)
    except Exception as error:  # noqa: BLE001 - a rare model that cannot be built without weights
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        order.teller.warn(f"memory and disk are not reckoned up for this model ({first})")
        return None
    fitting.check_layers(model, order.recipe.lora)
    headers.check(order.base, model, head=order.spec.method.name != MethodName.REWARD)
    return shape


def _lesson(order: Order, patience: float) -> Lesson | None:
    try:
        with _at_most(patience):
            return methods.lesson(order)
    except _OutOfTime:
        order.teller.warn(
            f"the rows were looked at for {patience:g} seconds, and not all of them; the trainer "
            "looks at the rest before it learns, and the job fails where one is wrong"
        )
        return None


@contextmanager
def _at_most(seconds: float) -> Generator[None]:
    def end(*_: object) -> None:
        raise _OutOfTime

    before, timer = signal.signal(signal.SIGALRM, end), signal.getitimer(signal.ITIMER_REAL)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def _template(order: Order) -> str:
    template = order.tokenizer.chat_template
    if not template:
        return "none: rows of plain strings need none"
    whose = "of `LocalOptions`" if order.options.chat_template else "the base model's own"
    if _MARKERS.search(str(template)):
        return f"{whose}; it marks the assistant's turns"
    return f"{whose}; the assistant's turns are what it adds to the prompt"


def _rows(order: Order, lesson: Lesson | None, patience: float) -> str:
    limit = f"a row may have {order.limit()}"
    if lesson is None:
        return f"not all were looked at in {patience:g} s; {limit}"
    return f"{lesson.rows}; one adds at most {lesson.longest} tokens to a batch, {limit}"


def _load(order: Order, lesson: Lesson | None, choices: hardware.Choices) -> Load:
    method = order.spec.method
    copied = method.name in _COPYING and order.recipe.lora is None
    held = getattr(method, "beta", None) != 0 and not order.options.trl.get(
        "precompute_ref_log_probs"
    )
    return Load(
        method=method.name,
        device=choices.device,
        precision=choices.precision,
        checkpointing=choices.gradient_checkpointing,
        rows=min(choices.micro_batch_size, lesson.rows) if lesson else 0,
        longest=lesson.longest if lesson else 0,
        lora=order.recipe.lora,
        processes=order.processes,
        reference=copied and held,
        cells=_cells(lesson, choices) if lesson and choices.shared_prefix else None,
    )


def _cells(lesson: Lesson, choices: hardware.Choices) -> int:
    return hardware.tokens_at_once(
        choices.micro_batch_size, rows=lesson.rows, longest=lesson.longest, cells=lesson.cells()
    )


def find(folder: JobFolder) -> object:
    """What is found, as JSON has it."""
    return inspect(folder).model_dump(mode="json")


if __name__ == "__main__":
    main(find)
