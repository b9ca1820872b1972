"""`models.download`: a folder that is whole, or none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

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


def test_an_empty_folder_is_filled_and_stays_itself(
    client: FineTuneClient, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is mounted there, a link to it, or where somebody works: none can be replaced."""
    folder, link = tmp_path / "there", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    number = folder.stat().st_ino
    assert client.models.download(job, link) == link
    assert link.is_symlink()
    assert names(folder) == ["fake.txt"]
    assert folder.stat().st_ino == number

    (folder / "fake.txt").unlink()
    monkeypatch.chdir(folder)
    client.models.download(job, ".")
    assert names(Path()) == ["fake.txt"]


@pytest.mark.parametrize("there", [False, True])
def test_an_error_names_the_folder_that_was_asked_for(tmp_path: Path, there: bool) -> None:
    class Full(FakeProvider):
        def download_model(self, model_id: str, folder: Path, /) -> None:
            super().download_model(model_id, folder)
            raise ProviderError(f"{str(folder)!r} is full", provider="fake")

    client = FineTuneClient(Full())
    job = client.jobs.wait(client.jobs.create(model="m", training_data=ROWS), progress=False)
    folder = tmp_path / "folder"
    if there:
        folder.mkdir()
    with pytest.raises(ProviderError) as caught:
        client.models.download(job, folder)
    assert str(caught.value) == f"{str(folder)!r} is full"
    assert list(tmp_path.glob("**/*")) == [folder] * there


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-this-name/x", "\ud800", "x" * 300, b"x"])
def test_a_path_that_is_none_is_one_clear_error(
    client: FineTuneClient, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="`folder`"):
        client.models.download(job, path)
    assert names(tmp_path) == []


def test_a_long_name_is_no_hindrance(client: FineTuneClient, job: Job, tmp_path: Path) -> None:
    assert names(client.models.download(job, tmp_path / ("x" * 250))) == ["fake.txt"]


@pytest.mark.parametrize("odd", [5, None, "x"])
def test_what_names_no_model_is_refused(client: FineTuneClient, odd: object) -> None:
    wanted = NotFoundError if odd == "x" else ConfigurationError
    for verb in (client.models.get, client.models.delete):
        with pytest.raises(wanted, match=re.escape(repr(odd))):
            verb(cast("str", odd))
