"""A job that is looked at and not made: what it costs, what it finds, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient, datasets
from finetune_sdk.errors import (
    DatasetFileError,
    FineTuneError,
    NotFoundError,
    QuotaExceededError,
    ServerError,
)
from finetune_sdk.providers.base import ProviderSettings, Rows
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import (
    CostEstimate,
    DatasetFile,
    JobSpec,
    NoEstimate,
    Span,
    Supervised,
)
from tests.local.looks import answering
from tests.local.small_jobs import ROWS, Bench, all_processes, command_line
from tests.support import eventually

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the local provider is for Linux and macOS"
)
STAND_IN = DatasetFile(id="not-uploaded-yet")
IN_MEMORY = Rows(training=datasets.load(ROWS), validation=datasets.load(ROWS[:1]))
HOURS = {
    "seconds": {"low": 1800, "high": 7200},
    "settings": {"time": "30 min to 2 h"},
    "warnings": ["look out"],
}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like a model's."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def spec_of(model: Path, **fields: object) -> JobSpec:
    words: dict[str, object] = {"validation_file": STAND_IN, **fields}
    return JobSpec.model_validate(
        {
            "key": "planned",
            "model": str(model),
            "method": Supervised(epochs=1),
            "training_file": STAND_IN,
            **words,
        }
    )


def saying(folder: Path, found: Mapping[str, object]) -> dict[str, str]:
    """An environment in which a look finds something."""
    return answering(folder, f"print({json.dumps(json.dumps({'found': found}))})")


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_is_found_is_told_and_nothing_is_left(
    model: Path, tmp_path: Path, temporary: Path
) -> None:
    provider = LocalProvider(home=tmp_path / "home", environ=saying(tmp_path / "first", HOURS))
    found = provider.inspect_job(spec_of(model), IN_MEMORY)
    assert found.seconds == Span(low=1800, high=7200)
    assert found.warnings[-1] == "look out"
    assert listing(temporary) == []
    assert not (tmp_path / "home").exists()


def test_what_looks_reads_the_rows_of_the_draft_and_knows_the_state_folder(
    model: Path, tmp_path: Path, temporary: Path
) -> None:
    code = (
        "import json, pathlib\n"
        "draft, home = map(pathlib.Path, sys.orig_argv[-2:])\n"
        "spec = json.loads((draft / 'spec.json').read_text())\n"
        "names = [spec[f'{name}_file']['id'] for name in ('training', 'validation')]\n"
        "files = [(draft / 'files' / f'{name}.jsonl').read_text() for name in names]\n"
        "told = [str(home), *(str(len(file.splitlines())) for file in files)]\n"
        "print(json.dumps({'found': {'warnings': told}}))"
    )
    provider = LocalProvider(home=tmp_path / "home", environ=answering(tmp_path / "first", code))
    found = provider.inspect_job(spec_of(model), IN_MEMORY)
    assert found.warnings == (str(tmp_path / "home" / "local"), "3", "1")
    assert listing(temporary) == []


def test_rows_that_the_provider_holds_are_read_where_they_are(
    model: Path, tmp_path: Path, temporary: Path
) -> None:
    provider = LocalProvider(home=tmp_path / "home", environ=saying(tmp_path / "first", HOURS))
    held = provider.upload_dataset(datasets.load(ROWS), key="rows")
    spec = spec_of(model, training_file=held, validation_file=None)
    before = listing(tmp_path / "home")
    assert provider.inspect_job(spec, Rows(training=None)).seconds is not None
    with pytest.raises(NotFoundError, match="there is no dataset file 'not-uploaded-yet'"):
        provider.inspect_job(spec_of(model), Rows(training=None))
    assert (listing(tmp_path / "home"), listing(temporary)) == (before, [])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ('print(\'{"failure": {"code": "wrong_row", "message": "line 2"}}\')', DatasetFileError),
        ("print('no answer')", ServerError),
    ],
)
def test_what_would_fail_is_the_error_of_a_create(
    model: Path, tmp_path: Path, temporary: Path, code: str, error: type[FineTuneError]
) -> None:
    provider = LocalProvider(home=tmp_path / "home", environ=answering(tmp_path / "first", code))
    with pytest.raises(error):
        provider.inspect_job(spec_of(model), IN_MEMORY)
    assert listing(temporary) == []
    assert not (tmp_path / "home").exists()


def test_a_program_of_ones_own_tells_nothing(bench: Bench, temporary: Path) -> None:
    found = bench.provider.inspect_job(bench.spec(), Rows(training=None))
    assert (found.training, found.seconds) == (None, None)
    assert found.settings == {"time": "not told: a program of your own trains"}
    assert listing(temporary) == []


def test_a_priced_hour_makes_time_a_cost(model: Path, tmp_path: Path, temporary: Path) -> None:
    settings = ProviderSettings(
        values={"price_per_hour": 3},
        home=tmp_path / "home",
        environ=saying(tmp_path / "first", HOURS),
    )
    with LocalProvider.open(settings) as provider:
        estimate = provider.estimate_cost(spec_of(model), IN_MEMORY)
    assert isinstance(estimate, CostEstimate)
    assert (estimate.low, estimate.high) == (1.5, 6)
    assert "costs 3 US dollars, as `price_per_hour` says" in estimate.source
    assert "30 min to 2 h" in estimate.source
    assert listing(temporary) == []


def test_a_plan_with_a_priced_hour_looks_once(model: Path, tmp_path: Path, temporary: Path) -> None:
    told = json.dumps(json.dumps({"found": HOURS}))
    looks = tmp_path / "looks"
    code = f"open({str(looks)!r}, 'a').write('x')\nprint({told})"
    provider = LocalProvider(
        home=tmp_path / "home", environ=answering(tmp_path / "first", code), price_per_hour=3
    )
    with FineTuneClient(provider) as client:
        plan = client.jobs.plan(model=str(model), training_data=ROWS)
    assert plan.seconds == Span(low=1800, high=7200)
    assert plan.cost is not None
    assert (plan.cost.low, plan.cost.high) == (1.5, 6)
    assert looks.read_text() == "x"
    assert listing(temporary) == []


def test_a_priced_hour_and_no_time_is_no_estimate(
    model: Path, tmp_path: Path, temporary: Path
) -> None:
    found = {"settings": {"time": "not told: why"}}
    provider = LocalProvider(
        home=tmp_path / "home", environ=saying(tmp_path / "first", found), price_per_hour=3
    )
    estimate = provider.estimate_cost(spec_of(model), IN_MEMORY)
    assert isinstance(estimate, NoEstimate)
    assert estimate.reason.endswith("the time is not told: why")
    assert listing(temporary) == []


def test_an_interrupt_leaves_nothing(model: Path, tmp_path: Path, temporary: Path) -> None:
    environ = answering(tmp_path / "first", "import threading; threading.Event().wait(60)")
    program = (
        "import json, sys\n"
        "from finetune_sdk import datasets\n"
        "from finetune_sdk.providers.base import Rows\n"
        "from finetune_sdk.providers.local.provider import LocalProvider\n"
        "from finetune_sdk.types import JobSpec\n"
        "home, spec, environ = sys.argv[1:]\n"
        "rows = Rows(training=datasets.load([{'messages': []}]))\n"
        "provider = LocalProvider(home=home, environ=json.loads(environ))\n"
        "provider.inspect_job(JobSpec.from_json(spec), rows)\n"
    )
    spec = spec_of(model, validation_file=None).to_json()
    words = [sys.executable, "-c", program, str(tmp_path / "home"), spec, json.dumps(environ)]
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    ) as caller:
        try:
            eventually(lambda: bool(_looking(temporary)))
            caller.send_signal(signal.SIGINT)
            _, said = caller.communicate(timeout=30)
        finally:
            caller.kill()
    assert "KeyboardInterrupt" in said
    assert listing(temporary) == []
    # Where the interrupt came while it was started, it ends with its input, a moment later.
    eventually(lambda: not _looking(temporary))


def test_what_a_killed_caller_left_is_cleared_away(
    model: Path, tmp_path: Path, temporary: Path
) -> None:
    for name in ("finetune-draft-old", "finetune-draft-new"):
        (temporary / name / "files").mkdir(parents=True)
    os.utime(temporary / "finetune-draft-old", (0, 0))
    provider = LocalProvider(home=tmp_path / "home", environ=saying(tmp_path / "first", HOURS))
    provider.inspect_job(spec_of(model), IN_MEMORY)
    assert [path.name for path in temporary.iterdir()] == ["finetune-draft-new"]


def test_no_room_for_the_rows_names_the_folder(
    model: Path,
    tmp_path: Path,
    small_disk: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = small_disk(1)
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    rows = Rows(training=datasets.load([{"text": "x" * 2**21}]))
    with pytest.raises(QuotaExceededError, match="name another one with TMPDIR") as caught:
        LocalProvider(home=tmp_path / "home").inspect_job(spec_of(model), rows)
    assert caught.value.code == "disk_full"
    assert listing(disk) == []


def _looking(temporary: Path) -> list[int]:
    return [pid for pid in all_processes() if f"{temporary}/finetune" in command_line(pid)]
