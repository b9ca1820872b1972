"""The tutorial, typed line by line on the real weights. It takes minutes: `make test-long`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, Command, blocks, commands
from tests.support import needs_weights

PAGE = ROOT / "docs" / "tutorial.md"
HANDLE = re.compile(r"ftjob-[0-9a-f]{16}")
NUMBER = r"\d[\d.:]*"
LOOSE = re.compile(rf"({HANDLE.pattern}|\.\.\.|{NUMBER})")
LOSS = re.compile(r"validation loss ([\d.]+)")
# Chosen for the machine, with other reasons elsewhere.
CHOSEN = ("time", "memory", "precision", "gradient_checkpointing", "server")
# Seven minutes of questions, which the quickstart asks.
ELSEWHERE = ("compare",)
Type = Callable[[Sequence[str]], str]


@pytest.fixture
def type_(tmp_path: Path) -> Type:
    """Types a command at a new user's desk, and gives what it prints."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    environ: Mapping[str, str] = {**os.environ, "OMP_NUM_THREADS": "1"}

    def typed(words: Sequence[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "finetune_sdk.cli", *words],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return typed


@pytest.mark.long
@pytest.mark.timeout(2400)
@needs_weights
def test_the_tutorial_goes_as_the_page_says(type_: Type) -> None:
    job, printed = "", ""
    for command in typed_lines():
        words = [HANDLE.sub(job, word) if job else word for word in command.words[1:]]
        here = type_(words)
        check(command, here)
        printed += here
        if words[0] == "run":
            job = HANDLE.findall(here)[0]
    first, second = map(float, LOSS.findall(printed))
    assert second < first < 0.3


def typed_lines() -> list[Command]:
    lines = [one for block in blocks(PAGE, "console") for one in commands(block)]
    ours = [one for one in lines if one.words[0] == "finetune" and one.words[1] not in ELSEWHERE]
    assert len(ours) >= 8
    return ours


def check(command: Command, printed: str) -> None:
    """Each line of the page is there in its order, whatever the numbers are."""
    rest = iter(printed.splitlines())
    for line in command.output.splitlines():
        wanted = shape(line)
        assert any(wanted.fullmatch(one.rstrip()) for one in rest), f"{line}\n\nin\n\n{printed}"


def shape(line: str) -> re.Pattern[str]:
    name, *_ = line.split(" ")
    if name in CHOSEN:
        return re.compile(f"{name} .*")
    return re.compile("".join(map(likeness, LOOSE.split(line))))


def likeness(part: str) -> str:
    if HANDLE.fullmatch(part):
        return HANDLE.pattern
    if part == "...":
        return ".*"
    return NUMBER if re.fullmatch(NUMBER, part) else re.escape(part)
