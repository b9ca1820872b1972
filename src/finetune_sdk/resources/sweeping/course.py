"""Trials on their way: begun while there is room and money, looked at by one listing, settled."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import compress

from finetune_sdk.errors import InvalidRequestError, NotFoundError, ProviderError
from finetune_sdk.resources.contact import Contact, Pace
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.costs import dollars
from finetune_sdk.resources.steps import Quiet, ask
from finetune_sdk.resources.submit import Wanted, hand_in
from finetune_sdk.resources.sweeping.drafts import ROUNDING, Drafted
from finetune_sdk.resources.sweeping.files import SharedFiles
from finetune_sdk.resources.sweeping.measuring import settled
from finetune_sdk.resources.sweeping.request import SweepRequest
from finetune_sdk.resources.waiting import fetch, look_at_all
from finetune_sdk.types import Job, JobStatus, Sweep, Trial

logger = logging.getLogger("finetune_sdk")


class _Place:
    """A trial on its way.

    Attributes:
        settled: it has ended, and what it measured and cost is read.
        lost: the provider knows its job no more.
    """

    def __init__(self, drafted: Drafted) -> None:
        self.drafted = drafted
        self.trial = drafted.trial
        self.settled = False
        self.lost = False

    @property
    def begun(self) -> bool:
        return self.trial.job is not None

    @property
    def waits(self) -> bool:
        """Its turn has not come yet."""
        return self.trial.status == "waiting"

    @property
    def over(self) -> bool:
        """It has ended; a model proves success, and some providers name it a few looks later."""
        job = self.trial.job
        return job is not None and job.status.terminal and _proven(job)

    @property
    def stands(self) -> bool:
        """It is paused, and goes on only when told to."""
        return self.trial.job is not None and self.trial.job.status is JobStatus.PAUSED

    @property
    def spent(self) -> float:
        """US dollars at most that it has cost or will."""
        if not self.begun:
            # Nobody can tell any more what a job that is gone has cost.
            return self.drafted.high if self.lost else 0.0
        return self.trial.cost.high if self.trial.cost is not None else self.drafted.high


def _proven(job: Job) -> bool:
    return job.status is not JobStatus.SUCCEEDED or bool(job.fine_tuned_model)


class Course:
    """The trials of one sweep on their way."""

    def __init__(
        self,
        context: Context,
        request: SweepRequest,
        found: Sequence[Drafted],
        files: SharedFiles,
        sweep: Sweep,
        on_look: Callable[[Sweep], None],
    ) -> None:
        self._context, self._request, self._files = context, request, files
        self._sweep, self._on_look = sweep, on_look
        self._places = [_Place(one) for one in found]
        self._contact = Contact(context, context.owner)
        self._refusals: list[ProviderError] = []
        self._full = False

    def run(self, pace: Pace) -> Quiet[Sweep]:
        """Until nothing goes on by itself any more.

        Raises:
            SubmissionUnknownError: nobody knows whether a job was made; no other is begun.
            ProviderError: the provider refuses more than one trial; what runs goes on.
            WaitTimeoutError: the caller's patience is over; what runs goes on.
            StatusUnavailableError: no contact for 30 minutes; what runs may go on.
        """
        self._show()
        yield from self._recollect()
        while True:
            yield from self._settle()
            before = sum(one.begun for one in self._places)
            yield from self._begin()
            if not self._goes_on():
                return self._end()
            if sum(one.begun for one in self._places) > before:
                pace.anew()
            open_, count = self._open(), len(self._places)
            yield from pace.rest(f"{len(open_)} job(s) of a sweep of {count} have not ended")
            yield from self._look()

    # Beginning

    def _recollect(self) -> Quiet[None]:
        """What an earlier call has begun, or may have: found before anything else is begun."""
        desk = self._context.desk()
        begun = yield from ask(lambda: [desk.begun(one.drafted.spec) for one in self._places])
        for one in compress(self._places, begun):
            yield from self._make(one)
            one.lost = not (one.begun or one.waits)

    def _begin(self) -> Quiet[None]:
        self._full = False
        for one in self._places:
            if not one.waits:
                continue
            if self._running() >= self._request.at_once or not self._affords(one):
                return
            yield from self._make(one)
            if self._full:
                return

    def _make(self, one: _Place) -> Quiet[None]:
        try:
            job = yield from ask(partial(self._hand_in, one))
        except (InvalidRequestError, NotFoundError) as error:
            # It takes no such values, or its job is gone: told of this trial, and others go on.
            self._refusals.append(error)
            self._put(one, one.trial.model_copy(update={"trouble": str(error)}))
        except ProviderError as error:
            # As where it takes no more jobs at a time: a place is free when another has ended.
            self._full = error.retryable and self._moves()
            if not self._full:
                raise
            logger.info("no job is begun for now: %s", error)
        else:
            self._put(one, one.trial.model_copy(update={"job": job}))

    def _hand_in(self, one: _Place) -> Job:
        made = one.drafted.made
        files = self._files.of(made)
        wanted = Wanted(made=made, call=one.drafted.call, keyed=True, files=files)
        return hand_in(self._context, wanted)

    def _running(self) -> int:
        """Places that are taken. A paused job keeps its own: it may go on at any moment."""
        return sum(one.begun and not one.over for one in self._places)

    def _affords(self, one: _Place) -> bool:
        limit = self._request.max_cost
        if limit is None:
            return True
        # Until it is read what one has cost, it may be more than its estimate.
        return not self._unread() and self._spent() + one.drafted.high <= limit + ROUNDING

    def _spent(self) -> float:
        return math.fsum(one.spent for one in self._places)

    # Looking

    def _open(self) -> list[_Place]:
        return [one for one in self._places if one.begun and not one.over]

    def _look(self) -> Quiet[None]:
        wanted = {one.trial.job.id: one for one in self._open() if one.trial.job is not None}
        if not wanted:
            return
        try:
            jobs = yield from self._contact.look(partial(look_at_all, self._context, set(wanted)))
        except NotFoundError:
            # One that is gone is told of its trial, and the others go on.
            yield from self._give_up(wanted)
            return
        found = {job.id: job for job in jobs or ()}
        for job_id, one in wanted.items():
            if job := found.get(job_id):
                self._put(one, one.trial.model_copy(update={"job": _kept(job, one.trial)}))

    def _give_up(self, wanted: Mapping[str, _Place]) -> Quiet[None]:
        """Those of the trials whose jobs the provider does not know."""
        for job_id, one in wanted.items():
            try:
                yield from ask(partial(fetch, self._context, job_id))
            except NotFoundError as error:
                one.lost = True
                self._refusals.append(error)
                trouble = f"its job {self._context.owner}:{job_id} is gone: {error}"
                self._put(one, one.trial.model_copy(update={"job": None, "trouble": trouble}))
            except ProviderError as error:
                if not error.retryable:
                    raise

    def _settle(self) -> Quiet[None]:
        for one in self._places:
            job = one.trial.job
            if job is None or one.settled or not one.over:
                continue
            read = partial(settled, self._context, self._request, one.trial, job)
            trial = yield from self._contact.look(read)
            if trial is not None:
                one.settled = True
                self._put(one, trial)

    def _goes_on(self) -> bool:
        return self._unread() or self._moves()

    def _unread(self) -> bool:
        """Whether it is not read yet what one that has ended measured and cost."""
        return any(one.over and not one.settled for one in self._places)

    def _moves(self) -> bool:
        """Whether a job will come to its end by itself."""
        return any(not one.stands for one in self._open())

    # Telling

    def _put(self, one: _Place, trial: Trial) -> None:
        if trial == one.trial:
            return
        one.trial = trial
        self._show()
        if self._request.on_trial is None:
            return
        try:
            self._request.on_trial(trial)
        except Exception:
            logger.exception("`on_trial` raised on trial %s; the sweep goes on", trial.number)

    def _now(self) -> Sweep:
        return self._sweep.model_copy(update={"trials": tuple(one.trial for one in self._places)})

    def _show(self) -> None:
        self._on_look(self._now())

    def _end(self) -> Sweep:
        if len(self._refusals) == len(self._places):
            raise self._refusals[0]
        done = self._now()
        told = (*done.warnings, *_ties(done), *self._why_not_complete())
        return done.model_copy(update={"warnings": told})

    def _why_not_complete(self) -> list[str]:
        told: list[str] = []
        if any(one.stands for one in self._places):
            names = [one.trial.job.handle for one in self._places if one.stands and one.trial.job]
            told.append(
                f"paused: {', '.join(names)}; go on with `jobs.resume` and sweep again with the "
                "same call"
            )
        left = [one for one in self._places if one.waits]
        limit = self._request.max_cost
        if left and limit is not None and not self._affords(left[0]):
            told.append(
                f"{len(left)} trial(s) were not begun: the others have cost or may cost "
                f"{dollars(self._spent())} US dollars, and the next one up to "
                f"{dollars(left[0].drafted.high)}, over `max_cost` {dollars(limit)}; the same call "
                "with a higher one goes on"
            )
        return told


def _kept(job: Job, trial: Trial) -> Job:
    """The job as it stands now, with what only its create has told."""
    before = trial.job.warnings if trial.job is not None else ()
    return job.model_copy(update={"warnings": tuple(dict.fromkeys((*before, *job.warnings)))})


def _ties(sweep: Sweep) -> list[str]:
    """That nothing was compared, where the best is no better than another."""
    best = sweep.best
    if best is None or best.metric is None:
        return []
    same = [
        str(one.number)
        for one in sweep.trials
        if one.job is not None and one.metric and one.metric.value == best.metric.value
    ]
    if len(same) == 1:
        return []
    return [
        f"trials {', '.join(same)} measured the very same `{best.metric.name}`, so nothing tells "
        "them apart; compare them on `validation_data`, or by more steps"
    ]
