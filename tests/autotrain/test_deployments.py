"""Deployments on Inference Endpoints: made by name, found again, priced, paused, and gone."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from finetune_sdk import (
    AsyncFineTuneClient,
    ConfigurationError,
    ConflictError,
    CostLimitError,
    DeploymentFailedError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    UnsupportedError,
)
from finetune_sdk.testing.conformance import ROWS
from finetune_sdk.types import DeploymentStatus, Lora, Supervised
from tests.autotrain.deploying import (
    ADAPTER,
    CHAT,
    HELLO,
    MINUTE,
    MODEL,
    NAME,
    ONE,
    WHOLE,
    Bench,
    bench_of,
    spec,
)
from tests.autotrain.hubs import MODEL as BASE
from tests.autotrain.hubs import pushes, repo_of, seeded
from tests.standins.hub import Account, Hub, JobCourse, JobRecord
from tests.standins.hub.endpoint import Compute, EndpointCourse
from tests.standins.hub.repo import StoredRepo

READY, CREATING = DeploymentStatus.READY, DeploymentStatus.CREATING
PAUSED, FAILED = DeploymentStatus.PAUSED, DeploymentStatus.FAILED


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


def repo(bench: Bench) -> StoredRepo:
    return bench.hub.repos["model", MODEL]


# Making one


def test_a_model_is_served_under_a_name_and_answers(bench: Bench) -> None:
    client, commit = bench.client(), repo(bench).head.sha
    made = bench.create(client)
    assert (made.status, made.raw_status) == (CREATING, "pending")
    assert (made.name, made.id, made.model, made.url) == (NAME, MODEL, MODEL, None)
    # Older clients of the Hub send what they have not been given, too.
    assert {name: value for name, value in bench.made.spec.items() if value is not None} == {
        "name": NAME,
        "type": "authenticated",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "accelerator": "gpu",
            "instanceType": "nvidia-l4",
            "instanceSize": "x1",
            "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 15},
        },
        "model": {
            "repository": MODEL,
            "revision": commit,
            "framework": "pytorch",
            "task": "text-generation",
            "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000}},
            "args": ["--served-model-name", MODEL],
            "env": {"FINETUNE_MODEL": MODEL},
        },
    }
    ready = client.deployments.wait(made)
    assert (ready.status, ready.raw_status) == (READY, "running")
    assert ready.url == f"{bench.hub.url}/endpoints/alice/{NAME}"
    assert client.deployments.chat(ready, HELLO).content == f"{commit[:7]}: hello"
    client.deployments.delete(ready)
    assert len(bench.hub.endpoints) == 0
    bench.fails(NotFoundError, lambda: client.deployments.get(made))


def test_a_finished_job_is_served(bench: Bench) -> None:
    def finish(hub: Hub, job: JobRecord) -> None:
        pushes(hub, job)
        model = hub.repos["model", repo_of(job)]
        model.branches["merged"] = model.head
        hub.repos.commit(model, WHOLE, branch="merged")

    seeded(bench.hub)
    bench.hub.jobs.course = JobCourse(finish=finish)
    client = bench.client()
    job = client.jobs.create(model=BASE, training_data=ROWS, method=Supervised(lora=Lora()))
    job = client.jobs.wait(job, progress=False)
    made = bench.ready(client, model=job)
    assert (made.job_id, made.model) == (job.id, job.fine_tuned_model)
    commit = bench.hub.repos["model", made.model].branches["merged"].sha
    assert client.deployments.chat(made, HELLO).content == f"{commit[:7]}: hello"


def test_the_asynchronous_client_does_the_same(bench: Bench) -> None:
    async def go() -> list[Any]:
        async with AsyncFineTuneClient(bench.provider(), home=bench.home) as client:
            made = await client.deployments.wait(await client.deployments.create(MODEL, name=NAME))
            reply = await client.deployments.chat(made, HELLO)
            names = [one.name async for one in client.deployments.list()]
            paused = await client.deployments.pause(made)
            resumed = await client.deployments.resume(made)
            await client.deployments.delete(made)
            return [reply.model, names, paused.status, resumed.status]

    assert asyncio.run(go()) == [MODEL, [NAME], PAUSED, CREATING]


def test_existing_code_goes_on_working(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    with client.deployments.openai(made) as existing:
        answer = existing.chat.completions.create(
            model=made.id, messages=[{"role": "user", "content": "hello"}]
        )
    assert (answer.choices[0].message.content or "").endswith(": hello")


def test_the_job_and_the_end_are_kept_where_the_deployment_is(bench: Bench) -> None:
    end = bench.clock.now() + timedelta(hours=1)
    bench.provider().create_deployment(spec(job_id="jobs/alice/1", expires_at=end))
    found = bench.get()
    assert (found.job_id, found.expires_at) == ("jobs/alice/1", end)
    bench.clock.advance(3601)
    client = bench.client()
    assert [one.name for one in client.deployments.reap()] == [NAME]
    assert NAME not in bench.hub.endpoints


def test_the_model_may_be_another_commit_than_the_newest(bench: Bench) -> None:
    old = repo(bench).head.sha
    bench.hub.repos.commit(repo(bench), {"model.safetensors": b"newer"})
    made = bench.create(model=f"{MODEL}@{old}")
    assert bench.made.spec["model"]["revision"] == old
    assert (made.id, made.model) == (MODEL, f"{MODEL}@{old}")


def test_what_is_pushed_later_changes_nothing_and_is_told(bench: Bench) -> None:
    old = repo(bench).head.sha
    client = bench.client()
    made = bench.ready(client)
    bench.hub.repos.commit(repo(bench), {"model.safetensors": b"newer"})
    assert client.deployments.chat(made, HELLO).content.startswith(old[:7])
    error = bench.fails(ConflictError, lambda: bench.create(client))
    assert old in str(error)
    assert repo(bench).head.sha in str(error)
    assert f"'ID@{old}'" in str(error)
    assert bench.create(client, model=f"{MODEL}@{old}").status is READY


def test_several_accelerators_share_the_model(bench: Bench) -> None:
    bench.create(instance_size="x4")
    assert bench.made.spec["model"]["image"]["vLLM"]["tensorParallelSize"] == 4


def test_another_image_and_more_arguments_are_sent(bench: Bench) -> None:
    bench.create(image="quay.io/mine/vllm:7", args=("--max-model-len", "4096"))
    model = bench.made.spec["model"]
    assert model["image"]["vLLM"]["url"] == "quay.io/mine/vllm:7"
    assert model["args"][2:] == ["--max-model-len", "4096"]


def test_an_organization_pays_where_it_is_named(bench: Bench) -> None:
    token = bench.hub.add_account(Account("alice", orgs=("kitchen",)))
    bench.create(bench.client(token=token, namespace="kitchen"))
    assert bench.hub.count("POST", "/v2/endpoint/kitchen") == 1
    assert NAME not in bench.hub.endpoints


# Making it once


def test_the_same_again_gives_the_one_that_is_there(bench: Bench) -> None:
    words: dict[str, Any] = {"args": ("--max-model-len", "64"), "max_replica": 2}
    first = bench.create(**words)
    bench.clock.advance(300)
    again = bench.create(**words)
    assert (first.status, again.status) == (CREATING, READY)
    assert again.created_at == first.created_at
    assert (bench.posts, len(bench.hub.endpoints)) == (1, 1)


@pytest.mark.parametrize(
    ("words", "theirs", "ours"),
    [
        ({"model": "alice/stew"}, "model is 'alice/soup'", "'alice/stew'"),
        ({"instance_size": "x4"}, "instance is aws/us-east-1/nvidia-l4/x1", "nvidia-l4/x4"),
        ({"region": "eu-west-1"}, "instance is aws/us-east-1/nvidia-l4/x1", "eu-west-1"),
        ({"min_replica": 1}, "min_replica is 0", "1"),
        ({"max_replica": 3}, "max_replica is 1", "3"),
        ({"scale_to_zero_timeout": 60}, "scale_to_zero_timeout is 15", "60"),
        ({"access": "public"}, "access is 'authenticated'", "'public'"),
        ({"image": "mine/vllm:1"}, "image is 'vllm/vllm-openai:v0.23.0'", "'mine/vllm:1'"),
        ({"args": ("--enforce-eager",)}, "its arguments are others", ""),
    ],
)
def test_another_one_of_that_name_is_left_alone(
    bench: Bench, words: dict[str, Any], theirs: str, ours: str
) -> None:
    bench.hub.repos.add("model", "alice/stew", WHOLE)
    bench.create()
    before = bench.made.spec
    error = bench.refuses(ConflictError, **words)
    assert theirs in str(error)
    assert ours in str(error)
    assert not error.retryable
    assert (bench.made.spec, bench.posts) == (before, 1)


def test_a_time_that_means_nothing_there_is_no_difference(bench: Bench) -> None:
    bench.create(min_replica=1)
    bench.made.scaling["scaleToZeroTimeout"] = 60
    assert bench.create(min_replica=1).name == NAME


def test_it_is_found_though_its_instance_is_gone_from_the_list(bench: Bench) -> None:
    bench.create()
    bench.hub.endpoints.computes.clear()
    assert bench.create().cost_per_hour is None


# What can be served


def adapter(bench: Bench) -> str:
    """Leaves only an adapter; gives the last commit with whole weights."""
    whole = repo(bench).head
    bench.hub.repos.commit(repo(bench), ADAPTER, gone=list(WHOLE))
    return whole.sha


def test_of_an_adapter_its_merged_weights_are_served(bench: Bench) -> None:
    adapter(bench)
    repo(bench).branches["merged"] = repo(bench).head
    bench.hub.repos.commit(repo(bench), WHOLE, branch="merged", gone=list(ADAPTER))
    made = bench.create()
    assert bench.made.spec["model"]["revision"] == repo(bench).branches["merged"].sha
    assert made.model == MODEL


def test_merged_weights_of_an_older_adapter_are_not_served(bench: Bench) -> None:
    adapter(bench)
    repo(bench).branches["merged"] = repo(bench).head
    older = bench.hub.repos.commit(repo(bench), WHOLE, branch="merged", gone=list(ADAPTER))
    bench.clock.advance(MINUTE)
    bench.hub.repos.commit(repo(bench), {"adapter_model.safetensors": b"a second run"})
    error = bench.refuses(UnsupportedError)
    assert all(word in str(error) for word in ("older adapter", "merge_adapter=True"))
    assert bench.posts == 0
    bench.create(model=f"{MODEL}@merged")
    assert bench.made.spec["model"]["revision"] == older.sha


def test_a_word_on_the_card_makes_merged_weights_no_older(bench: Bench) -> None:
    adapter(bench)
    repo(bench).branches["merged"] = repo(bench).head
    bench.hub.repos.commit(repo(bench), WHOLE, branch="merged", gone=list(ADAPTER))
    bench.clock.advance(MINUTE)
    bench.hub.repos.commit(repo(bench), {"README.md": b"A word more."})
    assert bench.create().status is CREATING


def test_an_adapter_that_nobody_merged_is_refused(bench: Bench) -> None:
    adapter(bench)
    error = bench.refuses(UnsupportedError)
    assert "merge_adapter=True" in str(error)
    assert "models.download" in str(error)
    repo(bench).branches["merged"] = repo(bench).head
    bench.refuses(UnsupportedError)
    assert bench.posts == 0


def test_another_commit_of_an_adapter_has_no_merged_weights(bench: Bench) -> None:
    whole = adapter(bench)
    repo(bench).branches["merged"] = repo(bench).commits[1]
    bench.refuses(UnsupportedError, model=f"{MODEL}@{repo(bench).head.sha}")
    assert bench.create(model=f"{MODEL}@{whole}").status is CREATING


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("alice/nothing", NotFoundError, "no model 'alice/nothing'"),
        (f"{MODEL}@0123456789abcdef", NotFoundError, "at '0123456789abcdef'"),
        ("bob/secret", NotFoundError, "does not show it"),
        ("/home/alice/model", InvalidRequestError, "no model of the Hub"),
        ("alice/empty", InvalidRequestError, "no weights"),
    ],
)
def test_what_is_no_model_is_refused(bench: Bench, model: str, kind: Any, words: str) -> None:
    bench.hub.repos.add("model", "alice/empty", {"README.md": b"", "training_args.bin": b""})
    bench.hub.repos.add("model", "bob/secret", WHOLE, private=True)
    error = bench.refuses(kind, model=model)
    assert words in str(error)
    assert bench.posts == 0


# Machines and their prices


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (
            {"instance_type": "nvidia-l40"},
            InvalidRequestError,
            "there are aws/us-east-1/nvidia-l4/",
        ),
        ({"vendor": "azure"}, InvalidRequestError, "no instance azure/us-east-1/nvidia-l4/x1"),
        ({"instance_type": "nvidia-a100"}, InvalidRequestError, "nvidia-a100/x1 is free"),
        ({"instance_type": "nvidia-h200", "instance_size": "x8"}, QuotaExceededError, "may have 4"),
        ({"instance_type": "intel-spr", "instance_size": "x4"}, InvalidRequestError, "needs a GPU"),
    ],
)
def test_a_machine_that_cannot_be_had_is_refused(
    bench: Bench, words: dict[str, Any], kind: Any, said: str
) -> None:
    error = bench.refuses(kind, **words)
    assert said in str(error)
    assert "nothing was made" in str(error)
    assert bench.posts == 0


def test_a_list_without_a_machine_is_told(bench: Bench) -> None:
    bench.hub.endpoints.computes[:] = [Compute(status="not_available")]
    assert "none that can be had" in str(bench.refuses(InvalidRequestError))


def test_another_image_runs_on_a_processor(bench: Bench) -> None:
    bench.create(instance_type="intel-spr", instance_size="x4", image="mine/vllm-cpu:1")
    assert bench.made.spec["compute"]["accelerator"] == "cpu"


def test_the_price_is_the_lists_for_all_machines(bench: Bench) -> None:
    made = bench.create(max_replica=3)
    assert made.cost_per_hour == pytest.approx(2.4)
    assert bench.get().cost_per_hour == pytest.approx(2.4)


@pytest.mark.parametrize("price", [-5.0, float("nan"), float("inf")])
def test_a_price_that_can_be_none_passes_under_no_limit(bench: Bench, price: float) -> None:
    bench.hub.endpoints.computes[:] = [Compute(price=price)]
    assert "cannot say" in str(bench.refuses(CostLimitError, max_cost_per_hour=0))
    assert bench.create().cost_per_hour is None


def test_the_limit_is_held_before_anything_is_made(bench: Bench) -> None:
    error = bench.refuses(CostLimitError, max_replica=3, max_cost_per_hour=2)
    assert "2.40" in str(error)
    bench.refuses(CostLimitError, instance_type="nvidia-l40", max_cost_per_hour=2)
    assert bench.create(max_replica=2, max_cost_per_hour=2).status is CREATING


def test_polling_reads_the_prices_once(bench: Bench) -> None:
    client = bench.client()
    bench.ready(client)
    assert bench.hub.count("GET", ONE) > 5
    assert bench.hub.count("GET", "/v2/provider/alice") == 1


# Where it stands


def test_one_that_fails_says_why(bench: Bench) -> None:
    words = "CUDA out of memory"
    bench.hub.endpoints.add_course(EndpointCourse(outcome="failed", message=words))
    error = bench.fails(DeploymentFailedError, bench.ready)
    assert words in str(error)
    found = bench.get()
    assert (found.status, found.raw_status) == (FAILED, "failed")
    assert found.error is not None
    assert found.error.message == words


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", CREATING),
        ("initializing", CREATING),
        ("updating", DeploymentStatus.UPDATING),
        ("running", READY),
        ("scaledToZero", READY),
        ("paused", PAUSED),
        ("failed", FAILED),
        ("updateFailed", FAILED),
        ("dancing", DeploymentStatus.UNKNOWN),
    ],
)
def test_each_word_of_the_service_is_known(
    bench: Bench, word: str, status: DeploymentStatus
) -> None:
    bench.ready()
    bench.hub.endpoints.say(NAME, word)
    found = bench.get()
    assert (found.status, found.raw_status) == (status, word)
    assert (found.error is not None) is (status is FAILED)


def test_one_without_an_address_is_not_ready(bench: Bench) -> None:
    bench.create()
    bench.hub.endpoints.say(NAME, "running")
    assert bench.get().status is CREATING


def test_what_is_not_ready_is_not_connected_to(bench: Bench) -> None:
    bench.create()
    error = bench.fails(ConflictError, lambda: bench.provider().connect(NAME))
    assert "creating" in str(error)


# Costs end


def test_a_forgotten_one_stops_costing_and_wakes_when_it_is_asked(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    assert any("15 minutes" in warning for warning in made.warnings)
    bench.clock.advance(60 * MINUTE)
    asleep = bench.get()
    assert (asleep.status, asleep.raw_status, asleep.cost_per_hour) == (READY, "scaledToZero", 0.0)
    assert any("wakes it" in warning for warning in asleep.warnings)
    assert bench.made.billed == 120 + 15 * MINUTE
    assert client.deployments.chat(made, HELLO).content.endswith(": hello")
    assert bench.hub.count("POST", CHAT) == 1
    assert bench.made.starts == 2


def test_one_that_stays_awake_does_not_sleep(bench: Bench) -> None:
    made = bench.ready(min_replica=1)
    assert made.warnings == ()
    bench.clock.advance(600 * MINUTE)
    assert bench.get().raw_status == "running"


def test_a_paused_one_costs_nothing_until_it_is_resumed(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client, min_replica=1)
    paused = client.deployments.pause(made)
    assert (paused.status, paused.cost_per_hour) == (PAUSED, 0.0)
    billed = bench.made.billed
    bench.clock.advance(600 * MINUTE)
    assert bench.made.billed == billed
    assert client.deployments.pause(NAME).status is PAUSED
    resumed = client.deployments.resume(made)
    assert (resumed.status, resumed.cost_per_hour) == (CREATING, 0.8)
    assert client.deployments.wait(resumed).status is READY
    assert client.deployments.resume(made).status is READY
    assert client.deployments.chat(made, HELLO).model == MODEL


def test_one_that_is_not_there_is_neither_paused_nor_resumed(bench: Bench) -> None:
    provider = bench.provider()
    for verb in (provider.pause_deployment, provider.resume_deployment, provider.get_deployment):
        for name in ("nobody", "../alice", "a.b"):
            bench.fails(NotFoundError, partial(verb, name))
    assert not any(".." in asked.target for asked in bench.hub.requests)


def test_deleting_what_is_gone_is_no_error(bench: Bench) -> None:
    client = bench.client()
    client.deployments.delete("nobody")
    bench.provider().delete_deployment("../alice")
    made = bench.create(client)
    client.deployments.delete(made)
    client.deployments.delete(made)
    assert len(bench.hub.endpoints) == 0
    assert not any(".." in asked.target for asked in bench.hub.requests)


def test_all_of_the_namespace_are_listed_newest_first(bench: Bench) -> None:
    bench.strangers("theirs", custom_image={"tgi": {"url": "ghcr.io/tgi:3"}})
    bench.clock.advance(60)
    bench.create()
    found = list(bench.client().deployments.list())
    assert [one.name for one in found] == [NAME, "theirs"]
    theirs = found[1]
    assert (theirs.id, theirs.model, theirs.job_id, theirs.expires_at) == (MODEL, MODEL, None, None)
    assert theirs.cost_per_hour == 1.0


# Bad input


@pytest.mark.parametrize("name", ["Recipes", "my_recipes", "a" * 33, "recipes-"])
def test_a_name_that_cannot_be_had_there_is_refused(bench: Bench, name: str) -> None:
    error = bench.refuses(InvalidRequestError, name=name)
    assert error.param == "name"
    assert repr(name) in str(error)
    assert not [asked for asked in bench.hub.requests if asked.path.startswith("/v2")]


@pytest.mark.parametrize(
    "words",
    [
        {"min_replica": 2, "max_replica": 1},
        {"min_replica": 1, "scale_to_zero_timeout": 15},
        {"max_replica": 0},
        {"access": "protected"},
        {"instance_type": "a b"},
        {"image": "My image"},
    ],
)
def test_options_that_cannot_be_are_refused(bench: Bench, words: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        bench.client().deployments.create(MODEL, name=NAME, options=[Loose(**words)])
    assert bench.hub.requests == []


class Loose:
    """Options that nobody has checked, as a profile or the command line gives them."""

    def __new__(cls, **words: Any) -> Any:
        from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions

        return AutoTrainDeploymentOptions.model_construct(set(words), **words)


def test_a_token_that_may_only_read_makes_nothing(bench: Bench) -> None:
    token = bench.hub.add_account(Account("alice", role="read"))
    client = bench.client(token=token)
    error = bench.fails(PermissionDeniedError, lambda: bench.create(client))
    assert "write" in str(error)
    assert len(bench.hub.endpoints) == 0


def test_a_namespace_without_credit_makes_nothing(bench: Bench) -> None:
    token = bench.hub.add_account(Account("alice", can_pay=False))
    client = bench.client(token=token)
    error = bench.fails(QuotaExceededError, lambda: bench.create(client))
    assert "credit" in str(error)
    assert (bench.posts, len(bench.hub.endpoints)) == (1, 0)


# Secrets


def test_the_token_of_another_hub_goes_nowhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", "https://endpoints.invalid/v2")
    error = bench.fails(UnsupportedError, lambda: bench.client().deployments.get(NAME))
    assert "`endpoint`" in str(error)
    assert error.able == ("local",)


def test_a_public_one_is_asked_without_the_token(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client, access="public")
    assert any("at your cost" in warning for warning in made.warnings)
    bench.hub.accounts["none"] = Account("nobody")
    assert client.deployments.chat(made, HELLO).model == MODEL
    asked = [one for one in bench.hub.requests if one.path == CHAT]
    assert [one.bearer for one in asked] == ["none"]
    del bench.hub.accounts["none"]


def test_what_others_keep_secret_in_theirs_is_not_told(bench: Bench) -> None:
    canary = "canary-7f31"
    bench.strangers(
        secrets={"KEY": canary}, env={"PASSWORD": canary}, container_args=["--api-key", canary]
    )
    found = bench.get()
    assert canary not in found.to_json() + repr(found)
    bench.fails(ConflictError, bench.create)
    assert not any(canary in text for text in bench.said)
