"""Who is compared, and in which order: the base model first, then what was made of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from finetune_sdk.errors import ConfigurationError, NotFoundError
from finetune_sdk.evaluation import prompts
from finetune_sdk.evaluation.course import Endpoint, Entrant, Opening, Stage
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources import serving, waiting
from finetune_sdk.resources.comparing import answering
from finetune_sdk.resources.comparing.answering import Manner
from finetune_sdk.resources.comparing.request import CompareRequest, Subject
from finetune_sdk.resources.comparing.serving import by, served, waited_for
from finetune_sdk.resources.context import Context
from finetune_sdk.types import Checkpoint, Deployment, Job, parse_handle

FINE_TUNED = "fine_tuned"

Warn = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The fine-tuned model: what serves it, or what it was made by.

    Attributes:
        source: a deployment that is there, or what a deployment is made of.
        job: that made it, where it is known.
    """

    source: Deployment | Job | Checkpoint
    job: Job | None


def tuned_of(context: Context, named: Job | Checkpoint | Deployment | str) -> Tuned:
    """What the caller means.

    Raises:
        NotFoundError: it is the name of neither a deployment nor a job.
        ConfigurationError: the job has made no model, or it is of another profile.
    """
    if isinstance(named, str):
        named = _named(context, named)
    if isinstance(named, Deployment):
        there = waited_for(context, named)
        return Tuned(source=there, job=_job(context, there.job_id))
    if isinstance(named, Checkpoint):
        return Tuned(source=named, job=_job(context, named.job_id))
    if isinstance(named, Job):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from users
        return Tuned(source=named, job=named)
    raise ConfigurationError(
        f"`tuned` is {named!r:.80}; it takes a job, a checkpoint, a deployment, or its handle"
    )


def _named(context: Context, name: str) -> Deployment | Job:
    if isinstance(context.provider, CanDeploy):
        with suppress(NotFoundError):
            return serving.fetch(context, context.deployment_name(name))
    try:
        return waiting.fetch(context, context.job_id(name))
    except NotFoundError as error:
        raise NotFoundError(
            f"{context.owner} has neither a deployment nor a job {name!r}; "
            "`finetune deployments list` and `finetune jobs list` name what there is",
            provider=context.opened.name,
            code=error.code,
            status_code=error.status_code,
            request_id=error.request_id,
        ) from None


def _job(context: Context, job_id: str | None) -> Job | None:
    if job_id is None:
        return None
    try:
        return waiting.fetch(context, job_id)
    except NotFoundError:
        return None  # Its model may well outlive it.


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Makes stages of the words of a call.

    Attributes:
        context: of the fine-tuned model.
        warn: is told what could not be done.
    """

    context: Context
    request: CompareRequest
    warn: Warn

    def stages(self, tuned: Tuned, learned: Sequence[Example] | None) -> list[Stage]:
        """All of them.

        Args:
            tuned: the fine-tuned model.
            learned: rows to take examples from; None where there are none.

        Raises:
            NotFoundError: a deployment that is named is not there.
        """
        last = Entrant(name=FINE_TUNED, kind="fine_tuned", prompt=prompts.plain)
        return [
            *self._base(tuned, learned),
            Stage(open=lambda: self._tuned(tuned), entrants=(last,)),
            *self._others(),
        ]

    def judge(self, handle: str) -> Opening:
        """A deployment that grades.

        Raises:
            NotFoundError: it is not there.
        """
        return self._opening(handle, "judge")

    def _base(self, tuned: Tuned, learned: Sequence[Example] | None) -> Iterator[Stage]:
        entrants = list(self._baselines(learned))
        if not entrants:
            return
        given, job = self.request.base, tuned.job
        if given is not None:
            yield Stage(open=self._opening(given, "base"), entrants=entrants)
        elif job is not None:
            yield Stage(open=lambda: self._made(job.model), entrants=entrants)
        else:
            self.warn(
                "the base model is not compared: nobody knows which job made the model; name a "
                "deployment of it by `base`"
            )

    def _baselines(self, learned: Sequence[Example] | None) -> Iterator[Entrant]:
        shots, wanted = self.request.shots, set(self.request.baselines)
        if "base" in wanted:
            yield Entrant(name="base", kind="base", prompt=prompts.plain)
        if learned is None:
            return
        if "few_shot" in wanted:
            prompt = prompts.few_shot(learned, shots=shots, seed=self.request.seed)
            yield Entrant(name="few_shot", kind="few_shot", prompt=prompt)
        if "retrieved" in wanted:
            prompt = prompts.retrieved(learned, shots=shots)
            yield Entrant(name="retrieved", kind="retrieved", prompt=prompt)

    def _others(self) -> Iterator[Stage]:
        for name, subject in self.request.others.items():
            entrant = Entrant(name=name, kind="other", prompt=prompts.plain)
            yield Stage(open=self._opening(subject, name), entrants=(entrant,))

    @contextmanager
    def _tuned(self, tuned: Tuned) -> Generator[Endpoint]:
        if isinstance(tuned.source, Deployment):
            with answering.of_served(self.context, by(tuned.source), self._manner) as endpoint:
                yield endpoint
            return
        with self._made(tuned.source) as endpoint:
            yield endpoint

    @contextmanager
    def _made(self, model: Job | Checkpoint | str) -> Generator[Endpoint]:
        request = self.request
        with (
            served(
                self.context,
                model,
                options=request.options,
                limit=request.max_cost_per_hour,
                warn=self.warn,
            ) as found,
            answering.of_served(self.context, found, self._manner) as endpoint,
        ):
            yield endpoint

    def _opening(self, subject: Subject, name: str) -> Opening:
        if isinstance(subject, (Deployment, str)):
            handle = subject.handle if isinstance(subject, Deployment) else subject
            self._look_for(handle, name)
            return lambda: self._elsewhere(handle, name)
        if not callable(subject):
            raise ConfigurationError(
                f"{name!r} is {subject!r:.80}; it takes a deployment, its handle, or a function"
            )
        function = subject
        return lambda: answering.of_function(function, name, self._manner, self.context.clock)

    def _look_for(self, handle: str, name: str) -> None:
        # Before others are asked, whose answers take long and cost money.
        with self._context_of(_owner(handle, name)) as context:
            waited_for(context, handle)

    @contextmanager
    def _elsewhere(self, handle: str, name: str) -> Generator[Endpoint]:
        with self._context_of(_owner(handle, name)) as context:
            found = by(waited_for(context, handle))
            with answering.of_served(context, found, self._manner) as endpoint:
                yield endpoint

    @contextmanager
    def _context_of(self, owner: str | None) -> Generator[Context]:
        if owner in (None, self.context.owner):
            yield self.context
            return
        other = self.context.elsewhere(str(owner))
        try:
            yield other
        finally:
            other.provider.close()

    @property
    def _manner(self) -> Manner:
        request = self.request
        return Manner(
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            concurrency=request.concurrency,
        )


def _owner(handle: str, name: str) -> str | None:
    try:
        return parse_handle(handle).owner
    except ValueError as error:
        raise ConfigurationError(f"{name!r}: {error}") from None
