"""Creating a job: the guard, the check, the cost limit, the key. All before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from finetune_sdk import (
    DPO,
    Checkpoint,
    ConfigurationError,
    CostLimitError,
    DatasetError,
    DatasetFile,
    DatasetValidationError,
    FineTuneClient,
    IdempotencyConflictError,
    Job,
    JobSpec,
    LocalOptions,
    Lora,
    MethodName,
    Reinforcement,
    StringCheckGrader,
    SubmissionUnknownError,
    Supervised,
    UnsupportedError,
)
from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.testing import FakeProvider

ROWS = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]
BAD = [{"messages": [{"role": "user", "content": "a"}]}]
PAIRS = [{"prompt": "a", "chosen": "b", "rejected": "c"}]
SAME = StringCheckGrader(
    input="{{sample.output_text}}", reference="{{item.answer}}", operation="eq"
)
GRADED = [{**BAD[0], "answer": "b"}]
WRITES = {"upload_dataset", "create_job", "create_deployment", "cancel_job"}


class NarrowProvider(FakeProvider):
    """A fake that can do little."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        methods={
            MethodName.SUPERVISED: MethodSupport(
                hyperparameters=frozenset({"epochs", "learning_rate_multiplier"}),
                train_on=("assistant",),
            )
        },
        notes={"suffix": "names are given by the service"},
    )


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider(cost=5.0)


@pytest.fixture
def client(fake: FakeProvider) -> Iterator[FineTuneClient]:
    with FineTuneClient(fake) as opened:
        yield opened


def writes(fake: FakeProvider) -> list[str]:
    return [call.name for call in fake.calls if call.name in WRITES]


def test_the_provider_gets_what_was_said(client: FineTuneClient, fake: FakeProvider) -> None:
    job = client.jobs.create(
        model="base",
        training_data=ROWS,
        validation_data=ROWS,
        method=Supervised(epochs=2, lora=Lora(rank=4)),
        suffix="recipes",
        seed=7,
        metadata={"team": "blue"},
    )
    assert (job.model, job.suffix, job.seed) == ("base", "recipes", 7)
    assert job.metadata == {"team": "blue"}
    assert job.method == Supervised(epochs=2, lora=Lora(rank=4))
    assert job.validation_file is not None
    assert job.training_file is not None
    assert fake.uploads[job.training_file.id] == tuple(ROWS)


def test_bad_rows_are_refused_with_their_place(client: FineTuneClient, fake: FakeProvider) -> None:
    with pytest.raises(DatasetValidationError) as caught:
        client.jobs.create(model="base", training_data=[*ROWS, *BAD])
    assert caught.value.report.findings[0].line == 2
    assert writes(fake) == []


