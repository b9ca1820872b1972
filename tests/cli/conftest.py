"""The command, run in this process, in a project of its own."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from finetune_sdk.cli import main
from tests.cli.account import AccountProvider
from tests.cli.plugin import install
from tests.local.small_jobs import Bench

ROW = '{"messages": [{"role": "user", "content": "a%d"}, {"role": "assistant", "content": "b"}]}\n'
CONFIG = """\
profile = "desk"
[profiles.desk]
provider = "account"
[models.small]
desk = "base-1"
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, object]]:
        """What is on stdout, where that is JSON and nothing else."""
        return [cast("dict[str, object]", json.loads(line)) for line in self.out.splitlines()]


ROOT = Path(__file__).parent.parent.parent
Command = Callable[..., Outcome]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with rows and a config."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(ROW % number for number in range(10)))
    (folder / "finetune.toml").write_text(CONFIG)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AccountProvider:
    """The provider of the project's default profile."""
    place = install(tmp_path / "site", "an-account", account="tests.cli.account:AccountProvider")
    monkeypatch.syspath_prepend(place)  # pyright: ignore[reportUnknownMemberType]
    return AccountProvider.anew()


@pytest.fixture
def finetune(
    project: Path,
    account: AccountProvider,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Runs `finetune` with these words; stdin is no terminal."""

    def run(*words: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(words)
        told = capsys.readouterr()
        return Outcome(code, told.out, told.err)

    return run


@pytest.fixture
def box(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Bench]:
    """Makes `box` the project's profile: real job folders and processes, a trainer of no weight."""
    if sys.platform == "win32":
        pytest.skip("the local provider is for Linux and macOS")
    place = install(tmp_path / "box", "a-box", boxed="tests.local.small_jobs:BoxProvider")
    monkeypatch.syspath_prepend(place)  # pyright: ignore[reportUnknownMemberType]
    # For the processes that a test starts: the package, and these tests.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), str(ROOT)]))
    (project / "finetune.toml").write_text('profile = "box"\n[profiles.box]\nprovider = "boxed"\n')
    bench = Bench(tmp_path / "home")
    yield bench
    bench.clear()
