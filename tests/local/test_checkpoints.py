"""Manifests of checkpoints that are torn, or that somebody else has written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.jobs import checkpoints

WHOLE = {
    "step": 2,
    "created_at": "2026-01-01T00:00:00Z",
    "files": {"model.safetensors": 7},
    "model": ["model.safetensors"],
}

DEEP = 200_000


def make(path: Path, manifest: str) -> None:
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    (path / "manifest.json").write_text(manifest, encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"step": 10**12 + 1},
        {"epoch": float("nan")},
        {"score": float("inf")},
        {"metrics": {"loss": float("nan")}},
        {"files": {}},
        {"files": {"": 7}},
        {"files": {".": 4096}},
        {"files": {"../outside": 7}},
        {"files": {"folder/../../outside": 7}},
        {"files": {"model\0.safetensors": 7}},
        {"files": {"model\ud800.safetensors": 7}},
        {"model": ["../outside"]},
        {"model": ["/etc/hostname"]},
    ],
    ids=repr,
)
def test_a_manifest_that_cannot_be_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    make(tmp_path / "checkpoint-1", json.dumps(WHOLE))
    (tmp_path / "outside").write_bytes(b"weights")
    make(tmp_path / "checkpoint-2", json.dumps({**WHOLE, **change}))
    (tmp_path / "checkpoint-2" / "folder").mkdir()

    assert [one.path.name for one in checkpoints.complete(tmp_path)] == ["checkpoint-1"]


def test_a_manifest_names_no_file_by_its_whole_path(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"weights")
    make(tmp_path / "checkpoint-1", json.dumps({**WHOLE, "files": {str(outside): 7}}))

    assert checkpoints.complete(tmp_path) == []


def test_a_manifest_that_is_nested_too_deeply_is_none(tmp_path: Path) -> None:
    make(tmp_path / "checkpoint-1", "[" * DEEP + "]" * DEEP)

    assert checkpoints.complete(tmp_path) == []
    with pytest.raises(ValueError, match="nested too deeply"):
        files.read_json(tmp_path / "checkpoint-1" / "manifest.json")
