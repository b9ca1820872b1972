"""Several processes that export or migrate the same job at once."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from finetune_sdk import ExportedJob, FineTuneClient
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, VirtualClock
from tests.exporting.conftest import KEY, MODEL, ROWS, finished
from tests.exporting.test_export import PARTS
from tests.standins.openai import Delay, Fault, OpenAIService
from tests.submission.bench import Forks, say, tell

CONTENT = "/files/.*/content"


@pytest.fixture(scope="module")
def crew() -> Generator[Sequence[Forks]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Forks(__name__, warm=False)) for _ in range(3)]


def told_at_once(
    crew: Sequence[Forks], folder: Path, function: Callable[..., None], *words: str
) -> list[str]:
    """What processes say that begin at the same moment."""
    gate = folder / "gate"
    with gate.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for forks in crew:
            forks.start(function, str(gate), *words)
            assert forks.line() == "ready"
        fcntl.flock(lock, fcntl.LOCK_UN)
    return [line for forks in crew for line in forks.end()[0]]


def opened(url: str, home: str, gate: str) -> FineTuneClient:
    """A client in another process, when the gate opens."""
    provider = OpenAIProvider(
        api_key=KEY, base_url=url, home=home, clock=VirtualClock(), environ={}
    )
    client = FineTuneClient(provider, home=home)
    say("ready")
    with Path(gate).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    return client


def export(gate: str, url: str, home: str, job: str, folder: str) -> None:
    client = opened(url, home, gate)
    tell(lambda: client.jobs.export(job, folder).outcome)


def migrate(gate: str, url: str, home: str, job: str) -> None:
    client = opened(url, home, gate)

    def made() -> str:
        job_made = client.jobs.migrate(job, to=client).job
        return job_made.id if job_made else "none"

    tell(made)


def test_one_of_them_exports_and_the_others_keep(
    client: FineTuneClient, service: OpenAIService, tmp_path: Path, crew: Sequence[Forks]
) -> None:
    job = finished(client)
    service.faults.add(
        Fault(method="GET", path=CONTENT, action=Delay(first=0.2), times=None),
    )
    out = tmp_path / "out"
    words = (service.url, str(tmp_path / "home"), job.id, str(out))
    told = told_at_once(crew, tmp_path, export, *words)
    assert sorted(told) == ["exported", "kept", "kept"]
    assert {path.name for path in (out / job.id).iterdir()} == PARTS
    assert [path.name for path in out.iterdir() if path.name != ".locks"] == [job.id]


def test_a_migration_of_several_is_one_job(
    client: FineTuneClient, service: OpenAIService, tmp_path: Path, crew: Sequence[Forks]
) -> None:
    job = finished(client)
    service.faults.add(
        Fault(method="GET", path=CONTENT, action=Delay(first=0.2), times=None),
    )
    told = told_at_once(crew, tmp_path, migrate, service.url, str(tmp_path / "home"), job.id)
    assert [job.id, *told] == [job.id, *[list(service.jobs)[-1]] * len(crew)]
    assert len(service.jobs) == 2


class Slow(FakeProvider):
    """Its files come when they are let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = threading.Event(), threading.Event()

    def download_dataset(self, file_id: str, path: Path, /) -> None:
        self.asked.set()
        assert self.go.wait(10)
        super().download_dataset(file_id, path)


def test_what_another_thread_is_writing_is_not_swept(tmp_path: Path) -> None:
    fake, made = Slow(), list[ExportedJob]()
    with FineTuneClient(fake) as client:
        job = client.jobs.create(model=MODEL, training_data=ROWS)
        job = client.jobs.wait(job, progress=False)
        threads = [
            threading.Thread(target=lambda: made.append(client.jobs.export(job, tmp_path)))
            for _ in range(2)
        ]
        threads[0].start()
        assert fake.asked.wait(10)
        threads[1].start()
        fake.go.set()
        for thread in threads:
            thread.join(10)
    assert sorted(one.outcome for one in made) == ["exported", "kept"]
    assert [one.lineage.gaps for one in made] == [(), ()]
