"""The core goes where there is no `fork` and no `fcntl`: Windows, as far as can be tried here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIKE_WINDOWS = """
import asyncio, multiprocessing.context, os, platform, sqlite3, ssl, subprocess, sys, sysconfig
import filelock, msgspec, platformdirs, pydantic, rich.console, rich.progress, tenacity, typer, yaml
import concurrent.futures.thread, importlib.metadata

# What has been loaded so far is of Linux and stays; what is loaded from here on sees Windows.
platform.uname()
sysconfig.get_config_vars()
sys.platform = "win32"
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in (
    "fork", "fchmod", "getegid", "geteuid", "getpgid", "getuid", "kill", "killpg",
    "register_at_fork", "setsid", "waitid", "O_NONBLOCK", "O_NOFOLLOW", "O_DIRECTORY",
):
    if hasattr(os, name):
        delattr(os, name)

import finetune_sdk
for name in dir(finetune_sdk):
    getattr(finetune_sdk, name)
"""

FAKE = """
from finetune_sdk import AsyncFineTuneClient, FineTuneClient
from finetune_sdk.testing import FakeProvider

rows = [{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}]
with open("rows.jsonl", "w", encoding="utf-8", newline="\\r\\n") as file:
    file.write('{"messages": [{"role": "user", "content": "\u00e4?"}, '
               '{"role": "assistant", "content": "\u00f6"}]}\\n')
client = FineTuneClient(FakeProvider())
for data in (rows, "rows.jsonl"):
    assert client.jobs.wait(client.jobs.create(model="any", training_data=data)).fine_tuned_model
client.datasets.load("rows.jsonl").write("again.jsonl")

async def train():
    async with AsyncFineTuneClient(FakeProvider()) as client:
        job = await client.jobs.create(model="any", training_data=rows)
        return (await client.jobs.wait(job)).fine_tuned_model

assert asyncio.run(train())
"""

LOCAL = """
from finetune_sdk import FineTuneClient, UnsupportedError

try:
    FineTuneClient("local")
except UnsupportedError as error:
    assert "WSL" in str(error), error
else:
    raise AssertionError("the local provider opened on Windows")
"""


def run(code: str, folder: Path) -> None:
    words = [sys.executable, "-W", "ignore", "-c", LIKE_WINDOWS + code]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def test_the_core_trains_on_the_fake(tmp_path: Path) -> None:
    run(FAKE, tmp_path)


def test_the_local_provider_says_where_it_runs(tmp_path: Path) -> None:
    run(LOCAL, tmp_path)


def test_the_command_goes(tmp_path: Path) -> None:
    run(
        "from finetune_sdk.cli import main\n"
        "sys.argv = ['finetune', '--version']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code",
        tmp_path,
    )