def test_bad_validation_rows_are_refused_before_the_training_rows_leave(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    with pytest.raises(DatasetValidationError):
        client.jobs.create(model="base", training_data=ROWS, validation_data=BAD)
    assert writes(fake) == []


def test_a_missing_file_is_refused(client: FineTuneClient, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere"):
        client.jobs.create(model="base", training_data=tmp_path / "nowhere.jsonl")


def test_what_the_provider_holds_already_is_not_uploaded(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    client.jobs.create(model="base", training_data=DatasetFile(id="file-1"))
    assert writes(fake) == ["create_job"]


@pytest.mark.parametrize(
    ("method", "named"),
    [
        (Supervised(batch_size=2), "`batch_size`"),
        (Supervised(lora=True), "`lora`"),
        (Supervised(learning_rate=1e-4), "`learning_rate`"),
        (Supervised(train_on="all"), "train_on='all'"),
    ],
)
def test_a_hyperparameter_without_a_home_is_refused(method: Supervised, named: str) -> None:
    fake = NarrowProvider()
    with pytest.raises(UnsupportedError) as caught:
        FineTuneClient(fake).jobs.create(model="base", training_data=ROWS, method=method)
    assert named in str(caught.value)
    assert "local" in caught.value.able
    assert fake.calls == []


def test_both_rates_may_be_given_and_each_provider_reads_its_own() -> None:
    method = Supervised(learning_rate=1e-4, learning_rate_multiplier=2.0)
    job = FineTuneClient(NarrowProvider()).jobs.create(
        model="base", training_data=ROWS, method=method
    )
    assert job.method == method
    assert job.warnings == ()


def test_a_word_that_the_provider_does_not_take_is_refused_with_its_note() -> None:
    fake = NarrowProvider()
    with pytest.raises(UnsupportedError, match="names are given by the service"):
        FineTuneClient(fake).jobs.create(model="base", training_data=ROWS, suffix="x")
    assert fake.calls == []


def test_not_strict_leaves_out_and_says_so() -> None:
    job = FineTuneClient(NarrowProvider()).jobs.create(
        model="base",
        training_data=ROWS,
        method=Supervised(epochs=1, batch_size=2, train_on="all"),
        seed=7,
        metadata={"a": "b"},
        strict=False,
    )
    assert job.method == Supervised(epochs=1)
    assert job.seed is None
    assert job.metadata == {}
    assert len([w for w in job.warnings if w.startswith("left out")]) == 4


def test_options_of_other_providers_are_passed_over(client: FineTuneClient) -> None:
    options = [LocalOptions(precision="float32")]
    assert client.jobs.create(model="base", training_data=ROWS, options=options).id


def test_the_cost_limit_is_held_before_anything_is_sent(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    with pytest.raises(CostLimitError, match=r"5\.00"):
        client.jobs.create(model="base", training_data=ROWS, max_cost=4.99)
    assert writes(fake) == []
    assert client.jobs.create(model="base", training_data=ROWS, max_cost=5).id


def test_a_cost_limit_that_means_nothing_is_refused(client: FineTuneClient) -> None:
    with pytest.raises(ConfigurationError, match="`max_cost`"):
        client.jobs.create(model="base", training_data=ROWS, max_cost=float("nan"))


def test_a_key_gives_the_same_job_even_one_that_failed(client: FineTuneClient) -> None:
    job = client.jobs.create(model="base", training_data=ROWS, idempotency_key="k")
    client.jobs.cancel(job)
    again = client.jobs.create(model="base", training_data=ROWS, idempotency_key="k")
    assert again.id == job.id
    with pytest.raises(IdempotencyConflictError):
        client.jobs.create(model="other", training_data=ROWS, idempotency_key="k")


def test_without_a_key_two_calls_are_two_jobs(client: FineTuneClient) -> None:
    first = client.jobs.create(model="base", training_data=ROWS)
    assert client.jobs.create(model="base", training_data=ROWS).id != first.id


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"method": "supervised"}, "`method`"),
        ({"metadata": {"a": 1}}, "`metadata.a`"),
        ({"seed": -1}, "`seed`"),
        ({"seed": "x"}, "`seed`"),
        ({"suffix": ""}, "`suffix`"),
        ({"idempotency_key": "k" * 300}, "`key`"),
        # An unset variable of a script must not make a new job each time.
        ({"idempotency_key": ""}, "`key`"),
        ({"suffix": "two\nlines"}, "`suffix`"),
        # Half a character: it would not come back from a file as it went in.
        ({"suffix": "a\udcff"}, "`suffix`"),
        ({"metadata": {"\udcff": "1"}}, "not valid Unicode"),
        ({"idempotency_key": "\ud800"}, "`key`"),
        ({"metadata": ["a"]}, "`metadata`"),
        ({"model": None}, "`model`"),
        ({"options": {"a": 1}}, "`options`"),
        ({"max_cost": "1"}, "`max_cost`"),
    ],
)
def test_a_wrong_word_is_ours_to_tell_before_anything_is_sent(
    client: FineTuneClient, fake: FakeProvider, words: dict[str, Any], named: str
) -> None:
    given: dict[str, Any] = {"model": "base", "training_data": ROWS, **words}
    with pytest.raises(ConfigurationError) as caught:
        client.jobs.create(**given)
    assert named in str(caught.value)
    assert writes(fake) == []


def test_a_finished_job_is_a_model_to_train_on(client: FineTuneClient) -> None:
    first = client.jobs.wait(client.jobs.create(model="base", training_data=ROWS), progress=False)
    assert client.jobs.create(model=first, training_data=ROWS).model == first.fine_tuned_model


def test_a_job_that_has_not_ended_is_no_model(client: FineTuneClient) -> None:
    running = client.jobs.create(model="base", training_data=ROWS)
    with pytest.raises(ConfigurationError, match="has made no model"):
        client.jobs.create(model=running, training_data=ROWS)


def saved(provider: str) -> Checkpoint:
    return Checkpoint(
        id="ckpt-1",
        job_id="ftjob-1",
        provider=provider,
        model="fake:half",
        step=2,
        created_at=datetime.now(UTC),
    )


def test_a_checkpoint_is_a_model_to_train_on(client: FineTuneClient) -> None:
    assert client.jobs.create(model=saved("fake"), training_data=ROWS).model == "fake:half"


