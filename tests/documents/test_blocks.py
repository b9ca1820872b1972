"""Every code block of every page runs, loads or parses: what a reader copies works.

Where a page says `local`, `openai` or another profile, that is here a profile of a fake: the same
one-word change that a reader would make. What cannot be run bears a mark with its reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from finetune_sdk import DatasetReport, FineTuneClient
from finetune_sdk.cli import recipe
from finetune_sdk.cli.app import app, hoisted
from finetune_sdk.config import load_file
from finetune_sdk.testing import FakeProvider
from tests.documents import desk
from tests.documents.blocks import BUILT, PAGES, ROOT, Block, Command, blocks, commands, name

NOT_RUN = 6
READ = [page for page in PAGES if name(page) not in BUILT]
LANGUAGES = {"python", "toml", "yaml", "json", "console", "text"}
METHODS = ("supervised", "dpo", "kto", "reinforcement")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
OTHERS = {"ray", "hf", "git", "cd", "az", "pytest"}
"""Programs of others that pages name."""


def having(*languages: str) -> list[Path]:
    return [page for page in READ if any(block.language in languages for block in blocks(page))]


@pytest.mark.parametrize("page", having("python"), ids=name)
def test_every_python_block_runs(page: Path, tmp_path: Path) -> None:
    desk.lay(tmp_path, blocks(page), provider="fake")
    code = [block.text for block in blocks(page, "python") if block.title is None]
    (tmp_path / "page.py").write_text("\n".join(code))
    python(tmp_path, "page.py")
    if any((block.title or "").startswith("test_") for block in blocks(page, "python")):
        python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def python(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=folder,
        env=desk.environment(folder, {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", having("console"), ids=name)
def test_every_command_is_one_and_ends_as_the_page_says(page: Path, tmp_path: Path) -> None:
    desk.lay(tmp_path, blocks(page), provider="kept")
    desk.exported(tmp_path)
    lines: list[Sequence[str]] = []
    wanted: list[int] = []
    said: dict[str, str] = {}
    for block in blocks(page, "console"):
        typed = commands(block)
        for command in typed:
            check(command)
        if block.not_run is None:
            mine = [one.words for one in typed if one.words[0] == "finetune"]
            lines += mine
            wanted += [0] * (len(mine) - 1) + [block.exit_code] * bool(mine)
            said |= exports(tmp_path, typed)
    ended = desk.typed(tmp_path, lines, said)
    wrong = [
        f"{' '.join(line)}: {code}, not {due}"
        for line, code, due in zip(lines, ended, wanted, strict=True)
        if code != due
    ]
    assert not wrong


def exports(folder: Path, typed: Sequence[Command]) -> dict[str, str]:
    pairs = [one.words[1].split("=", 1) for one in typed if one.words[0] == "export"]
    said = dict(pair for pair in pairs if pair[0].startswith("FINETUNE_"))
    return {key: str(folder / value) for key, value in said.items()}


def check(command: Command) -> None:
    """A line is a command of ours with options that it has, or names what there is."""
    program, *words = command.words
    checks: Mapping[str, Callable[[list[str]], None]] = {
        "finetune": parse,
        "pip": check_pip,
        "make": check_make,
        "python": check_program,
        "export": lambda _: None,
    }
    assert program in checks or program in OTHERS, command.words
    if program in checks:
        checks[program](words)


def parse(words: list[str]) -> None:
    tree: Any = typer.main.get_command(app)
    context = tree.make_context("finetune", hoisted(words))
    while hasattr(tree, "commands"):
        step, tree, words = tree.resolve_command(context, [*context._protected_args, *context.args])
        context = tree.make_context(step, words, parent=context)


def check_pip(words: list[str]) -> None:
    extras = re.findall(r"\[([\w,]+)\]", " ".join(words))
    known = PROJECT["project"]["optional-dependencies"]
    assert all(extra in known for found in extras for extra in found.split(","))


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert words[0] in targets


def check_program(words: list[str]) -> None:
    assert words[0] == "-m" or (ROOT / words[0]).exists(), words


@pytest.mark.parametrize("page", having("toml"), ids=name)
def test_every_config_loads(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "toml"):
        path = tmp_path / (block.title or "finetune.toml")
        path.write_text(block.text)
        if path.name == "pyproject.toml":
            tomllib.loads(block.text)
        else:
            load_file(path)


@pytest.mark.parametrize("page", having("yaml"), ids=name)
def test_every_recipe_is_read_and_every_workflow_calls_what_there_is(
    page: Path, tmp_path: Path
) -> None:
    for block in blocks(page, "yaml"):
        path = tmp_path / (block.title or "recipe.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        if ".github" in path.parts:
            check_workflow(yaml.safe_load(block.text))
        else:
            recipe.load(path)


def check_workflow(workflow: Mapping[str, Any]) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    lines = [step["run"] for step in steps if "run" in step]
    assert lines
    for line in lines:
        block = Block("console", None, line, ("", ""), 0)
        for command in commands(block):
            check(command)


@pytest.mark.parametrize("page", having("json"), ids=name)
def test_every_row_is_found_to_be_what_the_page_says(page: Path) -> None:
    with FineTuneClient(FakeProvider()) as client:
        for block in blocks(page, "json"):
            rows = list(documents(block.text))
            wanted = {block.marks[1]} if block.marks[0] == "finds" else set[str]()
            found = [errors(client.datasets.check(rows, method=method)) for method in METHODS]
            assert wanted in found, (block.line, found)


def errors(report: DatasetReport) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity == "error"}


def documents(text: str) -> list[dict[str, object]]:
    decoder, found, rest = json.JSONDecoder(), list[dict[str, object]](), text.strip()
    while rest:
        one, end = decoder.raw_decode(rest)
        found.append(one)
        rest = rest[end:].strip()
    return found


def test_every_block_says_what_it_is_written_in() -> None:
    for page in READ:
        text = page.read_text()
        fences = re.findall(r"^ *```(.*)$", text, re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), f"{name(page)}: a block that nobody reads"
        assert {block.language for block in blocks(page)} <= LANGUAGES, name(page)


def test_what_is_not_run_has_a_reason_and_is_counted() -> None:
    marked = [block.not_run for page in READ for block in blocks(page) if block.not_run is not None]
    assert all(marked)
    assert len(marked) == NOT_RUN
