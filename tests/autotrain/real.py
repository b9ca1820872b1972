"""What the tests stand on that train with the real AutoTrain: its environment, and a tiny model."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune_sdk.transport import SYSTEM_CLOCK
from tests.autotrain.spaces import MODEL, Bench, opened
from tests.training.tiny import make_tiny_model

VENV = os.environ.get("FINETUNE_AUTOTRAIN_VENV", "")
needs_autotrain = pytest.mark.skipif(
    not VENV, reason="FINETUNE_AUTOTRAIN_VENV names no environment with AutoTrain 0.8.36"
)


@contextmanager
def real_bench(folder: Path) -> Generator[Bench]:
    """A Hub whose Spaces really run AutoTrain, with a base model that can be trained."""
    with opened(folder, SYSTEM_CLOCK) as bench:
        bench.hub.spaces.autotrain = Path(VENV)
        bench.course(building=0)
        bench.hub.repos.add("model", MODEL, tiny_files(folder / "tiny"))
        yield bench


def tiny_files(folder: Path) -> dict[str, bytes]:
    """A model in the form that transformers 4.48 reads."""
    files = {path.name: path.read_bytes() for path in make_tiny_model(folder).iterdir()}
    words = json.loads(files["tokenizer_config.json"])
    words["tokenizer_class"] = "PreTrainedTokenizerFast"
    words["chat_template"] = files.pop("chat_template.jinja").decode()
    files["tokenizer_config.json"] = json.dumps(words).encode()
    return files


def holding(token: str, folder: Path, but: Sequence[str] = ()) -> list[Path]:
    """The files of a folder that hold the token."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return [path for path in files if token.encode() in path.read_bytes()]
