"""Methods: each with its own rows, its own graders, and what of it may be left out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from finetune_sdk import (
    DPO,
    KTO,
    ORPO,
    AsyncFineTuneClient,
    ConfigurationError,
    DatasetValidationError,
    FineTuneClient,
    MethodName,
    PythonGrader,
    Reinforcement,
    Reward,
    StringCheckGrader,
    Supervised,
    UnsupportedError,
)
from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Method

QUESTION = {"messages": [{"role": "user", "content": "a"}]}
ROWS = [{"messages": [*QUESTION["messages"], {"role": "assistant", "content": "b"}]}]
PAIRS = [{"prompt": "a", "chosen": "b", "rejected": "c"}]
THUMBS = [{"prompt": "a", "completion": "b", "label": label} for label in (True, False)]
SAME = StringCheckGrader(
    input="{{sample.output_text}}", reference="{{item.answer}}", operation="eq"
)
GRADED = [{**QUESTION, "answer": "b"}]
TAUGHT: list[tuple[Method, Sequence[Mapping[str, object]]]] = [
    (Supervised(), ROWS),
    (DPO(beta=0.2), PAIRS),
    (ORPO(), PAIRS),
    (KTO(desirable_weight=2), THUMBS),
    (Reward(), PAIRS),
    (Reinforcement(grader=SAME), GRADED),
    (Reinforcement(rewards=("my_rewards:exact",)), GRADED),
]


class GradingProvider(FakeProvider):
    """A fake that grades by comparing strings alone."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        methods={
            MethodName.REINFORCEMENT: MethodSupport(
                hyperparameters=frozenset({"grader", "temperature"}),
                graders=frozenset({"string_check"}),
                note="may change without notice",
            )
        },
        notes={"python": "programs are not run here"},
    )


@pytest.mark.parametrize(("method", "rows"), TAUGHT, ids=lambda value: type(value).__name__)
def test_each_method_learns_from_its_own_rows(
    client: FineTuneClient, method: Method, rows: Sequence[Mapping[str, object]]
) -> None:
    job = client.jobs.create(model="base", training_data=rows, validation_data=rows, method=method)
    assert job.method == method
    # The same rows twice, which is told.
    told = {warning.split(": warning ")[1].split(":")[0] for warning in job.warnings}
    assert told <= {"validation_overlap", "one_label", "near_duplicate_row"}


@pytest.mark.parametrize(("method", "rows"), TAUGHT[1:], ids=lambda value: type(value).__name__)
def test_rows_of_another_method_are_refused_as_such(
    client: FineTuneClient,
    fake: FakeProvider,
    method: Method,
    rows: Sequence[Mapping[str, object]],
) -> None:
    with pytest.raises(DatasetValidationError) as caught:
        client.jobs.create(model="base", training_data=ROWS, method=method)
    assert caught.value.report.errors == 1
    with pytest.raises(DatasetValidationError):
        client.jobs.create(model="base", training_data=rows)
    assert fake.calls == []


def test_a_check_is_for_the_method_that_is_named(client: FineTuneClient) -> None:
    assert client.datasets.check(ROWS).format == "chat"
    for method in (DPO(), MethodName.DPO, "dpo"):
        report = client.datasets.check(PAIRS, method=method)
        assert (report.format, report.findings) == ("preference_trl", ())
    assert not client.datasets.check(PAIRS).ok


def test_a_check_holds_rows_against_what_the_provider_can_do_of_the_method() -> None:
    class Pairs(FakeProvider):
        capabilities: ClassVar[Capabilities] = Capabilities(
            methods={MethodName.DPO: MethodSupport(hyperparameters=frozenset(), min_rows=2)}
        )

    with FineTuneClient(Pairs()) as narrow:
        codes = [f.code for f in narrow.datasets.check(PAIRS, method="dpo").findings]
        assert codes == ["too_few_rows"]
        assert narrow.datasets.check(PAIRS, method="orpo").ok


@pytest.mark.parametrize("method", ["dop", "", "DPO", 5])
def test_a_method_that_is_none_is_refused_with_the_names(
    client: FineTuneClient, method: Any
) -> None:
    with pytest.raises(ConfigurationError, match=r"`method`.*supervised, dpo, orpo, kto") as caught:
        client.datasets.check(ROWS, method=method)
    assert ("did you mean `dpo`?" in str(caught.value)) == (method in ("dop", "DPO"))


async def checked_asynchronously() -> str:
    async with AsyncFineTuneClient(FakeProvider()) as client:
        return (await client.datasets.check(PAIRS, method="dpo")).format


def test_the_asynchronous_twin_takes_the_method_too() -> None:
    assert asyncio.run(checked_asynchronously()) == "preference_trl"


def test_a_kind_of_grader_that_the_provider_cannot_run_is_refused_by_name() -> None:
    fake = GradingProvider()
    method = Reinforcement(grader=PythonGrader(source="def grade(sample, item): return 1"))
    with pytest.raises(UnsupportedError) as caught:
        FineTuneClient(fake).jobs.create(model="base", training_data=GRADED, method=method)
    assert "graders of the type 'python' (programs are not run here)" in str(caught.value)
    assert fake.calls == []


def test_a_note_on_the_method_is_a_warning_of_the_job() -> None:
    job = FineTuneClient(GradingProvider()).jobs.create(
        model="base", training_data=GRADED, method=Reinforcement(grader=SAME)
    )
    assert job.warnings == ("`reinforcement`: may change without notice",)


@pytest.mark.parametrize(
    ("method", "named"),
    [
        (Reinforcement(grader=PythonGrader(source="x")), "'python'"),
        (Reinforcement(grader=SAME, rewards=("a:b",)), "`rewards`"),
        (Reinforcement(rewards=("a:b",), reward_weights=(2.0,)), "`rewards`"),
    ],
)
def test_what_says_what_is_learned_is_never_left_out(method: Method, named: str) -> None:
    fake = GradingProvider()
    with pytest.raises(UnsupportedError, match=named):
        FineTuneClient(fake).jobs.create(
            model="base", training_data=GRADED, method=method, strict=False
        )
    assert fake.calls == []


def test_not_strict_leaves_out_what_only_shapes_learning() -> None:
    job = FineTuneClient(GradingProvider()).jobs.create(
        model="base",
        training_data=GRADED,
        method=Reinforcement(grader=SAME, temperature=0.5, num_generations=4, beta=0.1),
        strict=False,
    )
    assert job.method == Reinforcement(grader=SAME, temperature=0.5)


def test_not_strict_leaves_weights_as_they_are_by_default() -> None:
    class Unweighted(FakeProvider):
        capabilities: ClassVar[Capabilities] = Capabilities(
            methods={
                MethodName.REINFORCEMENT: MethodSupport(hyperparameters=frozenset({"rewards"}))
            }
        )

    job = FineTuneClient(Unweighted()).jobs.create(
        model="base",
        training_data=GRADED,
        method=Reinforcement(rewards=("a:b",), reward_weights=(2.0,)),
        strict=False,
    )
    assert job.method == Reinforcement(rewards=("a:b",))
