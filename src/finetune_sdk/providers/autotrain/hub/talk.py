"""One call of `huggingface_hub`, by our policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from finetune_sdk._version import __version__
from finetune_sdk.errors import (
    AuthenticationError,
    FineTuneError,
    MissingDependencyError,
    NotFoundError,
    ProviderError,
)
from finetune_sdk.providers.autotrain.hub.failures import Asked, failure_of
from finetune_sdk.providers.autotrain.hub.hook import Limits, limited
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import Clock
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.transport.deadlines import Deadline
from finetune_sdk.transport.policy import Policy, Use

T = TypeVar("T")

_HIDDEN = "[redacted]"


class Hub:
    """Asks one Hub with one token.

    Attributes:
        place: its address.
        credential: the token.
        clock: that waiting goes by.
    """

    def __init__(
        self,
        *,
        place: str,
        credential: Credential,
        clock: Clock,
        seconds: float,
        namespace: str | None = None,
    ) -> None:
        """Sends nothing yet.

        Args:
            place: the address of the Hub.
            credential: the token.
            clock: waits, and is waited by.
            seconds: the deadline of a call, its retries included.
            namespace: whose jobs and repositories; the token's own by default.
        """
        self.place, self.credential, self.clock = place, credential, clock
        self._seconds, self._namespace = seconds, namespace
        self._policy = Policy(clock)
        self._who: dict[str, Any] | None = None

    @property
    def namespace(self) -> str:
        """Whose jobs and repositories they are. Without one that is said, the Hub is asked once.

        Raises:
            AuthenticationError: there is no token, or the Hub does not know it.
        """
        return self._namespace or str(self.whoami()["name"])

    def whoami(self) -> dict[str, Any]:
        """What the Hub says of the token; asked once, as it answers few of these."""
        if self._who is None:
            # Without a lock: two who ask at once get the same, and a fork never waits for one.
            # The method of the package prints advice on what `hf auth login` has kept.
            self._who = _owner(self.ask("read", lambda api: api.whoami(), what="the token"))
        return self._who

    def ask(
        self,
        use: Use,
        call: Callable[[Any], T],
        *,
        what: str,
        seconds: float | None = None,
        largest: int | None = 64 * 1024 * 1024,
        place: str | None = None,
    ) -> T:
        """What the call gives, tried again where the policy says so.

        Args:
            use: what it is for.
            call: of the package; whatever it raises becomes one of our errors. It must read what
                it gives: a generator is read after the deadline.
            what: it asks for, in words, for messages.
            seconds: for everything together; the provider's own by default.
            largest: bytes of an answer; None for downloads.
            place: the address that it goes to, where that is not the Hub's own.
        """

        def attempt(deadline: Deadline) -> T:
            patient = use == "upload" or largest is None
            limits = Limits(place or self.place, deadline.left, largest, patient=patient)
            value, failure = self._once(call, what, limits)
            # Not raised where it was caught: the package's exception holds the request.
            if failure is not None:
                raise failure
            return cast("T", value)

        return self._policy.run(
            use, attempt, seconds=seconds or self._seconds, renew=self.credential.renew
        )

    def find(self, call: Callable[[Any], T], *, what: str) -> T | None:
        """What the call reads; None where there is none."""
        try:
            return self.ask("read", call, what=what)
        except NotFoundError:
            return None

    def _once(
        self, call: Callable[[Any], T], what: str, limits: Limits
    ) -> tuple[T | None, FineTuneError | None]:
        token = self.credential.get(NAME)
        api = _api(self.place, token)
        try:
            with limited(limits):
                return call(api), None
        except FineTuneError as error:
            return None, error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - the package lets anything out
            asked = Asked(what, limits.place, self.clock.now())
            return None, _hidden(failure_of(error, asked), token)


def _owner(found: object) -> dict[str, Any]:
    who = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if not isinstance(who.get("name"), str):
        raise AuthenticationError(
            f"{NAME}: the Hub does not say whose token this is", provider=NAME
        )
    return who


def _hidden(error: FineTuneError, token: str) -> FineTuneError:
    error.args = tuple(str(one).replace(token, _HIDDEN) for one in error.args)
    if isinstance(error, ProviderError):
        error.code = error.code and error.code.replace(token, _HIDDEN)
        error.request_id = error.request_id and error.request_id.replace(token, _HIDDEN)
    return error


def _api(place: str, token: str) -> Any:
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise MissingDependencyError("huggingface_hub", "huggingface") from None
    return HfApi(
        endpoint=place,
        token=token,
        library_name="finetune-anywhere",
        library_version=__version__,
    )


def stored_token() -> str | None:
    """What `hf auth login` has kept on this machine."""
    try:
        from huggingface_hub import get_token
    except ImportError:
        return None
    return get_token()
