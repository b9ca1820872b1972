"""A job's spec as the body of a create, and what of a spec is over a limit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers._openai_wire.encode import CALL, KEY, check, job_body, metadata
from finetune_sdk.providers._openai_wire.methods import method_of
from finetune_sdk.providers._openai_wire.values import parse_object
from finetune_sdk.types import (
    DPO,
    DatasetFile,
    Grader,
    GraderMessage,
    JobSpec,
    LabelModelGrader,
    Method,
    MultiGrader,
    PythonGrader,
    Reinforcement,
    ScoreModelGrader,
    StringCheckGrader,
    Supervised,
    TextSimilarityGrader,
)

FILE = DatasetFile(id="file-1")
EXACT = StringCheckGrader(input="{{sample.output_text}}", reference="{{item.a}}", operation="eq")
ASKED = (GraderMessage(role="user", content="Good? {{sample.output_text}}"),)
GRADERS: list[Grader] = [
    EXACT,
    TextSimilarityGrader(input="a", reference="b", evaluation_metric="rouge_l"),
    PythonGrader(source="def grade(sample, item): return 1.0"),
    ScoreModelGrader(model="m", input=ASKED),
    ScoreModelGrader(model="m", input=ASKED, range=(0, 5), sampling_params={"temperature": 0}),
    MultiGrader(
        graders={
            "exact": EXACT,
            "alike": TextSimilarityGrader(input="a", reference="b", evaluation_metric="bleu"),
            "code": PythonGrader(source="x"),
            "judge": ScoreModelGrader(model="m", input=ASKED),
            "label": LabelModelGrader(
                model="m", input=ASKED, labels=("good", "bad"), passing_labels=("good",)
            ),
        },
        calculate_output="0.5 * exact + 0.5 * judge",
    ),
]


def spec(method: Method | None = None, **more: Any) -> JobSpec:
    told: dict[str, Any] = {"method": method or Supervised(), **more}
    return JobSpec(key="k", model="base", training_file=FILE, **told)


def body(method: Method | None = None, **more: Any) -> Any:
    """The body as the server sees it."""
    return json.loads(json.dumps(job_body(spec(method, **more))))


def test_the_least_has_no_word_too_many() -> None:
    assert body() == {
        "model": "base",
        "training_file": "file-1",
        "method": {"type": "supervised", "supervised": {}},
        "metadata": {KEY: "k"},
    }


def test_everything_has_its_place() -> None:
    method = Supervised(epochs=3, batch_size=8, learning_rate_multiplier=0.5)
    said = body(
        method,
        call="digest",
        validation_file=DatasetFile(id="file-2"),
        suffix="recipes",
        seed=0,
        metadata={"team": "a"},
        options={"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]},
    )
    hyperparameters = {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5}
    assert said == {
        "model": "base",
        "training_file": "file-1",
        "validation_file": "file-2",
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "suffix": "recipes",
        "seed": 0,
        "metadata": {"team": "a", KEY: "k", CALL: "digest"},
        "integrations": [{"type": "wandb", "wandb": {"project": "p"}}],
    }


def test_an_integration_says_its_type_though_nobody_has_set_it() -> None:
    said = body(options={"integrations": [{"wandb": {"project": "p"}}]})
    assert said["integrations"] == [{"type": "wandb", "wandb": {"project": "p"}}]


def test_a_server_without_metadata_gets_none() -> None:
    assert "metadata" not in job_body(spec(metadata={"team": "a"}), marked=False)


def test_our_marks_are_stronger_than_the_callers_words() -> None:
    said = metadata(spec(call="digest", metadata={KEY: "theirs", CALL: "theirs", "a": "b"}))
    assert said == {KEY: "k", CALL: "digest", "a": "b"}


def test_what_is_newer_than_us_is_added() -> None:
    newer: dict[str, JsonValue] = {"priority": "low", "parts": [1, {"a": None}]}
    said = body(seed=1, options={"extra_body": newer})
    assert (said["priority"], said["parts"], said["seed"]) == ("low", [1, {"a": None}], 1)


def test_a_whole_number_of_passes_is_sent_as_one() -> None:
    hyperparameters = body(DPO(epochs=2.0, beta=1.0))["method"]["dpo"]["hyperparameters"]
    assert hyperparameters == {"n_epochs": 2, "beta": 1}
    assert all(isinstance(value, int) for value in hyperparameters.values())


def test_what_the_service_cannot_be_told_is_not_sent() -> None:
    said = body(Supervised(learning_rate=1e-4, max_length=64, train_on="all", lora=True))
    assert said["method"] == {"type": "supervised", "supervised": {}}


def test_all_of_reinforcement_has_its_place() -> None:
    method = Reinforcement(
        grader=EXACT,
        epochs=1,
        reasoning_effort="low",
        compute_multiplier=0.5,
        eval_interval=2,
        eval_samples=3,
    )
    said = body(method)["method"]["reinforcement"]
    assert said["hyperparameters"] == {
        "n_epochs": 1,
        "reasoning_effort": "low",
        "compute_multiplier": 0.5,
        "eval_interval": 2,
        "eval_samples": 3,
    }
    assert said["grader"] == {
        "type": "string_check",
        "name": "string_check",
        "input": "{{sample.output_text}}",
        "reference": "{{item.a}}",
        "operation": "eq",
    }


def test_graders_of_several_are_a_map() -> None:
    """Against OpenAI's own types: the API wants it so (openai-java#647, seen 2026-11-22)."""
    said = body(Reinforcement(grader=GRADERS[-1]))["method"]["reinforcement"]["grader"]
    assert said["graders"].keys() == {"exact", "alike", "code", "judge", "label"}
    assert {one["type"] for one in said["graders"].values()} >= {"label_model", "score_model"}


