"""Jobs that cannot come to anything are refused before they are paid for."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from finetune_sdk import AutoTrainOptions, DatasetFileError, Job, UnsupportedError
from finetune_sdk.types import HubDataset
from tests.autotrain.bench import ROWS, Bench, bench_of
from tests.autotrain.hubs import ADAPTER, PARAMETERS, WEIGHTS

CHAT = json.dumps(ROWS[0]).encode() + b"\n"
SAID = [AutoTrainOptions(hardware="t4-small", timeout=3600)]
UNTIMED = [AutoTrainOptions(hardware="t4-small")]


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


def config(*kinds: str, model: str = "llama") -> bytes:
    return json.dumps({"model_type": model, "architectures": kinds}).encode()


def add_model(bench: Bench, *kinds: str, files: Mapping[str, bytes]) -> str:
    held = {"config.json": config(*kinds), **files}
    bench.hub.repos.add("model", "org/other", held, safetensors=PARAMETERS)
    return "org/other"


# Base models


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no weights that can be trained"),
        ({"model-q4.gguf": WEIGHTS}, "GGUF is for inference"),
        ({"onnx/model.safetensors": WEIGHTS}, "beside its config.json"),
        ({"consolidated.safetensors": WEIGHTS}, "no weights that can be trained"),
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": WEIGHTS}, "is an adapter"),
    ],
    ids=["none", "gguf", "folder", "mistral", "adapter"],
)
def test_a_base_without_weights_is_refused(
    bench: Bench, files: Mapping[str, bytes], words: str
) -> None:
    model = add_model(bench, "LlamaForCausalLM", files=files)
    error = bench.refuses(UnsupportedError, model=model, options=SAID)
    assert words in str(error)
    assert (bench.made, bench.written) == ([], 0)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "model-00001-of-00002.safetensors", "pytorch_model-00001-of-00002.bin"],
)
def test_weights_of_either_kind_can_be_trained(bench: Bench, name: str) -> None:
    model = add_model(bench, "LlamaForCausalLM", files={name: WEIGHTS})
    assert bench.create(model=model, options=SAID).id in bench.made


@pytest.mark.parametrize(
    "kind",
    [
        "BertForMaskedLM",
        "ViTForImageClassification",
        "LlamaForSequenceClassification",
        "BertForTokenClassification",
        "BertForQuestionAnswering",
        "T5ForConditionalGeneration",
    ],
)
def test_a_base_of_another_kind_is_refused(bench: Bench, kind: str) -> None:
    model = add_model(bench, kind, files={"model.safetensors": WEIGHTS})
    error = bench.refuses(UnsupportedError, model=model, options=SAID)
    assert kind in str(error)
    assert (bench.made, bench.written) == ([], 0)


@pytest.mark.parametrize(
    "kinds",
    [
        ["GPT2LMHeadModel"],
        ["Gemma3ForConditionalGeneration"],
        ["ANewThing"],
        ["BertForMaskedLM", "LlamaForCausalLM"],
        [],
    ],
    ids=str,
)
def test_what_may_be_a_language_model_is_left_to_try(bench: Bench, kinds: list[str]) -> None:
    model = add_model(bench, *kinds, files={"model.safetensors": WEIGHTS})
    assert bench.create(model=model, options=SAID).id in bench.made


def add_adapter(bench: Bench) -> str:
    """An adapter, with its whole weights on a branch."""
    name = "org/adapter"
    repo = bench.hub.repos.add("model", name, ADAPTER)
    repo.branches["merged"] = repo.head
    whole = {"config.json": config("LlamaForCausalLM"), "model.safetensors": WEIGHTS}
    bench.hub.repos.commit(repo, whole, branch="merged", gone=ADAPTER)
    return name


def later(bench: Bench, files: Mapping[str, bytes]) -> None:
    """Somebody pushes to the adapter's repository, a day later."""
    bench.clock.sleep(timedelta(days=1).total_seconds())
    bench.hub.repos.commit(bench.hub.repos["model", "org/adapter"], files)


def test_training_goes_on_from_whole_weights_of_the_adapter(bench: Bench) -> None:
    name = add_adapter(bench)
    later(bench, {"README.md": b"A word more."})
    assert bench.create(model=name, options=SAID).id in bench.made


def test_training_does_not_go_on_from_weights_of_an_older_adapter(bench: Bench) -> None:
    name = add_adapter(bench)
    later(bench, {"adapter_model.safetensors": b"newer"})
    error = bench.refuses(UnsupportedError, model=name, options=SAID)
    assert "older adapter" in str(error)
    assert (bench.made, bench.written) == ([], 0)
    bench.create(model=f"{name}@merged", options=SAID)


