"""Their jobs, as they are and as they should not be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_sdk.providers._openai_wire.encode import CALL, KEY
from finetune_sdk.providers._openai_wire.holdings import (
    checkpoint_of,
    day_of,
    file_of,
    file_state,
    model_of,
    with_best,
)
from finetune_sdk.providers._openai_wire.jobs import STATUSES, held, job_of, marks, over, status_of
from finetune_sdk.providers._openai_wire.values import (
    LONGEST_TEXT,
    deep,
    moment,
    number,
    parse_object,
    whole,
)
from finetune_sdk.types import DPO, Job, JobStatus, Reinforcement, Supervised

Json = dict[str, Any]
MADE = "ft:base:acme::1"


def job(**fields: Any) -> Job:
    found = job_of({"id": "ftjob-1", **fields}, provider="openai")
    assert found is not None
    return found


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


# Statuses


@pytest.mark.parametrize("word", STATUSES)
def test_a_known_word_is_known_however_it_is_written(word: str) -> None:
    for spelled in (word, word.upper(), word.title(), f" {word}\n"):
        assert status_of(spelled) == (STATUSES[word], spelled)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("validating_files", JobStatus.VALIDATING),
        ("pending", JobStatus.PENDING),
        ("SCHEDULING", JobStatus.QUEUED),
        ("paused", JobStatus.PAUSED),
        ("pausing", JobStatus.PAUSING),
        ("Canceled", JobStatus.CANCELLED),
    ],
)
def test_what_is_said_is_what_we_say(word: str, status: JobStatus) -> None:
    assert job(status=word).status is status


@pytest.mark.parametrize(
    "word", ["alien", "", None, 7, 7.5, True, [], {}, ["succeeded"], {"a": 1}, "x" * 10**6]
)
def test_a_word_that_nobody_knows_is_no_end(word: object) -> None:
    found = job(status=word, fine_tuned_model=MADE)
    assert found.status is JobStatus.UNKNOWN
    assert not found.status.terminal
    assert found.fine_tuned_model is None
    assert found.raw_status == (word if isinstance(word, str) else repr(word))[:80]


def test_a_job_without_a_word_is_unknown() -> None:
    assert (job().status, job().raw_status) == (JobStatus.UNKNOWN, "None")


@pytest.mark.parametrize("model", [None, "", 7, {}, []])
def test_who_succeeded_without_a_model_is_still_at_it(model: object) -> None:
    found = job(status="succeeded", fine_tuned_model=model)
    assert (found.status, found.raw_status) == (JobStatus.RUNNING, "succeeded")
    assert found.fine_tuned_model is None
    assert over(found)


@pytest.mark.parametrize("word", ["running", "failed", "cancelled", "alien"])
def test_who_has_not_succeeded_names_no_model(word: str) -> None:
    assert job(status=word, fine_tuned_model=MADE).fine_tuned_model is None


def test_who_succeeded_names_the_model() -> None:
    assert job(status="Succeeded", fine_tuned_model=MADE).fine_tuned_model == MADE


def test_what_is_over_and_what_is_held() -> None:
    ended = {"succeeded", "failed", "cancelled", "canceled", "cancelling"}
    assert {word for word in STATUSES if over(job(status=word))} == ended
    assert {word for word in STATUSES if held(job(status=word))} == {"paused", "pausing"}


# Errors

NULLS = {"code": None, "message": None, "param": None}


@pytest.mark.parametrize("error", [None, {}, NULLS, "", [], 7, {"message": ""}, {"message": 7}])
def test_an_error_that_says_nothing_is_none(error: object) -> None:
    assert job(status="running", error=error).error is None
    found = job(status="failed", error=error).error
    assert found is not None
    assert (found.code, found.message) == (None, "the provider gave no reason")


def test_an_error_in_words_alone_is_told() -> None:
    found = job(status="failed", error="row 3 is bad").error
    assert found is not None
    assert found.message == "row 3 is bad"


def test_an_error_is_told_as_it_is() -> None:
    error = {"code": "invalid_training_file", "message": "row 3", "param": "training_file"}
    found = job(status="failed", error=error).error
    assert found is not None
    assert found.model_dump() == error


def test_an_error_with_a_code_alone_is_told_by_it() -> None:
    found = job(status="failed", error={**NULLS, "code": "exceeded_quota"}).error
    assert found is not None
    assert (found.code, found.message) == ("exceeded_quota", "exceeded_quota")


@pytest.mark.parametrize("error", ["x" * 10**6, {"message": "x" * 10**6, "code": "y" * 10**6}])
def test_a_megabyte_of_reasons_is_cut(error: object) -> None:
    found = job(status="failed", error=error).error
    assert found is not None
    assert found.message == "x" * LONGEST_TEXT + "..."
    assert len(found.code or "") <= LONGEST_TEXT + 3


# Fields


def test_all_that_a_job_has_is_read() -> None:
    found = job(
        object="fine_tuning.job",
        status="succeeded",
        model="base",
        fine_tuned_model=MADE,
        created_at=1_790_000_000,
        finished_at=1_790_000_600.5,
        training_file="file-1",
        validation_file="file-2",
        user_provided_suffix="recipes",
        seed=7,
        trained_tokens=900,
        metadata={"team": "a", KEY: "k", CALL: "c"},
        error=NULLS,
    )
    assert found.created_at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert found.finished_at == datetime.fromtimestamp(1_790_000_600.5, UTC)
    assert found.training_file is not None
    assert found.validation_file is not None
    assert (found.training_file.id, found.validation_file.id) == ("file-1", "file-2")
    assert (found.suffix, found.seed, found.trained_tokens) == ("recipes", 7, 900)
    assert found.metadata == {"team": "a"}
    assert found.raw == {}


def test_an_id_is_all_that_a_job_needs() -> None:
    found = job()
    assert (found.model, found.training_file, found.created_at) == ("unknown", None, None)
    assert found.method == Supervised()


@pytest.mark.parametrize("id_", [None, "", 7, [], {}])
def test_what_has_no_id_is_no_job(id_: object) -> None:
    assert job_of({"id": id_, "status": "running"}, provider="openai") is None
    assert job_of({}, provider="openai") is None


def test_what_we_have_no_field_for_is_kept() -> None:
    found = job(
        estimated_finish=1_790_000_000,
        result_files=["file-9"],
        usage_metrics=None,
        shared_with_openai=False,
        newer={"a": [1, 2.5, None]},
    )
    assert found.raw == {
        "estimated_finish": 1_790_000_000,
        "result_files": ["file-9"],
        "shared_with_openai": False,
        "newer": {"a": [1, 2.5, None]},
    }


@pytest.mark.parametrize("depth", [101, 300, 5000])
def test_what_is_too_deep_to_be_kept_is_passed_over(depth: int) -> None:
    found = job(newer=nested(depth), other=1)
    assert found.raw == {"other": 1}
    assert Job.from_json(found.to_json()) == found


def test_what_is_deep_and_can_be_kept_is_kept() -> None:
    found = job(newer=nested(90))
    assert Job.from_json(found.to_json()).raw["newer"] == nested(90)
    assert not deep(nested(99))
    assert deep({"a": nested(100)})


@pytest.mark.parametrize("given_", [{"a": 7, "b": None, "c": ["x"], "d": "y"}])
def test_metadata_that_is_no_text_is_passed_over(given_: Json) -> None:
    assert job(metadata=given_).metadata == {"d": "y"}


@pytest.mark.parametrize("given_", [None, [], "x", 7])
def test_metadata_of_another_kind_is_none(given_: object) -> None:
    assert job(metadata=given_).metadata == {}
    assert marks({"metadata": given_}) == (None, None)


def test_our_marks_are_found() -> None:
    assert marks({"metadata": {KEY: "k", CALL: "c", "x": "y"}}) == ("k", "c")


@pytest.mark.parametrize("seed", [None, -1, "7", 7.5, True, 2**63, [7]])
def test_a_seed_that_is_none_is_none(seed: object) -> None:
    assert job(seed=seed).seed is None


# Methods


def test_auto_is_a_choice_that_is_not_made_yet() -> None:
    auto = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    for kind, method in (("supervised", Supervised()), ("dpo", DPO())):
        said = {"type": kind, kind: {"hyperparameters": {**auto, "beta": "auto"}}}
        assert job(method=said).method == method


def test_numbers_are_what_was_chosen() -> None:
    chosen = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8}
    said = {"type": "supervised", "supervised": {"hyperparameters": chosen}}
    expected = Supervised(epochs=3, batch_size=1, learning_rate_multiplier=1.8)
    assert job(method=said, hyperparameters={"n_epochs": 9}).method == expected


@pytest.mark.parametrize("method", [None, {}, {"type": None}, {"type": "supervised"}])
def test_an_old_job_has_its_numbers_elsewhere(method: object) -> None:
    found = job(method=method, hyperparameters={"n_epochs": 4, "batch_size": "auto"})
    assert found.method == Supervised(epochs=4)


@pytest.mark.parametrize(
    "method",
    [
        {"type": "alien", "alien": {"x": 1}},
        {"type": "dpo", "dpo": {"hyperparameters": {"beta": "soft"}}},
        {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": -1}}},
        {"type": "reinforcement", "reinforcement": {"grader": {"type": "alien"}}},
        {"type": "reinforcement"},
        {"type": "reinforcement", "reinforcement": {"grader": nested(90)}},
    ],
)
def test_a_method_that_we_do_not_know_is_kept_as_it_was_said(method: Json) -> None:
    found = job(method=method)
    assert found.method is None
    assert found.raw == {"method": method}


def test_a_grader_is_read() -> None:
    grader = {"type": "python", "name": "mine", "source": "x"}
    said = {"type": "reinforcement", "reinforcement": {"grader": grader}}
    found = job(method=said).method
    assert isinstance(found, Reinforcement)
    assert found.grader is not None
    assert found.grader.name == "mine"


# Files, models, checkpoints


def test_a_file_is_read() -> None:
    found = file_of({"id": "f", "filename": "x.jsonl", "bytes": 9, "created_at": 1_790_000_000})
    assert found is not None
    assert (found.id, found.name, found.bytes) == ("f", "x.jsonl", 9)
    assert file_of({"filename": "x"}) is None
    odd = file_of({"id": "f", "filename": 7, "bytes": -1, "created_at": "x"})
    assert odd is not None
    assert (odd.name, odd.bytes, odd.created_at) == (None, None, None)


@pytest.mark.parametrize(
    ("word", "state"), [("Processed", "processed"), (None, ""), (7, ""), ("alien", "alien")]
)
def test_the_state_of_a_file_is_a_word(word: object, state: str) -> None:
    assert file_state({"status": word}) == state


def test_a_model_and_what_is_made_of_it() -> None:
    base = model_of({"id": "base", "created": 1_790_000_000}, provider="openai")
    made = model_of({"id": MADE, "shutdown_date": "2027-01-14"}, provider="openai")
    assert base is not None
    assert made is not None
    assert (base.kind, base.base_model, base.shutdown_date) == ("base", None, None)
    assert (made.kind, made.base_model) == ("fine_tuned", "base")
    assert str(made.shutdown_date) == "2027-01-14"
    assert model_of({"object": "model"}, provider="openai") is None
    assert model_of({"id": "ft:"}, provider="openai") is not None


@pytest.mark.parametrize("day", [None, "", "soon", "2027-13-01", 20270114, [], "20"])
def test_a_day_that_is_none_is_none(day: object) -> None:
    assert day_of(day) is None


def test_a_checkpoint_needs_a_model_and_a_step() -> None:
    whole_ = {"id": "c", "fine_tuned_model_checkpoint": "m", "step_number": 5}
    for missing in whole_:
        found: dict[str, object] = {name: v for name, v in whole_.items() if name != missing}
        assert checkpoint_of(found, provider="openai", job_id="j") is None
    metrics = {"step": 5, "train_loss": 0.5, "full_valid_loss": 0.25, "odd": "x", "bad": None}
    found_ = checkpoint_of({**whole_, "metrics": metrics}, provider="openai", job_id="j")
    assert found_ is not None
    assert found_.metrics == {"loss": 0.5, "validation_full_loss": 0.25}


def test_the_lowest_loss_on_validation_rows_is_the_best() -> None:
    losses: list[tuple[str, Json]] = [
        ("a", {"valid_loss": 0.5}),
        ("b", {"full_valid_loss": 0.1}),
        ("c", {}),
    ]
    rows = [
        {"id": id_, "fine_tuned_model_checkpoint": "m", "step_number": 1, "metrics": metrics}
        for id_, metrics in losses
    ]
    found = [checkpoint_of(row, provider="openai", job_id="j") for row in rows]
    marked = with_best([one for one in found if one is not None])
    assert [one.id for one in marked if one.best] == ["b"]
    assert not any(one.best for one in with_best([one for one in marked if one.id == "c"]))


# Values


@pytest.mark.parametrize("value", [True, "1", None, [], 10**400, float("nan"), float("inf")])
def test_what_is_no_finite_number_is_none(value: object) -> None:
    assert number(value) is None
    assert moment(value) is None


@pytest.mark.parametrize("value", [0, -5, 1e30, 10**18])
def test_a_moment_that_no_calendar_has_is_none(value: float) -> None:
    assert moment(value) is None


def test_a_whole_number_is_one_and_no_truth() -> None:
    assert (whole(0), whole(7), whole(True), whole(7.0), whole(-1)) == (0, 7, None, None, None)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"7", b'"x"', b"{", b"\xff", b'{"a":1e400}', b'{"a":"\\ud800"}']
)
def test_what_is_no_object_is_none(body: bytes) -> None:
    assert parse_object(body) is None


def test_json_that_is_too_deep_for_anybody_is_none() -> None:
    assert parse_object(b'{"a":' + b"[" * 10**5 + b"]" * 10**5 + b"}") is None


# Laws

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
FIELDS = (
    *("status", "model", "fine_tuned_model", "created_at", "finished_at", "training_file", "error"),
    *("validation_file", "seed", "suffix", "metadata", "method", "hyperparameters", "newer"),
    *("trained_tokens", "user_provided_suffix", "estimated_finish"),
)
WORDS = st.sampled_from(["succeeded", "failed", "supervised", "dpo", "reinforcement", "auto", MADE])


@settings(max_examples=400, deadline=None)
@example(fields={"newer": 10**400})
@example(fields={"created_at": 253402300799.9999})
@given(fields=st.dictionaries(st.sampled_from(FIELDS), JSON | WORDS))
def test_whatever_a_job_has_it_is_read_and_goes_to_json_and_back(fields: Json) -> None:
    found = job_of({"id": "j", **fields}, provider="openai")
    assert found is not None
    assert Job.from_json(found.to_json()) == found
    assert found.status is not JobStatus.SUCCEEDED or found.fine_tuned_model


@settings(max_examples=250, deadline=None)
@given(kind=WORDS, inner=JSON, hyperparameters=JSON)
def test_whatever_a_method_is_it_is_read_or_kept(
    kind: str, inner: object, hyperparameters: object
) -> None:
    said = {"type": kind, kind: inner}
    found = job(method=said, hyperparameters=hyperparameters)
    assert found.method is not None or cast("object", found.raw["method"]) == said
