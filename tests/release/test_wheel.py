"""The wheel installed by pip with each extra, as users install it: `make test-wheel`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.release import places
from tests.release.building import Built
from tests.release.conftest import ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        os.environ.get("FINETUNE_WHEELS") != "pip", reason="downloads: run `make test-wheel`"
    ),
]
EXTRAS = sorted(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
)


@pytest.fixture(scope="session")
def with_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the build of torch that was chosen: shared, or it would be there thrice."""
    folder = tmp_path_factory.mktemp("torch")
    pip(sys.executable, "--target", str(folder), os.environ["TORCH"])
    return folder


def pip(python: Path | str, *words: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def needs_torch(extra: str) -> bool:
    return "local" in places.BRINGS[extra]


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_what_pip_installs_keeps_its_promises(
    built: Built, tmp_path: Path, extra: str, request: pytest.FixtureRequest
) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    if needs_torch(extra):
        site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
        torch = request.getfixturevalue("with_torch")
        (site / "torch.pth").write_text(f"{torch}\n")
    pip(python, f"{built.wheel}[{extra}]" if extra else str(built.wheel))
    subprocess.run([str(python), "-m", "pip", "check"], check=True)
    assert places.probe(python, tmp_path / "away") == places.expected(extra)
    doctor = [str(python.parent / "finetune"), "--profile", "fake", "doctor"]
    environ = {"PATH": os.environ["PATH"], "FINETUNE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        doctor, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stdout + done.stderr
    for name in places.BRINGS[extra]:
        assert re.search(rf"^ok +extra {name} ", done.stdout, re.MULTILINE), done.stdout
