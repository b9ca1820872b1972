"""Jobs of others, logs and files that mean harm: they are read, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from finetune_sdk.errors import ResponseDecodeError
from finetune_sdk.providers.autotrain import log
from finetune_sdk.providers.autotrain.inside import course
from finetune_sdk.providers.autotrain.runners import truth
from finetune_sdk.testing.clock import START
from finetune_sdk.types import JobStatus
from tests.autotrain.bench import TOKEN, Bench, bench_of
from tests.autotrain.evil import SAID
from tests.autotrain.hubs import COURSES
from tests.standins.hub import JobCourse


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


@pytest.mark.parametrize(
    "record",
    [
        *["", "no", "[]", "7", "null", "[" * 9000, None],
        '{"spec": 7, "settings": [], "namespace": {}}',
        '{"namespace": "..", "project": "../.."}',
        '{"namespace": "alice", "project": "a--b"}',
        '{"timeout": "never", "settings": {"a": []}}',
    ],
    ids=lambda record: repr(record)[:40],
)
def test_a_record_that_means_nothing_is_a_job_all_the_same(
    bench: Bench, record: str | None
) -> None:
    """Whoever may run jobs here may write into theirs what they like."""
    bench.hub.jobs.add_course(COURSES["short"], JobCourse())
    ours = bench.create()
    bench.clock.sleep(60)
    api: Any = huggingface_hub.HfApi(endpoint=bench.hub.url, token=TOKEN)
    words = {"image": "python", "command": ["true"], "flavor": "cpu-basic", "namespace": "alice"}
    environ = {} if record is None else {"FINETUNE_JOB": record}
    theirs = api.run_job(**words, env=environ, labels={"finetune-anywhere": "1"}, timeout=60).id
    bench.intents = 2
    bench.clock.sleep(60)
    client = bench.client()
    assert {job.id for job in client.jobs.list()} == {ours.id, theirs}
    found = client.jobs.get(theirs)
    assert (found.status, found.fine_tuned_model) == (JobStatus.FAILED, None)
    assert list(client.jobs.checkpoints(theirs)) == []
    client.jobs.get(ours)


def test_a_log_is_read_and_never_evaluated(bench: Bench, tmp_path: Path) -> None:
    """Whatever cannot be read is passed over, and what is behind it is not."""
    evil = tmp_path / "evil"
    code = f"__import__('pathlib').Path({str(evil)!r}).touch()"
    lines = (
        *SAID,
        f"{{'loss': {code}, 'epoch': 1}}",
        f"INFO | 2026-01-01 00:00:00 | a.b:c:1 - {{'loss': {code}, 'epoch': 1}}",
        "{'loss': 0.125, 'epoch': 2.0}",
        *(f"{{'loss': {'9' * size}, 'epoch': 1}}" for size in (400, 5_000, 50_000)),
        "FINETUNE " + json.dumps({"event": "measured", "values": {"loss": "0.25", "epoch": 3}}),
    )
    bench.hub.jobs.course = JobCourse(running=60, outcome="ERROR", lines=lines)
    job = bench.create()
    bench.clock.sleep(120)
    client = bench.client()
    bench.said += [event.to_json() for event in client.jobs.events(job)]
    found = [metric.value for metric in client.jobs.metrics(job) if metric.name == "loss"]
    assert 0.25 in found
    assert len(list(client.jobs.logs(job))) == len(lines)
    assert client.jobs.get(job).status is JobStatus.FAILED
    assert not evil.exists()


# SEC-15: what grows faster than the text would take days for these, and not a part of a second

LONG = 1_000_000
ADVERSARIAL: list[str] = [
    *["a" * LONG, "A" * LONG, "|" * LONG, " " * LONG, "A | " * (LONG // 4), "\t|" * (LONG // 2)],
    *["a." * (LONG // 2), "a.b:" * (LONG // 4), "INFO" + " " * LONG, "INFO | " + "0" * LONG],
    *["INFO | 2026-01-01 00:00:00 | " + "a:" * (LONG // 2), "{'" * (LONG // 2), "{" * LONG],
    *["{'a': " * (LONG // 6), "{'a': " + "}" * LONG + "x", "Error" * (LONG // 5)],
    *["model-" + "0" * LONG, "Error." * (LONG // 6), "FINETUNE {" * (LONG // 10), "_" * LONG],
    *[
        "INFO | 2026-01-01 00:00:00 | a - " + "-" * LONG,
        " - " * (LONG // 3),
        "{'a': {" + "'" * LONG,
    ],
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ADVERSARIAL, ids=lambda text: text[:30])
def test_no_line_of_a_log_holds_its_reader(text: str) -> None:
    lines = [text, f"{text}\n", f"x{text}x"]
    for line in lines:
        list(log.read([line], since=START))
        log.failed([line])
        assert truth.failure([line]).message
        assert not truth.is_weights(line)
        course.number(line)
        assert course.WEIGHTS.fullmatch(line) is None


# SEC-09: what comes down


@pytest.mark.parametrize(
    "name",
    [
        *["../evil", "a/../../evil", "/etc/evil", "..", "a/..", "..\\evil", "C:\\evil", "C:evil"],
        *["a\\b", "//evil", "./../evil"],
    ],
)
def test_sec_09_a_file_that_leads_out_of_the_folder_is_not_downloaded(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    bench.hub.repos.add("model", "alice/evil", {"config.json": b"{}", name: b"evil"})
    target = tmp_path / "target" / "folder"
    client = bench.client()
    bench.fails(ResponseDecodeError, lambda: client.models.download("alice/evil", target))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and read(path) == b"evil"]


def read(path: Path) -> bytes:
    return path.read_bytes()[:9]


def test_a_model_comes_down_as_it_is(bench: Bench, tmp_path: Path) -> None:
    files = {"config.json": b"{}", "a/b.bin": b"inside", "model.safetensors": b"weights"}
    bench.hub.repos.add("model", "alice/good", files)
    bench.client().models.download("alice/good", tmp_path / "good")
    for name, content in files.items():
        assert (tmp_path / "good" / name).read_bytes() == content