# There and back


def returned(method: Method) -> Method | None:
    """A method as the service repeats it."""
    said = parse_object(json.dumps(job_body(spec(method))).encode())
    assert said is not None
    return method_of(said)


@pytest.mark.parametrize("grader", GRADERS, ids=lambda grader: grader.type)
def test_every_grader_comes_back(grader: Grader) -> None:
    assert returned(Reinforcement(grader=grader)) == Reinforcement(grader=grader)


SHARED = {
    "epochs": st.none() | st.integers(1, 50),
    "batch_size": st.none() | st.integers(1, 256),
    "learning_rate_multiplier": st.none() | st.floats(1e-9, 1e9),
}
METHODS: st.SearchStrategy[Method] = st.one_of(
    st.builds(Supervised, **SHARED),
    st.builds(DPO, **SHARED, beta=st.none() | st.floats(1e-9, 2)),
    st.builds(
        Reinforcement,
        **SHARED,
        grader=st.sampled_from(GRADERS),
        reasoning_effort=st.sampled_from([None, "default", "low", "medium", "high"]),
        compute_multiplier=st.none() | st.floats(1.1e-5, 10),
        eval_interval=st.none() | st.integers(1, 10**6),
        eval_samples=st.none() | st.integers(1, 10**6),
    ),
)


@settings(max_examples=250, deadline=None)
@given(method=METHODS)
def test_every_method_comes_back(method: Method) -> None:
    check(spec(method))
    assert returned(method) == method


# Limits


def refusal(method: Method | None = None, **more: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check(spec(method, **more))
    return str(caught.value)


@pytest.mark.parametrize("epochs", [0.5, 2.5, 50.5, 51, 1e9])
@pytest.mark.parametrize("kind", [Supervised, DPO])
def test_passes_are_whole_and_at_most_fifty(kind: Any, epochs: float) -> None:
    assert refusal(kind(epochs=epochs)) == (
        f"`epochs` is {float(epochs)!r}; here it is a whole number from 1 to 50"
    )


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (Supervised(batch_size=257), "`batch_size` is 257; here it is from 1 to 256"),
        (DPO(beta=3), "`beta` is 3.0; here it is above 0, at most 2"),
        (DPO(beta=2.0001), "`beta` is 2.0001"),
        (Reinforcement(grader=EXACT, compute_multiplier=1e-5), "`compute_multiplier` is 1e-05"),
        (Reinforcement(grader=EXACT, compute_multiplier=10.1), "above 0.00001, at most 10"),
    ],
)
def test_what_is_beyond_a_limit_is_named(method: Method, words: str) -> None:
    assert words in refusal(method)


@pytest.mark.parametrize(
    "method",
    [
        Supervised(epochs=50, batch_size=256, learning_rate_multiplier=1e-9),
        Supervised(epochs=1, batch_size=1),
        DPO(beta=2),
        DPO(beta=1e-9),
        Reinforcement(grader=EXACT, compute_multiplier=10),
        Reinforcement(grader=EXACT, compute_multiplier=1.1e-5),
    ],
)
def test_the_limits_themselves_are_allowed(method: Method) -> None:
    check(spec(method))


def test_there_is_room_for_our_marks() -> None:
    words = {f"k{n}": "v" for n in range(14)}
    check(spec(metadata=words))
    assert "`metadata` has 15 entries; here it has at most 14" in refusal(
        metadata={**words, "k": "v"}
    )


@pytest.mark.parametrize(
    "words", [{"k" * 65: "v"}, {"k": "v" * 513}, {"": "v"}, {"good": "good", "x" * 9999: ""}]
)
def test_entries_of_metadata_are_not_too_long(words: dict[str, str]) -> None:
    assert "names have at most 64 and values 512" in refusal(metadata=words)
    assert len(refusal(metadata=words)) < 400


def test_entries_as_long_as_is_allowed_are_good() -> None:
    check(spec(metadata={"k" * 64: "v" * 512, "empty": ""}))


@pytest.mark.parametrize(
    "name",
    [
        *["model", "training_file", "validation_file", "method", "hyperparameters"],
        *["suffix", "seed", "metadata", "integrations"],
    ],
)
def test_what_is_newer_than_us_is_none_of_our_words(name: str) -> None:
    """Its mark would be gone, or another job be made than the one that was checked and priced."""
    assert f"`extra_body` has `{name}` in it" in refusal(options={"extra_body": {name: "x"}})
