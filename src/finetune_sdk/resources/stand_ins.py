"""Providers that stand in for others, as long as a test wants it (docs/decisions/0042).

Empty but for that time: nothing in the package puts anything here, and no failure leads here.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import FineTuneProvider


@dataclass(frozen=True, eq=False)
class StandIn:
    """A provider in the place of others.

    Attributes:
        names: of profiles and providers; empty stands for every one.
        leaves: names that are opened as they are.
        home: the state folder of clients that name none.
    """

    provider: FineTuneProvider
    names: Collection[str]
    leaves: Collection[str]
    home: Path

    def check_lasting(self) -> None:
        """Refuses a client that has outlived its block: it would go on as a fake, unnoticed.

        Raises:
            ConfigurationError: the block has ended.
        """
        if self not in _stand_ins:
            raise ConfigurationError(
                "this client was opened while `faking` lasted, which has ended; open it anew, for "
                "each test where something keeps it"
            )

    def stands_for(self, name: str) -> bool:
        return name not in self.leaves and (not self.names or name in self.names)


_lock = threading.Lock()
_stand_ins: tuple[StandIn, ...] = ()


@contextmanager
def standing_in(stand_in: StandIn) -> Generator[None]:
    """Clients of its names, opened in any thread of this process, get it until this ends.

    May be nested: the innermost that has a name stands for it.
    """
    global _stand_ins
    with _lock:
        _stand_ins = (stand_in, *_stand_ins)
    try:
        yield
    finally:
        # Not the first one: threads may end in another order than they began.
        with _lock:
            _stand_ins = tuple(one for one in _stand_ins if one is not stand_in)


def stand_in_of(name: str) -> StandIn | None:
    """What stands for a profile or a provider of this name; None almost always."""
    return next((one for one in _stand_ins if one.stands_for(name)), None)


def check_left(*names: str) -> None:
    """Refuses what a test has neither stood in for nor left: it would cost, for a slip of the pen.

    Args:
        names: all that one provider is called by.

    Raises:
        ConfigurationError: others are stood in for, and none of these names is left alone.
    """
    left = {registry.FAKE, *(name for one in _stand_ins for name in one.leaves)}
    if _stand_ins and left.isdisjoint(names):
        standing = ", ".join(sorted(name for one in _stand_ins for name in one.names))
        raise ConfigurationError(
            f"nothing stands for {names[0]!r} in this test, which has `faking` of: {standing}; "
            f"name it there, too, or leave the real one in its place by `leave=[{names[0]!r}]`"
        )
