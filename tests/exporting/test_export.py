"""`jobs.export`: what is in the folder, what is kept, what is missing, what is never lost."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from finetune_sdk import (
    AsyncFineTuneClient,
    ConfigurationError,
    ConnectionFailedError,
    DatasetFile,
    FineTuneClient,
    Job,
    Lineage,
    NotFoundError,
    Supervised,
)
from finetune_sdk.cli import recipe as recipes
from finetune_sdk.testing import FakeProvider, VirtualClock
from tests.exporting.conftest import MODEL, ROWS, finished
from tests.standins.openai import DropBefore, Fault, JobCourse, OpenAIService, Reply

PARTS = {
    "recipe.yaml",
    "job.json",
    "training.jsonl",
    "validation.jsonl",
    "metrics.csv",
    "events.jsonl",
    "checkpoints.jsonl",
    "lineage.json",
}


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_job_comes_out_whole(client: FineTuneClient, tmp_path: Path) -> None:
    job = finished(client)
    made = client.jobs.export(job, tmp_path / "out")
    folder = tmp_path / "out" / job.id
    assert made.folder == str(folder)
    assert {path.name for path in folder.iterdir()} == PARTS
    assert rows_of(folder / "training.jsonl") == ROWS
    assert Job.from_json((folder / "job.json").read_text()) == job
    assert len((folder / "checkpoints.jsonl").read_text().splitlines()) >= 1
    events = rows_of(folder / "events.jsonl")
    assert len({event["id"] for event in events}) == len(events) > 10


def test_metrics_are_a_table(client: FineTuneClient, tmp_path: Path) -> None:
    job = finished(client)
    client.jobs.export(job, tmp_path)
    with (tmp_path / job.id / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)
    assert {row["name"] for row in rows} >= {"loss", "token_accuracy"}


def test_the_lineage_names_files_by_digest(client: FineTuneClient, tmp_path: Path) -> None:
    job = finished(client)
    client.jobs.export(job, tmp_path)
    folder = tmp_path / job.id
    told = Lineage.from_json((folder / "lineage.json").read_text())
    assert job.training_file is not None
    assert (told.handle, told.base_model, told.fine_tuned_model) == (
        job.handle,
        MODEL,
        job.fine_tuned_model,
    )
    assert told.gaps == ()
    training = told.files[0]
    assert (training.role, training.id, training.rows) == ("training", job.training_file.id, 12)
    whole = (folder / training.name).read_bytes()
    assert (training.bytes, training.digest) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert told.hyperparameters is not None
    assert told.hyperparameters["epochs"] == 3


def test_the_recipe_is_one_that_run_takes(client: FineTuneClient, tmp_path: Path) -> None:
    job = finished(client)
    client.jobs.export(job, tmp_path)
    recipe = recipes.load(tmp_path / job.id / "recipe.yaml")
    assert (recipe.model, recipe.suffix, recipe.seed) == (MODEL, "recipes", 7)
    assert recipe.metadata == {"team": "blue"}
    assert isinstance(recipe.method, Supervised)
    assert recipe.method.epochs == 3
    fake = FakeProvider()
    with FineTuneClient(fake) as elsewhere:
        again = recipes.create(elsewhere, recipe)
        assert again.training_file is not None
        assert fake.uploads[again.training_file.id] == tuple(ROWS)


def test_a_rate_that_means_nothing_elsewhere_is_left_out_there_and_told(
    client: FineTuneClient, tmp_path: Path
) -> None:
    job = finished(client)
    client.jobs.export(job, tmp_path)
    text = (tmp_path / job.id / "recipe.yaml").read_text()
    words = yaml.safe_load(text)
    assert "learning_rate_multiplier" in words["method"]
    assert "learning_rate" not in words["method"]
    assert words["strict"] is False
    assert "# strict is false" in text


def test_nothing_of_ours_stands_in_the_callers_words(
    client: FineTuneClient, tmp_path: Path
) -> None:
    job = finished(client)
    client.jobs.export(job, tmp_path)
    assert "finetune_sdk_" not in (tmp_path / job.id / "recipe.yaml").read_text()


def test_what_is_out_already_is_kept(
    client: FineTuneClient, service: OpenAIService, tmp_path: Path
) -> None:
    job = finished(client)
    client.jobs.export(job, tmp_path)
    before = len(service.requests)
    assert client.jobs.export(job, tmp_path).outcome == "kept"
    assert len(service.requests) == before


def test_a_job_that_went_on_is_exported_anew(
    client: FineTuneClient, clock: VirtualClock, tmp_path: Path
) -> None:
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    assert not client.jobs.export(job, tmp_path).lineage.status.terminal
    clock.advance(1000)
    again = client.jobs.export(job, tmp_path)
    assert (again.outcome, again.lineage.status.value) == ("exported", "succeeded")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".ftjob")] == []


def test_rows_that_are_gone_are_a_gap_with_its_reason(
    client: FineTuneClient, tmp_path: Path
) -> None:
    job = finished(client)
    assert job.training_file is not None
    client.datasets.delete(job.training_file)
    made = client.jobs.export(job, tmp_path)
    assert [gap.what for gap in made.lineage.gaps] == ["training data"]
    assert "404" in made.lineage.gaps[0].why
    assert not made.lineage.gaps[0].again
    words = yaml.safe_load((tmp_path / job.id / "recipe.yaml").read_text())
    assert words["training_data"] == {"id": job.training_file.id}
    assert client.jobs.export(job, tmp_path).outcome == "kept"


def test_what_an_earlier_export_has_is_never_lost(
    client: FineTuneClient, clock: VirtualClock, tmp_path: Path
) -> None:
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    client.jobs.export(job, tmp_path)
    clock.advance(1000)
    assert job.training_file is not None
    client.datasets.delete(job.training_file)
    again = client.jobs.export(job, tmp_path)
    assert again.lineage.gaps == ()
    assert rows_of(tmp_path / job.id / "training.jsonl") == ROWS
    assert again.lineage.files[0].rows == 12


def test_a_bad_line_is_a_gap_that_the_next_export_fills(
    client: FineTuneClient, service: OpenAIService, tmp_path: Path
) -> None:
    job = finished(client)
    service.faults.add(Fault(method="GET", path="/files/.*/content", action=Reply(503), times=5))
    made = client.jobs.export(job, tmp_path)
    assert {gap.again for gap in made.lineage.gaps} == {True}
    again = client.jobs.export(job, tmp_path)
    assert (again.outcome, again.lineage.gaps) == ("exported", ())


def test_a_job_that_nobody_knows_leaves_no_folder(client: FineTuneClient, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        client.jobs.export("ftjob-nobody-knows", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_in_the_way_is_left_alone(client: FineTuneClient, tmp_path: Path) -> None:
    job = finished(client)
    (tmp_path / job.id).mkdir()
    (tmp_path / job.id / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is there already"):
        client.jobs.export(job, tmp_path)
    (tmp_path / job.id / "lineage.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"move .* away"):
        client.jobs.export(job, tmp_path)
    assert (tmp_path / job.id / "mine.txt").read_text() == "mine"


def test_what_a_killed_swap_left_does_not_stop_the_next(
    client: FineTuneClient, clock: VirtualClock, tmp_path: Path
) -> None:
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    client.jobs.export(job, tmp_path)
    clock.advance(1000)
    # It was killed when it had put the new one in place, and had not yet removed the old one.
    shutil.copytree(tmp_path / job.id, tmp_path / f".{job.id}.old")
    (tmp_path / f"..{job.id}.fresh"[:33]).with_suffix(".abcdefgh").mkdir()
    assert client.jobs.export(job, tmp_path).lineage.status.value == "succeeded"
    assert [path.name for path in tmp_path.iterdir() if "ftjob" in path.name] == [job.id]


FULL_NAME = "x" * 300


@pytest.mark.parametrize("folder", ["/dev/null/out", "\0", FULL_NAME, "/proc/none/out"])
def test_a_folder_that_cannot_be_is_told(client: FineTuneClient, folder: str) -> None:
    job = finished(client)
    with pytest.raises(ConfigurationError, match="folder"):
        client.jobs.export(job, folder)


def test_a_pipe_in_the_way_is_not_waited_for(client: FineTuneClient, tmp_path: Path) -> None:
    job = finished(client)
    (tmp_path / job.id).mkdir()
    os.mkfifo(tmp_path / job.id / "lineage.json")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        client.jobs.export(job, tmp_path)


@pytest.mark.parametrize("between_the_renames", [True, False])
def test_what_a_killed_export_left_is_put_back_or_swept(
    client: FineTuneClient, clock: VirtualClock, tmp_path: Path, *, between_the_renames: bool
) -> None:
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    client.jobs.export(job, tmp_path)
    clock.advance(1000)
    place = tmp_path / job.id
    if between_the_renames:
        place.rename(tmp_path / f".{job.id}.old")
        (tmp_path / f".{job.id}.fresh").mkdir()
    else:
        (tmp_path / f".{job.id}.abcdefgh").mkdir()
        (tmp_path / f".{job.id}.abcdefgh" / "half").write_text("x")
    assert client.jobs.export(job, tmp_path).lineage.status.value == "succeeded"
    assert sorted(path.name for path in tmp_path.iterdir() if "ftjob" in path.name) == [job.id]


def test_an_exported_job_of_someone_elses_making_has_what_there_is(
    client: FineTuneClient, service: OpenAIService, clock: VirtualClock, tmp_path: Path
) -> None:
    service.course = JobCourse(result="none", checkpoints_every=0, running=1)
    file = client.datasets.upload(ROWS)
    body = {"model": MODEL, "training_file": file.id}
    made = service.handle(
        "POST",
        "/v1/fine_tuning/jobs",
        {"authorization": f"Bearer {service.key}", "content-type": "application/json"},
        json.dumps(body).encode(),
    ).json()
    assert isinstance(made, dict)
    clock.advance(1000)
    job = next(client.jobs.list())
    told = client.jobs.export(job, tmp_path).lineage
    assert told.fine_tuned_model
    assert told.files[0].rows == 12


def test_the_fake_gives_its_rows_too(tmp_path: Path) -> None:
    with FineTuneClient(FakeProvider()) as client:
        job = client.jobs.wait(client.jobs.create(model="m", training_data=ROWS), progress=False)
        made = client.jobs.export(job, tmp_path)
        assert made.lineage.gaps == ()
        assert made.lineage.files[0].rows == 12


async def exported(client: AsyncFineTuneClient, folder: Path) -> str:
    job = await client.jobs.create(model="m", training_data=ROWS)
    job = await client.jobs.wait(job, progress=False)
    return (await client.jobs.export(job, folder)).outcome


def test_the_same_awaited(tmp_path: Path) -> None:
    import asyncio

    async def main() -> str:
        async with AsyncFineTuneClient(FakeProvider()) as client:
            return await exported(client, tmp_path)

    assert asyncio.run(main()) == "exported"


class TestDatasetFiles:
    def test_they_are_uploaded_listed_got_and_deleted(self, client: FineTuneClient) -> None:
        made = [client.datasets.upload(ROWS), client.datasets.upload(ROWS[:2])]
        assert {file.id for file in client.datasets.list()} == {file.id for file in made}
        assert client.datasets.get(made[0]).bytes == made[0].bytes
        client.datasets.delete(made[0].id)
        with pytest.raises(NotFoundError):
            client.datasets.get(made[0])

    def test_a_job_learns_from_one(self, client: FineTuneClient, service: OpenAIService) -> None:
        file = client.datasets.upload(ROWS)
        for _ in range(2):
            job = client.jobs.create(model=MODEL, training_data=DatasetFile(id=file.id))
            assert job.training_file is not None
            assert job.training_file.id == file.id
        assert len(service.jobs) == 2
        assert len(service.posts("/files")) == 1

    @pytest.mark.parametrize("verb", ["get", "delete"])
    def test_what_is_no_file_is_ours_to_tell(self, client: FineTuneClient, verb: str) -> None:
        call: Callable[[object], object] = getattr(client.datasets, verb)
        with pytest.raises(ConfigurationError, match="`file`"):
            call(5)


def test_a_line_that_is_down_is_told_and_leaves_nothing(
    client: FineTuneClient, service: OpenAIService, tmp_path: Path
) -> None:
    job = finished(client)
    service.faults.add(
        Fault(method="GET", path="/fine_tuning/jobs/.*", action=DropBefore(), times=None)
    )
    with pytest.raises(ConnectionFailedError, match="no answer"):
        client.jobs.export(job, tmp_path / "out")
    assert not (tmp_path / "out").exists()
