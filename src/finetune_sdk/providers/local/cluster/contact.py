"""Talking to somebody who may not answer now, and does later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from finetune_sdk.errors import FineTuneError, InvalidRequestError, ProviderError

T = TypeVar("T")

_FIRST, _LONGEST = 1.0, 30.0
_TICK = 0.1


class Contact:
    """The cluster, or the storage.

    Args:
        name: what it is, for the words that are told.
        tell: takes words, and the type of the event that they are.
        heed: called while it is waited; what it raises ends the waiting.
    """

    def __init__(
        self, name: str, tell: Callable[[str, str], None], heed: Callable[[], None]
    ) -> None:
        self._name = name
        self._tell = tell
        self._heed = heed
        self._silent = False

    def must(self, act: Callable[[], T]) -> T:
        """Acts until there is an answer.

        Raises:
            FineTuneError: one that trying again does not mend.
        """
        pause = _FIRST
        while True:
            self._heed()
            answer = self.may(act)
            if answer is not None:
                return answer[0]
            self._rest(pause)
            pause = min(2 * pause, _LONGEST)

    def may(self, act: Callable[[], T]) -> tuple[T] | None:
        """Acts once; None where nobody answers.

        Raises:
            FineTuneError: one that trying again does not mend.
        """
        try:
            answer = act()
        except (FineTuneError, OSError) as error:
            if isinstance(error, FineTuneError) and not _may_pass(error):
                raise
            self._miss(error)
            return None
        if self._silent:
            self._silent = False
            self._tell(f"{self._name} answers again", "reachable")
        return (answer,)

    def _miss(self, error: Exception) -> None:
        if not self._silent:
            self._silent = True
            words = f"{self._name} does not answer, and is asked again until it does: {error}"
            self._tell(words, "unreachable")

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._heed()
            time.sleep(_TICK)


def _may_pass(error: FineTuneError) -> bool:
    # A token that is not taken, a proxy's own page: it may be mended while the job goes on there.
    return isinstance(error, ProviderError) and not isinstance(error, InvalidRequestError)
