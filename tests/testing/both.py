"""One story for both clients: whatever is asked of `Both` is asked, awaited or iterated."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

from finetune_sdk import AsyncFineTuneClient, FineTuneClient, Job
from finetune_sdk.testing import FakeProvider

ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"{n}+{n}?"},
            {"role": "assistant", "content": str(2 * n)},
        ]
    }
    for n in range(12)
]
QUESTION = [{"role": "user", "content": "why?"}]


class Both:
    """A fake and a client of it, of one kind or the other.

    Attributes:
        fake: what the client stands on.
    """

    def __init__(self, fake: FakeProvider, *, asynchronous: bool) -> None:
        self.fake = fake
        self._client: FineTuneClient | AsyncFineTuneClient = (
            AsyncFineTuneClient(fake) if asynchronous else FineTuneClient(fake)
        )

    def create(self, **words: Any) -> Job:
        job = self.jobs("create", **{"model": "base", "training_data": ROWS, **words})
        assert isinstance(job, Job)
        return job

    def wait(self, job: Job, **words: Any) -> Job:
        done = self.jobs("wait", job, **{"progress": False, **words})
        assert isinstance(done, Job)
        return done

    def jobs(self, verb: str, *args: Any, **words: Any) -> Any:
        return _here(getattr(self._client.jobs, verb)(*args, **words))

    def models(self, verb: str, *args: Any, **words: Any) -> Any:
        return _here(getattr(self._client.models, verb)(*args, **words))

    def deployments(self, verb: str, *args: Any, **words: Any) -> Any:
        return _here(getattr(self._client.deployments, verb)(*args, **words))

    def close(self) -> None:
        _here(self._client.close())


def _here(found: Any) -> Any:
    """What it is, whoever waits for it: awaited, or gathered into a list."""
    if inspect.isawaitable(found):
        return asyncio.run(_awaited(found))
    if isinstance(found, AsyncIterator):
        return asyncio.run(_gathered(found))  # pyright: ignore[reportUnknownArgumentType]
    return list(found) if isinstance(found, Iterator) else found  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


async def _awaited(found: Any) -> Any:
    return await found


async def _gathered(found: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in found]


def go(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)
