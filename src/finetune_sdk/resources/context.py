"""What the resources of one client share: its provider, its names, its manners with errors."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from finetune_sdk.errors import ConfigurationError, FineTuneError, ProviderError, UnsupportedError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.submission import Desk, books_of
from finetune_sdk.transport import Clock, redact
from finetune_sdk.types import Deployment, Job, parse_handle

if TYPE_CHECKING:
    from finetune_sdk.datasets import Dataset
    from finetune_sdk.errors import Effect

T = TypeVar("T")
C = TypeVar("C")


_reopening = threading.Lock()


def _renew_lock() -> None:
    # The thread that held it at the moment of the fork is not in the child.
    global _reopening
    _reopening = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_lock)


@dataclass(kw_only=True)
class Context:
    """One open provider and the profile that it was opened with.

    Attributes:
        opened: the provider of this process.
        reopen: makes it anew after a fork; None for one that the caller brought.
        check: raises where the provider may be asked no more.
        profile: the profile's name; None when a provider was named or brought instead.
        hyperparameters: the profile's defaults for the method.
        options: the profile's defaults for the provider's own options.
        source: the config file, for messages.
        resolve_model: turns a name of `[models]` into the provider's own.
        models: the table `[models]`: by name, each place's own model.
        opener: opens the context of another profile or provider with the same config and home.
        planned: rows in memory that plans were made for, by their digest.
        home: the state folder, where the journal of submissions lies.
    """

    opened: FineTuneProvider
    home: Path
    reopen: Callable[[], FineTuneProvider] | None = None
    check: Callable[[], None] | None = None
    profile: str | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict[str, object])
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    source: str = "the config"
    resolve_model: Callable[[str], str] = str
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    opener: Callable[[str], Context] | None = None
    planned: dict[str, Dataset] = field(default_factory=dict[str, "Dataset"])
    _process: int = field(default_factory=os.getpid, init=False)

    @property
    def provider(self) -> FineTuneProvider:
        """The open provider; a new one in a process that was forked from the one that opened it."""
        if self.check is not None:
            self.check()
        return self._there()

    def close(self) -> None:
        """Lets go of what is open; it may always be asked for this."""
        self._there().close()

    def _there(self) -> FineTuneProvider:
        if self._process != os.getpid() and self.reopen is not None:
            with _reopening:
                if self._process != os.getpid():
                    # The provider first: who sees the process's number must see its provider.
                    self.opened = self.reopen()
                    self._process = os.getpid()
        return self.opened

    @property
    def clock(self) -> Clock:
        return self.provider.clock

    @property
    def owner(self) -> str:
        """What stands in front of the ids of this client's handles."""
        return self.profile or self.opened.name

    @property
    def names(self) -> tuple[str, ...]:
        """What `[models]` may call this place: the profile, and then its provider."""
        provider = self.opened.name
        return (provider,) if self.profile is None else (self.profile, provider)

    def elsewhere(self, name: str) -> Context:
        """An open context of another profile or provider, by the same config and state folder.

        Whoever asks for it closes its provider.

        Raises:
            ConfigurationError: there is no such profile, or something in it is wrong.
        """
        if self.opener is None:
            raise ConfigurationError(
                f"{self.owner!r} knows no way to open {name!r}; open a client of it yourself"
            )
        return self.opener(name)

    def call(self, function: Callable[[], T], *, effect: Effect = "none") -> T:
        """What the provider's function gives; only `FineTuneError`s get out.

        Args:
            function: the call.
            effect: what a stranger's exception may have done at the provider.
        """
        try:
            return function()
        except FineTuneError:
            raise
        except Exception as error:  # noqa: BLE001 - a provider may be anybody's code
            raise _told(error, self.owner, self.opened.name, effect) from None

    def need(self, mixin: type[C], verb: str) -> C:
        """The provider as one that has the verb.

        Raises:
            UnsupportedError: it has not; names those that have.
        """
        if isinstance(self.provider, mixin):
            return self.provider
        note = self.provider.capabilities.notes.get(verb.partition(".")[0])
        raise unsupported(self, f"`{verb}`", lambda other: issubclass(other, mixin), note=note)

    def desk(self) -> Desk:
        """Where creates are handed in."""
        provider = self.provider
        journal, locks = books_of(provider, self.home)
        return Desk(
            provider=provider,
            owner=self.owner,
            journal=journal,
            locks=locks,
            call=lambda function, effect: self.call(function, effect=effect),
        )

    def job_id(self, job: Job | str) -> str:
        """The id at the provider, of a job, a handle or an id.

        Raises:
            ConfigurationError: it is of another profile, or no id at all.
        """
        return self._id(job.handle if isinstance(job, Job) else job, "job")

    def deployment_name(self, deployment: Deployment | str) -> str:
        """The name at the provider, of a deployment, a handle or a name."""
        text = deployment.handle if isinstance(deployment, Deployment) else deployment
        return self._id(text, "deployment")

    def _id(self, text: object, what: str) -> str:
        if not isinstance(text, str):
            raise ConfigurationError(
                f"`{what}` is {text!r:.80}; it takes a {what}, a handle or an id"
            )
        try:
            handle = parse_handle(text)
        except ValueError as error:
            raise ConfigurationError(f"`{what}`: {error}") from None
        if handle.owner not in (None, self.owner):
            raise ConfigurationError(
                f"the {what} {text!r} is of {handle.owner!r} and this client is of "
                f'{self.owner!r}; open FineTuneClient("{handle.owner}") for it'
            )
        return handle.id

    def stamp(self, job: Job) -> Job:
        """The job with this client's profile on it."""
        return job.model_copy(update={"profile": self.profile})

    def stamp_deployment(self, deployment: Deployment) -> Deployment:
        """The deployment with this client's profile on it."""
        return deployment.model_copy(update={"profile": self.profile})


def unsupported(
    context: Context,
    what: str,
    can: Callable[[type[FineTuneProvider]], bool],
    *,
    note: str | None = None,
) -> UnsupportedError:
    """The error for what this provider cannot do, naming those that can."""
    # With other settings the same one may: that is what its note says.
    able = tuple(name for name in registry.able(can) if name != context.opened.name)
    ways = f"these can: {', '.join(able)}" if able else "no provider that is installed can"
    reason = f" ({note})" if note else ""
    return UnsupportedError(
        f"the provider {context.opened.name!r} does not support {what}{reason}; {ways}", able=able
    )


def _told(error: Exception, owner: str, provider: str, effect: Effect) -> ProviderError:
    wrapped = ProviderError(
        f"{owner}: the provider raised {type(error).__name__}: {redact(str(error))}",
        provider=provider,
        code="unexpected_exception",
        effect=effect,
    )
    # The chain would print the stranger's message with whatever secret stands in it.
    wrapped.add_note(redact("".join(traceback.format_exception(error))))
    return wrapped
