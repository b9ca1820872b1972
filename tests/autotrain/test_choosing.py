"""What is decided before a job is started: the engine, the hardware, the price, the end."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import (
    ConfigurationError,
    CostLimitError,
    InvalidRequestError,
    UnsupportedError,
)
from finetune_sdk.types import DPO, ORPO, HubDataset, Reward, Supervised
from tests.autotrain.hubs import MODEL, WEIGHTS, YOUNG, add_model
from tests.autotrain.on_jobs import PAIRS, ROWS, VALID, Bench, opened
from tests.standins.hub import Flavor

LARGE = {"parameters": {"BF16": 7_000_000_000}, "total": 7_000_000_000}
METHOD = Supervised(train_on="assistant")
CONFIG = json.dumps({"model_type": "llama"}).encode()


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with bench.client() as opened_:
        yield opened_


def sized(bench: Bench, name: str, total: int | None) -> str:
    """A model of so many parameters; None is one of which the Hub does not say it."""
    told = None if total is None else {"parameters": {"BF16": total}, "total": total}
    files = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
    bench.hub.repos.add("model", name, files, safetensors=told)
    return name


class Unpriced(Flavor):
    """A machine whose price is told in another way than any that is known."""

    def view(self) -> dict[str, object]:
        return {**super().view(), "unitLabel": "token"}


def unpriced(flavor: Flavor) -> Flavor:
    return Unpriced(**asdict(flavor))


# The engine


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ({}, ROWS),
        ({"method": Supervised(train_on="all", epochs=2)}, ROWS),
        ({"method": DPO()}, PAIRS),
        ({"method": ORPO()}, PAIRS),
        ({"method": Reward()}, PAIRS),
    ],
)
def test_autotrain_trains_what_it_can(
    bench: Bench, client: FineTuneClient, words: dict[str, Any], rows: Any
) -> None:
    told = bench.plan(client, training_data=rows, **words).settings["engine"]
    job = bench.create(client, training_data=rows, **words)
    assert told.startswith("autotrain; it knows")
    assert job.settings["engine"] == told
    assert bench.course["engine"] == "autotrain"
    assert bench.body["dockerImage"].startswith("huggingface/autotrain-advanced")


def young(bench: Bench) -> dict[str, Any]:
    return {"model": YOUNG}


def assistant(bench: Bench) -> dict[str, Any]:
    return {"method": Supervised(train_on="assistant")}


def half(bench: Bench) -> dict[str, Any]:
    return {"method": Supervised(epochs=0.5)}


def revision(bench: Bench) -> dict[str, Any]:
    repo = bench.hub.repos["model", MODEL]
    repo.branches["v2"] = repo.head
    return {"model": f"{MODEL}@v2"}


def tokenizer(bench: Bench) -> dict[str, Any]:
    add_model(bench.hub, "org/newer", "llama")
    words = json.dumps({"tokenizer_class": "TokenizersBackend"}).encode()
    bench.hub.repos.commit(bench.hub.repos["model", "org/newer"], {"tokenizer_config.json": words})
    return {"model": "org/newer"}


def measured(bench: Bench) -> dict[str, Any]:
    return {"validation_data": VALID}


FOR_TRL = {
    young: "'qwen3'",
    assistant: "all tokens",
    half: "whole passes",
    revision: "'v2'",
    tokenizer: "transformers 5",
    measured: "validation data",
}
for_trl = pytest.mark.parametrize(("make", "why"), FOR_TRL.items())


@for_trl
def test_trl_trains_what_autotrain_cannot(
    bench: Bench, client: FineTuneClient, make: Any, why: str
) -> None:
    words = make(bench)
    told = bench.plan(client, **words).settings["engine"]
    job = bench.create(client, **words)
    assert told.startswith("trl; AutoTrain cannot")
    assert why in told
    assert job.settings["engine"] == told
    assert bench.course["engine"] == "trl"
    assert "astral-sh/uv" in bench.body["dockerImage"]


@for_trl
def test_autotrain_alone_is_refused_what_it_cannot_before_anything_is_sent(
    bench: Bench, client: FineTuneClient, make: Any, why: str
) -> None:
    with pytest.raises(UnsupportedError, match='engine = "trl"') as caught:
        bench.create(client, **make(bench), options={"engine": "autotrain"})
    assert why in str(caught.value)
    assert bench.written == []


def test_the_profile_says_the_engine_and_the_options_say_it_better(bench: Bench) -> None:
    with bench.client(engine="autotrain") as client:
        with pytest.raises(UnsupportedError, match='engine = "trl"'):
            bench.create(client, model=YOUNG)
        bench.create(client, model=YOUNG, options={"engine": "trl"})
    assert bench.course["engine"] == "trl"


def test_trl_trains_what_autotrain_could_where_somebody_says_so(
    bench: Bench, client: FineTuneClient
) -> None:
    job = bench.create(client, options={"engine": "trl"})
    assert job.settings["engine"] == "trl; as you said"


@pytest.mark.parametrize(
    "words",
    [
        {"method": ORPO(), "training_data": PAIRS},
        {"options": {"chat_template": "chatml"}},
    ],
)
def test_trl_is_refused_what_only_autotrain_can(
    bench: Bench, client: FineTuneClient, words: dict[str, Any]
) -> None:
    words = {**words, "options": {**words.get("options", {}), "engine": "trl"}}
    with pytest.raises(UnsupportedError, match='engine = "autotrain"'):
        bench.create(client, **words)
    assert bench.written == []


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ({"method": ORPO(), "training_data": PAIRS, "model": YOUNG}, ("'qwen3'", "ORPO")),
        ({"options": {"chat_template": "zephyr"}, "model": YOUNG}, ("'qwen3'", "'zephyr'")),
    ],
)
def test_where_both_are_needed_none_is_taken(
    bench: Bench, client: FineTuneClient, words: dict[str, Any], both: tuple[str, str]
) -> None:
    with pytest.raises(UnsupportedError, match="leave one of them out") as caught:
        bench.create(client, **words)
    assert all(one in str(caught.value) for one in both)
    assert bench.written == []


@pytest.mark.parametrize(
    ("engine", "told"),
    [("autotrain", "all, what AutoTrain does"), ("trl", "assistant, what TRL does")],
)
def test_what_is_learned_is_told_where_nobody_says_it(
    bench: Bench, client: FineTuneClient, engine: str, told: str
) -> None:
    options = {"engine": engine}
    assert bench.plan(client, options=options).settings["train_on"] == told
    assert bench.create(client, options=options).settings["train_on"] == told


def test_a_job_tells_what_autotrain_does_not_do_of_it(bench: Bench, client: FineTuneClient) -> None:
    plain = bench.create(client, seed=7)
    assert any("`seed`" in one for one in plain.warnings)
    other = bench.create(client, seed=7, options={"engine": "trl"})
    assert not any("`seed`" in one for one in other.warnings)


def test_whole_weights_that_trl_does_not_make_are_left_on_a_branch_and_told_of(
    bench: Bench, client: FineTuneClient
) -> None:
    job = bench.create(client, options={"engine": "trl", "merge_adapter": True})
    assert any(one.startswith("`merge_adapter`") for one in job.warnings)
    assert bench.course["merge"] == "merged"


@pytest.mark.parametrize(
    ("said", "wanted"), [(None, "merged"), (True, None), (False, None)], ids=str
)
def test_autotrain_merges_by_itself_where_it_is_asked_to(
    bench: Bench, client: FineTuneClient, said: bool | None, wanted: str | None
) -> None:
    job = bench.create(client, options={"merge_adapter": said})
    assert bench.course["merge"] == wanted
    assert not any("merge_adapter" in one for one in job.warnings)


def test_what_trl_leaves_out_of_what_was_asked_is_told(
    bench: Bench, client: FineTuneClient
) -> None:
    options = {"engine": "trl", "unsloth": True}
    assert any("`unsloth`" in one for one in bench.create(client, options=options).warnings)
    assert bench.create(client, options={"engine": "trl"}).warnings == ()


@pytest.mark.parametrize(
    "options",
    [
        {"warmup_ratio": 1.0},
        {"chat_template": "none"},
    ],
)
def test_what_no_argument_of_trl_says_is_refused_before_anything_is_sent(
    bench: Bench, client: FineTuneClient, options: dict[str, Any]
) -> None:
    with pytest.raises((UnsupportedError, ConfigurationError), match=r"TRL|train on all"):
        bench.create(client, model=YOUNG, method=METHOD, options=options)
    assert bench.written == []


# The hardware


@pytest.mark.parametrize(
    ("total", "options", "wanted"),
    [
        (135_000_000, {}, "t4-small"),
        (3_000_000_000, {}, "l4x1"),
        (7_000_000_000, {"quantization": "int4"}, "t4-small"),
        (7_000_000_000, {}, "l40sx1"),
    ],
)
def test_the_cheapest_that_holds_it_is_taken(
    bench: Bench, client: FineTuneClient, total: int, options: dict[str, Any], wanted: str
) -> None:
    model = sized(bench, "org/sized", total)
    bench.hub.jobs.flavors = [
        one for one in bench.hub.jobs.flavors if one.name in ("t4-small", "l4x1", "l40sx1", "l4x4")
    ]
    found = bench.plan(client, model=model, options=options)
    assert found.settings["hardware"].startswith(f"{wanted}, ")
    bench.create(client, model=model, options=options)
    assert bench.body["flavor"] == wanted


def test_a_faster_machine_is_taken_where_it_costs_less_in_the_end(
    bench: Bench, client: FineTuneClient
) -> None:
    model = sized(bench, "org/sized", 2_000_000_000)
    slow, fast = (one for one in bench.hub.jobs.flavors if one.name in ("t4-small", "l40sx1"))
    # A tenth dearer, and five times as fast.
    bench.hub.jobs.flavors = [slow, replace(fast, price=slow.price * 1.1)]
    few = bench.plan(client, model=model)
    many = bench.plan(client, model=model, training_data=[*ROWS] * 500)
    assert few.settings["hardware"].startswith("t4-small")
    assert many.settings["hardware"].startswith("l40sx1")


def test_the_price_is_the_hubs_own_and_not_ours(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.flavors = [
        replace(one, price=12.0) if one.name == "t4-small" else one
        for one in bench.hub.jobs.flavors
    ]
    found = bench.plan(client, options={"hardware": "t4-small", "timeout": 7200})
    assert found.cost is not None
    assert found.cost.high == pytest.approx(24.0)
    assert "12.00 US dollars an hour" in found.settings["hardware"]


@pytest.mark.parametrize("by", ["options", "profile"])
def test_hardware_is_that_which_is_named(bench: Bench, by: str) -> None:
    with bench.client(hardware="l4x1" if by == "profile" else "t4-medium") as client:
        job = bench.create(client, options={} if by == "profile" else {"hardware": "l4x1"})
    assert bench.body["flavor"] == "l4x1"
    assert job.settings["hardware"] == "l4x1, 0.80 US dollars an hour; as you said"


def test_a_name_that_the_hub_does_not_have_is_refused_with_the_nearest(
    bench: Bench, client: FineTuneClient
) -> None:
    with pytest.raises(InvalidRequestError, match=r"did you mean 'a10g-small'\?") as caught:
        bench.create(client, options={"hardware": "a10g-smal"})
    assert caught.value.param == "hardware"
    assert bench.written == []


def test_what_has_no_price_is_never_chosen(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.flavors = list(map(unpriced, bench.hub.jobs.flavors))
    with pytest.raises(ConfigurationError, match="no hardware"):
        bench.create(client)
    assert bench.written == []


def test_without_a_price_there_is_no_estimate_and_no_limit_that_holds(
    bench: Bench, client: FineTuneClient
) -> None:
    bench.hub.jobs.flavors = list(map(unpriced, bench.hub.jobs.flavors))
    options = {"hardware": "t4-small"}
    found = bench.plan(client, options=options)
    assert found.cost is None
    assert found.no_cost is not None
    assert "no price" in found.no_cost
    with pytest.raises(CostLimitError, match="no price"):
        bench.create(client, options=options, max_cost=100)
    assert bench.written == []
    bench.create(client, options=options)


@pytest.mark.parametrize("quantization", ["int4", "int8"])
def test_quantized_weights_need_a_gpu(
    bench: Bench, client: FineTuneClient, quantization: str
) -> None:
    with pytest.raises(UnsupportedError, match="CUDA"):
        bench.create(client, options={"quantization": quantization, "hardware": "cpu-upgrade"})
    assert bench.written == []


def test_what_no_machine_holds_is_refused_with_ways_on(
    bench: Bench, client: FineTuneClient
) -> None:
    model = sized(bench, "org/huge", 700_000_000_000)
    with pytest.raises(ConfigurationError, match='`quantization="int4"`'):
        bench.create(client, model=model)
    assert bench.written == []


def test_all_weights_need_more_than_adapters(bench: Bench, client: FineTuneClient) -> None:
    model = sized(bench, "org/sized", 3_000_000_000)
    adapters = bench.plan(client, model=model, method=Supervised())
    whole = bench.plan(client, model=model, method=Supervised(lora=False))
    assert "l4x1" in adapters.settings["hardware"] or "a10g" in adapters.settings["hardware"]
    assert any(name in whole.settings["hardware"] for name in ("a100", "rtx-pro", "h200"))


# Its end, and what it costs at most


def test_hf02_the_timeout_is_always_sent(bench: Bench, client: FineTuneClient) -> None:
    bench.create(client)
    assert bench.body["timeoutSeconds"] >= 3600


def test_hf02_a_longer_job_gets_more_time(bench: Bench, client: FineTuneClient) -> None:
    model = sized(bench, "org/sized", 7_000_000_000)
    words: dict[str, Any] = {"model": model, "options": {"hardware": "a100-large"}}
    short = bench.plan(client, **words)
    long = bench.plan(client, training_data=[*ROWS] * 2000, **words)
    assert short.seconds is not None
    assert long.seconds is not None
    assert long.seconds.high > short.seconds.high
    job = bench.create(client, training_data=[*ROWS] * 2000, **words)
    assert bench.body["timeoutSeconds"] >= long.seconds.high
    assert job.settings["timeout"] == long.settings["timeout"]


def test_hf02_options_beat_the_profile_and_that_beats_the_estimate(bench: Bench) -> None:
    with bench.client(job_timeout=5000.0) as client:
        bench.create(client)
        bench.create(client, options={"timeout": 4000})
    assert [job.spec["timeoutSeconds"] for job in bench.jobs] == [5000, 4000]


def test_hf02_where_nobody_can_tell_the_time_it_has_to_be_said(
    bench: Bench, client: FineTuneClient
) -> None:
    model = sized(bench, "org/unsized", None)
    with pytest.raises(ConfigurationError, match="say `hardware`, and `timeout`"):
        bench.create(client, model=model)
    with pytest.raises(ConfigurationError, match=r"AutoTrainOptions\(timeout="):
        bench.create(client, model=model, options={"hardware": "t4-small"})
    assert bench.written == []
    job = bench.create(client, model=model, options={"hardware": "t4-small", "timeout": 4000})
    assert bench.body["timeoutSeconds"] == 4000
    assert any("how large" in one for one in job.warnings)


def test_the_high_end_is_what_the_timeout_costs(bench: Bench, client: FineTuneClient) -> None:
    found = bench.plan(client, options={"hardware": "a10g-large", "timeout": 4 * 3600})
    assert found.cost is not None
    assert found.cost.high == pytest.approx(6.0)
    assert 0 < found.cost.low < found.cost.high
    assert "1.50 US dollars an hour" in found.cost.source


def test_more_than_max_cost_is_refused_before_anything_is_sent(
    bench: Bench, client: FineTuneClient
) -> None:
    options = {"hardware": "a10g-large", "timeout": 4 * 3600}
    with pytest.raises(CostLimitError, match=r"6\.00 US dollars"):
        bench.create(client, options=options, max_cost=5.99)
    assert bench.written == []
    bench.create(client, options=options, max_cost=6.01)
    assert len(bench.jobs) == 1


def hub_rows(bench: Bench, size: int) -> HubDataset:
    """A dataset of the Hub whose rows have so many bytes."""
    row = json.dumps(ROWS[0]).encode() + b"\n"
    files = {"train.jsonl": row * (size // len(row))}
    bench.hub.repos.add("dataset", "bob/rows", files)
    return HubDataset("bob/rows")


def test_rows_on_the_hub_count_by_their_size(bench: Bench, client: FineTuneClient) -> None:
    model = sized(bench, "org/sized", 7_000_000_000)
    words: dict[str, Any] = {
        "model": model,
        "training_data": hub_rows(bench, 20_000_000),
        "options": {"hardware": "l40sx1"},
    }
    found = bench.plan(client, **words)
    bench.create(client, **words)
    assert bench.body["timeoutSeconds"] > 3600
    assert found.cost is not None
    assert found.cost.high == pytest.approx(bench.body["timeoutSeconds"] / 3600 * 1.80, rel=1e-3)


def test_max_cost_holds_for_rows_on_the_hub(bench: Bench, client: FineTuneClient) -> None:
    model = sized(bench, "org/sized", 7_000_000_000)
    with pytest.raises(CostLimitError):
        bench.create(
            client,
            model=model,
            training_data=hub_rows(bench, 20_000_000),
            options={"hardware": "l40sx1"},
            max_cost=5,
        )
    assert bench.written == []


def test_rows_of_unknown_size_need_a_timeout(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.repos.add("dataset", "bob/strange", {"data/part.bin": b"x"})
    rows = HubDataset("bob/strange")
    with pytest.raises(ConfigurationError, match="`timeout` in seconds"):
        bench.create(client, training_data=rows, options={"hardware": "t4-small"})
    assert bench.written == []
    bench.create(client, training_data=rows, options={"hardware": "t4-small", "timeout": 7200})
    assert bench.body["timeoutSeconds"] == 7200


def test_a_plan_sends_nothing_and_comes_true(bench: Bench, client: FineTuneClient) -> None:
    made = bench.plan(client, suffix="numbers")
    assert bench.written == []
    assert made.epochs == 1
    job = client.jobs.create(made)
    shared = {"engine", "hardware", "timeout", "batch_size", "logging_steps"}
    assert {name: job.settings[name] for name in shared} == {
        name: made.settings[name] for name in shared
    }
    assert client.jobs.create(made).id == job.id
