"""`client.datasets`, sync and async: the same rooms, with the provider's own limits."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    ConfigurationError,
    DatasetError,
    FineTuneClient,
    MethodName,
)
from finetune_sdk.datasets import ImageLimits
from finetune_sdk.providers.base import Capabilities, MethodSupport
from finetune_sdk.testing import FakeProvider

PAIRS = [{"prompt": f"{n}", "chosen": f"{n} eggs", "rejected": "salt"} for n in range(3)]
SHAREGPT = [
    {"conversations": [{"from": "human", "value": f"{n}"}, {"from": "gpt", "value": f"{n} eggs"}]}
    for n in range(12)
]
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/eggs.png"}}


def chat(*extra: object) -> dict[str, object]:
    asked = [{"type": "text", "text": "what is this?"}, *extra]
    answer = {"role": "assistant", "content": "eggs"}
    return {"messages": [{"role": "user", "content": asked}, answer]}


class StrictProvider(FakeProvider):
    """A fake that reads OpenAI's pairs alone, and few images."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        methods={
            MethodName.SUPERVISED: MethodSupport(
                hyperparameters=frozenset(),
                content=frozenset({"text", "image"}),
                images=ImageLimits(per_row=2, bytes=1000, rows=1),
            ),
            MethodName.DPO: MethodSupport(hyperparameters=frozenset(), rows=("preference",)),
        }
    )


def test_rows_are_converted_to_what_the_provider_reads_best() -> None:
    with FineTuneClient(StrictProvider()) as client:
        done = client.datasets.convert(PAIRS, method="dpo")
    assert (done.report.source, done.report.target) == ("preference_trl", "preference")
    assert set(next(iter(done.dataset))) == {
        "input",
        "preferred_output",
        "non_preferred_output",
    }


def test_what_the_provider_cannot_hold_is_lost_only_when_it_may_be() -> None:
    with FineTuneClient(StrictProvider()) as client:
        asked, answer = {"role": "user", "content": "?"}, {"role": "assistant", "content": "eggs"}
        rows = [{"messages": [asked, {**answer, "weight": 0}, asked, answer]}]
        with pytest.raises(DatasetError, match="weights"):
            client.datasets.convert(rows)
        done = client.datasets.convert(rows, allow_loss=["weights"])
    assert [loss.what for loss in done.report.lost] == ["weights"]


def test_the_format_can_be_said(client: FineTuneClient) -> None:
    dataset = client.datasets.load(SHAREGPT, format="sharegpt")
    assert client.datasets.check(dataset).format == "sharegpt"
    with pytest.raises(ConfigurationError, match="format"):
        client.datasets.load(SHAREGPT, format="sharegtp")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([chat(PICTURE, PICTURE, PICTURE)], "too_many_images"),
        ([chat(PICTURE), chat(PICTURE, PICTURE)], "too_many_image_rows"),
        (
            [chat({"type": "image_url", "image_url": {"url": "data:image/png;base64,A" * 100}})],
            "image_too_large",
        ),
        (
            [chat({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}})],
            "image_format",
        ),
    ],
)
def test_images_are_held_against_the_providers_limits(rows: list[object], code: str) -> None:
    class Limited(StrictProvider):
        name: ClassVar[str] = "openai"

    with FineTuneClient(Limited()) as client:
        report = client.datasets.check(rows)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - JSON
    assert code in {finding.code for finding in report.findings}


def test_validation_rows_are_held_against_the_training_data(client: FineTuneClient) -> None:
    report = client.datasets.check(SHAREGPT[:1], against=SHAREGPT)
    assert [finding.code for finding in report.findings] == ["validation_overlap"]


def test_the_asynchronous_twin_does_the_same() -> None:
    async def main() -> tuple[str, int, int, int]:
        async with AsyncFineTuneClient(FakeProvider()) as client:
            dataset = await client.datasets.load(SHAREGPT)
            report = await client.datasets.check(dataset)
            done = await client.datasets.convert(dataset, to="chat")
            tokens = await client.datasets.count(dataset, model="gpt-4o")
            parts = await client.datasets.split(dataset, parts=(0.5, 0.5))
            return report.format, done.report.rows_out, tokens.rows, sum(map(len, parts))

    assert asyncio.run(main()) == ("sharegpt", 12, 12, 12)
