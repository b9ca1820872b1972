"""`models.download`: a folder that is whole, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk import (
    Checkpoint,
    ConfigurationError,
    FineTuneClient,
    FineTuneError,
    Job,
    Model,
    NotFoundError,
    ProviderError,
)
from finetune_sdk.testing import FakeProvider
from finetune_sdk.testing.conformance import ROWS


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def client(fake: FakeProvider) -> FineTuneClient:
    return FineTuneClient(fake)


@pytest.fixture
def job(client: FineTuneClient) -> Job:
    return client.jobs.wait(client.jobs.create(model="m", training_data=ROWS), progress=False)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_whatever_names_a_model_is_downloaded(
    client: FineTuneClient, job: Job, tmp_path: Path
) -> None:
    checkpoint = next(client.jobs.checkpoints(job))
    (model,) = client.models.list()
    named: list[Job | Model | Checkpoint | str]
    named = [job, job.handle, model, model.id, checkpoint]
    for number, one in enumerate(named):
        folder = client.models.download(one, tmp_path / "deep" / str(number))
        assert names(folder) == ["fake.txt"]
    assert checkpoint.model in (tmp_path / "deep" / "4" / "fake.txt").read_text()
    assert names(tmp_path / "deep") == ["0", "1", "2", "3", "4"]


def test_an_empty_folder_is_filled(client: FineTuneClient, job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    assert client.models.download(job, str(folder)) == folder
    assert names(folder) == ["fake.txt"]
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("kind", ["filled", "file", "dangling"])
def test_what_is_there_stays(client: FineTuneClient, job: Job, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "there"
    if kind == "filled":
        place.mkdir()
        (place / "mine").touch()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="not an empty folder"):
        client.models.download(job, place)
    assert names(tmp_path) == ["there"]


class HalfWay(FakeProvider):
    """Fails when it has written a part."""

    error: BaseException = ProviderError("the line went down", provider="fake")

    def download_model(self, model_id: str, folder: Path, /) -> None:
        super().download_model(model_id, folder)
        raise self.error


@pytest.mark.parametrize(
    "error",
    [ProviderError("the line went down", provider="fake"), OSError("broken"), KeyboardInterrupt()],
)
def test_a_download_that_fails_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    fake = HalfWay()
    fake.error = error
    client = FineTuneClient(fake)
    job = client.jobs.wait(client.jobs.create(model="m", training_data=ROWS), progress=False)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else FineTuneError
    with pytest.raises(expected):
        client.models.download(job, tmp_path / "folder")
    assert names(tmp_path) == []


def test_a_model_that_is_not_there_leaves_nothing(client: FineTuneClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        client.models.download("nobody", tmp_path / "folder")
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_is_one_clear_error(
    client: FineTuneClient, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        client.models.download(job, tmp_path / "file" / "folder")
    with pytest.raises(ConfigurationError, match="takes a path"):
        client.models.download(job, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
