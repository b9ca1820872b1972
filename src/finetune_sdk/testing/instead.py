"""A fake in the place of every provider, for as long as a block of code runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Generator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from finetune_sdk.aio import AsyncFineTuneClient
from finetune_sdk.client import FineTuneClient
from finetune_sdk.resources.stand_ins import StandIn, standing_in
from finetune_sdk.testing.account import need
from finetune_sdk.testing.fake import FakeProvider


class Faking:
    """A fake, and clients of it, which are opened when they are first used.

    Attributes:
        provider: the fake: what a test says to it beforehand, and asks it afterwards.
        home: the state folder of its clients, which goes when this ends.
    """

    def __init__(self, provider: FakeProvider, home: Path, stack: ExitStack) -> None:
        self.provider, self.home = provider, home
        self._stack = stack

    @cached_property
    def client(self) -> FineTuneClient:
        """A client of the fake; closed when this ends."""
        return self._stack.enter_context(FineTuneClient(self.provider, home=self.home))

    @cached_property
    def async_client(self) -> AsyncFineTuneClient:
        """An asynchronous client of the fake; closed when this ends, whatever loop it was on."""
        client = AsyncFineTuneClient(self.provider, home=self.home)
        self._stack.callback(close_async, client)
        return client


@contextmanager
def faking(
    *names: str, provider: FakeProvider | None = None, leave: str | Collection[str] = ()
) -> Generator[Faking]:
    """Every client that is opened by a name, in any thread, stands on a fake until this ends.

    The code under test goes on saying `FineTuneClient("openai")`. A profile's `[models]` and
    hyperparameters hold as ever; its settings, credentials and options are passed over. A client of
    a provider that was made in code stays what it is, and so does one that was opened before.
    Nests: the innermost that has a name stands for it.

    Args:
        names: of profiles and providers; without any, it is every one. To open another one is an
            error meanwhile, so that a slip in a name cannot cost anything.
        provider: the fake; a new one by default.
        leave: names of profiles and providers that are opened as they are.

    Raises:
        TypeError: a name is none, or the provider is no fake.
    """
    left = [leave] if isinstance(leave, str) else leave
    for name in (*names, *left):
        need("names", name, str)
    fake = FakeProvider() if provider is None else provider
    need("provider", fake, FakeProvider)
    with TemporaryDirectory(prefix="finetune-") as folder, ExitStack() as stack:
        home = Path(folder)
        stand_in = StandIn(fake, frozenset(names), frozenset(left), home)
        with standing_in(stand_in):
            yield Faking(fake, home, stack)


def close_async(client: AsyncFineTuneClient) -> None:
    """Closes an asynchronous client where nobody can await it, with a loop or without one."""
    # On a thread of its own: another loop may be running on this one.
    closing = threading.Thread(target=lambda: asyncio.run(client.close()))
    closing.start()
    closing.join()
