"""`finetune plan`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

RECIPE = """\
model: small
training_data: train.jsonl
method:
  epochs: 2
"""
CONFIG = """\
profile = "desk"
[profiles.desk]
provider = "account"
[profiles.like-openai]
provider = "fake"
priced_as = "openai"
[profiles.broken]
provider = "fake"
[models.small]
desk = "base-1"
like-openai = "gpt-4.1-mini-2025-04-14"
"""


@pytest.fixture(autouse=True)
def recipe(project: Path) -> None:
    (project / "recipe.yaml").write_text(RECIPE)
    (project / "finetune.toml").write_text(CONFIG)


def test_a_plan_says_what_would_be_and_makes_nothing(
    finetune: Command, account: AccountProvider
) -> None:
    done = finetune("plan", "recipe.yaml")
    assert done.code == 0
    assert "base-1" in done.out
    assert "10 of format chat" in done.out
    assert "finetune run recipe.yaml" in done.err
    assert finetune("jobs", "list", "--json").out == ""


def test_a_plan_repeats_what_was_said(finetune: Command, project: Path) -> None:
    said = "  learning_rate: 0.0002\n  lora: true\n  train_on: all\nseed: 1234567\n"
    (project / "recipe.yaml").write_text(RECIPE + said)
    told = finetune("plan", "recipe.yaml", "--profile", "like-openai").out
    for name, value in [
        ("learning_rate", "0.0002"),
        ("lora", "yes"),
        ("train_on", "all"),
        ("seed", "1234567"),
    ]:
        assert re.search(rf"^{name} +{value}, as you said", told, re.MULTILINE)


def test_profiles_stand_side_by_side_and_one_that_cannot_says_why(finetune: Command) -> None:
    done = finetune("plan", "recipe.yaml", "--profiles", "desk,like-openai,broken")
    assert done.code == 0
    assert all(name in done.out for name in ("desk", "like-openai", "o200k_base", "US dollars"))
    assert "cannot:" in done.out
    assert "--profile desk" in done.err


def test_with_json_each_profile_is_a_document(finetune: Command) -> None:
    documents = finetune(
        "plan", "recipe.yaml", "--profiles", "like-openai,broken", "--json"
    ).documents
    assert documents[0]["provider"] == "fake"
    assert documents[1]["owner"] == "broken"
    assert "models.small" in str(documents[1]["refused"])


@pytest.mark.parametrize("names", ["broken", ",", "nowhere"])
def test_nothing_that_can_be_planned_ends_with_1(finetune: Command, names: str) -> None:
    assert finetune("plan", "recipe.yaml", "--profiles", names).code == 1


def test_bad_rows_are_told_as_by_run(finetune: Command, project: Path) -> None:
    (project / "train.jsonl").write_text('{"messages": []}\n')
    done = finetune("plan", "recipe.yaml")
    assert done.code == 1
    assert "empty_messages" in done.err
