"""`create` with our own trainer: what is found out first, told at the prompt, and nothing left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path

import pytest

from finetune_sdk import datasets
from finetune_sdk.errors import (
    ConfigurationError,
    DatasetFileError,
    FineTuneError,
    InvalidRequestError,
    NotFoundError,
    QuotaExceededError,
    ServerError,
    UnsupportedError,
)
from finetune_sdk.providers.local.preflight import inspection
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import JobSpec, Supervised
from tests.local.looks import answering
from tests.local.small_jobs import Bench, children, command_line
from tests.support import eventually
from tests.training.jobs import CAKES, Row, chat, make_job

INSPECTOR = "finetune_sdk.providers.local.preflight.inspect"


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    before = children()
    bench = Bench(tmp_path / "home")
    yield bench
    bench.clear()
    assert children() == before


def spec_of(
    provider: LocalProvider,
    model: Path,
    rows: Iterable[Row] = CAKES,
) -> JobSpec:
    return JobSpec(
        key="one",
        model=str(model),
        method=Supervised(epochs=1),
        training_file=provider.upload_dataset(datasets.load(list(rows)), key="rows"),
    )


def made(home: Path) -> list[str]:
    """What lies among the jobs."""
    jobs = home / "local" / "jobs"
    return [path.name for path in jobs.iterdir()] if jobs.is_dir() else []


def test_a_job_shows_what_was_found_out(bench: Bench, tiny: Path) -> None:
    provider = LocalProvider(home=bench.home)
    job = provider.create_job(spec_of(provider, tiny))
    provider.cancel_job(job.id)
    assert job.settings["rows"].startswith("16; one adds at most 45 tokens")
    assert " that this machine has" in job.settings["memory"]
    assert " that are free" in job.settings["disk"]
    assert job.settings["licence"].startswith("unknown")
    assert job.settings["tokens"].startswith("608 in 16 rows, 234 of them carry loss")
    assert job.settings["steps"] == "2: 1 times 16 rows in batches of 8"
    assert "floating point operations" in job.settings["time"]
    assert job.settings["precision"].startswith(("float32", "bfloat16"))
    assert made(bench.home) == [job.id]


def a_row_too_long(bench: Bench, tiny: Path) -> list[object]:
    """What a process that asks for such a job sees."""
    spec = spec_of(bench.provider, tiny, [*CAKES, chat("hello", "cake " * 300)])
    program = (
        "import json, sys\n"
        "from finetune_sdk.errors import DatasetFileError\n"
        "from finetune_sdk.providers.local.provider import LocalProvider\n"
        "from finetune_sdk.types import JobSpec\n"
        "try:\n"
        "    LocalProvider(home=sys.argv[1]).create_job(JobSpec.from_json(sys.argv[2]))\n"
        "except DatasetFileError as error:\n"
        "    heavy = {'torch', 'transformers', 'trl', 'peft', 'datasets'} & set(sys.modules)\n"
        "    print(json.dumps([error.code, str(error), sorted(heavy)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bench.home), spec.to_json()],
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(done.stdout))


def test_a_row_is_refused_without_torch_in_the_process_that_asked(bench: Bench, tiny: Path) -> None:
    code, message, heavy = a_row_too_long(bench, tiny)
    assert code == "row_too_long"
    assert "line 17 has " in str(message)
    assert heavy == []
    assert made(bench.home) == []


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ({"failure": {"code": "wrong_row"}}, DatasetFileError, "wrong_row"),
        ({"failure": {"code": "invalid_option"}}, ConfigurationError, None),
        ({"failure": {"code": "chat_template"}}, InvalidRequestError, "chat_template"),
        ({"failure": {"code": "disk_full"}}, QuotaExceededError, "disk_full"),
        ({"failure": {"code": "out_of_memory"}}, QuotaExceededError, "not_enough_memory"),
        (
            {"error": {"kind": "QuotaExceededError", "code": "disk_full", "status_code": None}},
            QuotaExceededError,
            "disk_full",
        ),
        (
            {"error": {"kind": "NotFoundError", "code": None, "status_code": 404}},
            NotFoundError,
            None,
        ),
        ({"error": {"kind": "UnsupportedError"}}, UnsupportedError, None),
        ({"error": {"kind": "MissingDependencyError"}}, ConfigurationError, None),
        ([], ServerError, "inspection_failed"),
    ],
)
def test_what_is_found_wrong_is_an_error_of_create_and_nothing_is_left(
    bench: Bench,
    tiny: Path,
    tmp_path: Path,
    answer: Mapping[str, dict[str, object]],
    error: type[FineTuneError],
    code: str | None,
) -> None:
    said = {name: {**told, "message": "the disk is full"} for name, told in dict(answer).items()}
    environ = answering(tmp_path / "first", f"print({json.dumps(json.dumps(said or []))})")
    provider = LocalProvider(home=bench.home, environ=environ)
    with pytest.raises(error) as caught:
        provider.create_job(spec_of(provider, tiny))
    assert type(caught.value) is error
    assert getattr(caught.value, "code", None) == code
    assert made(bench.home) == []


def test_a_look_that_fails_is_told_with_its_last_words(
    bench: Bench, tiny: Path, tmp_path: Path
) -> None:
    token = "hf_abcdefghijklmnopqrstuvwx"
    words = f"print('out of luck with {token}', file=sys.stderr)"
    provider = LocalProvider(
        home=bench.home, environ=answering(tmp_path / "first", words, HF_TOKEN=token)
    )
    with pytest.raises(ServerError, match=r"exit code 3 .* out of luck") as caught:
        provider.create_job(spec_of(provider, tiny))
    assert (caught.value.code, caught.value.effect) == ("inspection_failed", "none")
    assert token not in str(caught.value)
    assert made(bench.home) == []


def test_a_look_without_an_end_is_given_up_and_said(tiny: Path, tmp_path: Path) -> None:
    before = children()
    folder = make_job(tmp_path, tiny)
    environ = answering(tmp_path / "first", "import threading; threading.Event().wait(60)")
    (note,) = inspection.inspect(folder, environ, patience=0.5).warnings
    assert "looked at for 0.5 seconds without an end" in note
    assert children() == before


def test_a_process_that_a_module_leaves_behind_is_not_waited_for(
    tiny: Path, tmp_path: Path
) -> None:
    said = '{"found": {"warnings": ["seen"]}}'
    code = (
        "import threading\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    threading.Event().wait(60)\n"
        "    os._exit(0)\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child))\n"
        f"print({said!r})"
    )
    folder = make_job(tmp_path, tiny)
    environ = answering(tmp_path / "first", code)
    assert inspection.inspect(folder, environ, patience=15).warnings == ("seen",)
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    eventually(lambda: not command_line(child))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_look_ends_with_the_caller(bench: Bench, tiny: Path, number: signal.Signals) -> None:
    # So many rows that the look would go on for half a minute.
    spec = spec_of(bench.provider, tiny, list(CAKES) * 3000)
    program = (
        "import sys\n"
        "from finetune_sdk.providers.local.provider import LocalProvider\n"
        "from finetune_sdk.types import JobSpec\n"
        "provider = LocalProvider(home=sys.argv[1])\n"
        "provider.create_job(JobSpec.from_json(sys.argv[2]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(bench.home), spec.to_json()],
        stderr=subprocess.PIPE,
        text=True,
    ) as caller:
        try:
            eventually(lambda: bool(bench.processes(lambda line: INSPECTOR in line)))
            # To the caller alone: a notebook's kernel has no terminal's group.
            caller.send_signal(number)
            _, said = caller.communicate(timeout=30)
        finally:
            caller.kill()
    eventually(lambda: not bench.processes(lambda line: INSPECTOR in line), timeout=20)
    if number is signal.SIGINT:
        assert "KeyboardInterrupt" in said
        assert made(bench.home) == []
    # Of a caller that was killed a draft stays, which is no job; it is swept later.
    assert bench.provider.list_jobs(limit=1, cursor=None).items == ()
