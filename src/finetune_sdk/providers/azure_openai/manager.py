"""One request to Azure Resource Manager through Microsoft's own client, by our policy."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    FineTuneError,
    MissingDependencyError,
    NotFoundError,
    ProviderError,
)
from finetune_sdk.providers._openai_wire.values import Table, table, text
from finetune_sdk.providers.azure_openai import refusals
from finetune_sdk.providers.azure_openai.elsewhere import guard, is_elsewhere
from finetune_sdk.providers.azure_openai.identity import Identity
from finetune_sdk.providers.azure_openai.settings import Site
from finetune_sdk.transport import Clock
from finetune_sdk.transport.deadlines import Deadline
from finetune_sdk.transport.policy import Policy, Use
from finetune_sdk.transport.waits import asked_wait

T = TypeVar("T")

PATIENCE = 900.0
"""Seconds that a change waits for the account to be done with other ones."""

_FIRST, _LONGEST = 2.0, 30.0
_CONNECT_SECONDS = 10.0
_OPERATION = "azure-asyncoperation"


class Manager:
    """Sends requests about the deployments of one resource.

    `azure-core` sends a PUT that fails up to ten times by itself; that is turned off.
    """

    def __init__(
        self,
        *,
        site: Site,
        identity: Identity,
        place: str,
        scope: str,
        clock: Clock,
        seconds: float,
        folder: Path,
        transport: Any = None,
    ) -> None:
        """Opens nothing yet.

        Args:
            site: the resource.
            identity: who asks.
            place: the address of Resource Manager.
            scope: of its tokens.
            clock: waits, and is waited by.
            seconds: the deadline of a call.
            folder: for the lock between processes; it may not exist yet.
            transport: the caller's own, of azure-core.
        """
        self._site, self._identity = site, identity
        self._place, self._scope, self._transport = place, scope, transport
        self._clock, self._seconds, self._folder = clock, seconds, folder
        self._policy = Policy(clock)
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._stack = ExitStack()
        self._client: Any = None
        self._pipeline: Any = None

    def get(self, name: str) -> Table:
        """The deployment of that name.

        Raises:
            NotFoundError: there is none.
        """
        return self._ask("read", lambda client, how: _table(client.get(*self._at, name, **how)))

    def list(self) -> list[Table]:
        """All deployments of the resource, whoever made them."""
        return self._ask(
            "read", lambda client, how: [_table(one) for one in client.list(*self._at, **how)]
        )

    def put(self, name: str, body: Table) -> tuple[Table, str | None]:
        """Makes or changes a deployment; what it says at once, and where it goes on to be told."""
        content = json.dumps(body).encode()

        def put(client: Any, how: dict[str, Any]) -> tuple[Table, str | None]:
            seen: list[str | None] = []

            def hook(response: Any) -> None:
                seen.append(text(response.http_response.headers.get(_OPERATION)))

            begun = client.begin_create_or_update(
                *self._at, name, content, polling=False, raw_response_hook=hook, **how
            )
            return _table(begun.result()), seen[-1] if seen else None

        return self._write("put", put)

    def delete(self, name: str) -> None:
        """Ends a deployment; one that is gone is no error."""
        try:
            self._write(
                "delete",
                lambda client, how: client.begin_delete(*self._at, name, polling=False, **how),
            )
        except NotFoundError as error:
            if refusals.of_resource(error):
                raise

    def operation(self, url: str) -> Table:
        """How an operation stands; empty where it is not told by Resource Manager itself."""
        if is_elsewhere(url, self._place):
            return {}

        def look(_: Any, how: dict[str, Any]) -> Table:
            from azure.core.rest import HttpRequest

            response = self._plain().send_request(HttpRequest("GET", url), **how)
            response.raise_for_status()
            return table(response.json())

        return self._ask("read", look)

    def close(self) -> None:
        """Closes connections. Twice is allowed; a later request opens them anew."""
        with self._guard():
            stack, self._stack = self._stack, ExitStack()
            self._client, self._pipeline = None, None
        if self._process == os.getpid():
            stack.close()

    @property
    def _at(self) -> tuple[str, str]:
        return self._site.group, self._site.account

    # Sending

    def _write(self, use: Use, send: Callable[[Any, dict[str, Any]], T]) -> T:
        """A change, as soon as the account is at no other one."""
        end, pause = self._clock.monotonic() + PATIENCE, _FIRST
        while True:
            try:
                with self._alone():
                    return self._ask(use, send)
            except ConflictError as error:
                if error.code != refusals.BUSY:
                    raise
            if self._clock.monotonic() + pause > end:
                raise refusals.busy(PATIENCE)
            self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST)

    def _ask(self, use: Use, send: Callable[[Any, dict[str, Any]], T]) -> T:
        def attempt(deadline: Deadline) -> T:
            value, failure = self._once(send, deadline)
            # Not raised where it was caught: the package's exception holds the request.
            if failure is not None:
                raise failure
            return cast("T", value)

        return self._policy.run(use, attempt, seconds=self._seconds, renew=self._renewed)

    def _once(
        self, send: Callable[[Any, dict[str, Any]], T], deadline: Deadline
    ) -> tuple[T | None, FineTuneError | None]:
        left = max(deadline.left(), 0.001)
        how = {"connection_timeout": min(left, _CONNECT_SECONDS), "read_timeout": left}
        try:
            return send(self._deployments(), how), None
        except FineTuneError as error:
            return None, error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - of azure-core, or of a credential
            return None, self._failure(error)

    def _failure(self, error: Exception) -> ProviderError:
        from azure.core import exceptions

        if isinstance(error, exceptions.ClientAuthenticationError) and not self._ours(error):
            return self._identity.failure(error)
        if isinstance(error, exceptions.HttpResponseError) and error.status_code:
            headers = {k.lower(): v for k, v in getattr(error.response, "headers", {}).items()}
            wait = asked_wait(headers, now=self._clock.now())
            code, words = refusals.parts(error)
            busy = error.status_code in (429, 503)
            return refusals.refusal(
                error.status_code, code, words, headers=headers, wait=wait if busy else None
            )
        left = not isinstance(error, exceptions.ServiceRequestError)
        return refusals.lost(error, place=self._place, left=left)

    def _ours(self, error: Any) -> bool:
        """Resource Manager itself refused, and not whoever gives tokens."""
        request = getattr(error.response, "request", None)
        return str(getattr(request, "url", "")).startswith(self._place)

    def _renewed(self) -> bool:
        self._identity.renew()
        self.close()
        return True

    # Clients

    def _deployments(self) -> Any:
        with self._guard():
            if self._client is None:
                self._client = self._open()
            return self._client.deployments

    def _open(self) -> Any:
        try:
            from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
        except ImportError:
            raise MissingDependencyError("azure-mgmt-cognitiveservices", "azure") from None
        client = CognitiveServicesManagementClient(
            self._identity.credential(),
            self._site.subscription,
            base_url=self._place,
            credential_scopes=[self._scope],
            retry_total=0,
            redirect_max=0,
            per_call_policies=[guard(self._place)],
            **self._own_transport(),
        )
        return self._stack.enter_context(cast("Any", client))

    def _plain(self) -> Any:
        """A client for addresses that the service gives us."""
        with self._guard():
            if self._pipeline is None:
                from azure.mgmt.core import ARMPipelineClient
                from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

                policy = ARMChallengeAuthenticationPolicy(self._identity.credential(), self._scope)
                make: Any = ARMPipelineClient
                client = make(self._place, policies=[policy], **self._own_transport())
                self._pipeline = self._stack.enter_context(client)
            return self._pipeline

    def _own_transport(self) -> dict[str, Any]:
        return {} if self._transport is None else {"transport": self._transport}

    def _guard(self) -> threading.RLock:
        if self._process != os.getpid():
            # Connections of another process are not ours to use or to close.
            self._process, self._lock, self._stack = os.getpid(), threading.RLock(), ExitStack()
            self._client, self._pipeline = None, None
        return self._lock

    # One at a time

    @contextmanager
    def _alone(self) -> Generator[None]:
        """While no other thread or process of this machine changes the account."""
        from filelock import FileLock, Timeout

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / "writes.lock", thread_local=False)
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise refusals.busy(PATIENCE) from None
        except (OSError, NotImplementedError) as error:
            raise ConfigurationError(
                f"the state folder {str(self._folder)!r} cannot be used ({error}): changes of a "
                "resource wait for each other there; set FINETUNE_HOME to a folder that you may "
                "write to"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client of Resource Manager is not copied or pickled")


def _table(model: Any) -> Table:
    """One of the package's models as Resource Manager's own JSON; its versions differ in how."""
    if hasattr(model, "serialize"):
        return cast("Mapping[str, object]", model.serialize(keep_readonly=True))
    return cast("Mapping[str, object]", model.as_dict())
