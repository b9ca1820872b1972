"""The house's own rules: imports, public names, errors that travel."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

import finetune_sdk
from finetune_sdk import errors
from finetune_sdk.types import DatasetReport, Deployment, DeploymentStatus, Job, JobStatus

SOURCE = Path(finetune_sdk.__file__).parent
JOB = Job(id="ftjob-1", provider="fake", status=JobStatus.FAILED, model="base")
HEAVY = ("torch", "transformers", "trl", "openai", "huggingface_hub", "datasets", "peft")


def loaded_after(code: str) -> set[str]:
    """Top-level names in `sys.modules` of a new process that ran the code."""
    report = f"{code}\nimport sys; print('LOADED', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_importing_the_package_loads_no_pydantic_and_no_vendor() -> None:
    loaded = loaded_after("import finetune_sdk")
    assert not loaded & {"pydantic", "msgspec", "rich", "typer", "httpx2", *HEAVY}


def test_a_client_of_the_local_provider_loads_no_vendor() -> None:
    code = "import finetune_sdk as f; list(f.FineTuneClient('local').jobs.list())"
    assert not loaded_after(code) & set(HEAVY)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_client_opens_anew_after_a_fork() -> None:
    code = """
import os
from finetune_sdk import FineTuneClient
client = FineTuneClient("fake")
before = client.provider
child = os.fork()
if not child:
    os._exit(0 if client.provider is not before and client.provider is client.provider else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert client.provider is before
"""
    assert "finetune_sdk" in loaded_after(code)


def test_the_fake_needs_no_pytest() -> None:
    code = "import finetune_sdk as f; list(f.FineTuneClient('fake').jobs.list())"
    assert not loaded_after(code) & {"pytest", *HEAVY}


@pytest.mark.parametrize("arguments", [["--help"], ["--profile", "local", "jobs", "list"]])
def test_the_command_loads_no_vendor(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom finetune_sdk.cli import main\n"
        f"sys.argv = ['finetune', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert not loaded_after(code) & set(HEAVY)


def test_imports_go_one_way() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_public_name_is_there_and_typed() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    typed = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert typed == set(dir(finetune_sdk))
    assert all(hasattr(finetune_sdk, name) for name in typed)
    with pytest.raises(AttributeError):
        getattr(finetune_sdk, "nothing_of_the_kind")  # noqa: B009 - a constant for the checkers


def every_error() -> list[errors.FineTuneError]:
    deployment = Deployment(
        id="d", name="d", provider="fake", status=DeploymentStatus.FAILED, model="m"
    )
    special: list[errors.FineTuneError] = [
        errors.MissingDependencyError("torch", "local"),
        errors.UnsupportedError("no", able=["local"]),
        errors.DatasetValidationError(DatasetReport(file="x", format="chat", rows=1, errors=1)),
        errors.JobFailedError("no", job=JOB),
        errors.JobPausedError("no", job=JOB),
        errors.DeploymentFailedError("no", deployment=deployment),
        errors.ReapError("no", reaped=[deployment], left={"fake:e": "it hangs"}),
        errors.EvaluationStoppedError("no", answered=3, total=8),
        errors.StatusUnavailableError("no", handle="fake:ftjob-1"),
        errors.SubmissionUnknownError("no", submission_id="s"),
        errors.RateLimitError("no", provider="fake", retry_after=3.0),
        errors.InvalidRequestError("no", provider="fake", param="model"),
    ]
    kinds = {type(error) for error in special}
    return special + [plain_error(kind) for kind in vars(errors).values() if is_plain(kind, kinds)]


def is_plain(kind: object, special: Collection[type]) -> bool:
    ours = isinstance(kind, type) and issubclass(kind, errors.FineTuneError)
    return ours and kind not in special


def plain_error(kind: type[errors.FineTuneError]) -> errors.FineTuneError:
    if issubclass(kind, errors.ProviderError):
        return kind("no", provider="fake", code="c", status_code=500, effect="done")
    return kind("no")


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_every_error_pickles_and_copies(error: errors.FineTuneError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_a_value_of_a_newer_version_is_refused_clearly() -> None:
    newer = JOB.to_json().replace('"schema_version":1', '"schema_version":2')
    with pytest.raises(ValueError, match="newer finetune-anywhere"):
        Job.from_json(newer)


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(SOURCE)): count
        for path in SOURCE.rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert not long
