"""What is wrong with the words of a sweep is told before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    DPO,
    ConfigurationError,
    CostLimitError,
    DatasetValidationError,
    FineTuneClient,
    ServerError,
    Supervised,
    Sweep,
    Trial,
    UnsupportedError,
)
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, JobScript
from finetune_sdk.types import CostEstimate, Job, JobSpec, NoEstimate
from tests.resources.bare import BareProvider
from tests.sweep.calls import RATES, call, count, statuses

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"grid": None}, "either `grid`.* or `trials`"),
    ({"grid": {"seed": [1]}, "trials": [{}]}, "either `grid`.* or `trials`"),
    ({"grid": {}}, "`grid` takes names and lists"),
    ({"grid": [1]}, "`grid` takes names and lists"),
    ({"grid": {"seed": []}}, r"`grid` has \[\] for 'seed'"),
    ({"grid": {"seed": 3}}, "`grid` has 3 for 'seed'"),
    ({"grid": {"learning_rate": "1e-4"}}, "`grid` has '1e-4' for 'learning_rate'"),
    ({"grid": {"seed": b"abc"}}, "`grid` has b'abc' for 'seed'"),
    ({"grid": {"lora.target_modules": [["\udcff"]]}}, "not valid Unicode"),
    ({"trials": []}, "`trials` takes a list of tables"),
    ({"trials": {"seed": 1}}, "`trials` takes a list of tables"),
    ({"trials": [{}, 3]}, "trial 2 is 3"),
    ({"grid": {"lerning_rate": [1]}}, "'lerning_rate'.*did you mean `learning_rate`.*`seed`"),
    ({"grid": {"type": ["dpo"]}}, "no hyperparameter of the method 'supervised'"),
    ({"grid": {"beta": [0.1]}}, "'beta', which is no hyperparameter of the method 'supervised'"),
    ({"grid": {3: [1]}}, "`grid` has 3, which is no"),
    ({"trials": [{}, {"bata": 1}], "method": DPO()}, "`trials: 2` has 'bata'.*`beta`"),
    ({"grid": {"learning_rate": [1e-4, -1]}}, r"trial 2 \(learning_rate=-1\): .*greater than 0"),
    ({"grid": {"epochs": ["many"]}}, r"trial 1 \(epochs='many'\): `epochs` is 'many'"),
    ({"grid": {"learning_rate": [float("nan")]}}, "trial 1"),
    ({"grid": {"lora.rank": [0]}}, r"trial 1 \(lora.rank=0\): `lora.rank` is 0"),
    ({"grid": {"lora.rank": [4]}, "method": Supervised(lora=False)}, "trains all weights"),
    ({"grid": {"lora.rank": [4], "lora": [False]}}, "both `lora` and `lora.rank`"),
    ({"trials": [{"lora": True}, {"lora": True, "lora.rank": 4}]}, "`trials: 2` has both `lora`"),
    ({"grid": {"seed": [1, "two"]}}, "trial 2 .*`seed` is 'two'"),
    ({"grid": {"seed": [True]}}, "`seed` is True"),
    ({"grid": {"seed": [1, -1]}}, "trial 2.*`seed` is -1"),
    ({"grid": {"seed": [-1, 1]}}, r"trial 1 \(seed=-1\): `seed` is -1; .*0 or more"),
    ({"grid": {"seed": [1, 2, 1]}}, "trials 1 and 3 are the same"),
    ({"trials": [{"epochs": 2}, {"epochs": 2.0}]}, "trials 1 and 2 are the same"),
    ({"grid": {"seed": range(2000)}}, "2000 trials; a sweep takes at most 1000"),
    ({"grid": {"seed": range(10**20)}}, "a sweep takes at most 1000"),
    ({"trials": [{}] * 2000}, "2000 trials"),
    ({"at_once": 0}, "`at_once` is 0"),
    ({"at_once": 1.5}, "`at_once` is 1.5"),
    ({"at_once": True}, "`at_once` is True"),
    ({"max_cost": -1}, "`max_cost` is -1"),
    ({"max_cost": "much"}, "`max_cost` is 'much'"),
    ({"name": " "}, "`name` is ' '"),
    ({"name": "caf\udce9"}, "`name` is .* it takes a text"),
    ({"metric": ""}, "`metric` is ''"),
    ({"metric": "\udce9_loss"}, "`metric` is .* it takes a name"),
    ({"metric": "charm"}, "less or more of `charm`"),
    ({"goal": "least"}, "`goal` is 'least'"),
    ({"split": "test"}, "`split` is 'test'"),
    ({"split": "validation"}, "no `validation_data`"),
    ({"timeout": -1}, "`timeout` is -1"),
    ({"poll_interval": "1"}, "`poll_interval` is '1'; it is in seconds"),
    ({"method": "dpo"}, "`method` is 'dpo'"),
    ({"metadata": 3}, "`metadata`"),
    ({"model": ""}, "`model` is empty"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[str(words)[:60] for words, _ in WRONG])
def test_wrong_words_are_told_and_nothing_is_sent(
    client: FineTuneClient, fake: FakeProvider, words: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"(?s){told}"):
        client.jobs.sweep(**call(**words))
    assert {one.name for one in fake.calls} <= {"estimate_cost"}


@pytest.mark.parametrize(
    ("metric", "goal"),
    [
        ("loss", "min"),
        ("token_accuracy", "max"),
        ("rewards_accuracies", "max"),
        ("reward", "max"),
    ],
)
def test_of_usual_metrics_the_goal_is_known(client: FineTuneClient, metric: str, goal: str) -> None:
    assert client.jobs.sweep(**call(metric=metric, plan_only=True)).goal == goal


def test_what_the_provider_cannot_do_is_told_before_anything_is_sent() -> None:
    with OpenAIProvider(api_key="sk-none", base_url="http://127.0.0.1:9/v1") as provider:
        client = FineTuneClient(provider)
        with pytest.raises(UnsupportedError, match=r"`learning_rate`.*local"):
            client.jobs.sweep(**call(model="gpt-4.1-mini-2025-04-14"))


def test_trials_that_differ_in_what_is_left_out_are_one_job() -> None:
    with OpenAIProvider(api_key="sk-none", base_url="http://127.0.0.1:9/v1") as provider:
        client = FineTuneClient(provider)
        with pytest.raises(ConfigurationError, match="trials 1 and 2 come to the same job"):
            client.jobs.sweep(**call(model="gpt-4.1-mini-2025-04-14", strict=False))


def test_trials_that_differ_from_the_profile_in_nothing_are_one_job(tmp_path: Path) -> None:
    config = tmp_path / "finetune.toml"
    words = "[profiles.p]\nprovider = 'fake'\n[profiles.p.hyperparameters]\nepochs = 3\n"
    config.write_text(words)
    with (
        FineTuneClient("p", config=config) as client,
        pytest.raises(ConfigurationError, match="trials 1 and 2 come to the same job at 'p'"),
    ):
        client.jobs.sweep(**call(trials=[{}, {"epochs": 3}]))


def test_wrong_rows_are_told_before_anything_is_sent(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    with pytest.raises(DatasetValidationError):
        client.jobs.sweep(**call(training_data=[{"messages": []}]))
    assert not fake.calls


def test_a_trial_that_no_row_fits_is_told_before_anything_is_sent(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    grid = {"max_length": [1000, 1]}
    with pytest.raises(DatasetValidationError, match="row_too_long"):
        client.jobs.sweep(**call(model="gpt-4.1-mini-2025-04-14", grid=grid))
    assert not count(fake, "create_job")


def test_a_provider_without_metrics_can_only_be_swept_without_a_metric() -> None:
    with FineTuneClient(BareProvider()) as client:
        with pytest.raises(UnsupportedError, match=r"`jobs\.metrics`"):
            client.jobs.sweep(**call())
        done = client.jobs.sweep(**call(metric=None))
    assert statuses(done) == ["succeeded"] * 3
    assert (done.best, done.cost) == (None, None)


# Money


def test_the_limit_is_held_against_all_jobs_together(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    with pytest.raises(CostLimitError, match=r"3 jobs may cost up to 15\.00.*`max_cost` 14\.99"):
        client.jobs.sweep(**call(max_cost=14.99))
    assert not {one.name for one in fake.calls} - {"estimate_cost", "find_jobs"}
    done = client.jobs.sweep(**call(max_cost=15))
    assert done.complete
    assert done.estimate is not None
    assert done.cost is not None
    assert (done.estimate.high, done.cost.high, done.max_cost) == (15, 15, 15)


def test_a_sum_of_cents_is_no_cent_over() -> None:
    fake = FakeProvider(cost=0.1)
    with FineTuneClient(fake) as client:
        assert client.jobs.sweep(**call(max_cost=0.3)).complete


class Unpriced(FakeProvider):
    """A place that tells no price of a job with three epochs."""

    def estimate_cost(self, spec: JobSpec, rows: object, /) -> CostEstimate | NoEstimate:
        if spec.method.epochs == 3:
            return NoEstimate(reason="nobody knows")
        return CostEstimate(low=1, high=1, source="said by the test")


def test_a_limit_that_cannot_be_held_is_an_error() -> None:
    fake, grid = Unpriced(), {"epochs": [1, 2, 3]}
    with FineTuneClient(fake) as client:
        with pytest.raises(CostLimitError, match=r"trial 3: .*no estimate.*nobody knows"):
            client.jobs.sweep(**call(grid=grid, max_cost=100))
        assert not count(fake, "upload_dataset")
        assert client.jobs.sweep(**call(grid=grid)).complete


class Dearer(FakeProvider):
    """A place where jobs turn out to cost twice what they were estimated to."""

    def spent(self, job: Job, /) -> CostEstimate:
        return CostEstimate(low=10, high=10, source="the bill")


def test_no_other_job_begins_where_the_money_may_not_be_enough() -> None:
    fake = Dearer(cost=5)
    with FineTuneClient(fake) as client:
        done = client.jobs.sweep(**call(max_cost=15, at_once=1))
        # 10 and 5 are just enough for the second one.
        assert statuses(done) == ["succeeded", "succeeded", "waiting"]
        assert not done.complete
        assert "over `max_cost` 15.00" in done.warnings[-1]
        assert done.best is not None
        again = client.jobs.sweep(**call(max_cost=15, at_once=1))
        assert statuses(again) == statuses(done)
        more = client.jobs.sweep(**call(max_cost=40, at_once=1))
        assert more.complete
    assert count(fake, "create_job") == 3


def test_no_other_job_begins_before_it_is_known_what_the_last_one_has_cost() -> None:
    fake = Dearer(cost=5)

    def fail(trial: Trial) -> None:
        if trial.number == 1 and trial.cost is not None:
            fake.fail_next("list_metrics", ServerError("try again", provider="fake"))

    with FineTuneClient(fake) as client:
        words = call(grid={"seed": [1, 2, 3, 4]}, max_cost=20, at_once=1, on_trial=fail)
        done = client.jobs.sweep(**words)
    # The first two have cost 10 each.
    assert statuses(done) == ["succeeded", "succeeded", "waiting", "waiting"]


def test_a_job_that_runs_counts_with_what_it_may_cost() -> None:
    fake = Dearer(cost=5, script=JobScript(running=60))
    fake.enqueue(JobScript(running=60), JobScript(running=9999))
    with FineTuneClient(fake) as client:
        done = client.jobs.sweep(**call(grid={"seed": [1, 2, 3, 4]}, max_cost=24, at_once=2))
    # 10 for the first, 5 for the one that runs, 5 for the third; 20 and 5 are 25 then.
    assert statuses(done)[:3] == ["succeeded"] * 3
    assert statuses(done)[3] == "waiting"


# Plans


def test_a_plan_makes_nothing_and_tells_what_each_would_cost(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    planned = client.jobs.sweep(**call(plan_only=True, max_cost=3))
    assert statuses(planned) == ["waiting"] * 3
    assert planned.estimate is not None
    assert planned.estimate.high == 15
    assert [one.values["learning_rate"] for one in planned.trials] == RATES
    assert any("a sweep would refuse" in one for one in planned.warnings)
    assert {one.name for one in fake.calls} == {"estimate_cost"}
    assert Sweep.from_json(planned.to_json()) == planned


def test_a_plan_tells_what_is_made_already(client: FineTuneClient, fake: FakeProvider) -> None:
    client.jobs.sweep(**call(grid={"seed": [1, 2]}))
    planned = client.jobs.sweep(**call(grid={"seed": [1, 2, 3]}, plan_only=True))
    assert statuses(planned) == ["succeeded", "succeeded", "waiting"]
    assert count(fake, "create_job") == 2


def test_a_value_of_a_newer_version_is_refused(client: FineTuneClient) -> None:
    text = client.jobs.sweep(**call(plan_only=True)).to_json()
    with pytest.raises(ValueError, match="newer finetune-anywhere"):
        Sweep.from_json(text.replace('"schema_version":1', '"schema_version":2', 1))
