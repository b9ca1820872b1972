"""One request to Azure Resource Manager through Microsoft's own client, by our policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from filelock import BaseFileLock, FileLock, Timeout

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    FineTuneError,
    ProviderError,
)
from finetune_sdk.providers._openai_wire.values import Table, table, text
from finetune_sdk.providers.azure_openai import refusals
from finetune_sdk.providers.azure_openai.clients import Clients
from finetune_sdk.providers.azure_openai.elsewhere import is_elsewhere
from finetune_sdk.providers.azure_openai.identity import Identity
from finetune_sdk.providers.azure_openai.settings import Site
from finetune_sdk.providers.azure_openai.wire import is_going
from finetune_sdk.transport import Clock
from finetune_sdk.transport.deadlines import Deadline
from finetune_sdk.transport.policy import Policy, Use
from finetune_sdk.transport.waits import asked_wait

T = TypeVar("T")

_TURN = 5.0
"""Seconds that a change waits for others of this machine, before it says that it has to."""

_CONNECT_SECONDS = 10.0
_OPERATION = "azure-asyncoperation"


class Put(NamedTuple):
    """What became of a PUT.

    Attributes:
        found: the deployment.
        operation: where it goes on to be told.
        made: it was sent; else there was one already.
    """

    found: Table
    operation: str | None
    made: bool


class Manager:
    """Sends requests about the deployments of one resource."""

    def __init__(
        self,
        *,
        site: Site,
        identity: Identity,
        clients: Clients,
        place: str,
        clock: Clock,
        seconds: float,
        folder: Path,
    ) -> None:
        """Opens nothing yet.

        Args:
            site: the resource.
            identity: who asks.
            clients: of that identity.
            place: the address of Resource Manager.
            clock: waits, and is waited by.
            seconds: the deadline of a call.
            folder: for the lock between processes; it may not exist yet.
        """
        self._site, self._identity, self._clients = site, identity, clients
        self._place, self._clock, self._seconds, self._folder = place, clock, seconds, folder
        self._policy = Policy(clock)

    def find(self, name: str) -> Table | None:
        """The deployment of that name; None where there is none.

        Raises:
            NotFoundError: there is no such resource.
        """
        return self._ask("read", lambda client, how: _found(client, (*self._at, name), how))

    def list(self) -> list[Table]:
        """All deployments of the resource, whoever made them."""

        def look(client: Any, how: dict[str, Any]) -> list[Table]:
            found: list[Table] = []
            end = self._clock.monotonic() + how["read_timeout"]
            for page in client.list(*self._at, **how).by_page():
                found += map(_table, page)
                if self._clock.monotonic() > end:
                    late = TimeoutError("the list has no end in time")
                    raise refusals.lost(late, place=self._place, left=True)
            return found

        return self._ask("read", look)

    def put(self, name: str, body: Table, *, unless: Callable[[Table], bool]) -> Put:
        """Makes or changes a deployment.

        Args:
            name: of the deployment.
            body: of the request.
            unless: of that name there is one already, and it is left as it is. It is looked at
                before each try, while nobody else of this machine changes the resource.

        Raises:
            ConflictError: the resource is at another operation; `retryable`.
        """
        content = json.dumps(body).encode()
        tries = 0

        def put(client: Any, how: dict[str, Any]) -> Put:
            nonlocal tries
            tries += 1
            there = _found(client, (*self._at, name), how)
            if there is not None and unless(there):
                # One that is there at a further try may be of one whose answer was lost.
                return Put(there, None, made=tries > 1)
            begun = client.begin_create_or_update(
                *self._at, name, content, polling=False, cls=_begun, **how
            )
            return cast("Put", begun.result())

        with self._alone():
            return self._changed("put", put)

    def delete(self, name: str) -> None:
        """Ends a deployment; one that is gone is no error, and one made anew is left alone.

        Raises:
            ConflictError: the resource is at another operation; `retryable`.
        """
        first = self.find(name)

        def delete(client: Any, how: dict[str, Any]) -> None:
            there = _found(client, (*self._at, name), how)
            if there is not None and _born(there) == _born(first) and not is_going(there):
                _ended(client, (*self._at, name), how)

        if first is not None:
            with self._alone(needed=False):
                self._changed("delete", delete)

    def operation(self, url: str) -> Table:
        """How an operation stands; empty where it is not told by Resource Manager itself."""
        if is_elsewhere(url, self._place):
            return {}

        def look(_: Any, how: dict[str, Any]) -> Table:
            from azure.core.rest import HttpRequest

            response = self._clients.plain().send_request(HttpRequest("GET", url), **how)
            response.raise_for_status()
            return table(response.json())

        return self._ask("read", look)

    def close(self) -> None:
        """Closes connections. Twice is allowed; a later request opens them anew."""
        self._clients.close()

    @property
    def _at(self) -> tuple[str, str]:
        return self._site.group, self._site.account

    # Sending

    def _changed(self, use: Use, send: Callable[[Any, dict[str, Any]], T]) -> T:
        try:
            return self._ask(use, send)
        except ConflictError as error:
            if error.code != refusals.BUSY:
                raise
        raise refusals.busy()

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
        heard: list[bool] = []

        def hear(_: object) -> None:
            heard.append(True)  # And not what was heard, which has a token in it.

        how = {
            "connection_timeout": min(left, _CONNECT_SECONDS),
            "read_timeout": left,
            "raw_response_hook": hear,
        }
        try:
            return send(self._clients.deployments(), how), None
        except FineTuneError as error:
            return None, error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - of azure-core, or of a credential
            return None, self._failure(error, answered=bool(heard))

    def _failure(self, error: Exception, *, answered: bool) -> ProviderError:
        from azure.core import exceptions

        if not isinstance(error, exceptions.AzureError):
            # Whatever it is, it is of the package's reading, or of somebody's own credential.
            why = type(error).__name__
            return self._unreadable(why) if answered else self._identity.failure(error)
        if self._of_credential(error):
            return self._identity.failure(error)
        if isinstance(error, exceptions.HttpResponseError) and error.status_code:
            return self._refusal(error)
        left = not isinstance(error, exceptions.ServiceRequestError)
        return refusals.lost(error, place=self._place, left=left)

    def _refusal(self, error: Any) -> ProviderError:
        if error.status_code < 300:
            return self._unreadable(refusals.parts(error)[1][:200])
        headers = {k.lower(): v for k, v in getattr(error.response, "headers", {}).items()}
        wait = asked_wait(headers, now=self._clock.now())
        code, words = refusals.parts(error)
        busy = error.status_code in (429, 503)
        return refusals.refusal(
            error.status_code, code, words, headers=headers, wait=wait if busy else None
        )

    def _unreadable(self, why: str) -> ProviderError:
        return refusals.unreadable(why, place=self._place)

    def _of_credential(self, error: Any) -> bool:
        """It comes from whoever gives tokens, and not from Resource Manager."""
        from azure.core.exceptions import ClientAuthenticationError

        source = getattr(error, "response", None) or error.inner_exception
        url = getattr(getattr(source, "request", None), "url", None)
        if url is None:
            return isinstance(error, ClientAuthenticationError)
        return is_elsewhere(str(url), self._place)

    def _renewed(self) -> bool:
        self._identity.renew()
        self._clients.renew()
        return True

    # One at a time

    @contextmanager
    def _alone(self, *, needed: bool = True) -> Generator[None]:
        """While no other thread or process of this machine changes the account.

        Args:
            needed: without a folder to lock in nothing is changed; ending what costs goes on.
        """
        lock = self._lock(needed=needed)
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def _lock(self, *, needed: bool) -> BaseFileLock | None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / "writes.lock", thread_local=False)
            lock.acquire(timeout=_TURN)
        except Timeout:
            raise refusals.busy() from None
        except (OSError, NotImplementedError) as error:
            # The latter is filelock's word for a file system that has no locks.
            if not needed:
                return None
            raise ConfigurationError(
                f"the state folder {str(self._folder)!r} cannot be used ({error}): changes of a "
                "resource wait for each other there; set FINETUNE_HOME to a folder that you may "
                "write to"
            ) from None
        return lock


def _found(client: Any, at: tuple[str, ...], how: dict[str, Any]) -> Table | None:
    """The deployment of that name, where there is one."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return _table(client.get(*at, **how))
    except ResourceNotFoundError as error:
        if refusals.of_resource(*refusals.parts(error)):
            raise
        return None


def _ended(client: Any, at: tuple[str, ...], how: dict[str, Any]) -> None:
    """Asks for the end of a deployment; one that has just gone is no error."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        client.begin_delete(*at, polling=False, **how)
    except ResourceNotFoundError as error:
        if refusals.of_resource(*refusals.parts(error)):
            raise


def _born(found: Table | None) -> object:
    """What tells a deployment from a later one of its name."""
    return table(found and found.get("systemData")).get("createdAt")


def _begun(response: Any, model: Any, _: object) -> Put:
    operation = text(response.http_response.headers.get(_OPERATION))
    return Put(_table(model), operation, made=True)


def _table(model: Any) -> Table:
    """One of the package's models as Resource Manager's own JSON; its versions differ in how."""
    if hasattr(model, "serialize"):
        return cast("Mapping[str, object]", model.serialize(keep_readonly=True))
    return cast("Mapping[str, object]", model.as_dict())
