"""`jobs.export` at every place: of a job of one's own, and of one that somebody else has made."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from pathlib import Path

import huggingface_hub
import pytest

from finetune_sdk import ConfigurationError, ExportedJob, FineTuneClient, Job
from finetune_sdk.cli import main
from finetune_sdk.testing import FakeProvider
from tests.exporting.places import GPT, NAMES, PROFILES, ROWS, VALID, World, straight, world
from tests.exporting.whole import check_whole
from tests.standins.hub import JobCourse

ELSEWHERE: Mapping[str, str] = {
    "openai": "autotrain",
    "azure_openai": "autotrain",
    "autotrain": "local",
    "local": "autotrain",
}
Jobs = Mapping[str, Job]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    folder = tmp_path_factory.mktemp("world")
    with world(folder, folder / "tiny") as made:
        yield made


@pytest.fixture(scope="module")
def jobs(place: World) -> Jobs:
    """A finished job of each."""
    return {name: place.finished(name) for name in NAMES}


def exported(place: World, name: str, job: Job | str, out: Path, home: str = "home") -> ExportedJob:
    with place.client(name, home=home) as client:
        return client.jobs.export(job, out)


@pytest.mark.parametrize("name", NAMES)
def test_a_job_of_ones_own_comes_out_whole(
    place: World, jobs: Jobs, name: str, tmp_path: Path
) -> None:
    job = jobs[name]
    told = check_whole(exported(place, name, job, tmp_path))
    assert (told.handle, told.provider) == (job.handle, name)
    assert told.fine_tuned_model == job.fine_tuned_model
    assert told.fine_tuned_model
    assert told.hyperparameters is not None
    assert told.hyperparameters["epochs"] == 2


@pytest.mark.parametrize("name", ["openai", "azure_openai"])
def test_a_job_that_was_made_without_this_package_comes_out_whole(
    place: World, name: str, tmp_path: Path
) -> None:
    service = place.openai if name == "openai" else place.azure
    with place.client(name) as client:
        files = [client.datasets.upload(rows).id for rows in (ROWS, VALID)]
    headers = {"authorization": f"Bearer {service.key}"}
    body = {"model": GPT, "training_file": files[0], "validation_file": files[1]}
    kind = {} if name == "openai" else {"trainingType": "GlobalStandard"}
    told = check_whole(
        exported(place, name, straight(service, {**body, **kind}, **headers), tmp_path)
    )
    assert [file.id for file in told.files] == files


def test_a_job_of_another_machine_comes_out_whole(place: World, jobs: Jobs, tmp_path: Path) -> None:
    # No journal here knows of it: all is read from the Hub.
    job = jobs["autotrain"]
    check_whole(exported(place, "autotrain", job.id, tmp_path, home="another"))


def test_a_job_of_a_state_folder_that_was_brought_comes_out_whole(
    place: World, jobs: Jobs, tmp_path: Path
) -> None:
    shutil.copytree(place.home / "local", place.folder / "brought" / "local")
    told = check_whole(exported(place, "local", jobs["local"].id, tmp_path, home="brought"))
    assert "brought" in (told.fine_tuned_model or "")


def test_a_container_on_hf_jobs_that_is_no_fine_tune_says_what_is_missing(
    place: World, tmp_path: Path
) -> None:
    place.hub.jobs.add_course(JobCourse(scheduling=0, running=0))
    api = huggingface_hub.HfApi(endpoint=place.hub.url, token=place.hub.token)
    made = api.run_job(
        image="python:3.12",
        command=["python", "-c", "1"],
        env={"WORD": "b"},
        flavor="cpu-basic",
        timeout=600,
    )
    told = exported(place, "autotrain", made.id, tmp_path).lineage
    assert [gap.what for gap in told.gaps] == ["training data"]
    assert "does not say which file" in told.gaps[0].why


def test_one_of_the_fake_comes_out_whole(tmp_path: Path) -> None:
    with FineTuneClient(FakeProvider()) as client:
        made = client.jobs.create(model="m", training_data=ROWS, validation_data=VALID)
        check_whole(client.jobs.export(client.jobs.wait(made, progress=False), tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_is_planned_there_and_elsewhere(
    place: World,
    jobs: Jobs,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = f"{exported(place, name, jobs[name], tmp_path).folder}/recipe.yaml"
    config = ("--config", str(place.config))
    other = PROFILES[ELSEWHERE[name]]
    for words in (["--profile", PROFILES[name]], ["--profile", other, "--model", "small"]):
        paid = [place.paid(one) for one in NAMES]
        assert main(["plan", recipe, *words, *config]) == 0, capsys.readouterr().err
        assert [place.paid(one) for one in NAMES] == paid
        assert "12 of format chat" in capsys.readouterr().out


def test_a_job_of_the_same_id_at_another_place_is_not_taken_for_it(
    place: World, jobs: Jobs, tmp_path: Path
) -> None:
    there = exported(place, "openai", jobs["openai"], tmp_path)
    Path(there.folder).rename(tmp_path / jobs["local"].id)
    with pytest.raises(ConfigurationError, match="of another provider"):
        exported(place, "local", jobs["local"], tmp_path)
