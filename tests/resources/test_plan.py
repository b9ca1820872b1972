"""`jobs.plan`: what a create would do and cost, and that creating the plan does just that, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import polars
import pytest

from finetune_sdk import (
    DPO,
    AsyncFineTuneClient,
    ConfigurationError,
    CostLimitError,
    Dataset,
    DatasetError,
    DatasetFile,
    DatasetValidationError,
    FineTuneClient,
    Inspection,
    JobSpec,
    MethodName,
    Plan,
    Supervised,
    UnsupportedError,
)
from finetune_sdk.prices import Price, Prices
from finetune_sdk.providers.base import CanInspect, Capabilities, MethodSupport, Rows
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Span

GPT = "gpt-4.1-mini-2025-04-14"
WRITES = {"upload_dataset", "create_job"}
ALPACA: list[dict[str, object]] = [
    {"instruction": f"Name {n}.", "output": f"{n} eggs"} for n in range(12)
]
TALK: dict[str, object] = {
    "conversations": [{"from": "human", "value": "2 eggs"}, {"from": "gpt", "value": "salt"}]
}
SECRET = "sk-" + "abcd1234" * 4


def rows(count: int = 12) -> list[dict[str, object]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"{n} eggs"},
                {"role": "assistant", "content": "eggs"},
            ]
        }
        for n in range(count)
    ]


def written(path: Path, values: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


class SeeingProvider(FakeProvider, CanInspect):
    """A fake that finds things out beforehand."""

    def inspect_job(self, spec: JobSpec, rows: Rows, /) -> Inspection:
        self._record("inspect_job", spec, rows)
        return Inspection(
            epochs=3.0,
            seconds=Span(low=60, high=240),
            shutdown_date=date(2027, 1, 14),
            settings={"memory": "1 GB of 2 GB"},
            warnings=("the machine is busy",),
        )


class TestPlan:
    def test_nothing_is_made_and_nothing_is_sent(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        plan = client.jobs.plan(model=GPT, training_data=rows())
        assert plan.training is not None
        assert plan.training.rows == 12
        assert not {call.name for call in fake.calls} & WRITES
        assert list(client.jobs.list()) == []

    def test_tokens_are_counted_as_the_model_counts_them(self, client: FineTuneClient) -> None:
        plan = client.jobs.plan(model=GPT, training_data=rows())
        assert plan.tokens is not None
        assert (plan.tokens.counter, plan.tokens.exact, plan.tokens.rows) == (
            "o200k_base",
            True,
            12,
        )
        # Three for the conversation, and for each message four and its text, of two tokens; of the
        # answer the text and the end are learned.
        assert plan.tokens.total == 12 * (3 + (4 + 2) + (4 + 2))
        assert plan.tokens.trained == 12 * (2 + 1)

    def test_a_model_that_nobody_can_count_has_no_tokens(self, client: FineTuneClient) -> None:
        assert client.jobs.plan(model="somebody/base", training_data=rows()).tokens is None

    @pytest.mark.parametrize(
        ("count", "epochs", "expected"), [(12, 2, 2), (12, None, 8), (120, None, 3)]
    )
    def test_epochs_are_the_callers_or_those_of_auto(
        self, client: FineTuneClient, count: int, epochs: int | None, expected: int
    ) -> None:
        method = Supervised(epochs=epochs)
        plan = client.jobs.plan(model=GPT, training_data=rows(count), method=method)
        assert plan.epochs == expected
        assert plan.epochs_source

    def test_what_the_provider_finds_out_is_in_the_plan(self) -> None:
        with FineTuneClient(SeeingProvider()) as client:
            plan = client.jobs.plan(model="base", training_data=rows())
        assert (plan.epochs, plan.epochs_source) == (3.0, "the provider's own choice")
        assert plan.seconds == Span(low=60, high=240)
        assert plan.shutdown_date == date(2027, 1, 14)
        assert plan.settings["memory"] == "1 GB of 2 GB"
        assert "the machine is busy" in plan.warnings

    def test_which_turns_are_learned_is_told_where_nobody_said_it(
        self, client: FineTuneClient
    ) -> None:
        plan = client.jobs.plan(model="base", training_data=rows())
        assert plan.settings["train_on"].startswith("assistant")
        said = client.jobs.plan(
            model="base", training_data=rows(), method=Supervised(train_on="all")
        )
        assert "train_on" not in said.settings

    def test_bad_rows_are_refused_as_by_create(self, client: FineTuneClient) -> None:
        with pytest.raises(DatasetValidationError):
            client.jobs.plan(model=GPT, training_data=[{"messages": []}])

    def test_what_the_provider_cannot_do_is_refused_as_by_create(
        self, client: FineTuneClient
    ) -> None:
        class Narrow(FakeProvider):
            capabilities: ClassVar[Capabilities] = Capabilities(
                methods={MethodName.DPO: MethodSupport(hyperparameters=frozenset())}
            )

        with FineTuneClient(Narrow()) as narrow, pytest.raises(UnsupportedError):
            narrow.jobs.plan(model="base", training_data=rows())

    def test_it_goes_to_json_and_back(self, client: FineTuneClient) -> None:
        plan = client.jobs.plan(model=GPT, training_data=rows(), method=Supervised(epochs=2))
        assert Plan.from_json(plan.to_json()) == plan

    def test_the_asynchronous_twin_plans_and_creates(self) -> None:
        async def main() -> tuple[str, str]:
            async with AsyncFineTuneClient(FakeProvider()) as client:
                plan = await client.jobs.plan(model=GPT, training_data=rows())
                first = await client.jobs.create(plan.spec)
                again = await client.jobs.create(plan.spec)
                return first.id, again.id

        first, again = asyncio.run(main())
        assert first == again


class TestCreatingAPlan:
    def test_a_plan_is_created_once(self, client: FineTuneClient, fake: FakeProvider) -> None:
        plan = client.jobs.plan(
            model="base",
            training_data=rows(),
            validation_data=rows(13)[12:],
            method=Supervised(epochs=2),
            suffix="eggs",
            seed=7,
            metadata={"team": "kitchen"},
        )
        job = client.jobs.create(plan.spec)
        assert client.jobs.create(plan.spec).id == job.id
        assert (job.suffix, job.seed, job.metadata) == ("eggs", 7, {"team": "kitchen"})
        assert job.method == Supervised(epochs=2)
        assert job.validation_file is not None
        assert len(list(client.jobs.list())) == 1

    def test_a_plan_of_a_file_can_be_created_from_its_json(
        self, client: FineTuneClient, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "train.jsonl", rows())
        plan = client.jobs.plan(model="base", training_data=path)
        again = Plan.from_json(plan.to_json())
        assert client.jobs.create(again.spec).status

    def test_a_file_that_changed_since_is_refused(
        self, client: FineTuneClient, fake: FakeProvider, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "train.jsonl", rows())
        plan = client.jobs.plan(model="base", training_data=path)
        written(path, rows(50))
        with pytest.raises(ConfigurationError, match="has changed since the plan"):
            client.jobs.create(plan.spec)
        assert not {call.name for call in fake.calls} & WRITES

    def test_rows_in_memory_are_known_to_the_client_that_planned(
        self, client: FineTuneClient
    ) -> None:
        plan = client.jobs.plan(model="base", training_data=rows())
        with (
            FineTuneClient(FakeProvider()) as other,
            pytest.raises(ConfigurationError, match="were in memory"),
        ):
            other.jobs.create(plan.spec)

    def test_a_plan_for_another_place_names_the_client_to_open(
        self, client: FineTuneClient
    ) -> None:
        plan = client.jobs.plan(model="base", training_data=rows())
        elsewhere = plan.spec.model_copy(update={"owner": "azure-eu"})
        with pytest.raises(ConfigurationError, match=r'FineTuneClient\("azure-eu"\)'):
            client.jobs.create(elsewhere)

    def test_what_the_provider_holds_already_is_planned_by_its_id(
        self, client: FineTuneClient
    ) -> None:
        held = DatasetFile(id="file-1", rows=100)
        plan = client.jobs.plan(model="base", training_data=held)
        assert plan.training is None
        assert plan.spec.training_data == held

    def test_the_plan_itself_is_taken_too(self, client: FineTuneClient) -> None:
        plan = client.jobs.plan(model="base", training_data=rows())
        assert client.jobs.create(plan).id == client.jobs.create(plan.spec).id

    @pytest.mark.parametrize("words", [{"max_cost": 1}, {"seed": 8}, {"model": "other"}])
    def test_nothing_is_said_beside_a_plan(
        self, client: FineTuneClient, fake: FakeProvider, words: dict[str, Any]
    ) -> None:
        plan = client.jobs.plan(model="base", training_data=rows())
        create: Any = client.jobs.create
        with pytest.raises(ConfigurationError, match=f"plan again with `{next(iter(words))}`"):
            create(plan.spec, **words)
        assert not {call.name for call in fake.calls} & WRITES

    def test_what_is_no_plan_is_refused(self, client: FineTuneClient) -> None:
        create: Any = client.jobs.create
        with pytest.raises(ConfigurationError, match=r"jobs\.plan"):
            create({"model": "base"})

    def test_the_cost_limit_of_the_plan_holds(self) -> None:
        with FineTuneClient(FakeProvider(cost=5)) as client:
            plan = client.jobs.plan(model="base", training_data=rows(), max_cost=1)
            assert plan.cost is not None
            assert any("a create would refuse" in warning for warning in plan.warnings)
            with pytest.raises(CostLimitError):
                client.jobs.create(plan.spec)


def test_a_file_that_changes_while_it_is_sent_makes_no_job(tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", rows())

    class Slow(FakeProvider):
        """A fake during whose upload somebody else writes to the file."""

        def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
            uploaded = super().upload_dataset(dataset, key=key)
            written(path, rows(50))
            return uploaded

    fake = Slow()
    with (
        FineTuneClient(fake) as client,
        pytest.raises(DatasetError, match="has changed while"),
    ):
        client.jobs.create(model="base", training_data=path)
    assert "create_job" not in {call.name for call in fake.calls}


def test_a_table_that_changes_while_it_is_sent_makes_no_job() -> None:
    table = polars.DataFrame(rows())

    class Slow(FakeProvider):
        """A fake during whose upload somebody else writes to the table."""

        def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
            table.replace_column(0, polars.Series("messages", ["gone"] * 12))
            return super().upload_dataset(dataset, key=key)

    fake = Slow()
    with (
        FineTuneClient(fake) as client,
        pytest.raises(DatasetError, match="has changed while"),
    ):
        client.jobs.create(model="base", training_data=table)
    assert "create_job" not in {call.name for call in fake.calls}


def test_a_table_that_changed_since_the_plan_is_refused(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    table = polars.DataFrame(rows())
    plan = client.jobs.plan(model="base", training_data=table)
    table.replace_column(0, polars.Series("messages", ["gone"] * 12))
    with pytest.raises((ConfigurationError, DatasetError)):
        client.jobs.create(plan.spec)
    assert not {call.name for call in fake.calls} & WRITES


def test_a_converted_dataset_whose_file_changed_since_the_plan_is_refused(
    client: FineTuneClient, fake: FakeProvider, tmp_path: Path
) -> None:
    path = written(tmp_path / "alpaca.jsonl", ALPACA)
    converted = client.datasets.convert(path, to="chat").dataset
    plan = client.jobs.plan(model="base", training_data=converted)
    written(path, [{**row, "output": "something else"} for row in ALPACA])
    with pytest.raises(ConfigurationError, match="has changed since the plan"):
        client.jobs.create(plan.spec)
    assert not {call.name for call in fake.calls} & WRITES


def test_a_file_that_changes_while_it_is_planned_has_no_plan(tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", rows())

    class Slow(SeeingProvider):
        """A provider during whose look somebody else writes to the file."""

        def inspect_job(self, spec: JobSpec, rows_: Rows, /) -> Inspection:
            written(path, rows(50))
            return super().inspect_job(spec, rows_)

    with FineTuneClient(Slow()) as client, pytest.raises(DatasetError, match="has changed while"):
        client.jobs.plan(model="base", training_data=path)


def test_options_of_a_plan_that_nobody_reads_are_refused(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    plan = client.jobs.plan(model="base", training_data=rows())
    edited = plan.spec.model_copy(update={"options": {"x": 1}})
    with pytest.raises(ConfigurationError, match="has no options of its own"):
        client.jobs.create(edited)
    assert not {call.name for call in fake.calls} & WRITES


@pytest.mark.parametrize(
    "words",
    [
        {"options": 5},
        {"allow": 5},
        {"allow": "secret_in_text"},
        {"max_cost": float("nan")},
        {"max_cost": True},
        {"max_cost": -1},
        {"max_cost": "5"},
    ],
    ids=str,
)
def test_a_wrong_word_is_told_by_plan_and_create(
    client: FineTuneClient, fake: FakeProvider, words: dict[str, Any]
) -> None:
    verbs: list[Any] = [client.jobs.plan, client.jobs.create]
    for verb in verbs:
        with pytest.raises(ConfigurationError, match=f"`{next(iter(words))}`"):
            verb(model="base", training_data=rows(), **words)
    assert not {call.name for call in fake.calls} & WRITES


class TestCost:
    def test_it_is_tokens_times_epochs_times_the_price(self) -> None:
        provider = FakeProvider(priced_as="openai")
        with FineTuneClient(provider) as client:
            plan = client.jobs.plan(model=GPT, training_data=rows(), method=Supervised(epochs=2))
        assert plan.tokens is not None
        assert plan.cost is not None
        assert plan.cost.low == plan.cost.high == pytest.approx(plan.tokens.billable * 2 * 5 / 1e6)
        assert plan.cost.as_of == date(2025, 4, 14)
        assert "unverified" in plan.cost.source
        assert "5 US dollars" in plan.cost.source

    def test_a_price_of_ones_own_comes_first(self) -> None:
        own = Price(training=50.0, source="our contract", as_of=date(2026, 11, 1))
        provider = FakeProvider(priced_as="openai", prices=Prices({"openai": {GPT: own}}))
        with FineTuneClient(provider) as client:
            plan = client.jobs.plan(model=f"ft:{GPT}:us::1", training_data=rows())
        assert plan.cost is not None
        assert "our contract" in plan.cost.source

    def test_what_nobody_can_price_says_why_and_is_no_free_job(self) -> None:
        with FineTuneClient(FakeProvider(priced_as="openai")) as client:
            plan = client.jobs.plan(model="gpt-5-unheard-of", training_data=rows())
            assert plan.cost is None
            assert plan.no_cost is not None
            assert "[prices.openai" in plan.no_cost
            with pytest.raises(CostLimitError, match="is not known"):
                client.jobs.create(model="gpt-5-unheard-of", training_data=rows(), max_cost=100)

    def test_a_limit_is_held_before_anything_is_uploaded(self) -> None:
        fake = FakeProvider(priced_as="openai")
        with FineTuneClient(fake) as client, pytest.raises(CostLimitError):
            client.jobs.create(model=GPT, training_data=rows(), max_cost=1e-6)
        assert not {call.name for call in fake.calls} & WRITES

    def test_an_estimate_of_tokens_widens_the_range(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "toktok", None)
        with FineTuneClient(FakeProvider(priced_as="openai")) as client:
            plan = client.jobs.plan(model=GPT, training_data=rows())
        assert plan.tokens is not None
        assert (plan.tokens.exact, plan.tokens.counter) == (False, "estimate")
        assert plan.cost is not None
        assert plan.cost.low < plan.cost.high


class TestConversion:
    def test_rows_of_a_foreign_format_are_rewritten_and_the_plan_says_so(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        plan = client.jobs.plan(model="base", training_data=ALPACA)
        assert plan.conversion is not None
        assert (plan.conversion.source, plan.conversion.target) == ("alpaca", "chat")
        job = client.jobs.create(plan.spec)
        assert job.training_file is not None
        sent = fake.uploads[job.training_file.id]
        assert sent[0]["messages"] == [
            {"role": "user", "content": "Name 0."},
            {"role": "assistant", "content": "0 eggs"},
        ]

    def test_rows_that_the_provider_reads_go_as_they_are(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        pairs = [{"prompt": f"{n}", "chosen": f"{n} eggs", "rejected": "salt"} for n in range(12)]
        job = client.jobs.create(model="base", training_data=pairs, method=DPO())
        assert job.training_file is not None
        assert fake.uploads[job.training_file.id] == tuple(pairs)

    def test_keys_that_nobody_reads_are_left_behind_and_told(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        named = [{**row, "id": n} for n, row in enumerate(ALPACA)]
        job = client.jobs.create(model="base", training_data=named)
        assert any("left behind" in warning and "12 row(s)" in warning for warning in job.warnings)

    @pytest.mark.parametrize(
        "row",
        [
            {**TALK, "kto_tag": False},
            {**TALK, "label": False},
            {"instruction": "List.", "context": "2 eggs", "output": "eggs"},
            {"instruction": "List.", "input": "2 eggs", "output": "eggs", "response": "salt"},
        ],
        ids=lambda row: ",".join(row),
    )
    def test_a_key_that_says_something_of_the_answer_keeps_a_job_from_being_made(
        self, client: FineTuneClient, fake: FakeProvider, row: dict[str, object]
    ) -> None:
        with pytest.raises(DatasetValidationError, match="unread_key"):
            client.jobs.create(model="base", training_data=[row])
        assert not {call.name for call in fake.calls} & WRITES
        job = client.jobs.create(model="base", training_data=[row], allow=["unread_key"])
        assert any("unread_key" in warning for warning in job.warnings)

    def test_a_fault_of_a_foreign_row_is_told_at_its_own_place(
        self, client: FineTuneClient
    ) -> None:
        bad = [*ALPACA, {"instruction": "Name 1.", "output": 7}]
        with pytest.raises(DatasetValidationError) as caught:
            client.jobs.create(model="base", training_data=bad)
        (finding,) = [f for f in caught.value.report.findings if f.severity == "error"]
        assert (finding.line, finding.pointer) == (13, "/output")

    def test_what_the_provider_cannot_read_is_refused_before_anything_is_sent(self) -> None:
        class Plain(FakeProvider):
            capabilities: ClassVar[Capabilities] = Capabilities(
                methods={MethodName.SUPERVISED: MethodSupport(hyperparameters=frozenset())}
            )

        answer = {"role": "assistant", "content": "eggs", "weight": 0}
        asked = {"role": "user", "content": "2 eggs"}
        weighed: list[dict[str, object]] = [
            *rows(),
            {"messages": [asked, answer, asked, {**answer, "weight": 1}]},
        ]
        fake = Plain()
        with FineTuneClient(fake) as client, pytest.raises(DatasetError):
            client.jobs.create(model="base", training_data=weighed)
        assert not {call.name for call in fake.calls} & WRITES


class TestLivingWithFindings:
    @staticmethod
    def leaky() -> list[dict[str, object]]:
        turn = {"role": "user", "content": f"my key is {SECRET}"}
        return [*rows(), {"messages": [turn, {"role": "assistant", "content": "thanks"}]}]

    def test_a_secret_keeps_a_job_from_being_made(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        with pytest.raises(DatasetValidationError) as caught:
            client.jobs.create(model="base", training_data=self.leaky())
        assert "secret_in_text" in str(caught.value)
        assert SECRET not in str(caught.value)
        assert not {call.name for call in fake.calls} & WRITES

    def test_unless_the_caller_has_decided_to_live_with_it(self, client: FineTuneClient) -> None:
        job = client.jobs.create(model="base", training_data=self.leaky(), allow=["secret_in_text"])
        assert any("secret_in_text" in warning for warning in job.warnings)

    @pytest.mark.parametrize("code", ["bad_label", "no_such_code", "duplicate_row"])
    def test_only_some_findings_can_be_lived_with(self, client: FineTuneClient, code: str) -> None:
        with pytest.raises(ConfigurationError, match="secret_in_text"):
            client.jobs.create(model="base", training_data=rows(), allow=[code])

    def test_a_row_that_the_model_does_not_read_to_its_end_is_refused(
        self, client: FineTuneClient
    ) -> None:
        method = Supervised(max_length=11)
        with pytest.raises(DatasetValidationError, match="row_too_long"):
            client.jobs.create(model=GPT, training_data=rows(), method=method)

    def test_who_rehearses_hears_what_others_would_refuse(self, client: FineTuneClient) -> None:
        call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        said = {"role": "user", "content": "?"}
        calling = {"role": "assistant", "content": None, "tool_calls": [call]}
        row = {"messages": [said, calling, said, {"role": "assistant", "content": "eggs"}]}
        report = client.datasets.check([row])
        (finding,) = report.findings
        assert (finding.code, finding.severity) == ("unanswered_tool_call", "warning")
        assert finding.providers == ("openai", "azure_openai")

    def test_rows_that_stand_in_both_are_told(self, client: FineTuneClient) -> None:
        job = client.jobs.create(model="base", training_data=rows(), validation_data=rows()[:1])
        assert any("validation_overlap" in warning for warning in job.warnings)


class TestCounting:
    def test_models_of_openai_are_counted_here(self, client: FineTuneClient) -> None:
        report = client.datasets.count(rows(), model=GPT)
        assert (report.counter, report.rows, report.limit) == ("o200k_base", 12, 65_536)

    def test_rows_that_cannot_be_counted_are_told(self, client: FineTuneClient) -> None:
        report = client.datasets.count([*rows(), {"messages": 7}], model=GPT)
        assert (report.rows, report.exact) == (12, False)
        assert report.note is not None
        assert "1 of 13 row(s) cannot be counted" in report.note

    def test_others_are_refused_where_the_provider_cannot_tell(
        self, client: FineTuneClient
    ) -> None:
        with pytest.raises(UnsupportedError, match="counting tokens as 'somebody/base'"):
            client.datasets.count(rows(), model="somebody/base")
