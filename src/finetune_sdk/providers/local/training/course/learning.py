"""The training itself: how it begins, what happens between its steps, and how it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local import faults
from finetune_sdk.providers.local.jobs.checkpoints import Saved
from finetune_sdk.providers.local.training import ranks
from finetune_sdk.providers.local.training.course import carrying, places, reports, saving
from finetune_sdk.providers.local.training.course.keeping import KEPT, Keeper, names
from finetune_sdk.providers.local.training.course.pausing import Stop
from finetune_sdk.providers.local.training.course.places import Carried, Place
from finetune_sdk.providers.local.training.course.reporting import Reporter, not_a_number
from finetune_sdk.providers.local.training.course.sampling import EMPTY, order_by_epoch
from finetune_sdk.providers.local.training.course.standing import Standing
from finetune_sdk.providers.local.training.failures import TrainingFailure, disk_full, explain
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order

_SAVE_SECONDS = 600.0
"""Seconds between two checkpoints where the job does not say how many steps."""

_NO_ROWS = (
    "`LocalOptions.early_stopping_patience` compares measurements of the validation rows, and "
    "there are none; give `validation_data`, or leave it out"
)


def check(order: Order) -> None:
    """Looks at the options of this room, before anything is loaded.

    Raises:
        TrainingFailure: one cannot be followed.
    """
    options = order.options
    if options.early_stopping_patience and order.spec.validation_file is None:
        raise TrainingFailure("invalid_option", _NO_ROWS)
    reports.check(options.report_to or ())


class Course:
    """One training, from its beginning or its newest checkpoint to its end or a stop.

    Attributes:
        stopped: it was asked to stop, and can go on later.
    """

    def __init__(self, order: Order, lesson: Lesson, stop: Stop) -> None:
        """Finds where to go on, and drops what a process that was cut short left behind.

        Raises:
            TrainingFailure: what there is to go on from is damaged.
        """
        self.stopped = False
        self._order, self._lesson, self._stop = order, lesson, stop
        self._options = order.options
        self._trainer: Any = None
        self._begin_epoch: Callable[[int], None] = _no_order
        self._reporter = Reporter(
            order.folder, method=order.spec.method, epochs=order.recipe.epochs
        )
        self._standing = Standing()
        self._score: float | None = None
        self._improved = False
        self._wished = False
        self._saved_at = time.monotonic()
        self._model_files: tuple[str, ...] = ()
        self._keeper = Keeper(order.folder, self._options.keep_checkpoints or KEPT)
        self._keeper.drop_partial()
        found = places.newest(self._keeper)
        self._from: Saved | None = None
        self._place: Place | None = None
        if found:
            self._from, self._place = found
            self._go_on(*found)
        step = self._from.manifest.step if self._from else 0
        self._keeper.forget_after(step)
        places_told = (self._options.report_to or ()) if ranks.first() else ()
        self._reports = reports.Reports(order.folder, places_told, step=step)

    @property
    def tokens(self) -> int:
        """Real tokens seen so far, padding aside."""
        return self._reporter.told.tokens

    @property
    def over(self) -> bool:
        """All steps were taken before: only the model is missing."""
        if self._from is None or self._place is None:
            return False
        return self._is_over(self._from.manifest.step, self._place.steps)

    @property
    def _parted(self) -> bool:
        return saving.is_parted(self._trainer)

    @property
    def callbacks(self) -> list[Any]:
        """What listens to the trainer."""
        return [*self._reports.callbacks, _callback(self)]

    def take(self, trainer: Any) -> None:
        """Trains, until the end or until it is asked to stop.

        Raises:
            TrainingFailure: the training ran away, or the disk is full.
        """
        self._trainer = trainer
        self._begin_epoch = order_by_epoch(trainer, self._order.recipe.seed)
        # TRL would write a card that speaks of us as its author, at each checkpoint.
        trainer.create_model_card = _no_card
        trainer.save_model = self._save_model
        trainer._save_checkpoint = partial(self._save_checkpoint, trainer._save_checkpoint)
        trainer.args.run_name = self._order.spec.suffix or self._order.folder.id
        try:
            trainer.train(resume_from_checkpoint=str(self._from.path) if self._from else None)
        except Exception as error:
            self._clear_up(error)
            raise
        if not self.stopped:
            self._check_health()
        # Nobody makes the model while another process has still to find out that it is none.
        ranks.wait()

    def save(self, target: Path) -> None:
        """Makes what was learned the model that comes out.

        Raises:
            OSError: the disk is full.
        """
        chosen = self._keeper.best() if self._options.early_stopping_patience else None
        if chosen:
            self._tell_chosen(chosen)
        elif self.over:
            chosen = self._from
        if chosen and ranks.first():
            saving.copy(chosen, target)
        if chosen:
            return
        weights = saving.whole(self._trainer)
        if ranks.first():
            with self._served():
                saving.save(self._trainer.model, self._order.tokenizer, target, weights)

    def begun(self, state: Any) -> None:
        """The first step is about to be taken."""
        self._stop.under_way = True
        if self._place:
            carrying.unpack(self._trainer, self._place.carried.model_dump())
        self._saved_at = time.monotonic()
        self._reporter.begin(state.global_step, state.max_steps)

    def epoch_begun(self, state: Any) -> None:
        """An epoch is about to begin, or to go on where the training was cut short in it."""
        self._begin_epoch(int(state.epoch))

    def stepped(self, args: Any, state: Any, control: Any) -> None:
        """A step was taken."""
        # Rows that only fill up an epoch's last batch have a token each, which is none of theirs.
        filled = getattr(self._trainer, EMPTY, 0) * int(state.epoch)
        self._reporter.step(state.global_step, state.num_input_tokens_seen - filled)
        self._score, self._improved = None, False
        every = self._options.eval_steps
        # What an epoch's last step brings with it is done at the epoch's end, once.
        if not _ends_epoch(state):
            if every and state.global_step % every == 0:
                self._measure(args, state, control)
            self._decide(state, control)

    def epoch_ended(self, args: Any, state: Any, control: Any) -> None:
        """An epoch is over, or the trainer was told to stop in the midst of one."""
        if not _ends_epoch(state):
            return
        every = self._options.eval_steps
        due = every is None or state.global_step % every == 0
        numbers = self._measure(args, state, control) if due else None
        self._reporter.epoch_end(state.global_step, state.epoch, numbers)
        self._decide(state, control)

    def logged(self, state: Any, logs: Mapping[str, float]) -> None:
        """The trainer told numbers."""
        self._reporter.log(state.global_step, state.epoch, logs)

    def _saved(self, state: Any, carried: Carried) -> None:
        """The trainer has written its part of a checkpoint."""
        place = Place(
            steps=state.max_steps,
            told=self._reporter.so_far(),
            standing=self._standing,
            carried=carried,
        )
        self._keeper.seal(
            state.global_step,
            epoch=state.epoch,
            model=self._model_files,
            metrics=self._reporter.told.newest,
            score=self._score,
            state=place.model_dump(mode="json"),
        )
        self._reporter.progress(state.global_step)
        words = f"checkpoint-{state.global_step} is saved"
        self._order.folder.tell(words, type="checkpoint", data={"step": state.global_step})

    def _go_on(self, saved: Saved, place: Place) -> None:
        self._reporter.told = place.told
        self._standing = place.standing
        words = f"goes on from {saved.path.name}, step {saved.manifest.step} of {place.steps}"
        self._order.folder.tell(words, type="continued", data={"step": saved.manifest.step})

    def _measure(self, args: Any, state: Any, control: Any) -> Mapping[str, float] | None:
        # Measuring more often, or less, must not change what is learned; and some trainers of TRL
        # tell their log of it, under names of their own.
        with carrying.untouched(), self._reports.silent(self._trainer):
            numbers = ranks.agree(self._lesson.measure(self._trainer))
        if numbers is None:
            return None
        self._reporter.measured(state.global_step, state.epoch, numbers)
        self._reports.measured(numbers, args, state, control)
        score = self._lesson.score(numbers)
        self._score = score if math.isfinite(score) else None
        self._improved = self._standing.improved_by(state.global_step, score)
        return numbers

    def _decide(self, state: Any, control: Any) -> None:
        over = self._is_over(state.global_step, state.max_steps)
        self.stopped = not over and self._stop.requested
        if over or self.stopped:
            control.should_training_stop = True
        if over and state.global_step < state.max_steps:
            self._tell_early(state.global_step)
        due = ranks.agree(self._improved or self._is_due(state))
        self._wished = self.stopped and not due
        if self.stopped or due:
            control.should_save = True

    def _is_over(self, step: int, steps: int) -> bool:
        return step >= steps or self._standing.gave_up(self._options.early_stopping_patience)

    def _is_due(self, state: Any) -> bool:
        every = self._options.save_steps
        if every:
            return bool(state.global_step % every == 0)
        return _ends_epoch(state) or time.monotonic() - self._saved_at >= _SAVE_SECONDS

    def _save_checkpoint(self, write: Callable[..., None], *given: object) -> None:
        carried = Carried.model_validate(carrying.pack(self._trainer))
        # Where weights are parted, all must join in writing them to the end.
        error = None if self._parted else _caught(lambda: write(*given))
        if self._parted:
            write(*given)
        # What the first process seals is what all have written.
        failed = ranks.anywhere(error is not None)
        if not failed:
            if ranks.first():
                error = _caught(lambda: self._saved(self._trainer.state, carried))
            failed = ranks.agree(error is not None)
            self._saved_at = time.monotonic()
        if failed:
            self._not_saved(error)

    def _not_saved(self, error: Exception | None) -> None:
        full = self._wished and error is not None and self._is_full(error)
        if not ranks.anywhere(full):
            raise error or ranks.Lost
        self._learn_on()

    def _learn_on(self) -> None:
        # To end now would lose what was learned; the wish can be told again.
        self._keeper.drop_partial()
        self._stop.forget()
        self.stopped = self._trainer.control.should_training_stop = False
        words = "the disk has no room to save what was learned, so it goes on; free some first"
        with suppress(OSError):
            self._order.folder.tell(words, type="warning", level="warning")

    def _is_full(self, error: Exception) -> bool:
        code = explain(error).code
        # Torch says of a full disk only that it could not write.
        torch = code == "trainer_error" and faults.is_full(self._order.folder.path)
        return torch or code == "disk_full"

    def _save_model(self, output_dir: str, _internal_call: bool = False) -> None:
        """Stands in for the trainer's own: a checkpoint holds what the model's folder holds."""
        self._check_health()
        folder = Path(output_dir)
        weights = saving.whole(self._trainer)
        if not ranks.first():
            return
        with self._served():
            saving.write(self._trainer.model, self._order.tokenizer, folder, weights)
        self._model_files = names(folder)

    def _check_health(self) -> None:
        losses = float(self._trainer._tr_loss)
        if not (math.isfinite(losses) and saving.is_finite(self._trainer.model)):
            raise not_a_number(self._trainer.state.global_step)

    @contextmanager
    def _served(self) -> Generator[None]:
        """Within it the model is as it is to be served."""
        model = self._trainer.model
        own = import_module("transformers").AutoConfig.from_pretrained(
            self._order.base, trust_remote_code=False
        )
        training, model.config.use_cache = model.config.use_cache, getattr(own, "use_cache", True)
        self._lesson.finish(model)
        try:
            yield
        finally:
            # A training without it needs less memory; a served model without it is slow.
            model.config.use_cache = training

    def _clear_up(self, error: Exception) -> None:
        full = self._is_full(error)
        self._keeper.drop_partial()
        if full:
            raise disk_full() from error

    def _tell_early(self, step: int) -> None:
        standing = self._standing
        words = (
            f"stops early at step {step}: {standing.worse} measurement(s) of the validation rows "
            f"were no better than that of step {standing.step}"
        )
        self._order.folder.tell(words, type="early_stop", data={"step": step})

    def _tell_chosen(self, chosen: Saved) -> None:
        words = f"{chosen.path.name} comes out, the best on the validation rows"
        self._order.folder.tell(words, type="best", data={"step": chosen.manifest.step})
        choices = self._order.folder.read("choices") or {}
        settings: Any = choices.get("settings", {})
        self._order.folder.write(
            "choices", {**choices, "settings": {**settings, "early_stopping": words}}
        )


def _ends_epoch(state: Any) -> bool:
    return bool(state.epoch == int(state.epoch) or state.global_step >= state.max_steps)


def _caught(deed: Callable[[], None]) -> Exception | None:
    try:
        deed()
    except Exception as error:  # noqa: BLE001 - the other processes must hear of it before it is raised
        return error
    return None


def _no_order(_: int) -> None:
    return


def _no_card(*_: object, **__: object) -> None:
    return


def _callback(course: Course) -> Any:
    transformers = import_module("transformers")

    class Forward(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            course.begun(state)

        def on_epoch_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            course.epoch_begun(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            course.stepped(args, state, control)

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            course.logged(state, logs or {})

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            course.epoch_ended(args, state, control)

    return Forward()
