"""What a test says to a fake beforehand, and asks it afterwards."""

from __future__ import annotations

import copy
import functools
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Concatenate, ParamSpec, TypeVar

from finetune_sdk.errors import FineTuneError, NotFoundError
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.faults import FOREVER, USES, Faults
from finetune_sdk.testing.jobs import FakeJob
from finetune_sdk.testing.records import Calls, RecordedCall
from finetune_sdk.testing.script import DeploymentScript, JobScript
from finetune_sdk.testing.verbs import CHAT, check_verb
from finetune_sdk.types import Job, JobSpec

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A", bound="FakeAccount")


class FakeAccount:
    """The part of `FakeProvider` that no provider has.

    Attributes:
        calls: every call so far, to assert on.
        uploads: the rows of each dataset file, by its id.
    """

    def __init__(
        self, script: JobScript, deployment_script: DeploymentScript, clock: VirtualClock
    ) -> None:
        need("script", script, JobScript)
        need("deployment_script", deployment_script, DeploymentScript)
        need("clock", clock, VirtualClock)
        self._clock = clock
        self.calls = Calls()
        self.uploads: dict[str, tuple[dict[str, object], ...]] = {}
        self._script, self._scripts = script, deque[JobScript]()
        self._deployment_script = deployment_script
        self._deployment_scripts = deque[DeploymentScript]()
        self._faults = Faults(clock, "fake")
        self._jobs: dict[str, FakeJob] = {}
        self._lock = threading.RLock()

    @property
    def clock(self) -> VirtualClock:
        """Virtual; `wait` runs it forward, `clock.advance` does by hand."""
        return self._clock

    # How it goes.

    def enqueue(self, *scripts: JobScript | DeploymentScript) -> None:
        """The next jobs go by these, in order, and so do the next deployments.

        Raises:
            TypeError: one is no script.
        """
        for one in scripts:
            need("scripts", one, JobScript, DeploymentScript)
        with self._lock:
            self._scripts.extend(one for one in scripts if isinstance(one, JobScript))
            self._deployment_scripts.extend(
                one for one in scripts if isinstance(one, DeploymentScript)
            )

    def say(self, job_id: str, word: str | None) -> None:
        """The job's status reads this word from now on, known or not; None ends that."""
        self._found(job_id).word = word

    def pause(self, job_id: str) -> None:
        """Pauses the job, as somebody else might."""
        with self._lock:
            self._found(job_id).pause()

    def cancel(self, job_id: str) -> None:
        """Cancels the job, as somebody else might."""
        with self._lock:
            self._found(job_id).cancel()

    # What goes wrong.

    def fail_next(self, call: str, *errors: FineTuneError) -> None:
        """The next calls of this name raise these, in order, and do nothing.

        Args:
            call: a method of a provider, such as `create_job`; `chat` for requests to deployments.
            errors: what comes out of the provider, all its own retries behind it.

        Raises:
            ValueError: no call has this name, or there is no error.
        """
        check_verb(call)
        if call != CHAT and not hasattr(self, call):
            raise ValueError(f"the fake cannot do {call!r}, so nothing of it can fail")
        self._faults.fail(call, errors)

    def limit_next(self, call: str, *, times: int = 1, retry_after: float | None = None) -> None:
        """The next requests of this call are one too many for the service: 429.

        They are tried again as at a real provider: what a retry mends, nobody sees.

        Args:
            call: that sends something, such as `get_job`.
            times: so many requests, those of retries included.
            retry_after: seconds that the service asks to wait.
        """
        self._faults.limit(call, times, retry_after)

    def lose_next(self, call: str, *, times: int = 1, made: bool = True) -> None:
        """The next requests of this call get no answer.

        Args:
            call: that sends something, such as `create_job`.
            times: so many requests, those of retries included.
            made: they have arrived, and done what was asked.
        """
        self._faults.lose(call, times, made=made)

    def go_down(self, *calls: str, after: float = 0.0, seconds: float = FOREVER) -> None:
        """The service cannot be reached, for these calls or for all that send something.

        Args:
            calls: of which; all by default.
            after: seconds from now until it begins.
            seconds: that it lasts; until `mend` by default.
        """
        self._faults.refuse(calls, after=after, seconds=seconds, revoked=False)

    def revoke_key(self, *, after: float = 0.0) -> None:
        """The service takes the key no more: 401, until `mend`.

        Args:
            after: seconds from now until it begins.
        """
        self._faults.refuse((), after=after, seconds=FOREVER, revoked=True)

    def mend(self) -> None:
        """Nothing goes wrong from now on that a test has said would."""
        self._faults.clear()

    # What has happened.

    @property
    def specs(self) -> list[JobSpec]:
        """What each job was made of, oldest first."""
        with self._lock:
            return [made.spec for made in self._jobs.values()]

    @property
    def chats(self) -> list[Mapping[str, object]]:
        """The body of each request to a deployment, oldest first: `messages`, `temperature`."""
        bodies = [call.arguments[1] for call in self.calls.named(CHAT)]
        return [body for body in bodies if isinstance(body, Mapping)]

    def rows(self, job: Job | JobSpec) -> tuple[dict[str, object], ...]:
        """The rows that the job learns from.

        Raises:
            NotFoundError: they were not uploaded here.
        """
        file_id = job.training_file.id if job.training_file else None
        if file_id not in self.uploads:
            raise NotFoundError(f"no file {file_id!r} was uploaded here", provider="fake")
        return copy.deepcopy(self.uploads[file_id])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._jobs)} job(s), {len(self.calls)} call(s)>"

    def _ask(self, name: str, given: tuple[object, ...], method: Callable[[], T]) -> T:
        self._record(name, *given)
        if USES.get(name, "read") != "read":
            self.clock.begin_anew()

        def answer() -> T:
            with self._lock:
                return method()

        return self._faults.through(name, answer) if name in USES else answer()

    def _record(self, name: str, *arguments: object) -> None:
        with self._lock:
            self.calls.append(RecordedCall(name, arguments, self.clock.now()))
        self._faults.end(name)

    def _next_script(self) -> JobScript:
        return self._scripts.popleft() if self._scripts else self._script

    def _next_deployment_script(self) -> DeploymentScript:
        waiting = self._deployment_scripts
        return waiting.popleft() if waiting else self._deployment_script

    def _found(self, job_id: str) -> FakeJob:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFoundError(
                f"no job {job_id!r}; this FakeProvider has {len(self._jobs)}, and forgets them at "
                "the end of its process",
                provider="fake",
                status_code=404,
            ) from None


def need(word: str, value: object, *kinds: type) -> None:
    """A marker, or a test that nobody type-checks, is told what a word takes."""
    if not isinstance(value, kinds):
        names = " or a ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"`{word}` is {value!r:.80}; it takes a {names}")


def need_dollars(word: str, amount: float) -> None:
    """Refuses what is no amount."""
    need(word, amount, int, float)
    if not 0 <= amount < math.inf:
        raise ValueError(f"`{word}` is {amount!r}; it is in US dollars, 0 or more")


def asked(method: Callable[Concatenate[A, P], T]) -> Callable[Concatenate[A, P], T]:
    """A method of the provider: each call is recorded, and meets the faults that were said."""
    name = method.__name__

    @functools.wraps(method)
    def call(self: A, /, *args: P.args, **words: P.kwargs) -> T:
        given = (*args, *words.values())
        return self._ask(name, given, lambda: method(self, *args, **words))  # pyright: ignore[reportPrivateUsage] - of the same class

    return call
