"""`finetune export --all`: a whole account, what else lies there, and a kill in the middle."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.cli import main
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.resources.exporting.inventory import Stock
from finetune_sdk.testing import FakeProvider, VirtualClock
from finetune_sdk.types.export import Inventory
from tests.exporting.places import GPT, KEY, PROFILES, ROWS, VALID, World, straight, world
from tests.local.small_jobs import Bench
from tests.standins.azure import Azure
from tests.standins.openai import Fault, Hang, JobCourse, Reply
from tests.support import eventually

HOSTED = ("openai", "azure_openai", "autotrain")
MANY = 130


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said where."""

    code: int
    out: str
    err: str


@pytest.fixture
def place(tmp_path: Path) -> Generator[World]:
    # No local job really trains here.
    with world(tmp_path, tmp_path / "tiny") as made:
        yield made


def export_all(
    place: World, name: str, out: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> Done:
    capsys.readouterr()
    words = ("export", "--all", PROFILES[name], str(out), "--config", str(place.config))
    code = main([*words, *more])
    told = capsys.readouterr()
    return Done(code, told.out, told.err)


def written(out: Path) -> set[str]:
    """What lies there, but for the locks."""
    return {path.name for path in out.iterdir()} - {".locks"}


def inventory(out: Path) -> Inventory:
    return Inventory.from_json((out / "inventory.json").read_bytes())


@pytest.mark.parametrize("name", HOSTED)
def test_all_jobs_come_out_with_what_else_is_there(
    place: World, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [place.finished(name, suffix=suffix) for suffix in ("one", "two")]
    with place.client(name) as client:
        spare = client.datasets.upload(ROWS[:4])
    out = tmp_path / "out"
    done = export_all(place, name, out, capsys)
    assert done.code == 0, done.err
    assert "2 job(s) are out, 0 of them from before." in done.err
    assert written(out) == {"inventory.json", *(job.id for job in jobs)}
    found = inventory(out)
    assert set(found.jobs) == {job.handle for job in jobs}
    assert [file.id for file in found.files] == [spare.id]
    assert "1 dataset file(s) belong to none of these jobs" in done.err
    assert spare.id in done.err
    made = {model.id: model.job_id for model in found.models}
    # Checkpoints are models there, too.
    assert made.items() >= {job.fine_tuned_model: job.id for job in jobs}.items()
    assert all(model in done.out for model in made)
    assert "2 of them from before" in export_all(place, name, out, capsys).err


def test_all_local_jobs_come_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path / "home")
    jobs = [bench.ended(bench.create(key, checkpoint_every="1")) for key in ("one", "two")]
    monkeypatch.setenv("FINETUNE_HOME", str(bench.home))
    out = tmp_path / "out"
    assert main(["export", "--all", "local", str(out)]) == 0
    told = capsys.readouterr()
    assert written(out) == {"inventory.json", *(job.id for job in jobs)}
    found = inventory(out)
    assert {model.job_id for model in found.models} == {job.id for job in jobs}
    # It lists no dataset files: that is told, and no failure.
    assert [gap.what for gap in found.gaps] == ["dataset files"]
    assert "does not support `datasets.list`" in told.out
    assert "`finetune models download` brings their files" in told.err
    bench.clear()


def test_a_refusal_is_a_gap_of_the_inventory(
    place: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.finished("openai")
    place.openai.faults.add(Fault(method="GET", path="/models", action=Reply(403), times=None))
    done = export_all(place, "openai", tmp_path / "out", capsys)
    assert done.code == 0, done.err
    (gap,) = inventory(tmp_path / "out").gaps
    assert gap.what == "models"
    assert "403" in gap.why
    assert "models" in done.out
    assert KEY not in done.out + done.err


def test_what_costs_is_told_with_its_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    with Azure(clock, tmp_path) as azure:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.authority.ca_file))
        azure.data.course = JobCourse(validating=0, queued=0, running=0)
        provider = AzureOpenAIProvider(
            profile=AzureSettings(
                endpoint=azure.data.endpoint,
                management_url=azure.arm.url,
                credential="service_principal",
                subscription_id=azure.subscription,
                resource_group=azure.group,
                account=azure.account,
                hosting_per_hour=1.7,
            ),
            home=tmp_path,
            clock=clock,
            environ=azure.environ,
        )
        with FineTuneClient(provider, home=tmp_path) as client:
            job = client.jobs.create(model=GPT, training_data=ROWS)
            job = client.jobs.wait(job, progress=False)
            client.deployments.create(job, name="recipes")
            found = Stock().tell(client)
    (deployment,) = found.deployments
    assert (deployment.name, deployment.model) == ("recipes", job.fine_tuned_model)
    assert deployment.cost_per_hour == 1.7
    assert [model.shutdown_date for model in found.models] != [None]
    assert found.gaps == ()


