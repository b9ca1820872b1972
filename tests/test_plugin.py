"""A provider of somebody else's: it is the one that the page builds, and works like ours.

`tests/plugin` is a package of its own. It is installed here with the real pip into environments of
their own, and run in processes of their own.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.cli.plugin import install
from tests.environments import Environment

if TYPE_CHECKING:
    from standin import Inkwell

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the page is for shells of Unix")

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "tests" / "plugin"
PAGE = ROOT / "docs" / "adding-a-provider.md"
LITTER = ("__pycache__", ".pytest_cache", ".hypothesis", "dist")

_BLOCK = re.compile(
    r"^(?P<fence>`{3,})(?P<kind>\w+)(?: title=\"(?P<path>[^\"]+)\")?\n(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_TROUBLE = re.compile(r"^(error:|broken )", re.MULTILINE)
_PUBLIC = re.compile(r"^\| `(finetune_sdk[\w.]*)` \|", re.MULTILINE)


class Block(NamedTuple):
    """A block of the page: a piece of the file at `path`, or what is typed and printed."""

    kind: str
    path: str | None
    text: str


def blocks() -> Iterator[Block]:
    for found in _BLOCK.finditer(PAGE.read_text()):
        yield Block(found["kind"], found["path"], found["text"])


def commands(console: str) -> Iterator[tuple[str, str]]:
    """What is typed in a console, and what it prints."""
    for typed in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, printed = typed.partition("\n")
        yield command, printed


def prints(got: str, want: str) -> bool:
    """As a doctest compares: `...` is anything, and one blank is as good as another."""
    return OutputChecker().check_output(want, got, ELLIPSIS | NORMALIZE_WHITESPACE)


def lines(text: str) -> list[str]:
    """Without blank ones: between two pieces of a file there may be any number."""
    return [line for line in text.splitlines() if line.strip()]


def plugin_files() -> dict[str, Path]:
    found = {path.relative_to(PLUGIN).as_posix(): path for path in PLUGIN.rglob("*")}
    return {
        name: path
        for name, path in found.items()
        if path.is_file() and not set(Path(name).parts) & set(LITTER)
    }


def source() -> dict[str, str]:
    return {name: path.read_text() for name, path in plugin_files().items() if name.endswith(".py")}


# The page


def test_the_pieces_of_the_page_are_the_package() -> None:
    told: dict[str, list[str]] = {}
    for block in blocks():
        if block.path is not None:
            told.setdefault(block.path, []).extend(lines(block.text))
    there = {name: lines(path.read_text()) for name, path in plugin_files().items()}
    assert there.pop("src/finetune_inkwell/py.typed") == []
    assert told == there


def test_each_step_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    environment, folder = Environment(tmp_path / "environment"), tmp_path / "finetune-inkwell"
    typed: list[str] = []
    for block in blocks():
        if block.path is not None:
            file = folder / block.path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as piece:
                piece.write(block.text + "\n")
        elif block.kind == "console":
            for command, printed in commands(block.text):
                typed.append(command)
                done = environment.run(command, cwd=folder)
                shown = f"$ {command}\n{done.stdout}"
                assert prints(done.stdout, printed), shown
                assert bool(done.returncode) == bool(_TROUBLE.search(printed)), shown
    # The laws and its own tests are among them.
    assert [command for command in typed if command.startswith("pytest")]


# What it stands on


def imports(text: str) -> Iterator[tuple[str, str | None]]:
    """Modules of ours that a file imports, with the names that it takes of them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


@pytest.mark.parametrize("name", sorted(source()))
def test_it_imports_only_what_is_public(name: str) -> None:
    public = set(_PUBLIC.findall(PAGE.read_text()))
    for module, taken in imports(source()[name]):
        if module.partition(".")[0] != "finetune_sdk":
            continue
        assert module in public
        assert taken is not None
        offered = getattr(import_module(module), "__all__", None)
        assert taken in offered if offered else not taken.startswith("_")


def test_what_the_page_calls_public_is_there() -> None:
    public = _PUBLIC.findall(PAGE.read_text())
    assert len(public) == len(set(public))
    for module in public:
        assert import_module(module).__doc__


