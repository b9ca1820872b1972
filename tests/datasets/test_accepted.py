"""What passes the check for the local provider is taken by TRL and by our own encoders."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import Content, RowFormat, RowRules, load
from finetune_sdk.providers.local.training.rows.answers import AnswerEncoder
from finetune_sdk.providers.local.training.rows.encoding import Encoder
from finetune_sdk.providers.local.training.rows.preferences import judged, pair
from finetune_sdk.providers.local.training.rows.prompts import prompt
from tests.datasets.samples import Json
from tests.datasets.samples import judged as check
from tests.datasets.strategies import of_format, rich_rows
from tests.datasets.test_laws import good_rows
from tests.training.tiny import make_tokenizer

CONTENT: frozenset[Content] = frozenset({"text", "tools", "weight", "name"})
FORMATS: list[RowFormat] = ["chat", "preference", "preference_trl", "kto", "prompts"]
WANTED: dict[RowFormat, RowFormat] = {"preference_trl": "preference"}


@lru_cache
def tokenizer() -> Any:
    return make_tokenizer(context=100_000)


def rows_of(source: RowFormat) -> st.SearchStrategy[Json]:
    if source == "prompts":
        return good_rows["prompts"]
    if source == "chat":
        return rich_rows | good_rows["chat"]
    return of_format[source] | good_rows[WANTED.get(source, source)]


def passes(row: Json, source: RowFormat) -> bool:
    wanted = WANTED.get(source, source)
    rules = RowRules(format=wanted, content=CONTENT, provider="local")
    # Roles out of turn are a warning: many templates refuse them, and this one does not.
    return check(load([row]), rules=rules).ok


def encode(row: Json, source: RowFormat) -> None:
    said: list[str] = []
    encoder = AnswerEncoder(tokenizer(), said.append)
    if source == "chat":
        assert Encoder(tokenizer(), "assistant", said.append).example(row, 1).tokens
    elif source == "kto":
        assert judged(row, 1, encoder).completion
    elif source == "prompts":
        assert prompt(row, 1, encoder, None).tokens
    else:
        made = pair(row, 1, encoder)
        assert made.chosen
        assert made.rejected


def as_trl_spells_it(row: Json) -> dict[str, Any]:
    """The same row with TRL's keys, as the trainer compares answers."""
    if "input" not in row:
        return row
    asked: Any = row["input"]
    keys = {"chosen": row["preferred_output"], "rejected": row["non_preferred_output"]}
    return {"prompt": asked["messages"], **keys}


def taken_by_trl(row: Json, source: RowFormat) -> None:
    utils = import_module("trl.data_utils")
    spelled = as_trl_spells_it(row)
    keys = ("messages", "prompt", "completion", "chosen", "rejected", "label")
    known = {key: value for key, value in spelled.items() if key in keys}
    if source == "prompts":
        known = {"prompt": spelled.get("messages", spelled.get("prompt"))}
    talks = any(isinstance(value, list) for value in known.values())
    assert utils.is_conversational(known) == talks
    if source == "chat":
        # TRL lets a conversation end with an answer, or ask for one.
        assert utils.maybe_apply_chat_template(known, tokenizer())["text"]
        return
    made = utils.maybe_apply_chat_template(known, tokenizer())
    assert made.keys() == known.keys()
    assert all(made[key] for key in made if key != "label")


@pytest.mark.parametrize("source", FORMATS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_passes_is_taken(source: RowFormat, data: st.DataObject) -> None:
    row = json.loads(json.dumps(data.draw(rows_of(source))))
    if passes(row, source):
        encode(row, source)
        taken_by_trl(row, source)


@pytest.mark.parametrize("source", FORMATS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_good_rows_are_a_dataset_of_hugging_face(source: RowFormat, data: st.DataObject) -> None:
    """Rows of one kind have columns of one kind."""
    rows = data.draw(st.lists(good_rows[WANTED.get(source, source)], min_size=1, max_size=3))
    kinds = {
        tuple(sorted((key, type(value).__name__) for key, value in row.items())) for row in rows
    }
    known = [row for row in rows if len(kinds) == 1]
    frame = import_module("datasets").Dataset.from_list(list(load(known)))
    assert list(load(frame)) == [
        {key: value for key, value in row.items() if value is not None} for row in known
    ]
