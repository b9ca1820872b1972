"""The Hub: its accounts, and the rooms that answer."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport import Clock
from tests.standins.azure.door import Asked, Door, Log
from tests.standins.hub.accounts import Account, new_token
from tests.standins.hub.endpoints import Endpoints
from tests.standins.hub.jobs import Jobs
from tests.standins.hub.repos import Repos
from tests.standins.hub.rights import demand
from tests.standins.hub.routes import (
    Call,
    RefusedError,
    Room,
    Route,
    Settling,
    answer,
    refuse,
)
from tests.standins.hub.running import Image
from tests.standins.hub.spaces import Spaces
from tests.standins.openai import Answer, Faults

Rule = tuple[str, "re.Pattern[str]", Callable[[Call, "re.Match[str]"], Answer]]


class Hub:
    """Listens on loopback while it is a context.

    Attributes:
        token: of the account `namespace`, which may write and pay.
        accounts: by their tokens.
        images: what really runs a job, by how its `dockerImage` begins.
    """

    def __init__(self, clock: Clock | None = None, folder: Path | None = None) -> None:
        self.clock: Clock = clock or VirtualClock()
        self.lock = threading.RLock()
        self.token = new_token()
        self.namespace = "alice"
        self.accounts: dict[str, Account] = {self.token: Account(self.namespace)}
        self.images: dict[str, Image] = {}
        self._within = folder
        self._folder: Path | None = None
        self._log = Log()
        self._door = Door(self._handle, self._log, self.lock, relative=lambda path: path)
        self.repos = Repos(self)
        self.jobs = Jobs(self)
        self.spaces = Spaces(self)
        self.endpoints = Endpoints(self)
        self._rules = [_rule(route) for room in self.rooms for route in room.routes()]

    @property
    def rooms(self) -> list[Room]:
        """Those that answer, the more special ones first."""
        return [_Porch(self), self.endpoints, self.spaces, self.jobs, self.repos]

    @property
    def url(self) -> str:
        """What a client takes as its endpoint."""
        return self._door.address

    @property
    def folder(self) -> Path:
        """Where what really runs has its files, until the Hub stops."""
        with self.lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="hub-", dir=self._within))
            return self._folder

    @property
    def faults(self) -> Faults:
        return self._log.faults

    @property
    def requests(self) -> list[Asked]:
        """What came in whole so far, in order."""
        with self.lock:
            return list(self._log.requests)

    def count(self, method: str, path: str) -> int:
        """How many requests came in of this method and path, a regular expression for all of it."""
        wanted = re.compile(path)
        return sum(
            one.method == method and wanted.fullmatch(one.path) is not None for one in self.requests
        )

    def add_account(self, account: Account) -> str:
        """Lets somebody in; gives the token."""
        token = new_token()
        self.accounts[token] = account
        return token

    def settle(self) -> None:
        """Makes what time has made since."""
        with self.lock:
            for room in self.rooms:
                if isinstance(room, Settling):
                    room.settle()

    def start(self) -> None:
        self._door.start()

    def stop(self) -> None:
        """Ends what runs, then closes every connection; returns when no thread is left."""
        self.jobs.stop()
        self.spaces.stop()
        self._door.stop()
        if (folder := self._folder) is not None:
            self._folder = None
            shutil.rmtree(folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _handle(self, asked: Asked) -> Answer:
        try:
            call = self._call(asked)
            self.settle()
            demand(call)
            return self._route(call)
        except RefusedError as refused:
            return refused.answer

    def _call(self, asked: Asked) -> Call:
        last = {name: values[-1] for name, values in asked.query.items()}
        account = self.accounts.get(asked.bearer)
        if asked.bearer and account is None:
            raise RefusedError(refuse(401, "Invalid user token."))
        return Call(
            asked.method, asked.target, last, asked.query, asked.headers, asked.body, account
        )

    def _route(self, call: Call) -> Answer:
        known = False
        for method, pattern, handler in self._rules:
            if (found := pattern.fullmatch(call.path)) is None:
                continue
            if method == call.method:
                return handler(call, found)
            known = True
        return refuse(405, "Method not allowed") if known else refuse(404, "Not found")


class _Porch:
    """What belongs to no room."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> Iterable[Route]:
        return (("GET", "/api/whoami-v2", self._whoami),)

    def _whoami(self, call: Call, found: re.Match[str]) -> Answer:
        if call.account is None:
            return refuse(401, "Invalid username or password.")
        return answer(call.account.view())


def _rule(route: Route) -> Rule:
    method, path, handler = route
    return method, re.compile(path), handler
