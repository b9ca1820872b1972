"""The asynchronous client: the same answers, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    ConnectionFailedError,
    FineTuneClient,
    JobEvent,
    JobFailedError,
    JobPausedError,
    JobStatus,
    WaitTimeoutError,
)
from finetune_sdk.testing import FakeProvider, JobScript

T = TypeVar("T")
ROWS = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]


def go(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def collect(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


def test_a_job_from_beginning_to_end() -> None:
    async def main() -> None:
        async with AsyncFineTuneClient(FakeProvider(replies={"why?": "because"})) as client:
            told: list[JobEvent] = []
            job = await client.jobs.create(model="base", training_data=ROWS)
            job = await client.jobs.wait(job, progress=False, on_event=told.append)
            assert job.status is JobStatus.SUCCEEDED
            assert len(told) == 3
            assert await client.jobs.get(job.handle) == job
            assert [j.id for j in await collect(client.jobs.list())] == [job.id]
            assert len(await collect(client.jobs.metrics(job))) == 100
            assert len(await collect(client.jobs.events(job, follow=True))) == 3
            assert len(await collect(client.jobs.logs(job))) == 3
            checkpoints = await collect(client.jobs.checkpoints(job))
            assert [one.step for one in checkpoints] == [100, 75, 50, 25]
            deployment = await client.deployments.create(job, name="recipes")
            question = [{"role": "user", "content": "why?"}]
            assert (await client.deployments.chat(deployment, question)).content == "because"
            assert [d.name for d in await collect(client.deployments.list())] == ["recipes"]
            async with await client.deployments.openai("recipes") as ready:
                answer = await ready.chat.completions.create(
                    model="recipes", messages=[{"role": "user", "content": "why?"}]
                )
            assert answer.choices[0].message.content == "because"
            await client.deployments.delete(deployment)
            (model,) = await collect(client.models.list())
            await client.models.delete(model)

    go(main())


def test_a_job_is_paused_resumed_found_again_and_downloaded(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncFineTuneClient(FakeProvider()) as client:
            job = await client.jobs.create(model="base", training_data=ROWS, idempotency_key="mine")
            await client.jobs.pause(job)
            with pytest.raises(JobPausedError, match=r"jobs\.resume"):
                await client.jobs.wait(job, progress=False)
            assert [seen.status async for seen in client.jobs.watch()] == [JobStatus.PAUSED]
            await client.jobs.resume(job)
            assert (await client.jobs.recover("mine")).id == job.id
            done = await client.jobs.wait(job, progress=False)
            folder = await client.models.download(done, tmp_path / "model")
            assert (folder / "fake.txt").exists()

    go(main())


def test_a_hundred_jobs_are_waited_for_together() -> None:
    async def main() -> list[JobStatus]:
        async with AsyncFineTuneClient(FakeProvider()) as client:
            jobs = [await client.jobs.create(model="b", training_data=ROWS) for _ in range(100)]
            waits = [client.jobs.wait(job, progress=False) for job in jobs]
            return [job.status for job in await asyncio.gather(*waits)]

    assert go(main()) == [JobStatus.SUCCEEDED] * 100


def test_errors_are_the_same() -> None:
    async def main() -> None:
        fake = FakeProvider(script=JobScript(outcome="failed"))
        async with AsyncFineTuneClient(fake) as client:
            job = await client.jobs.create(model="base", training_data=ROWS)
            with pytest.raises(WaitTimeoutError):
                await client.jobs.wait(job, timeout=1, progress=False)
            fake.fail_next("get_job", ConnectionFailedError("gone", provider="fake"))
            with pytest.raises(JobFailedError):
                await client.jobs.wait(job, progress=False)

    go(main())


def test_watching_gives_each_change() -> None:
    async def main() -> list[JobStatus]:
        async with AsyncFineTuneClient(FakeProvider()) as client:
            jobs = [await client.jobs.create(model="b", training_data=ROWS) for _ in range(2)]
            return [job.status async for job in client.jobs.watch(jobs) if job.status.terminal]

    assert go(main()) == [JobStatus.SUCCEEDED] * 2


def test_a_cancelled_wait_leaves_the_job_alone() -> None:
    async def main() -> list[str]:
        fake = FakeProvider(script=JobScript(running=1e9))
        async with AsyncFineTuneClient(fake) as client:
            job = await client.jobs.create(model="base", training_data=ROWS)
            waiting = asyncio.create_task(client.jobs.wait(job, progress=False))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        return [call.name for call in fake.calls]

    assert "cancel_job" not in go(main())


def test_both_clients_have_the_same_verbs() -> None:
    async def names(client: AsyncFineTuneClient) -> dict[str, set[str]]:
        async with client:
            return {room: verbs(getattr(client, room)) for room in rooms}

    def verbs(resource: object) -> set[str]:
        return {name for name in dir(resource) if not name.startswith("_")}

    rooms = ("jobs", "datasets", "deployments", "models")
    with FineTuneClient(FakeProvider()) as client:
        here = {room: verbs(getattr(client, room)) for room in rooms}
    assert go(names(AsyncFineTuneClient(FakeProvider()))) == here
