"""A look at a job before it is made: all that the trainer would find out without the weights.

`python -P -m finetune_sdk.providers.local.preflight.inspect <folder> <home>` prints one JSON object
about the job whose `spec.json` is in the folder: `found` with an inspection, or `error` (one of
ours) or `failure` (the trainer's).
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.errors import FineTuneError, ProviderError
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.models import licence, weights
from finetune_sdk.providers.local.models.weights import Weights
from finetune_sdk.providers.local.preflight import headers, reckoning
from finetune_sdk.providers.local.preflight.arithmetic import Load, Shape
from finetune_sdk.providers.local.preflight.draft import Draft
from finetune_sdk.providers.local.preflight.forecast import forecast
from finetune_sdk.providers.local.preflight.outlook import outlook
from finetune_sdk.providers.local.preflight.shape import shape_of, skeleton
from finetune_sdk.providers.local.training import hardware, methods, owned
from finetune_sdk.providers.local.training.course import learning
from finetune_sdk.providers.local.training.failures import TrainingFailure, explain
from finetune_sdk.providers.local.training.methods import fitting
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order, Teller, options_of, read_tokenizer
from finetune_sdk.providers.local.training.recipe import recipe
from finetune_sdk.types import Inspection, MethodName

PATIENCE = 30.0
"""Seconds that the rows may take; the trainer reads them all in any case."""

_COPYING = frozenset({MethodName.DPO, MethodName.KTO, MethodName.REINFORCEMENT})
"""Methods that hold the model against a copy of itself where there is no adapter to switch off."""
_UNREAD = "not told: not all rows were looked at"
_MARKERS = re.compile(r"\{%-?\s*generation\s*-?%\}")


class _OutOfTime(BaseException):
    """The rows take too long. Not an `Exception`, so that nothing on the way takes it for one."""


class _Listener(Teller):
    """Keeps what is said: there is no job yet whose events it could be."""

    def say(self, message: str) -> None:
        """Nobody waits for it."""

    def warn(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self.warnings.append(message)


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
    order, found = _read(folder)
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
    if shape is not None:
        settings |= reckoning.check(order, found, shape, load, room(load.device))
    if lesson:
        time_ = forecast(order, lesson, shape, load, choices, started=time.monotonic() - began)
        told = outlook(order, lesson, time_)
    else:
        told = Inspection(epochs=order.recipe.epochs, settings={"time": _UNREAD})
    settings |= told.settings
    return told.model_copy(update={"settings": settings, "warnings": tuple(order.teller.warnings)})


def _read(folder: JobFolder) -> tuple[Order, Weights]:
    spec = folder.spec()
    options, teller = options_of(spec), _Listener(folder)
    found = weights.find(spec.model, folder.home, os.environ)
    if found.note:
        teller.warn(found.note)
    card = weights.card(found, folder.home, teller.say)
    tokenizer = read_tokenizer(card.tokenizer, options)
    order = Order(folder, spec, options, recipe(spec, options), teller, card.base, tokenizer)
    return order, found


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
    choices = hardware.choose(
        hardware.look(os.environ),
        order.options,
        batch_size=order.recipe.batch_size,
        rows=lesson.rows if lesson else 1,
        longest=lesson.longest if lesson else 1,
        least=lesson.least if lesson else 1,
        weighs=bool(lesson and lesson.weighs),
    )
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
        reference=copied and held,
    )


def answer(folder: JobFolder) -> dict[str, object]:
    """What is printed: whatever happens, one of three kinds of answer."""
    try:
        return {"found": inspect(folder).model_dump(mode="json")}
    except FineTuneError as error:
        return {"error": _told(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear why
        traceback.print_exception(error)
        failure = explain(error)
        return {"failure": {"code": failure.code, "message": str(failure)}}


def _told(error: FineTuneError) -> Mapping[str, object]:
    told: dict[str, object] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, ProviderError):
        told |= {"code": error.code, "status_code": error.status_code}
    return told


def _end_with_the_caller() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def _main(folder: JobFolder) -> None:
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    # What a library or a reward function prints must not get between.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        text: Any = json.dumps(answer(folder))
        with suppress(BrokenPipeError):
            out.write(text)


if __name__ == "__main__":
    from finetune_sdk.providers.local.training.__main__ import prepare

    prepare()
    _main(Draft(Path(sys.argv[1]), LocalHome(Path(sys.argv[2]))))