def test_what_costs_stands_in_a_table(
    place: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = place.finished("openai")
    with place.client("openai") as client:
        client.deployments.create(job, name="recipes")
    done = export_all(place, "openai", tmp_path / "out", capsys)
    assert "1 deployment(s), which cost 0.00 US dollars an hour:" in done.err
    assert "recipes" in done.out


def test_programs_get_the_inventory_as_the_last_line(
    place: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = place.finished("openai")
    done = export_all(place, "openai", tmp_path / "out", capsys, "--json")
    assert Inventory.from_json(done.out.splitlines()[-1]).jobs == (job.handle,)


@pytest.mark.parametrize("content", ["{}", "other"])
def test_another_inventory_is_not_written_over(
    place: World, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if content == "other":
        with FineTuneClient(FakeProvider()) as client:
            content = Stock().tell(client).to_json()
    (out / "inventory.json").write_text(content)
    before = len(place.openai.requests)
    done = export_all(place, "openai", out, capsys)
    assert done.code == 1
    assert "another folder" in done.err
    assert (out / "inventory.json").read_text() == content
    assert len(place.openai.requests) == before


@pytest.mark.parametrize("name", ["openai", "azure_openai"])
def test_a_kill_in_the_middle_loses_nothing(
    place: World, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [place.finished(name, suffix=f"job-{number}") for number in range(4)]
    service = place.openai if name == "openai" else place.azure
    here = Hang()
    fault = Fault(method="GET", path="/files/[^/]+/content", action=here, after=7)
    service.faults.add(fault)
    out = tmp_path / "out"
    words = ("export", "--all", PROFILES[name], str(out), "--config", str(place.config))
    with subprocess.Popen(
        [sys.executable, "-m", "finetune_sdk.cli", *words], stderr=subprocess.DEVNULL
    ) as killed:
        eventually(lambda: any(path.name.startswith(".") for path in out.glob(".ftjob*")))
        eventually(lambda: len([*out.glob("ftjob-*")]) >= 1)
        killed.send_signal(signal.SIGKILL)
    service.faults.clear()
    done = export_all(place, name, out, capsys)
    assert done.code == 0, done.err
    assert "4 job(s) are out" in done.err
    assert "0 of them from before" not in done.err
    assert written(out) == {"inventory.json", *(job.id for job in jobs)}


@pytest.mark.timeout(300)
def test_a_large_account_comes_out_to_its_end(
    place: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = place.openai
    service.course = JobCourse(
        validating=0, queued=0, running=0, steps=2, checkpoints_every=2, result="plain"
    )
    with place.client("openai") as client:
        file = client.datasets.upload(VALID)
    body = {"model": GPT, "training_file": file.id}
    ids = {straight(service, body, authorization=f"Bearer {KEY}") for _ in range(MANY)}
    out = tmp_path / "out"
    done = export_all(place, "openai", out, capsys)
    assert done.code == 0, done.err
    assert f"{MANY} job(s) are out, 0 of them from before." in done.err
    assert written(out) == {"inventory.json", *ids}
    assert len(inventory(out).jobs) == MANY
    assert inventory(out).files == ()


def test_a_metrics_name_is_no_formula(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home")
    job = bench.ended(bench.create())
    with (bench.folder(job) / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "name": "=HYPERLINK(\\"http://evil\\")", "value": -1.5}\n')
    with FineTuneClient(bench.provider, home=bench.home) as client:
        made = client.jobs.export(job, tmp_path / "out")
    with Path(made.folder, "metrics.csv").open(newline="") as table:
        last = list(csv.DictReader(table))[-1]
    assert last["name"] == '\'=HYPERLINK("http://evil")'
    # A number stays one.
    assert float(last["value"]) == -1.5
    bench.clear()
