"""A reader's desk: a folder with what the pages speak of, and profiles that are all fakes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from finetune_sdk import FineTuneClient
from finetune_sdk.testing import FakeProvider
from tests.cli.plugin import install
from tests.documents.blocks import ROOT, Block

PROFILES = ("local", "openai", "hub", "azure-eu", "openai-like", "desk", "cloud", "gpu-box", "test")
DEFAULT = """profile = "local"
[models.small]
{provider} = "any"
"""
EXPORTED = """[models."gpt-4.1-mini-2025-04-14"]
fake = "gpt-4.1-mini-2025-04-14"
kept = "gpt-4.1-mini-2025-04-14"
"""
RECIPE = """model: small
training_data: examples/recipes/train.jsonl
"""
AUTOTRAIN = """task: llm-sft
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
project_name: recipes
log: tensorboard
backend: local
data:
  path: examples/recipes
  train_split: train
  valid_split: null
  chat_template: tokenizer
  column_mapping:
    text_column: messages
"""
PAIR = {"prompt": "Hello", "chosen": "Hello! How can I help?", "rejected": "What."}
_PROVIDER = re.compile(r'^provider = "\w+"', re.MULTILINE)
_SETTING = re.compile(r"^(?!profile|provider|priced_as)\w+ = .*\n", re.MULTILINE)


def lay(folder: Path, blocks: Iterable[Block], *, provider: str) -> None:
    """Puts on the desk what a page gives a name, and what it takes for given.

    Args:
        provider: what all profiles are of: `fake`, or one that a test brings.
    """
    _given(folder)
    profiles = (f'[profiles.{name}]\nprovider = "{provider}"\n' for name in PROFILES)
    config = DEFAULT.format(provider=provider) + EXPORTED + "".join(profiles)
    for block in blocks:
        if block.title is not None:
            text = _put(folder / block.title, block.text, provider)
            config = text if block.title == "finetune.toml" else config
    (folder / "fakes.toml").write_text(config)


def _given(folder: Path) -> None:
    """What pages speak of without showing it."""
    shutil.copytree(ROOT / "examples", folder / "examples", dirs_exist_ok=True)
    for name, source in (("train", "train"), ("mine", "train"), ("test", "test")):
        shutil.copy(ROOT / f"examples/recipes/{source}.jsonl", folder / f"{name}.jsonl")
    pairs = [{**PAIR, "prompt": f"{PAIR['prompt']} {number}"} for number in range(10)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    for name in ("recipe.yaml", "recipes.yaml"):
        (folder / name).write_text(RECIPE)
    (folder / "my-autotrain.yaml").write_text(AUTOTRAIN)


def _put(path: Path, text: str, provider: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    is_config = path.suffix == ".toml" and path.name != "pyproject.toml"
    kept = faked(text, provider) if is_config else text
    path.write_text(kept)
    return kept


def faked(config: str, provider: str) -> str:
    """A page's config, with every profile turned into a fake: the one-word change of a reader."""
    head, mark, models = config.partition("[models")
    return _SETTING.sub("", _PROVIDER.sub(f'provider = "{provider}"', head)) + mark + models


def exported(folder: Path) -> None:
    """A job that was taken out of a provider, as pages call it."""
    with FineTuneClient(FakeProvider()) as client:
        job = client.jobs.create(
            model="gpt-4.1-mini-2025-04-14",
            training_data=ROOT / "examples/recipes/train.jsonl",
        )
        made = client.jobs.export(client.jobs.wait(job, progress=False), folder / "exported")
    Path(made.folder).rename(folder / "exported" / "ftjob-abc")


def environment(folder: Path, said: Mapping[str, str]) -> dict[str, str]:
    """That of a reader who sits at the desk."""
    site = folder / "site"
    if not site.exists():
        install(site, "a-kept-fake", kept="tests.documents.kept:KeptFake")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)]),
        "FINETUNE_CONFIG": str(folder / "fakes.toml"),
        "HOME": str(folder),
        "COLUMNS": "100",
        **said,
    }


def typed(folder: Path, lines: Sequence[Sequence[str]], said: Mapping[str, str]) -> list[int]:
    """Runs commands of `finetune`, and says how each ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.documents.kept"],
        cwd=folder,
        env=environment(folder, said),
        input="".join(json.dumps(line[1:]) + "\n" for line in lines),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ended: list[int] = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(done.stdout + done.stderr)
    return ended
