"""An export that lacks nothing."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

from finetune_sdk import ExportedJob, Lineage
from tests.exporting.places import ROWS, VALID

PARTS = {
    "recipe.yaml",
    "job.json",
    "training.jsonl",
    "validation.jsonl",
    "metrics.csv",
    "events.jsonl",
    "checkpoints.jsonl",
    "lineage.json",
}


def check_whole(made: ExportedJob) -> Lineage:
    """All parts are there, and the lineage says of each file what is true."""
    folder = Path(made.folder)
    assert made.lineage.gaps == ()
    assert {path.name for path in folder.iterdir()} == PARTS
    for file in made.lineage.files:
        whole = (folder / file.name).read_bytes()
        assert file.digest == hashlib.sha256(whole).hexdigest()
        assert (file.bytes, file.rows) == (len(whole), len(whole.splitlines()))
    assert _rows_of(folder / "training.jsonl") == list(ROWS)
    assert _rows_of(folder / "validation.jsonl") == list(VALID)
    assert _rows_of(folder / "events.jsonl")
    assert _rows_of(folder / "checkpoints.jsonl")
    with (folder / "metrics.csv").open(newline="") as file_:
        assert "loss" in {row["name"] for row in csv.DictReader(file_)}
    assert Lineage.from_json((folder / "lineage.json").read_text()) == made.lineage
    return made.lineage


def _rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
