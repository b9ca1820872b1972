"""A job on a dataset of the Hub: its rows come along, so that the recipe runs elsewhere."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Generator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import ExportedJob, FineTuneClient, HubDataset, Job
from finetune_sdk.cli import recipe as recipes
from finetune_sdk.testing import FakeProvider
from tests.autotrain.on_jobs import ROWS, VALID, Bench, opened

Files = Mapping[str, bytes]
SAID = {"timeout": 3600, "hardware": "t4-small"}

CARD = """\
---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: ["data/test-*", "more/*.jsonl"]
- config_name: small
  data_dir: tiny
  data_files: "*.jsonl"
---
"""


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path / "hub") as found:
        yield found


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with bench.client() as opened_:
        yield opened_


def lines(rows: Sequence[Mapping[str, object]], end: str = "\n") -> bytes:
    return ("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + end).encode()


def table(rows: Sequence[Mapping[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows[0])
    writer.writerows([json.dumps(row[name]) for name in row] for row in rows)
    return text.getvalue().encode()


def parquet(rows: Sequence[Mapping[str, object]]) -> bytes:
    arrow, parquet_ = import_module("pyarrow"), import_module("pyarrow.parquet")
    target = io.BytesIO()
    parquet_.write_table(arrow.Table.from_pylist(list(rows)), target)
    return target.getvalue()


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def learned(
    bench: Bench, client: FineTuneClient, files: Files, *, private: bool = False, **words: Any
) -> Job:
    """A finished job on a dataset with these files."""
    bench.hub.repos.add("dataset", "alice/rows", files, private=private)
    given = {"training_data": HubDataset("alice/rows"), "options": SAID, **words}
    return bench.wait(client, bench.create(client, **given))


def exported(client: FineTuneClient, job: Job, folder: Path) -> ExportedJob:
    return client.jobs.export(job, folder / "out")


@pytest.mark.parametrize(
    "files",
    [
        {"train.jsonl": lines(ROWS)},
        {"data/train.ndjson": b"\xef\xbb\xbf" + lines(ROWS, end="")},
        {"train.json": json.dumps(ROWS).encode()},
        {"train.csv": table(ROWS)},
        {"data/train-00000-of-00001.parquet": parquet(ROWS)},
        {"train.jsonl.gz": gzip.compress(lines(ROWS))},
        {"train-0.jsonl": lines(ROWS[:5], end=""), "train-1.jsonl": lines(ROWS[5:])},
        {"train/a.csv": table(ROWS[:5]), "train/b.parquet": parquet(ROWS[5:])},
        {
            "README.md": CARD.encode(),
            "data/train-0.parquet": parquet(ROWS),
            "data/test-0.parquet": parquet(VALID),
        },
    ],
    ids=["jsonl", "ndjson", "json", "csv", "parquet", "packed", "shards", "mixed", "card"],
)
@pytest.mark.parametrize("private", [True, False])
def test_its_rows_come_out_and_run_elsewhere(
    bench: Bench, client: FineTuneClient, files: Files, tmp_path: Path, *, private: bool
) -> None:
    job = learned(bench, client, files, private=private)
    made = exported(client, job, tmp_path)
    assert made.lineage.gaps == ()
    assert made.lineage.files[0].rows == len(ROWS)
    assert rows_of(Path(made.folder, "training.jsonl")) == list(ROWS)
    fake = FakeProvider()
    with FineTuneClient(fake) as elsewhere:
        recipe = recipes.load(Path(made.folder, "recipe.yaml"), model="any")
        again = recipes.create(elsewhere, recipe)
        assert again.training_file is not None
        assert list(fake.uploads[again.training_file.id]) == list(ROWS)


def test_lines_come_out_as_they_lie_there(
    bench: Bench, client: FineTuneClient, tmp_path: Path
) -> None:
    raw = lines(ROWS).replace(b'": "', b'":   "')
    made = exported(client, learned(bench, client, {"train.jsonl": raw}), tmp_path)
    assert Path(made.folder, "training.jsonl").read_bytes() == raw


def test_each_split_is_another_file(bench: Bench, client: FineTuneClient, tmp_path: Path) -> None:
    files = {"README.md": CARD.encode(), "data/train-0.jsonl": lines(ROWS)}
    more = {"data/test-0.jsonl": lines(VALID[:1]), "more/x.jsonl": lines(VALID[1:])}
    job = learned(
        bench,
        client,
        {**files, **more},
        validation_data=HubDataset("alice/rows", split="test"),
    )
    made = exported(client, job, tmp_path)
    assert rows_of(Path(made.folder, "validation.jsonl")) == list(VALID)


def test_a_subset_that_the_card_names(bench: Bench, client: FineTuneClient, tmp_path: Path) -> None:
    files = {
        "README.md": CARD.encode(),
        "tiny/a.jsonl": lines(ROWS),
        "data/train-0.jsonl": lines(VALID),
    }
    subset = HubDataset("alice/rows", config="small")
    made = exported(client, learned(bench, client, files, training_data=subset), tmp_path)
    assert rows_of(Path(made.folder, "training.jsonl")) == list(ROWS)


def test_rows_that_changed_since_are_those_of_the_job(
    bench: Bench, client: FineTuneClient, tmp_path: Path
) -> None:
    job = learned(bench, client, {"train.jsonl": lines(ROWS)})
    repo = bench.hub.repos["dataset", "alice/rows"]
    commit = repo.head.sha
    bench.hub.repos.commit(repo, {"train.jsonl": lines(VALID)})
    made = exported(client, job, tmp_path)
    assert rows_of(Path(made.folder, "training.jsonl")) == list(ROWS)
    assert made.lineage.files[0].id == f"alice/rows?revision={commit}"


@pytest.mark.parametrize(
    ("files", "words", "why"),
    [
        ({"train.tar": b"x"}, {}, "is in no format that is read here"),
        ({"train.jsonl.xz": b"x"}, {}, "is in no format that is read here"),
        ({"a.jsonl": lines(ROWS)}, {"config": "en"}, "`train of en` is not told"),
        ({"train.parquet": b"PAR1"}, {}, "cannot be read"),
        ({"train.jsonl": lines(ROWS), "test.json": b"["}, {"split": "test"}, "cannot be read"),
    ],
    ids=["strange", "xz", "subset", "broken", "json"],
)
def test_rows_that_cannot_be_read_are_a_gap_with_its_reason(
    bench: Bench,
    client: FineTuneClient,
    files: Files,
    words: dict[str, str],
    why: str,
    tmp_path: Path,
) -> None:
    data = HubDataset("alice/rows", **words)
    made = exported(client, learned(bench, client, files, training_data=data), tmp_path)
    (gap,) = made.lineage.gaps
    assert (gap.what, gap.again) == ("training data", False)
    assert why in gap.why
    assert "hf download --repo-type dataset alice/rows" in gap.why
    assert not Path(made.folder, "training.jsonl").exists()
    assert "tmp" not in gap.why


def test_a_dataset_that_is_gone_is_a_gap(
    bench: Bench, client: FineTuneClient, tmp_path: Path
) -> None:
    job = learned(bench, client, {"train.jsonl": lines(ROWS)})
    with bench.client() as other:
        api = import_module("huggingface_hub").HfApi(endpoint=bench.hub.url, token=bench.hub.token)
        api.delete_repo("alice/rows", repo_type="dataset")
        (gap,) = exported(other, job, tmp_path).lineage.gaps
    assert gap.what == "training data"
    assert "'alice/rows'" in gap.why


def test_a_name_that_leads_out_of_the_folder_is_no_file(
    bench: Bench, client: FineTuneClient, tmp_path: Path
) -> None:
    card = b"---\nconfigs:\n- data_files: '../train.jsonl'\n---\n"
    files = {"README.md": card, "../train.jsonl": lines(ROWS)}
    (gap,) = exported(client, learned(bench, client, files), tmp_path).lineage.gaps
    assert "leads out of any folder" in gap.why
    assert not [*tmp_path.rglob("train.jsonl")]
