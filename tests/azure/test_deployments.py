"""Deployments at Azure: made by name, found again, listed, billed, and gone.

The ids in names are those of the list of faults.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    AuthenticationError,
    AzureDeploymentOptions,
    ConfigurationError,
    ConflictError,
    CostLimitError,
    DeploymentFailedError,
    FineTuneClient,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    UnsupportedError,
)
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.types import DeploymentStatus
from tests.azure.bench import (
    BASE,
    DAY,
    HELLO,
    NAME,
    ROWS,
    Bench,
    SharedClock,
    at_once,
    bench_of,
    client_of,
    place_of,
    profile_of,
)
from tests.standins.openai import Delay
from tests.submission.bench import Forks, say

SOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/other"
READY, CREATING = DeploymentStatus.READY, DeploymentStatus.CREATING


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with Forks(__name__, warm=False) as forks:
        yield forks


def body(bench: Bench) -> Any:
    """What the last PUT says."""
    return bench.arm.puts[-1].json


# Making one


def test_a_finished_job_is_deployed_under_a_name_and_answers(bench: Bench) -> None:
    client = bench.client()
    job = client.jobs.create(model=BASE, training_data=ROWS, suffix="recipes")
    job = client.jobs.wait(job, progress=False)
    ten = AzureDeploymentOptions(capacity=10)
    made = client.deployments.create(job, name=NAME, options=[ten])
    assert (made.status, made.raw_status) == (CREATING, "Accepted")
    assert (made.model, made.job_id) == (job.fine_tuned_model, job.id)
    assert (made.id, made.url) == (NAME, bench.azure.data.url)

    ready = client.deployments.wait(made)
    assert (ready.status, ready.raw_status) == (READY, "Succeeded")
    reply = client.deployments.chat(ready, HELLO)
    assert reply.content == f"{job.fine_tuned_model}: hello"
    assert body(bench) == {
        "sku": {"name": "GlobalStandard", "capacity": 10},
        "properties": {"model": {"format": "OpenAI", "name": job.fine_tuned_model, "version": "1"}},
        "tags": {"finetune_sdk_job": job.id},
    }
    assert (bench.puts, bench.there) == (1, [NAME])

    client.deployments.delete(ready)
    assert bench.arm.billing()[0].gone is not None
    bench.clock.sleep(bench.arm.deleting)
    assert bench.there == []
    bench.fails(NotFoundError, lambda: client.deployments.get(made))


def test_the_asynchronous_client_does_the_same(bench: Bench) -> None:
    async def go() -> tuple[str, list[str]]:
        async with AsyncFineTuneClient(bench.provider()) as client:
            made = await client.deployments.create(bench.tuned, name=NAME)
            made = await client.deployments.wait(made)
            reply = await client.deployments.chat(made, HELLO)
            async with await client.deployments.openai(made) as existing:
                answer = await existing.chat.completions.create(
                    model=made.id, messages=[{"role": "user", "content": "hello"}]
                )
            names = [one.name async for one in client.deployments.list()]
            await client.deployments.delete(made)
            return reply.content, [answer.model, *names]

    assert asyncio.run(go()) == (f"{bench.tuned}: hello", [bench.tuned, NAME])
    assert (bench.puts, bench.deletes) == (1, 1)


def test_existing_code_goes_on_working(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    with client.deployments.openai(made) as existing:
        answer = existing.chat.completions.create(
            model=made.id, messages=[{"role": "user", "content": "hello"}]
        )
    assert answer.choices[0].message.content == f"{bench.tuned}: hello"
    assert bench.azure.data.chats[NAME] >= 1


def test_a_checkpoint_is_deployed(bench: Bench) -> None:
    client = bench.client()
    job = client.jobs.create(model=BASE, training_data=ROWS)
    job = client.jobs.wait(job, progress=False)
    checkpoint = list(client.jobs.checkpoints(job))[-1]
    made = bench.ready(client, model=checkpoint)
    assert (made.model, made.job_id) == (checkpoint.model, job.id)
    assert body(bench)["properties"]["model"]["name"] == checkpoint.model
    assert client.deployments.chat(made, HELLO).content == f"{checkpoint.model}: hello"


def test_a_base_model_is_named_by_name_and_version_and_costs_nothing_by_the_hour(
    bench: Bench,
) -> None:
    client = bench.client()
    made = bench.ready(client, model=BASE)
    assert body(bench)["properties"]["model"] == {
        "format": "OpenAI",
        "name": "gpt-4.1-mini",
        "version": "2025-04-14",
    }
    assert (made.model, made.job_id, made.cost_per_hour) == (BASE, None, 0.0)
    assert made.warnings == ()
    assert bench.create(client, model=BASE).status is READY
    assert bench.puts == 1


def test_a_model_of_another_resource_is_said_with_its_source(bench: Bench) -> None:
    model = f"{BASE}.ft-{'0' * 32}"
    made = bench.ready(model=model, options=[AzureDeploymentOptions(source=SOURCE)])
    assert made.model == model
    assert body(bench)["properties"]["model"] == {
        "format": "OpenAI",
        "name": model,
        "version": "1",
        "source": SOURCE,
    }


@pytest.mark.parametrize("source", ["other", "/accounts/other", "https://x/accounts/other"])
def test_a_source_that_is_no_resource_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="source"):
        AzureDeploymentOptions(source=source)


def test_what_azure_alone_knows_is_passed_on(bench: Bench) -> None:
    own = AzureDeploymentOptions(
        sku="Standard", capacity=7, format="Meta", version="9", content_filter="strict"
    )
    bench.create(options=[own])
    sent = body(bench)
    assert sent["sku"] == {"name": "Standard", "capacity": 7}
    assert sent["properties"]["raiPolicyName"] == "strict"
    model = sent["properties"]["model"]
    assert (model["format"], model["version"]) == ("Meta", "9")


# The same name again


def test_the_same_name_and_model_is_the_one_that_is_there(bench: Bench) -> None:
    client = bench.client()
    first = bench.create(client)
    assert bench.create(client).status is CREATING
    client.deployments.wait(first)
    again = bench.create(client)
    assert (again.status, again.created_at) == (READY, first.created_at)
    assert (bench.puts, bench.there) == (1, [NAME])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (AzureDeploymentOptions(capacity=50), None),
        (AzureDeploymentOptions(sku="GlobalStandard"), None),
        (AzureDeploymentOptions(capacity=20), "`capacity` is 50"),
        (AzureDeploymentOptions(sku="Standard"), "`sku` is 'GlobalStandard'"),
    ],
)
def test_what_is_otherwise_at_the_one_that_is_there_is_told(
    bench: Bench, asked: AzureDeploymentOptions, told: str | None
) -> None:
    client = bench.client()
    bench.ready(client)
    again = bench.create(client, options=[asked])
    found = [warning for warning in again.warnings if "was there before" in warning]
    assert len(found) == (told is not None)
    assert all(told in warning for warning in found if told)
    assert bench.puts == 1


def test_a_name_that_another_model_has_is_left_alone(bench: Bench) -> None:
    client = bench.client()
    bench.ready(client, model=BASE)
    error = bench.refuses(ConflictError, client)
    assert repr(NAME) in str(error)
    assert repr(BASE) in str(error)
    assert "left alone" in str(error)
    assert (bench.puts, client.deployments.get(NAME).model) == (1, BASE)


def test_one_that_failed_is_made_again(bench: Bench) -> None:
    client = bench.client()
    bench.arm.fail("ModelNotDeployable", "It says bad things.")
    made = bench.create(client)
    bench.fails(DeploymentFailedError, lambda: client.deployments.wait(made))
    assert bench.ready(client).status is READY
    assert bench.puts == 2


def test_one_that_is_being_deleted_is_made_anew_when_it_is_gone(bench: Bench) -> None:
    client = bench.client()
    first = bench.ready(client)
    client.deployments.delete(first)
    again = bench.ready(client)
    assert again.created_at is not None
    assert first.created_at is not None
    assert again.created_at > first.created_at
    assert bench.there == [NAME]


# Other processes, and many at once


def look(place: str) -> None:
    """Finds it by its name alone."""
    client = client_of(place)
    found = client.deployments.get(NAME)
    say(f"{found.status.value} {found.model}")
    say(client.deployments.chat(NAME, HELLO).content)
    client.close()


def test_another_process_finds_it_by_its_name(bench: Bench, forks: Forks) -> None:
    bench.ready()
    lines = forks.run(look, place_of(bench))
    assert lines == [f"ready {bench.tuned}", f"{bench.tuned}: hello"]
    assert bench.puts == 1


def test_eight_threads_make_one_each_and_never_two_at_once(bench: Bench) -> None:
    bench.arm.creating = 5.0
    client, model = bench.client(), bench.tuned
    names = at_once(8, lambda n: bench.create(client, model=model, name=f"bot-{n}").name)
    assert sorted(names) == bench.there == [f"bot-{number}" for number in range(8)]
    # The account was busy, which was waited for.
    assert bench.puts > 8
    assert bench.arm.most_in_flight == 1


def test_eight_threads_want_the_same_and_there_is_one(bench: Bench) -> None:
    client, model = bench.client(), bench.tuned
    names = at_once(8, lambda _: bench.create(client, model=model).name)
    assert names == [NAME] * 8
    assert bench.there == [NAME]
    assert bench.arm.most_in_flight == 1


@pytest.fixture
def shared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    """A bench whose clock other processes have, too."""
    clock = SharedClock(tmp_path / "clock")
    yield from bench_of(tmp_path, caplog, monkeypatch, clock)


def race(place: str, clock: str, gate: str, who: str) -> None:
    """Says that it is ready, and makes two when the gate opens."""
    client = client_of(place, SharedClock(Path(clock)))
    say("ready")
    with Path(gate).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    for number in range(2):
        say(client.deployments.create(BASE, name=f"{who}-{number}").name)
    client.close()


def test_two_processes_make_two_each_and_never_two_at_once(
    shared: Bench, forks: Forks, tmp_path: Path
) -> None:
    shared.arm.creating = 5.0
    shared.hurt(Delay(first=0.05), path="/deployments/.*", times=None)
    gate = tmp_path / "gate"
    words = (place_of(shared), str(tmp_path / "clock"), str(gate))
    with ExitStack() as stack:
        lock = stack.enter_context(gate.open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        both = {"a": forks, "b": stack.enter_context(Forks(__name__, warm=False))}
        for who, one in both.items():
            one.start(race, *words, who)
            assert one.line() == "ready"
        fcntl.flock(lock, fcntl.LOCK_UN)
        ends = {who: one.end() for who, one in both.items()}
    assert ends == {who: ([f"{who}-0", f"{who}-1"], 0) for who in both}
    assert shared.there == ["a-0", "a-1", "b-0", "b-1"]
    # The account was busy with the other's, which was waited for.
    assert shared.puts > 4


# What this SDK did not make


def test_all_of_the_resource_are_listed_newest_first(bench: Bench) -> None:
    bench.arm.page = 2
    for number in range(4):
        bench.strangers(f"theirs-{number}")
    client = bench.client()
    bench.ready(client)
    found = list(client.deployments.list())
    assert [one.name for one in found] == [NAME, *(f"theirs-{n}" for n in (3, 2, 1, 0))]
    assert [one.cost_per_hour for one in found] == [1.7] * 5
    assert all(one.job_id is None and one.model == bench.tuned for one in found)
    assert [one.name for one in client.deployments.list(limit=2)] == [NAME, "theirs-3"]


def test_what_others_made_is_used_and_deleted_like_ones_own(bench: Bench) -> None:
    bench.strangers("Theirs")
    client = bench.client()
    assert client.deployments.wait("Theirs").status is READY
    assert client.deployments.chat("Theirs", HELLO).content == f"{bench.tuned}: hello"
    bench.create(client, name="Theirs")
    assert bench.puts == 1
    client.deployments.delete("Theirs")
    bench.clock.sleep(bench.arm.deleting)
    assert bench.there == []


def test_a_name_in_other_letters_is_the_same_at_azure(bench: Bench) -> None:
    bench.ready(model=BASE)
    client = bench.client()
    assert client.deployments.get("RECIPES").name == NAME
    bench.refuses(ConflictError, client, name="Recipes")
    assert bench.puts == 1


# What is refused


def test_a_full_quota_says_what_to_do_and_is_asked_once(bench: Bench) -> None:
    bench.arm.quota = {"GlobalStandard": 10}
    error = bench.refuses(QuotaExceededError)
    for word in ("available capacity 10", "Quotas", "`capacity`", "`sku`"):
        assert word in str(error)
    assert (error.code, error.status_code, error.retryable) == ("InsufficientQuota", 400, False)
    assert (bench.puts, bench.there) == (1, [])
    assert bench.create(options=[AzureDeploymentOptions(capacity=10)]).name == NAME


def test_a_role_that_trains_may_not_deploy(bench: Bench) -> None:
    bench.arm.roles = {"read"}
    client = bench.client()
    job = client.jobs.create(model=BASE, training_data=ROWS)
    job = client.jobs.wait(job, progress=False)
    error = bench.refuses(PermissionDeniedError, client, model=job)
    assert "Cognitive Services OpenAI Contributor" in str(error)
    assert "Microsoft.CognitiveServices/accounts/deployments/write" in str(error)
    assert (error.code, bench.puts, bench.there) == ("AuthorizationFailed", 1, [])
    bench.arm.roles = {"read", "deploy"}
    bench.strangers("theirs")
    bench.arm.roles = {"read"}
    bench.fails(PermissionDeniedError, lambda: client.deployments.delete("theirs"))
    assert [one.name for one in client.deployments.list()] == ["theirs"]


def opened(bench: Bench, **words: Any) -> FineTuneClient:
    """A client of a profile that says no more than these."""
    said = {**profile_of(bench.azure), **words}
    values = {name: value for name, value in said.items() if value is not None}
    settings = ProviderSettings(values=values, home=bench.home, environ=bench.azure.environ)
    return bench.opened(AzureOpenAIProvider.open(settings))


PLACE = ("subscription_id", "resource_group", "account")


def test_a_profile_without_a_subscription_trains(bench: Bench) -> None:
    client = opened(bench, **dict.fromkeys(PLACE))
    # One without a last day, as this client goes by the day that it is.
    job = client.jobs.create(model="gpt-5-2025-08-07", training_data=ROWS)
    assert bench.azure.data.jobs.keys() == {job.id}
    error = bench.fails(UnsupportedError, lambda: client.deployments.create(job, name=NAME))
    for word in PLACE:
        assert f"`{word}`" in str(error)
    assert bench.arm.requests == []


@pytest.mark.parametrize("missing", [PLACE[:1], PLACE[1:2], PLACE[2:], PLACE[1:], PLACE[::2]])
def test_half_of_the_place_is_an_error_that_names_the_rest(
    bench: Bench, missing: tuple[str, ...]
) -> None:
    error = bench.fails(ConfigurationError, lambda: opened(bench, **dict.fromkeys(missing)))
    needed = str(error).partition("too:")[0]
    assert [word for word in PLACE if f"`{word}`" in needed] == list(missing)
    bench.fails(
        ConfigurationError,
        lambda: bench.provider(profile=bench.profile(**dict.fromkeys(missing))),
    )


def test_a_key_trains_and_does_not_deploy(bench: Bench) -> None:
    client = bench.client(profile=bench.profile(credential=None), api_key=bench.azure.data.key)
    job = client.jobs.create(model=BASE, training_data=ROWS)
    job = client.jobs.wait(job, progress=False)
    for call in (
        lambda: client.deployments.create(job, name=NAME),
        lambda: client.deployments.get(NAME),
        lambda: list(client.deployments.list()),
        lambda: client.deployments.delete(NAME),
    ):
        error = bench.fails(AuthenticationError, call)
        assert 'credential = "default"' in str(error)
    assert bench.arm.requests == []


def test_a_key_beside_a_credential_goes_to_the_data_plane_alone(bench: Bench) -> None:
    key = bench.azure.data.key
    client = bench.client(api_key=key)
    made = bench.ready(client)
    client.deployments.chat(made, HELLO)
    assert {one.headers["authorization"] for one in bench.probes} == {f"Bearer {key}"}
    assert key not in {one.bearer for one in bench.arm.requests}


@pytest.mark.parametrize(
    "wrong",
    [{"subscription_id": "0" * 8}, {"resource_group": "other"}, {"account": "other"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_place_is_an_error_that_says_where_to_look(
    bench: Bench, wrong: dict[str, str]
) -> None:
    """Above all deleting is: what is left there goes on to cost."""
    bench.ready()
    client = bench.client(profile=bench.profile(**wrong))
    for call in (
        lambda: client.deployments.create(BASE, name="new"),
        lambda: client.deployments.get(NAME),
        lambda: list(client.deployments.list()),
        lambda: client.deployments.delete(NAME),
    ):
        error = bench.fails(NotFoundError, call)
        assert "look at `subscription_id`, `resource_group` and `account`" in str(error)
    assert (bench.puts, bench.there) == (1, [NAME])
    # What was noted of it is not forgotten either.
    assert len(list(bench.home.rglob("deployments/*.json"))) == 1


# What it costs


@pytest.mark.parametrize(
    ("sku", "tuned", "cost"),
    [
        ("Standard", True, 1.7),
        ("GlobalStandard", True, 1.7),
        ("DataZoneStandard", True, 1.7),
        ("DeveloperTier", True, 0.0),
        ("ProvisionedManaged", True, None),
        ("GlobalProvisionedManaged", True, None),
        ("GlobalStandard", False, 0.0),
        ("ProvisionedManaged", False, None),
    ],
)
def test_an_hour_costs_by_the_kind(bench: Bench, sku: Any, tuned: bool, cost: float | None) -> None:
    model = bench.tuned if tuned else BASE
    made = bench.create(model=model, options=[AzureDeploymentOptions(sku=sku)])
    assert made.cost_per_hour == cost


def test_the_price_of_the_profile_wins(bench: Bench) -> None:
    client = bench.client(profile=bench.profile(hosting_per_hour=3.5))
    assert bench.ready(client).cost_per_hour == 3.5
    assert [one.cost_per_hour for one in client.deployments.list()] == [3.5]


def test_a_limit_by_the_hour_is_held_before_anything_is_made(bench: Bench) -> None:
    error = bench.refuses(CostLimitError, max_cost_per_hour=1.69)
    assert "1.70 US dollars an hour" in str(error)
    unknown = AzureDeploymentOptions(sku="ProvisionedManaged")
    bench.refuses(CostLimitError, max_cost_per_hour=99, options=[unknown])
    assert bench.arm.requests == []
    for_a_day = AzureDeploymentOptions(sku="DeveloperTier")
    assert bench.create(max_cost_per_hour=0, options=[for_a_day]).name == NAME
    assert bench.create(name="other", max_cost_per_hour=1.7).cost_per_hour == 1.7


# What ends by itself


def test_a_developers_deployment_is_gone_after_a_day(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client, options=[AzureDeploymentOptions(sku="DeveloperTier")])
    assert any("24 hours" in warning for warning in made.warnings)
    assert not any("15 days" in warning for warning in made.warnings)
    bench.clock.sleep(DAY)
    found = client.deployments.get(NAME)
    assert (found.status, found.raw_status) == (DeploymentStatus.DELETED, None)
    assert found.error is not None
    assert "24 hours" in found.error.message
    assert "15 days" not in found.error.message
    assert "hour again" not in found.error.message


def test_dep_08_one_that_nobody_asked_for_15_days_is_deleted_and_served_again_on_request(
    bench: Bench,
) -> None:
    client = bench.client()
    made = bench.ready(client)
    assert any("15 days" in warning for warning in made.warnings)
    bench.clock.sleep(14 * DAY)
    client.deployments.chat(made, HELLO)
    bench.clock.sleep(14 * DAY)
    assert client.deployments.get(NAME).status is READY
    bench.clock.sleep(DAY)
    assert list(client.deployments.list()) == []

    found = client.deployments.get(made)
    assert (found.status, found.cost_per_hour) == (DeploymentStatus.DELETED, 0.0)
    assert (found.name, found.model) == (NAME, bench.tuned)
    assert found.error is not None
    for word in ("15 days", "The model stays", "`deployments.create`", "by the hour again"):
        assert word in found.error.message
    error = bench.fails(DeploymentFailedError, lambda: client.deployments.chat(made, HELLO))
    assert "`deployments.create`" in str(error)
    # Nothing was made of itself.
    assert (bench.puts, bench.there) == (1, [])

    assert bench.ready(client).status is READY
    assert client.deployments.chat(made, HELLO).content == f"{bench.tuned}: hello"
    assert bench.puts == 2


def test_a_base_model_that_is_gone_was_deleted_by_somebody(bench: Bench) -> None:
    client = bench.client()
    bench.ready(client, model=BASE)
    bench.client(bench.folder / "elsewhere").deployments.delete(NAME)
    bench.clock.sleep(bench.arm.deleting)
    found = client.deployments.get(NAME)
    assert found.error is not None
    assert "deleted by somebody. The model stays" in found.error.message


# Clients


def test_a_client_that_was_closed_is_used_again(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    for _ in range(2):
        client.close()
        client.close()
        assert client.deployments.get(made).status is READY
        assert [one.name for one in client.deployments.list()] == [NAME]


def split(place: str) -> None:
    """Uses a client, forks, and uses it on both sides."""
    client = client_of(place)
    say(client.deployments.create(BASE, name=NAME).name)
    if not (child := os.fork()):
        try:
            say(client.deployments.get(NAME).name)
            client.deployments.delete(NAME)
            say("deleted")
        finally:
            client.close()
            os._exit(0)
    os.waitpid(child, 0)
    say(client.deployments.get(NAME).status.value)
    client.close()


def test_a_forked_child_has_connections_of_its_own(bench: Bench, forks: Forks) -> None:
    bench.arm.creating = 0.0
    lines = forks.run(split, place_of(bench))
    assert lines == [NAME, NAME, "deleted", "deleting"]
