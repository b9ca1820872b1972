"""What is wrong with a job and can be known, before anything is sent or spent."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DatasetFileError,
    FineTuneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    UnsupportedError,
)
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import DPO, HubDataset
from tests.autotrain.hubs import ADAPTER, GATED, MODEL
from tests.autotrain.on_jobs import ROWS, Bench, opened
from tests.standins.hub import Account

FINE: Mapping[str, tuple[str, ...]] = {"alice": ("repo.write", "job.write")}


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with bench.client() as opened_:
        yield opened_


def refused(bench: Bench, kind: type[FineTuneError], words: str, **more: Any) -> FineTuneError:
    """A create is refused, and so is the plan of it; nothing was written."""
    settings = more.pop("settings", {})
    with bench.client(**settings) as client:
        with pytest.raises(kind, match=words):
            bench.plan(client, **more)
        with pytest.raises(kind, match=words) as caught:
            bench.create(client, **more)
    assert bench.written == []
    assert bench.jobs == []
    return caught.value


def as_account(bench: Bench, **words: Any) -> dict[str, Any]:
    """Settings with the token of an account, `alice` unless it is said."""
    said: dict[str, Any] = {"name": "alice", **words}
    return {"token": bench.hub.add_account(Account(**said))}


# The token


def test_a_token_that_may_only_read_is_refused(bench: Bench) -> None:
    error = refused(
        bench,
        PermissionDeniedError,
        "may only read.*settings/tokens",
        settings=as_account(bench, role="read"),
    )
    assert isinstance(error, PermissionDeniedError)
    assert (error.code, error.effect, error.retryable) == ("token_rights", "none", False)


@pytest.mark.parametrize("right", ["repo.write", "job.write"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_fine_grained_token_needs_both_rights_there(
    bench: Bench, right: str, elsewhere: bool
) -> None:
    held = tuple(one for one in FINE["alice"] if one != right)
    scoped = {"alice": held, **({"acme": FINE["alice"]} if elsewhere else {})}
    settings = as_account(bench, role="fineGrained", scoped=scoped)
    refused(bench, PermissionDeniedError, f"lacks `{right}` in 'alice'", settings=settings)


def test_a_fine_grained_token_with_both_trains(bench: Bench) -> None:
    with bench.client(**as_account(bench, role="fineGrained", scoped=FINE)) as client:
        bench.wait(client, bench.create(client))


def test_no_token_at_all_is_an_error_that_says_where_to_get_one(bench: Bench) -> None:
    refused(
        bench,
        AuthenticationError,
        "HF_TOKEN.*settings/tokens",
        settings={"token": None},
    )
    assert bench.hub.requests == []


def test_the_token_may_be_in_a_variable_of_ones_own(bench: Bench) -> None:
    environ = {"HF_TOKEN": bench.hub.token}
    with bench.client(token=None, environ=environ) as client:
        bench.create(client)
    assert len(bench.jobs) == 1


def test_a_token_that_the_hub_does_not_know_is_refused_and_not_shown(bench: Bench) -> None:
    token = "hf_" + "w" * 34
    error = refused(bench, AuthenticationError, "settings/tokens", settings={"token": token})
    assert isinstance(error, AuthenticationError)
    assert error.status_code == 401
    assert token not in str(error)


def test_a_hub_that_is_offline_is_not_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    refused(bench, ConfigurationError, "HF_HUB_OFFLINE")
    assert bench.hub.requests == []


# The namespace


def test_a_foreign_namespace_is_refused(bench: Bench) -> None:
    refused(
        bench,
        PermissionDeniedError,
        "`namespace` is 'acme'.*'alice'",
        settings={"namespace": "acme"},
    )


def test_an_organization_of_ones_own_pays_and_owns(bench: Bench) -> None:
    settings = as_account(bench, orgs=("acme",))
    with bench.client(namespace="acme", **settings) as client:
        job = bench.wait(client, bench.create(client))
        assert client.jobs.get(job) == job
        assert [one.id for one in client.jobs.list()] == [job.id]
    assert [one.namespace for one in bench.jobs] == ["acme"]
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.startswith("acme/")
    assert job.training_file is not None
    assert job.training_file.id.startswith("acme/")


def test_a_fine_grained_token_is_asked_for_its_rights_in_the_organization(bench: Bench) -> None:
    settings = as_account(bench, role="fineGrained", orgs=("acme",), scoped=FINE)
    refused(
        bench,
        PermissionDeniedError,
        "`repo.write` and `job.write` in 'acme'",
        settings={"namespace": "acme", **settings},
    )


def test_a_namespace_without_credit_starts_nothing_and_goes_on_later(bench: Bench) -> None:
    poor = bench.hub.add_account(Account("alice", can_pay=False))
    with bench.client(token=poor) as client:
        with pytest.raises(QuotaExceededError, match="settings/billing") as caught:
            bench.create(client, idempotency_key="k")
        assert (caught.value.status_code, caught.value.effect) == (402, "none")
        assert bench.jobs == []
        bench.hub.accounts[poor] = Account("alice")
        bench.create(client, idempotency_key="k")
    assert len(bench.jobs) == 1
    assert sum(kind == "dataset" for kind, _ in bench.hub.repos) == 1


# The model


def test_a_gated_model_is_refused_until_its_terms_are_accepted(bench: Bench) -> None:
    error = refused(bench, PermissionDeniedError, "is gated: accept its terms", model=GATED)
    assert f"{bench.hub.url}/{GATED}" in str(error)
    bench.hub.repos["model", GATED].readers.add("alice")
    with bench.client() as client:
        bench.create(client, model=GATED)
    assert len(bench.jobs) == 1


def test_a_model_that_is_not_there_is_refused(bench: Bench) -> None:
    refused(bench, NotFoundError, "'org/none'", model="org/none")


def test_a_private_model_of_somebody_else_is_not_there(bench: Bench) -> None:
    bench.hub.repos.add("model", "bob/secret", {"config.json": b"{}"}, private=True)
    refused(bench, NotFoundError, "'bob/secret'", model="bob/secret")


def test_a_revision_that_is_not_there_is_refused(bench: Bench) -> None:
    refused(bench, NotFoundError, "'org/small@v9'", model=f"{MODEL}@v9")


@pytest.mark.parametrize("name", ["./models/mine", "a b", "x/y/z", "-", "org/name.git"])
def test_what_can_be_no_model_of_the_hub_is_refused(bench: Bench, name: str) -> None:
    error = refused(bench, InvalidRequestError, "no id of the Hub", model=name)
    assert isinstance(error, InvalidRequestError)
    assert error.param == "model"


def test_a_repository_without_a_configuration_is_no_model(bench: Bench) -> None:
    bench.hub.repos.add("model", "org/files", {"weights.bin": b"x"})
    refused(bench, NotFoundError, "no config.json", model="org/files")


def test_an_adapter_without_whole_weights_is_refused_with_ways_on(bench: Bench) -> None:
    bench.hub.repos.add("model", "org/adapter", ADAPTER)
    refused(bench, UnsupportedError, "merge_adapter=True", model="org/adapter")


# The project's name


def test_a_project_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.hub.repos.add("model", "alice/mine", ADAPTER)
    error = refused(
        bench,
        ConflictError,
        "'mine' is taken.*`project_name`",
        options={"project_name": "mine"},
    )
    assert isinstance(error, ConflictError)
    assert error.code == "project_taken"


def test_a_project_name_that_is_free_names_the_model(bench: Bench) -> None:
    bench.hub.repos.add("model", "bob/mine", ADAPTER)
    with bench.client() as client:
        job = bench.wait(client, bench.create(client, options={"project_name": "mine"}))
    assert job.fine_tuned_model == "alice/mine"


def test_the_same_call_twice_is_no_name_that_is_taken(bench: Bench) -> None:
    with bench.client() as client:
        words: dict[str, Any] = {"options": {"project_name": "mine"}, "idempotency_key": "k"}
        job = bench.wait(client, bench.create(client, **words))
        assert bench.create(client, **words).id == job.id
    assert len(bench.jobs) == 1


# Rows on the Hub

TEXT = json.dumps({"text": "a b", "label": 1}).encode() + b"\n"
CHAT = json.dumps(ROWS[0]).encode() + b"\n"
CARD = b"""---
dataset_info:
- config_name: en
  features:
  - name: messages
    dtype: string
