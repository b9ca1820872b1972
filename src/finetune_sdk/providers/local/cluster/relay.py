"""What the supervisor runs in a trainer's place: it submits the job and follows it.

It ends as a trainer would: with exit code 0 and a complete model, with `failure.json`, or with
exit code 0 where it was paused. It may be killed at any moment: the next one finds what is there.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress

from finetune_sdk.providers.local.cluster import capacity, judging, layout, submitting
from finetune_sdk.providers.local.cluster.api import Submission
from finetune_sdk.providers.local.cluster.contact import Contact
from finetune_sdk.providers.local.cluster.judging import Fault
from finetune_sdk.providers.local.cluster.mirror import Mirror
from finetune_sdk.providers.local.cluster.reach import api_of, name_of, place_of
from finetune_sdk.providers.local.cluster.record import Cluster, Submitted, Waiting
from finetune_sdk.providers.local.cluster.storage import Storage
from finetune_sdk.providers.local.jobs import resuming
from finetune_sdk.providers.local.jobs.folder import JobFolder

LOSSES = 3
"""So often a job goes on by itself when the cluster has lost what it ran on."""

_TICK = 0.1
_LOOK = 1.0
_CAPACITY = 15.0
_BEGINNING = 5.0
"""Seconds that a cluster may take to begin what it has room for, before that is an event."""
_KNOWN = frozenset({"PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"})


class Told(Exception):  # noqa: N818 - nothing is wrong
    """This process was asked to end."""


class Relay:
    """One job, from its submission to its end.

    Raises:
        ValueError: the folder is no job of a cluster, or cannot be understood.
    """

    def __init__(self, folder: JobFolder) -> None:
        cluster = Cluster.of(folder)
        if cluster is None:
            raise ValueError(f"{str(folder.path)!r} is no job of a cluster")
        self._folder = folder
        self._cluster = cluster
        self._api = api_of(cluster)
        self._submitted = Submitted.of(folder) or Submitted()
        self._told = False
        self._handed_on = False
        self._asked_capacity = 0.0
        self._waits_since: float | None = None
        self._word = ""
        self._ray = Contact("the cluster", self._warn, self._heed)
        self._store = Contact("the storage", self._warn, self._heed)

    def run(self) -> int:
        """Follows the job to its end; gives an exit code as a trainer has it.

        Raises:
            FineTuneError: it cannot be submitted.
        """
        signal.signal(signal.SIGTERM, self._hear)
        try:
            return self._follow_all()
        except Told:
            return self._leave()
        finally:
            self._waits_for(None)

    def _hear(self, *_: object) -> None:
        self._told = True

    def _heed(self) -> None:
        """Raises: Told: this process was asked to end."""
        if self._told:
            raise Told

    def _follow_all(self) -> int:
        while True:
            mirror = self._begin()
            self._follow(mirror)
            fault = self._end(mirror)
            if fault is None:
                return 0
            if not self._goes_on(fault):
                self._fail(fault)
                return 1

    def _begin(self) -> Mirror:
        """Finds the submission that lives, or makes the next one."""
        if not self._submitted.live:
            self._next()
        found = self._ray.must(lambda: self._api.look(self._name))
        if found is None and self._store.must(lambda: self._place.read_json(layout.SEAT)):
            self._goes_on(judging.fault(None))
            self._next()
        if found is None:
            self._submit()
        else:
            self._tell(f"{self._name} is on the cluster already, and is followed", "followed")
        return Mirror(self._folder, self._place, self._submitted.base, self._submitted.log)

    def _next(self) -> None:
        """Takes the next number; what bears an earlier one is not to train any more."""
        if self._submitted.attempt:
            self._store.must(lambda: self._place.write_json(layout.WISH, {"cancel": True}))
        (self._folder.path / "failure.json").unlink(missing_ok=True)
        self._handed_on = False
        self._note(attempt=self._submitted.attempt + 1, live=True, log=0)

    def _submit(self) -> None:
        base = submitting.base_of(self._folder, self._cluster)
        self._note(
            base=str(base or self._folder.spec().model),
            word=self._submitted.word or submitting.new_word(),
        )
        storage = Storage(self._cluster.storage)
        word = self._submitted.word
        self._store.must(lambda: submitting.send(self._folder, storage, base, word, self._heed))
        body = submitting.body(self._folder, self._cluster, self._submitted)
        self._ray.must(lambda: self._api.submit(body))
        words = f"submitted to the cluster at {self._cluster.address} as {self._name}"
        self._tell(words, "submitted")

    @property
    def _name(self) -> str:
        return name_of(self._folder, self._submitted)

    @property
    def _place(self) -> Storage:
        return place_of(self._folder, self._cluster, self._submitted)

    def _follow(self, mirror: Mirror) -> None:
        """Comes back when the submission has ended, or is not wanted any more."""
        due = 0.0
        while True:
            self._heed()
            if time.monotonic() >= due:
                if self._look(mirror):
                    return
                due = time.monotonic() + _LOOK
            time.sleep(_TICK)

    def _look(self, mirror: Mirror) -> bool:
        answer = self._ray.may(lambda: self._api.look(self._name))
        self._store.may(lambda: self._pull(mirror))
        if answer is None:
            return False
        (found,) = answer
        if found is None or found.over:
            return True
        self._mind(found)
        return self._taken_back(found)

    def _pull(self, mirror: Mirror) -> None:
        mirror.pull(self._heed)
        if mirror.log != self._submitted.log:
            self._note(log=mirror.log)
        self._hand_on_pause()

    def _mind(self, found: Submission) -> None:
        if found.word != self._word and found.word not in _KNOWN:
            words = f"the cluster says {found.word!r} of the job, which is new to us"
            self._tell(words, "message")
        self._word = found.word
        if found.word == "PENDING":
            self._tell_capacity()
            return
        answer = self._store.may(lambda: self._place.read_json(layout.WAITING))
        told = answer[0] if answer else None
        self._waits_for(str(told.get("reason")) if told else None)

    def _tell_capacity(self) -> None:
        soon = self._waits_since is not None and self._waits_since != float("inf")
        if time.monotonic() >= self._asked_capacity or soon:
            self._asked_capacity = time.monotonic() + _CAPACITY
            self._waits_for(capacity.words(self._cluster, self._api.resources()))

    def _waits_for(self, reason: str | None) -> None:
        path = self._folder.path / f"{Waiting.file()}.json"
        with suppress(OSError):
            if reason is None:
                self._waits_since = None
                path.unlink(missing_ok=True)
                return
            # Written again and again: who waits is not silent.
            Waiting(reason=reason).save(self._folder)
            self._tell_waiting(reason)

    def _tell_waiting(self, reason: str) -> None:
        now = time.monotonic()
        if self._waits_since is None:
            self._waits_since = now + _BEGINNING
        elif now >= self._waits_since:
            self._waits_since = float("inf")
            self._tell(reason, "queued")

    def _hand_on_pause(self) -> None:
        if not self._handed_on and self._folder.pause.exists():
            self._place.write_json(layout.WISH, {"pause": True})
            self._handed_on = True
        elif self._handed_on and self._place.size(layout.WISH) is None:
            # There was no room to save what was learned: the trainer goes on.
            self._handed_on = False
            for wish in (self._folder.resume, self._folder.pause):
                wish.unlink(missing_ok=True)

    def _taken_back(self, found: Submission) -> bool:
        """It is to pause and has not begun, so that there is nothing to save."""
        if found.word != "PENDING" or not self._folder.pause.exists():
            return False
        self._stop()
        return True

    def _end(self, mirror: Mirror) -> Fault | None:
        """Takes over the end; None where it succeeded or is paused."""
        found = self._ray.must(lambda: self._api.look(self._name))
        self._store.must(lambda: mirror.finish(self._heed))
        ended = self._store.must(lambda: self._place.read_json(layout.ENDED))
        self._note(live=False, log=mirror.log)
        if (failure := self._folder.read("failure")) is not None:
            return Fault(str(failure.get("code")), str(failure.get("message")))
        if (self._folder.path / "result.json").exists():
            self._clear()
            return None
        # What had no checkpoint yet when it was lost begins anew, when it is resumed.
        return None if self._folder.pause.exists() else judging.fault(found, ended)

    def _clear(self) -> None:
        """Removes what the storage has of the job; its rows and base model may serve others."""
        self._store.may(lambda: Storage(self._cluster.storage).remove(layout.job(self._folder.id)))

    def _goes_on(self, fault: Fault) -> bool:
        if fault.then == "waits":
            self._tell(fault.message, "queued")
        if fault.then != "lost":
            return fault.then == "waits"
        lost = self._submitted.lost + 1
        self._note(lost=lost)
        if lost > LOSSES:
            return False
        where = resuming.where(self._folder)
        words = f"{fault.message}; it goes on from {where} by itself ({lost} of {LOSSES})"
        self._warn(words, "lost")
        return True

    def _fail(self, fault: Fault) -> None:
        self._note(lost=0)
        if self._folder.read("failure") is None:
            self._folder.write("failure", {"code": fault.code, "message": fault.message})

    def _leave(self) -> int:
        """Asked to end: stops the job where it was cancelled, else lets it go on there."""
        if self._folder.cancel_requested and self._submitted.live:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._told = False
            self._ray.must(self._stop)
            if self._ray.must(self._stopped):
                self._clear()
            self._note(live=False)
        return 1

    def _stop(self) -> None:
        self._store.may(lambda: self._place.write_json(layout.WISH, {"cancel": True}))
        self._api.stop(self._name)

    def _stopped(self) -> bool:
        """Waits for its end; False where Ray leaves it waiting until it could begin."""
        while True:
            found = self._api.look(self._name)
            if found is None or found.over:
                return True
            if found.word == "PENDING":
                return False
            time.sleep(_TICK)

    def _note(self, **update: object) -> None:
        self._submitted = self._submitted.model_copy(update=update)
        self._submitted.save(self._folder)

    def _tell(self, message: str, type_: str) -> None:
        with suppress(OSError):
            self._folder.tell(message, type=type_)

    def _warn(self, message: str, type_: str) -> None:
        with suppress(OSError):
            self._folder.tell(message, type=type_, level="warning")