def test_a_checkpoint_of_another_provider_is_refused(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    with pytest.raises(ConfigurationError, match="checkpoint 'ckpt-1' is of the provider 'local'"):
        client.jobs.create(model=saved("local"), training_data=ROWS)
    assert writes(fake) == []


@pytest.mark.parametrize("model", ["", "  "])
def test_an_empty_model_is_refused(client: FineTuneClient, model: str) -> None:
    with pytest.raises(ConfigurationError, match="`model`"):
        client.jobs.create(model=model, training_data=ROWS)


def test_a_strangers_exception_counts_as_unknown_and_is_not_sent_again() -> None:
    class Broken(FakeProvider):
        attempts = 0

        def create_job(self, spec: JobSpec, /) -> Job:
            self.attempts += 1
            raise KeyError("sk-verysecretverysecret1")

    broken = Broken()
    for _ in range(2):
        with pytest.raises(SubmissionUnknownError, match=r"jobs\.recover\(") as caught:
            FineTuneClient(broken).jobs.create(model="base", training_data=ROWS)
        assert broken.attempts == 1
        told = [str(caught.value), *getattr(caught.value, "__notes__", [])]
        assert "sk-verysecret" not in "".join(told)


class TestProfiles:
    @pytest.fixture(autouse=True)
    def _config(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "finetune.toml").write_text(
            """
            profile = "rehearsal"
            [profiles.rehearsal]
            provider = "fake"
            [profiles.rehearsal.hyperparameters]
            epochs = 5
            lora = { rank = 2 }
            beta = 0.3
            train_on = "all"
            [profiles.wrong]
            provider = "fake"
            hyperparameters = { epoch = 5 }
            [profiles.typed]
            provider = "fake"
            hyperparameters = { type = "dpo" }
            [profiles.hard]
            provider = "fake"
            hyperparameters = { beta = -1 }
            [profiles.loose]
            provider = "fake"
            hyperparameters = { beta = 0 }
            [profiles.graded]
            provider = "fake"
            [profiles.graded.hyperparameters.grader]
            type = "python"
            source = "import os"
            [profiles.rewarded]
            provider = "fake"
            hyperparameters = { rewards = ["os:system"] }
            [profiles.weighted]
            provider = "fake"
            hyperparameters = { reward_weights = [1.0] }
            [profiles.odd]
            provider = "fake"
            options = { speed = "high" }
            [models.small]
            rehearsal = "tiny-base"
            local = "other"
            """
        )
        monkeypatch.chdir(tmp_path)

    def test_names_and_defaults_come_from_the_profile(self) -> None:
        with FineTuneClient() as client:
            job = client.jobs.create(model="small", training_data=ROWS, method=Supervised(epochs=1))
            assert job.model == "tiny-base"
            assert job.method == Supervised(epochs=1, lora=Lora(rank=2), train_on="all")
            assert job.handle == f"rehearsal:{job.id}"
            assert client.jobs.get(job.handle) == job

    def test_a_default_that_the_method_has_not_is_for_others(self) -> None:
        with FineTuneClient() as client:
            job = client.jobs.create(model="small", training_data=PAIRS, method=DPO())
            assert job.method == DPO(epochs=5, lora=Lora(rank=2), beta=0.3)
            assert job.warnings == ()

    def test_a_default_that_one_method_allows_is_refused_for_another(self) -> None:
        with FineTuneClient("loose") as client:
            graded = Reinforcement(grader=SAME)
            job = client.jobs.create(model="base", training_data=GRADED, method=graded)
            assert job.method == Reinforcement(grader=SAME, beta=0)
            with pytest.raises(ConfigurationError, match=r"profiles\.loose\.hyper.*`beta` is 0"):
                client.jobs.create(model="base", training_data=PAIRS, method=DPO())

    @pytest.mark.parametrize(
        ("profile", "word"),
        [("graded", "grader"), ("rewarded", "rewards"), ("weighted", "reward_weights")],
    )
    def test_a_config_file_names_no_program(self, profile: str, word: str) -> None:
        with pytest.raises(ConfigurationError, match=rf"profiles\.{profile}\.hyper.*`{word}` may"):
            FineTuneClient(profile)

    @pytest.mark.parametrize(
        ("profile", "words"),
        [
            ("wrong", r"finetune\.toml.*profiles\.wrong\.hyperparameters.*`epochs`\?"),
            ("typed", r"profiles\.typed\.hyperparameters.*`type` is no known key"),
            ("hard", r"profiles\.hard\.hyperparameters.*`beta` is -1"),
            ("odd", r"profiles\.odd\.options.*has no options"),
        ],
    )
    def test_a_wrong_default_is_named_when_the_client_opens(self, profile: str, words: str) -> None:
        with pytest.raises(ConfigurationError, match=words):
            FineTuneClient(profile)

    def test_a_handle_of_another_profile_names_the_client_to_open(self) -> None:
        with (
            FineTuneClient() as client,
            pytest.raises(ConfigurationError, match=r'FineTuneClient\("azure-eu"\)'),
        ):
            client.jobs.get("azure-eu:ftjob-1")


def test_what_is_no_job_and_no_profile_is_ours_to_tell(client: FineTuneClient) -> None:
    nonsense: Any = 5
    with pytest.raises(ConfigurationError, match="`job`"):
        client.jobs.get(nonsense)
    with pytest.raises(ConfigurationError, match="`timeout`"):
        client.jobs.wait("ftjob-1", timeout=cast("Any", "x"), progress=False)
    with pytest.raises(ConfigurationError, match="`limit`"):
        list(client.jobs.list(limit=cast("Any", "x")))
    with pytest.raises(ConfigurationError, match="`profile_or_provider`"):
        FineTuneClient(nonsense)
    with pytest.raises(ConfigurationError, match="state folder"):
        FineTuneClient("local", home="~nobody-of-that-name/x")


@pytest.mark.parametrize(
    "handle",
    ["fake:../../etc", "a b", "", "fake:", ":x", "fake:a/b", "fake:.x", "Fake:x", "x" * 300],
)
def test_a_handle_that_is_none_is_refused(client: FineTuneClient, handle: str) -> None:
    with pytest.raises(ConfigurationError, match="`job`"):
        client.jobs.get(handle)