- config_name: de
  features:
  - name: text
    dtype: string
---
"""


def add_rows(bench: Bench, files: dict[str, bytes], name: str = "bob/rows") -> HubDataset:
    bench.hub.repos.add("dataset", name, files)
    return HubDataset(name)


@pytest.mark.parametrize(
    "files",
    [
        {"train.jsonl": TEXT},
        {"data/train-00000.csv": b"text,label\na,1\n"},
        {"train.parquet": b"x", "README.md": CARD.replace(b"messages", b"text")},
        # The name of our own file, in a dataset that is none of ours.
        {"rows.jsonl": TEXT, "train.jsonl": TEXT},
    ],
    ids=["jsonl", "csv", "card", "rows.jsonl"],
)
def test_rows_with_other_columns_are_refused(bench: Bench, files: dict[str, bytes]) -> None:
    error = refused(
        bench,
        DatasetFileError,
        r"has no column `messages`; it has 'text'.*columns=\{",
        training_data=add_rows(bench, files),
    )
    assert isinstance(error, DatasetFileError)
    assert error.code == "missing_column"


def test_each_missing_column_is_named(bench: Bench) -> None:
    row = json.dumps({"prompt": "a", "good": "b"}).encode() + b"\n"
    refused(
        bench,
        DatasetFileError,
        "`chosen` and no `rejected`",
        training_data=add_rows(bench, {"train.jsonl": row}),
        method=DPO(),
    )


def test_the_options_say_which_column_is_which(bench: Bench, client: FineTuneClient) -> None:
    rows = add_rows(bench, {"train.jsonl": TEXT})
    options = {"columns": {"text_column": "text"}, "chat_template": "none"}
    job = bench.create(client, training_data=rows, options=options)
    commit = bench.hub.repos["dataset", rows.id].head.sha
    assert job.training_file == replace(rows, revision=commit).file
    assert "text_column: text\n" in bench.course["files"]["config.yaml"]


def test_columns_that_nobody_can_see_are_a_warning(bench: Bench, client: FineTuneClient) -> None:
    rows = add_rows(bench, {"train.parquet": b"PAR1"})
    job = bench.create(client, training_data=rows)
    assert any("could not be looked at" in one and "`messages`" in one for one in job.warnings)


def test_the_columns_are_those_of_the_subset(bench: Bench, client: FineTuneClient) -> None:
    add_rows(bench, {"train.parquet": b"PAR1", "README.md": CARD})
    with pytest.raises(DatasetFileError, match="`messages`"):
        bench.create(client, training_data=HubDataset("bob/rows", config="de"))
    assert bench.written == []
    bench.create(client, training_data=HubDataset("bob/rows", config="en"))
    assert bench.course["rows"]["train"]["config"] == "en"


def test_good_rows_on_the_hub_are_pinned_to_their_commit(
    bench: Bench, client: FineTuneClient
) -> None:
    rows = add_rows(bench, {"train.jsonl": CHAT})
    bench.create(client, training_data=rows)
    assert bench.course["rows"]["train"] == {
        "repo": "bob/rows",
        "config": None,
        "split": "train",
        "revision": bench.hub.repos["dataset", "bob/rows"].head.sha,
    }
    assert not any("/datasets/" in one or "repos/create" in one for one in bench.written)


def test_columns_that_trl_does_not_read_are_refused(bench: Bench) -> None:
    row = json.dumps({"talk": ROWS[0]["messages"]}).encode() + b"\n"
    refused(
        bench,
        ConfigurationError,
        "TRL reads the column `messages`",
        training_data=add_rows(bench, {"train.jsonl": row}),
        options={"columns": {"text_column": "talk"}, "engine": "trl"},
    )


def test_rows_to_measure_on_are_looked_at_too(bench: Bench) -> None:
    rows = add_rows(bench, {"train.jsonl": CHAT, "test.jsonl": TEXT})
    refused(
        bench,
        DatasetFileError,
        r"\(test\) has no column `messages`",
        training_data=rows,
        validation_data=HubDataset("bob/rows", split="test"),
    )
    refused(bench, DatasetFileError, "'bob/none'", validation_data=HubDataset("bob/none"))


def test_rows_that_are_not_there_are_refused(bench: Bench) -> None:
    refused(bench, DatasetFileError, "'bob/none'", training_data=HubDataset("bob/none"))


@pytest.mark.parametrize("kind", [FakeProvider, LocalProvider])
def test_rows_on_the_hub_are_refused_by_who_cannot_read_them_there(
    tmp_path: Path, kind: type[FakeProvider | LocalProvider]
) -> None:
    provider = FakeProvider() if kind is FakeProvider else LocalProvider(home=tmp_path / "home")
    rows = HubDataset("bob/rows")
    with (
        FineTuneClient(provider) as client,
        pytest.raises(UnsupportedError, match=r"autotrain") as caught,
    ):
        client.jobs.create(model="org/small", training_data=rows)
    assert "autotrain" in caught.value.able
