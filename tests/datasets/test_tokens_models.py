"""What a model's name says of its tokens, and how often `auto` goes through the rows."""

from __future__ import annotations

import pytest
import tiktoken

from finetune_sdk.datasets.tokens import auto_epochs, encoding_of, limit_of

O200K, CL100K = "o200k_base", "cl100k_base"


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("gpt-4o", O200K),
        ("gpt-4o-mini-2024-07-18", O200K),
        ("gpt-4.1-mini-2025-04-14", O200K),
        ("gpt-4.1", O200K),
        ("gpt-5", O200K),
        ("gpt-5.1-mini", O200K),
        ("o1", O200K),
        ("o3-mini", O200K),
        ("o4-mini-2025-04-16", O200K),
        ("gpt-4", CL100K),
        ("gpt-4-0613", CL100K),
        ("gpt-3.5-turbo-0125", CL100K),
        ("gpt-35-turbo-0613", CL100K),
        ("babbage-002", CL100K),
        ("davinci-002", CL100K),
        ("ft:gpt-4o-mini-2024-07-18:org:recipes:9xYz", O200K),
        ("ft:gpt-3.5-turbo-0125:org::9xYz:ckpt-step-20", CL100K),
        ("ft:davinci-002:org::abc", CL100K),
        ("gpt-4.1-2025-04-14.ft-0e208cf33a6a466994aff31a08aba678-recipes", O200K),
        ("gpt-35-turbo-0125.ft-0e20", CL100K),
        # Nobody knows, so nobody says.
        ("gpt-4.7", None),
        ("gpt-40", None),
        ("o5", None),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", None),
        ("meta/gpt-4o", None),
        ("ft:", None),
        ("", None),
    ],
)
def test_the_encoding_of_a_model(model: str, wanted: str | None) -> None:
    assert encoding_of(model) == wanted


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1", "gpt-4", "gpt-3.5-turbo", "o1", "o3"])
def test_it_is_the_one_that_tiktoken_says(model: str) -> None:
    for name in (model, f"{model}-2024-01-01"):
        assert encoding_of(name) == tiktoken.encoding_name_for_model(name)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("gpt-4o-2024-08-06", 65_536),
        ("gpt-4o-mini", 65_536),
        ("gpt-4.1-nano-2025-04-14", 65_536),
        ("ft:gpt-4.1-mini-2025-04-14:org:recipes:1", 65_536),
        ("gpt-3.5-turbo-0125", 16_385),
        ("gpt-35-turbo-0125.ft-12", 16_385),
        ("gpt-3.5-turbo-0613", 4_096),
        ("gpt-3.5-turbo", None),
        ("gpt-4-0613", None),
        ("somebody/else", None),
    ],
)
def test_the_limit_of_a_model(model: str, wanted: int | None) -> None:
    assert limit_of(model) == wanted


@pytest.mark.parametrize(
    ("rows", "epochs"),
    [
        (0, 25),
        (1, 25),
        (4, 25),
        (5, 20),  # the cookbook's own example
        (10, 10),
        (33, 3),
        (34, 3),
        (100, 3),
        (8_333, 3),
        (8_334, 2),
        (12_500, 2),
        (12_501, 1),
        (1_000_000, 1),
    ],
)
def test_the_epochs_that_auto_makes(rows: int, epochs: int) -> None:
    assert auto_epochs(rows) == epochs