def test_every_mix_in_is_on_the_page() -> None:
    offered: list[str] = import_module("finetune_sdk.providers.base").__all__
    mix_ins = {name for name in offered if name.startswith("Can")}
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `Can")]
    assert set(re.findall(r"`(Can\w+)`", "".join(rows))) == mix_ins


def test_the_provider_has_at_most_150_lines() -> None:
    package = {name: text for name, text in source().items() if name.startswith("src/")}
    assert sum(code_lines(text) for text in package.values()) <= 150


def code_lines(text: str) -> int:
    """Lines that are neither blank, nor a comment, a docstring or an import."""
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    counted = enumerate(text.splitlines(), 1)
    return sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for number, line in counted
        if number not in left_out
    )


# Installed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the built wheel of the package in it."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source", ignore=shutil.ignore_patterns(*LITTER))
    environment = Environment(folder / "environment")
    done = environment.run("pip install ./source", cwd=folder)
    assert "Successfully installed finetune-inkwell-0.1.0" in done.stdout, done.stdout
    return environment


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inkwell]:
    monkeypatch.syspath_prepend(PLUGIN / "tests")  # pyright: ignore[reportUnknownMemberType]
    from finetune_sdk.testing import VirtualClock
    from standin import Inkwell

    with Inkwell(VirtualClock()) as running:
        yield running


PROFILE = """
profile = "ink"
[profiles.ink]
provider = "inkwell"
base_url = "{url}"
api_key_env = "OUR_KEY"
[models.small]
ink = "quill-7b"
"""
KEY = "ink-key-of-a-test-0123456789"
LIST = """
import asyncio
from finetune_sdk import AsyncFineTuneClient

async def main():
    async with AsyncFineTuneClient("ink") as client:
        async for job in client.jobs.list():
            print(job.handle, job.status.value)

asyncio.run(main())
"""
PLAN = """
from finetune_sdk import FineTuneClient, Supervised, UnsupportedError
row = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
method = Supervised(learning_rate=1e-4)
try:
    FineTuneClient("openai").jobs.plan(model="any", training_data=[row] * 10, method=method)
except UnsupportedError as error:
    print(error)
"""
ROW = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}


def test_the_command_line_makes_a_job_by_a_profile(
    installed: Environment, service: Inkwell, tmp_path: Path
) -> None:
    (tmp_path / "finetune.toml").write_text(PROFILE.format(url=service.url))
    (tmp_path / "train.jsonl").write_text((json.dumps(ROW) + "\n") * 10)

    def finetune(words: str) -> str:
        done = installed.run(f"finetune {words}", cwd=tmp_path, OUR_KEY=KEY)
        assert done.returncode == 0, done.stdout
        assert KEY not in done.stdout
        return done.stdout

    assert "ink:st-1" in finetune(
        "jobs create --model small --training-data train.jsonl --epochs 2"
    )
    assert service.studies["st-1"].body["base"] == "quill-7b"
    service.clock.advance(3600)
    assert "succeeded" in finetune("jobs show ink:st-1")
    (tmp_path / "listed.py").write_text(LIST)
    listed = installed.run("python listed.py", cwd=tmp_path, OUR_KEY=KEY)
    assert listed.stdout.splitlines() == ["ink:st-1 succeeded"]
    doctor = finetune("doctor")
    assert "provider inkwell" in doctor
    assert "of `finetune-inkwell` 0.1.0" in doctor
    assert "none runs" in doctor


def test_a_profile_sends_the_key_to_no_host_that_nobody_trusts(
    installed: Environment, tmp_path: Path
) -> None:
    (tmp_path / "finetune.toml").write_text(PROFILE.format(url="https://elsewhere.example/v1"))
    done = installed.run("finetune jobs list", cwd=tmp_path, OUR_KEY=KEY)
    assert done.returncode == 1
    assert "finetune trust elsewhere.example" in done.stdout


def test_errors_of_others_name_it_where_it_can(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(PLAN)
    done = installed.run("python plan.py", cwd=tmp_path)
    assert "does not support `learning_rate`" in done.stdout
    assert "inkwell" in done.stdout.rpartition("these can:")[2]


# Broken

BROKEN: Mapping[str, tuple[str, str]] = {
    "at-import": ("raise RuntimeError('sk-' + 'a' * 20)", "RuntimeError: [redacted]"),
    "no-module": ("import a_package_that_is_not_there", "ModuleNotFoundError"),
    "no-extra": (
        "from finetune_sdk.errors import MissingDependencyError\n"
        "raise MissingDependencyError('inkwell-fast', None)",
        "pip install inkwell-fast",
    ),
    "no-class": ("class Provider: ...", "no subclass of FineTuneProvider"),
    "no-capabilities": (
        "from finetune_sdk.testing import FakeProvider\n"
        "class Provider(FakeProvider):\n    capabilities = {'supervised': True}",
        "Provider.capabilities is no Capabilities",
    ),
    "no-name": (
        "from finetune_sdk.testing import FakeProvider\n"
        "class Provider(FakeProvider):\n    name = None",
        "Provider.name is no str",
    ),
    "no-methods": (
        "from finetune_sdk.testing import FakeProvider\n"
        "from finetune_sdk.providers.base import FineTuneProvider\n"
        "class Provider(FineTuneProvider):\n"
        "    name, capabilities = 'no-methods', FakeProvider.capabilities\n"
        "    @classmethod\n    def open(cls, settings): return cls()",
        "broken_no_methods:Provider lacks `cancel_job`, `close`",
    ),
    "at-opening": (
        "from finetune_sdk.testing import FakeProvider\n"
        "class Provider(FakeProvider):\n"
        "    @classmethod\n    def open(cls, settings): raise KeyError('sk-' + 'a' * 20)",
        "cannot be opened: KeyError: '[redacted]'",
    ),
    "no-provider": (
        "from finetune_sdk.testing import FakeProvider\n"
        "class Provider(FakeProvider):\n"
        "    @classmethod\n    def open(cls, settings): return None",
        "gave NoneType and no provider",
    ),
}
OPEN_ALL = """
import json, sys
from finetune_sdk import FineTuneClient
from finetune_sdk.errors import FineTuneError
found = {}
for name in sys.argv[1:]:
    try:
        with FineTuneClient(name):
            found[name] = "good"
    except FineTuneError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with a package for each way to be broken, and two that want others' names."""
    environment = Environment(tmp_path_factory.mktemp("broken") / "environment")
    for name, (code, _) in BROKEN.items():
        module = f"broken_{name.replace('-', '_')}"
        (environment.site / f"{module}.py").write_text(code)
        install(environment.site, f"a-{name}", **{name: f"{module}:Provider"})
    fake = "finetune_sdk.testing.fake:FakeProvider"
    install(environment.site, "a-thief", local=fake)
    install(environment.site, "a-rival", wanted=fake)
    install(environment.site, "another-rival", wanted=fake)
    return environment


def test_what_is_broken_is_one_clear_error_and_harms_no_other(
    crowded: Environment, tmp_path: Path
) -> None:
    (tmp_path / "open.py").write_text(OPEN_ALL)
    names = [*BROKEN, "wanted", "fake", "local"]
    done = crowded.run(f"python open.py {' '.join(names)}", cwd=tmp_path)
    found: dict[str, str] = json.loads(done.stdout)
    for name, (_, why) in BROKEN.items():
        assert why in found[name]
    for name in ("at-import", "no-module", "no-class", "no-capabilities", "no-name"):
        assert f"`a-{name}`" in found[name]
    assert "`a-rival` and `another-rival`" in found["wanted"]
    assert found["fake"] == found["local"] == "good"


def test_the_doctor_tells_of_all_of_them_and_goes_on(crowded: Environment, tmp_path: Path) -> None:
    done = crowded.run("finetune doctor --profile fake --json", cwd=tmp_path)
    told = {finding["what"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0
    assert told["provider at-import"]["status"] == "note"
    assert "`a-thief` claims this name" in told["provider local"]["detail"]
    assert "uninstall all but one" in told["provider wanted"]["detail"]
    mine = crowded.run("finetune doctor --profile at-import", cwd=tmp_path)
    assert mine.returncode == 1
    assert re.search(r"broken +provider at-import", mine.stdout)
