"""What lies on the Hub: rows that were sent, and models that came out."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import (
    ConfigurationError,
    DatasetFileError,
    NotFoundError,
    ResponseDecodeError,
    UnsupportedError,
)
from finetune_sdk.types import DatasetFile, Job
from tests.autotrain.hubs import ADAPTER, MODEL
from tests.autotrain.on_jobs import ROWS, Bench, opened
from tests.standins.hub import broken
from tests.standins.openai import Fault


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with bench.client() as opened_:
        yield opened_


@pytest.fixture
def job(bench: Bench, client: FineTuneClient) -> Job:
    return bench.wait(client, bench.create(client))


def sent(client: FineTuneClient, number: int = 0) -> DatasetFile:
    return client.datasets.upload(ROWS[number:])


# Rows


def test_rows_go_up_as_a_private_dataset(bench: Bench, client: FineTuneClient) -> None:
    file = sent(client)
    repo = bench.hub.repos["dataset", file.id]
    assert repo.private
    assert file.id.startswith("alice/finetune-")
    rows = repo.files()["rows.jsonl"]
    assert len(rows.splitlines()) == len(ROWS)
    assert file.bytes == len(rows)


def test_rows_that_were_sent_are_learned_from(bench: Bench, client: FineTuneClient) -> None:
    file = sent(client)
    job = bench.create(client, training_data=file)
    assert job.training_file is not None
    assert job.training_file.id == file.id
    assert bench.course["rows"]["train"] == {
        "repo": file.id,
        "file": "rows.jsonl",
        "revision": bench.hub.repos["dataset", file.id].head.sha,
    }


def test_our_rows_are_listed_alone(bench: Bench, client: FineTuneClient) -> None:
    files = [sent(client, number) for number in range(3)]
    bench.hub.repos.add("dataset", "alice/pictures", {"a.png": b"x"})
    bench.hub.repos.add("dataset", "bob/finetune-0123456789abcdef", {"rows.jsonl": b"{}"})
    bench.hub.repos.page_size = 2
    assert {one.id for one in client.datasets.list()} == {one.id for one in files}


def test_rows_are_got_with_their_size(client: FineTuneClient) -> None:
    file = sent(client)
    found = client.datasets.get(file.id)
    assert (found.id, found.bytes) == (file.id, file.bytes)
    assert found.created_at is not None
    with pytest.raises(NotFoundError, match="'alice/none'"):
        client.datasets.get("alice/none")


def test_rows_that_are_deleted_are_gone(bench: Bench, client: FineTuneClient) -> None:
    file = sent(client)
    client.datasets.delete(file)
    assert ("dataset", file.id) not in bench.hub.repos
    with pytest.raises(NotFoundError):
        client.datasets.delete(file)


@pytest.mark.parametrize("name", ["alice/pictures", "bob/finetune-0123456789abcdef"])
def test_what_was_not_made_here_is_not_deleted(
    bench: Bench, client: FineTuneClient, name: str
) -> None:
    bench.hub.repos.add("dataset", name, {"rows.jsonl": b"{}"})
    with pytest.raises(UnsupportedError, match="not ours to delete"):
        client.datasets.delete(name)
    assert ("dataset", name) in bench.hub.repos


def test_rows_that_the_hub_refuses_are_an_error_of_the_dataset(
    bench: Bench, client: FineTuneClient
) -> None:
    fault = Fault(method="POST", path="/api/datasets/.+/commit/main", action=broken(400, "no"))
    bench.hub.faults.add(fault)
    with pytest.raises(DatasetFileError, match="were refused"):
        sent(client)


# Models


def test_a_model_is_downloaded_whole(bench: Bench, client: FineTuneClient, job: Job) -> None:
    folder = client.models.download(job, bench.folder / "model")
    assert job.fine_tuned_model is not None
    wanted = bench.hub.repos["model", job.fine_tuned_model].files()
    found = {
        str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()
    }
    assert found == wanted


def test_a_checkpoint_is_downloaded_from_its_branch(
    bench: Bench, client: FineTuneClient, job: Job
) -> None:
    newest = next(iter(client.jobs.checkpoints(job)))
    folder = client.models.download(newest, bench.folder / "checkpoint")
    assert newest.model.endswith("@checkpoint-10")
    assert (folder / "adapter_model.safetensors").is_file()


def test_a_download_does_not_overwrite(bench: Bench, client: FineTuneClient, job: Job) -> None:
    folder = bench.folder / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="mine"):
        client.models.download(job, folder)
    assert [one.name for one in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil", "a\\..\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    bench: Bench, client: FineTuneClient, name: str
) -> None:
    bench.hub.repos.add("model", "alice/evil", {**ADAPTER, name: b"x"})
    with pytest.raises(ResponseDecodeError, match="leads out of any folder"):
        client.models.download("alice/evil", bench.folder / "evil")
    assert not (bench.folder / "evil").exists()


def test_a_model_that_is_not_there_leaves_no_folder(bench: Bench, client: FineTuneClient) -> None:
    with pytest.raises(NotFoundError, match="'alice/none'"):
        client.models.download("alice/none", bench.folder / "none")
    assert not (bench.folder / "none").exists()


def test_models_of_the_namespace_are_listed(bench: Bench, client: FineTuneClient, job: Job) -> None:
    bench.hub.repos.page_size = 2
    for number in range(4):
        bench.hub.repos.add("model", f"alice/m{number}", ADAPTER)
    found = {one.id: one for one in client.models.list()}
    assert set(found) == {job.fine_tuned_model, *(f"alice/m{number}" for number in range(4))}
    assert all(one.kind == "fine_tuned" for one in found.values())


def test_a_model_is_got_with_its_size(bench: Bench, client: FineTuneClient, job: Job) -> None:
    assert job.fine_tuned_model is not None
    found = client.models.get(job.fine_tuned_model)
    files = bench.hub.repos["model", job.fine_tuned_model].files()
    assert (found.kind, found.bytes) == ("fine_tuned", sum(map(len, files.values())))
    assert client.models.get(MODEL).kind == "base"
    with pytest.raises(NotFoundError):
        client.models.get("alice/none")


def test_a_model_that_is_deleted_is_gone(bench: Bench, client: FineTuneClient, job: Job) -> None:
    assert job.fine_tuned_model is not None
    client.models.delete(job.fine_tuned_model)
    assert ("model", job.fine_tuned_model) not in bench.hub.repos
    with pytest.raises(NotFoundError):
        client.models.delete(job.fine_tuned_model)


def test_a_model_of_somebody_else_is_not_deleted(bench: Bench, client: FineTuneClient) -> None:
    with pytest.raises(UnsupportedError, match="not ours to delete"):
        client.models.delete(MODEL)
    assert ("model", MODEL) in bench.hub.repos
