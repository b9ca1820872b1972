"""The plan of faults: which request is hit, and by what."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

from tests.standins.openai.actions import Action, IgnoreAfter, IgnoreMetadata, Lag
from tests.standins.openai.pages import Lens

NOTHING = Action()
AS_IT_IS = Lens()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """What happens to some of the requests.

    Attributes:
        method: of the requests; None matches each.
        path: of the requests, without the root: exact, or a regular expression for all of it.
        times: how many requests it hits; None hits all.
        after: how many matching requests pass before it begins. Those that another fault
            hit count, too: it is the place of a request among all that match.
    """

    method: str | None = "POST"
    path: str = "/fine_tuning/jobs"
    action: Action
    times: int | None = 1
    after: int = 0

    def matches(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return self.path == path or re.fullmatch(self.path, path) is not None


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0
    hits: int = 0

    @property
    def bends_lists(self) -> bool:
        return isinstance(self.fault.action, (Lag, IgnoreMetadata, IgnoreAfter))

    def sees(self, method: str, path: str) -> bool:
        """It would hit this request."""
        if not self.fault.matches(method, path):
            return False
        self.seen += 1
        times = self.fault.times
        return self.seen > self.fault.after and (times is None or self.hits < times)


@dataclass(slots=True)
class Faults:
    """All faults. The first that can hit a request does; those that bend lists do all at once."""

    _armed: list[_Armed] = field(default_factory=list[_Armed])
    _hits: list[Fault] = field(default_factory=list[Fault])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._armed.extend(_Armed(fault) for fault in faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._armed.clear()

    @property
    def hits(self) -> list[Fault]:
        """What has hit, in order; a fault is in it as often as it did."""
        with self._lock:
            return list(self._hits)

    def take(self, method: str, path: str) -> tuple[Action, Lens]:
        """What happens to this request."""
        if not self._armed:
            return NOTHING, AS_IT_IS
        with self._lock:
            able = [armed for armed in self._armed if armed.sees(method, path)]
            looks = [armed for armed in able if armed.bends_lists]
            first = [armed for armed in able if not armed.bends_lists][:1]
            return self._hit(first + looks)

    def _hit(self, chosen: list[_Armed]) -> tuple[Action, Lens]:
        action, lens = NOTHING, AS_IT_IS
        for armed in chosen:
            armed.hits += 1
            self._hits.append(armed.fault)
            lens = armed.fault.action.look(lens)
            if not armed.bends_lists:
                action = armed.fault.action
        return action, lens
