"""What is told of a job beforehand: the tokens that it learns from, its steps and its time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient, datasets
from finetune_sdk.errors import DatasetFileError
from finetune_sdk.providers.base import CanEstimate, CanInspect, Rows
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.preflight.inspect import inspect
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    CostEstimate,
    DatasetFile,
    JobSpec,
    Lora,
    Method,
    Reinforcement,
    Reward,
    StringCheckGrader,
    Supervised,
    TokenReport,
)
from tests.training.jobs import CAKES, VENDOR_WARNINGS, Row, chat, events, make_job, train
from tests.training.test_inspect import copy_of

PAIRS: Sequence[Row] = [
    {"prompt": f"what is {i}?", "chosen": "a cake" + " of flour" * i, "rejected": "a hat"}
    for i in range(6)
]
JUDGED: Sequence[Row] = [
    {"prompt": f"what is {i}?", "completion": "a cake" + " of flour" * i, "label": bool(i % 2)}
    for i in range(6)
]
PROMPTS: Sequence[Row] = [
    {"messages": [{"role": "user", "content": "what is this" + "?" * i}]} for i in range(6)
]
GRADER = StringCheckGrader(input="{{sample.output_text}}", reference="a cake", operation="eq")


def told(report: TokenReport) -> str:
    """What the trainer says of such rows."""
    assert report.trained is not None
    return (
        f"training data: {report.rows} rows, {report.total} tokens, {report.trained} of them "
        f"({report.trained / report.total:.0%}) carry loss"
    )


def planned(model: Path, *, validated: bool = False) -> JobSpec:
    stand_in = DatasetFile(id="not-uploaded-yet")
    return JobSpec(
        key="planned",
        model=str(model),
        method=Supervised(epochs=2),
        training_file=stand_in,
        validation_file=stand_in if validated else None,
    )


@VENDOR_WARNINGS
@pytest.mark.parametrize("train_on", ["assistant", "all"])
def test_the_trainer_learns_from_the_tokens_that_were_told(
    tiny: Path, tmp_path: Path, train_on: str
) -> None:
    method = Supervised.model_validate({"epochs": 1, "train_on": train_on})
    folder = make_job(tmp_path, tiny, CAKES, method=method)
    report = inspect(folder).training
    assert report is not None
    assert told(report) in [event.message for event in events(train(folder))]


def test_a_client_tells_tokens_steps_and_time_and_leaves_nothing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    rows = Rows(training=datasets.load(CAKES), validation=datasets.load(CAKES[:4]))
    with FineTuneClient(LocalProvider(home=tmp_path / "home", price_per_hour=36)) as client:
        provider = client.provider
        assert isinstance(provider, CanInspect)
        assert isinstance(provider, CanEstimate)
        found = provider.inspect_job(planned(tiny, validated=True), rows)
        cost = provider.estimate_cost(planned(tiny, validated=True), rows)
    assert found.training is not None
    assert found.validation is not None
    assert found.seconds is not None
    assert (found.training.rows, found.validation.rows, found.epochs) == (16, 4, 2)
    assert found.training.counter == f"tokenizer of {tiny}"
    assert (found.training.exact, found.training.limit) == (True, 256)
    assert found.training.total == found.training.billable
    assert found.training.longest == 45
    assert sum(one.rows for one in found.training.histogram) == 16
    assert 0 < found.seconds.low < found.seconds.high
    assert found.settings["steps"] == "4: 2 times 16 rows in batches of 8"
    assert {"memory", "disk", "precision", "tokens", "time"} < set(found.settings)
    assert isinstance(cost, CostEstimate)
    assert 0 < cost.low < cost.high
    assert not (tmp_path / "home").exists()
    assert list(temporary.iterdir()) == []


def test_a_row_is_refused_as_a_create_refuses_it(tiny: Path, tmp_path: Path) -> None:
    provider = LocalProvider(home=tmp_path / "home")
    data = datasets.load([*CAKES, chat("hello", "cake " * 300)])
    with pytest.raises(DatasetFileError) as planning:
        provider.inspect_job(planned(tiny), Rows(training=data))
    assert not (tmp_path / "home").exists()
    file = provider.upload_dataset(data, key="rows")
    with pytest.raises(DatasetFileError) as creating:
        provider.create_job(planned(tiny).model_copy(update={"training_file": file}))
    assert planning.value.code == creating.value.code == "row_too_long"
    assert str(planning.value) == str(creating.value)


@pytest.mark.parametrize(
    ("method", "rows", "longest_line"),
    [
        (DPO(), PAIRS, 6),
        (ORPO(), PAIRS, 6),
        (Reward(), PAIRS, 6),
        (KTO(), JUDGED, 6),
    ],
)
def test_answers_that_are_compared(
    tiny: Path, tmp_path: Path, method: Method, rows: Sequence[Row], longest_line: int
) -> None:
    found = inspect(make_job(tmp_path, tiny, rows, method=method))
    assert found.training is not None
    assert found.seconds is not None
    report = found.training
    assert report.trained is not None
    assert 0 < report.trained < report.total
    assert (report.rows, report.longest_line, report.over_limit) == (6, longest_line, 0)
    both = "both answers" in (report.note or "")
    assert both == (not isinstance(method, KTO))
    assert 0 < found.seconds.low < found.seconds.high


def test_the_limit_holds_for_a_prompt_with_one_answer(tiny: Path, tmp_path: Path) -> None:
    longest = inspect(make_job(tmp_path, tiny, PAIRS, method=DPO())).training
    assert longest is not None
    method = DPO(max_length=longest.longest - 1)
    report = inspect(make_job(tmp_path, tiny, PAIRS, name="ftjob-2", method=method)).training
    assert report is not None
    assert (report.limit, report.longest) == (longest.longest - 1, longest.longest)
    assert (report.over_limit, report.billable) == (0, report.total)


def test_what_a_model_will_write_is_not_told(tiny: Path, tmp_path: Path) -> None:
    method = Reinforcement(grader=GRADER, max_completion_length=8)
    found = inspect(make_job(tmp_path, tiny, PROMPTS, method=method))
    assert found.training is not None
    assert found.training.trained is None
    assert found.training.longest_line == 6
    assert found.seconds is None
    assert found.settings["time"].startswith("not told: how much the model writes")


def test_more_work_takes_longer(tiny: Path, tmp_path: Path) -> None:
    def operations(name: str, method: Method, options: LocalOptions | None = None) -> float:
        rows = PAIRS if isinstance(method, DPO) else CAKES
        folder = make_job(tmp_path, tiny, rows, name=name, method=method, options=options)
        words = inspect(folder).settings["time"].partition(" floating")[0]
        return float(words.rpartition(" ")[2])

    thin = Lora(rank=1)
    lora = operations("ftjob-1", Supervised(epochs=1, lora=thin))
    assert operations("ftjob-2", Supervised(epochs=2, lora=thin)) == pytest.approx(
        2 * lora, rel=0.1
    )
    assert operations("ftjob-3", Supervised(epochs=1, lora=False)) > lora
    twice = LocalOptions(gradient_checkpointing=True)
    assert operations("ftjob-4", Supervised(epochs=1, lora=thin), twice) > lora
    asked_once = LocalOptions(trl={"precompute_ref_log_probs": True})
    asked = operations("ftjob-5", DPO(epochs=3))
    assert operations("ftjob-6", DPO(epochs=3), asked_once) < asked


def test_a_training_that_may_stop_early_takes_less_at_least(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(early_stopping_patience=1, eval_steps=1)

    def least(name: str, options: LocalOptions | None) -> float:
        folder = make_job(
            tmp_path,
            tiny,
            name=name,
            validation=CAKES[:4],
            method=Supervised(epochs=50),
            options=options,
        )
        seconds = inspect(folder).seconds
        assert seconds is not None
        return seconds.low

    assert least("ftjob-1", options) < least("ftjob-2", None) / 2


def test_a_model_whose_work_is_not_known_has_no_time(tiny: Path, tmp_path: Path) -> None:
    strange = copy_of(tiny, tmp_path / "strange", hidden_act="of-its-own")
    found = inspect(make_job(tmp_path, strange))
    assert found.training is not None
    assert found.seconds is None
    assert "cannot be built" in found.settings["time"]
    sparse = copy_of(tiny, tmp_path / "sparse", num_experts_per_tok=2)
    found = inspect(make_job(tmp_path, sparse, name="ftjob-2"))
    assert found.seconds is None
    assert "a part of this model's weights" in found.settings["time"]


def test_rows_that_nobody_had_the_time_to_read(tiny: Path, tmp_path: Path) -> None:
    found = inspect(make_job(tmp_path, tiny), patience=1e-6)
    assert (found.training, found.seconds, found.epochs) == (None, None, 2)
    assert found.settings["time"] == "not told: not all rows were looked at"