# Rows


def rows(bench: Bench, *names: str, **files: bytes) -> str:
    """A dataset with files of these names."""
    held = {**dict.fromkeys(names, CHAT), **files}
    bench.hub.repos.add("dataset", "bob/rows", held)
    return "bob/rows"


@pytest.mark.parametrize(
    "names", [["README.md"], ["README.md", "LICENSE", "load.py", ".cache/train.jsonl"], []], ids=str
)
def test_a_dataset_without_files_of_rows_is_refused(bench: Bench, names: list[str]) -> None:
    data = HubDataset(rows(bench, *names))
    error = bench.refuses(DatasetFileError, training_data=data, options=SAID)
    assert (error.code, bench.made, bench.written) == ("no_rows", [], 0)


@pytest.mark.parametrize(
    ("names", "split", "there"),
    [
        (["test.jsonl"], "train", "'test'"),
        (["train.jsonl", "test.jsonl"], "trian", "'test', 'train'"),
        (["data/test/0.jsonl", "data/val/0.jsonl"], "train", "'test', 'validation'"),
        (["data/train_sft-00000-of-00001.parquet"], "train", "'train_sft'"),
        (["train.jsonl", "training_args.json"], "test", "'train'"),
    ],
)
def test_a_split_that_no_file_is_of_is_refused_with_those_that_are(
    bench: Bench, names: list[str], split: str, there: str
) -> None:
    data = HubDataset(rows(bench, *names), split=split)
    error = bench.refuses(DatasetFileError, training_data=data, options=SAID)
    assert (error.code, bench.made, bench.written) == ("no_split", [], 0)
    assert f"it has {there}." in str(error)


def test_rows_to_measure_on_have_to_be_there_too(bench: Bench) -> None:
    data = HubDataset(rows(bench, "train.jsonl"), split="test")
    error = bench.refuses(DatasetFileError, validation_data=data, options=SAID)
    assert (error.code, bench.made) == ("no_split", [])


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.jsonl", "train"),
        ("train-00000-of-00001.parquet", "train"),
        ("data/train/0.jsonl", "train"),
        ("data/train_sft-00000-of-00001.parquet", "train_sft"),
        ("dev.jsonl", "validation"),
        ("anything.jsonl", "train"),
        ("part-0.parquet", "train"),
        ("train.jsonl.zst", "train"),
        ("rows.csv.gz", "train"),
    ],
)
def test_files_of_a_split_are_found_and_weighed(bench: Bench, name: str, split: str) -> None:
    job = started(bench, HubDataset(rows(bench, name), split=split), UNTIMED)
    assert job.settings["timeout"] == "1.0 h, when the job is ended"


def started(bench: Bench, data: HubDataset, options: Sequence[AutoTrainOptions]) -> Job:
    job = bench.create(training_data=data, options=options)
    assert job.id in bench.made
    return job


def test_settings_of_a_training_are_no_rows(bench: Bench) -> None:
    # By its size the job would be ended after days.
    name = "training_args.json"
    data = rows(bench, "train.jsonl", **{name: b"x" * 20_000_000})
    job = started(bench, HubDataset(data), UNTIMED)
    assert job.settings["timeout"] == "1.0 h, when the job is ended"


@pytest.mark.parametrize("where", ["card", "config"])
def test_where_names_do_not_tell_the_job_goes_on_with_a_warning(bench: Bench, where: str) -> None:
    card = b"---\nconfigs:\n- config_name: en\n  data_files: x/*\n---\n" if where == "card" else b""
    data = rows(bench, "x/a.jsonl", "x/b.jsonl", **{"README.md": card})
    said = HubDataset(data, split="odd", config=None if card else "en")
    job = started(bench, said, SAID)
    assert any("could not be looked at" in one for one in job.warnings)


@pytest.mark.parametrize(
    "head",
    [b"\xef\xbb\xbfmessages,id\n", b'"a, ""b""",messages\n', b'"two\nlines",messages\n'],
    ids=["mark", "quotes", "lines"],
)
def test_the_head_of_a_table_is_read_as_tables_are_written(bench: Bench, head: bytes) -> None:
    data = rows(bench, **{"train.csv": head + b"1,2\n"})
    assert started(bench, HubDataset(data), SAID).warnings == ()


def test_a_column_within_quotes_is_no_other_column(bench: Bench) -> None:
    data = HubDataset(rows(bench, **{"train.csv": b'"a,messages",b\n1,2\n'}))
    error = bench.refuses(DatasetFileError, training_data=data, options=SAID)
    assert (error.code, bench.made) == ("missing_column", [])
