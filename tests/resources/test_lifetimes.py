"""How long deployments live: `ttl`, and reaping those that outlived it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    ConfigurationError,
    FineTuneClient,
    NotFoundError,
    PermissionDeniedError,
    ReapError,
    ServerError,
)
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Deployment, DeploymentSpec, Page

HOUR = 3600.0


def client_of(provider: FakeProvider | None = None) -> FineTuneClient:
    return FineTuneClient(provider or FakeProvider())


def clock_of(client: FineTuneClient) -> Any:
    return client.provider.clock


def names(client: FineTuneClient) -> set[str]:
    return {deployment.name for deployment in client.deployments.list()}


@pytest.mark.parametrize("ttl", [8 * HOUR, 28_800, timedelta(hours=8)])
def test_a_ttl_is_the_moment_when_it_is_over(ttl: timedelta | float) -> None:
    with client_of() as client:
        clock_of(client).advance(60)
        made = client.deployments.create("base", name="plain", ttl=ttl)
        assert made.expires_at == datetime(2026, 1, 1, 8, 1, tzinfo=UTC)
        assert made.warnings == ()
        assert client.deployments.get("plain") == made
        assert list(client.deployments.list()) == [made]


def test_without_a_ttl_it_has_no_end() -> None:
    with client_of() as client:
        made = client.deployments.create("base", name="plain")
        assert (made.expires_at, made.warnings) == (None, ())


@pytest.mark.parametrize(
    "ttl",
    [0, -1, 1e-9, float("nan"), float("inf"), 1e300, 1e12, True, "8h", timedelta(0), timedelta.max],
)
def test_a_ttl_that_is_none_is_refused_before_anything_is_made(ttl: Any) -> None:
    with client_of() as client, pytest.raises(ConfigurationError, match="`ttl`"):
        client.deployments.create("base", name="plain", ttl=ttl)
    assert names(client) == set()


def test_an_end_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="expires_at"):
        DeploymentSpec(name="x", model="base", expires_at=datetime(2026, 1, 1))


def test_an_end_goes_to_json_and_back() -> None:
    with client_of() as client:
        made = client.deployments.create("base", name="plain", ttl=1.5)
    assert Deployment.from_json(made.to_json()) == made


# The same again


def test_the_same_again_is_no_reason_to_warn() -> None:
    with client_of() as client:
        first = client.deployments.create("base", name="plain", ttl=HOUR)
        assert client.deployments.create("base", name="plain", ttl=HOUR) == first


@pytest.mark.parametrize(
    ("ttl", "words"),
    [
        (2 * HOUR, "expires at 2026-01-01 01:00:00 UTC, not at 2026-01-01 02:00:00 UTC"),
        (None, "expires at 2026-01-01 01:00:00 UTC, though no `ttl` was given"),
    ],
)
def test_what_is_there_keeps_its_end_and_says_so(ttl: float | None, words: str) -> None:
    with client_of() as client:
        first = client.deployments.create("base", name="plain", ttl=HOUR)
        again = client.deployments.create("base", name="plain", ttl=ttl)
        assert again.expires_at == first.expires_at
        (warning,) = again.warnings
        assert words in warning
        assert "delete it and create it again" in warning


def test_what_is_there_without_an_end_gets_none() -> None:
    with client_of() as client:
        client.deployments.create("base", name="plain")
        again = client.deployments.create("base", name="plain", ttl=HOUR)
        assert again.expires_at is None
        assert "was there before, without one" in again.warnings[0]


class ChangingProvider(FakeProvider):
    """What it keeps of an end is not what it was told."""

    def __init__(self, change: Callable[[datetime | None], datetime | None]) -> None:
        super().__init__()
        self._change = change

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        end = self._change(spec.expires_at)
        return super().create_deployment(spec.model_copy(update={"expires_at": end}))


def test_a_provider_that_does_not_keep_it_is_told() -> None:
    with client_of(ChangingProvider(lambda _: None)) as client:
        made = client.deployments.create("base", name="plain", ttl=HOUR)
        (warning,) = made.warnings
        assert "the provider 'fake' does not keep it" in warning
        assert "`finetune deployments reap` will not find it" in warning
        clock_of(client).advance(2 * HOUR)
        assert client.deployments.reap() == []
        assert names(client) == {"plain"}


def test_what_a_provider_rounds_is_no_difference() -> None:
    provider = ChangingProvider(lambda end: end and end.replace(microsecond=0))
    with client_of(provider) as client:
        made = client.deployments.create("base", name="plain", ttl=1.5)
        assert (made.expires_at, made.warnings) == (datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), ())


# Reaping


def test_what_outlived_its_ttl_is_deleted_and_nothing_else() -> None:
    with client_of() as client:
        late = [client.deployments.create("base", name=f"late-{n}", ttl=n * HOUR) for n in (1, 2)]
        client.deployments.create("base", name="young", ttl=2 * HOUR + 1)
        client.deployments.create("base", name="endless")
        assert client.deployments.reap() == []
        clock_of(client).advance(2 * HOUR)
        assert client.deployments.reap() == late
        assert names(client) == {"young", "endless"}
        assert client.deployments.reap() == []


def test_it_is_found_on_any_page() -> None:
    with client_of() as client:
        for number in range(250):
            client.deployments.create("base", name=f"d{number}", ttl=HOUR)
        clock_of(client).advance(HOUR)
        assert len(client.deployments.reap()) == 250
        assert names(client) == set()


class BusyProvider(FakeProvider):
    """Right after a list somebody else does something."""

    def __init__(self, act: Callable[[FakeProvider], object]) -> None:
        super().__init__()
        self._act = act

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        page = super().list_deployments(limit=limit, cursor=cursor)
        self._act(self)
        return page


def make_anew(provider: FakeProvider, expires_at: datetime | None) -> None:
    provider.delete_deployment("plain")
    provider.create_deployment(DeploymentSpec(name="plain", model="other", expires_at=expires_at))


@pytest.mark.parametrize("end", [None, datetime(2027, 1, 1, tzinfo=UTC)])
def test_one_that_was_made_anew_meanwhile_stays(end: datetime | None) -> None:
    with client_of(BusyProvider(lambda provider: make_anew(provider, end))) as client:
        client.deployments.create("base", name="plain", ttl=HOUR)
        clock_of(client).advance(HOUR)
        assert client.deployments.reap() == []
        assert client.deployments.get("plain").model == "other"


def test_one_that_was_deleted_meanwhile_is_no_error() -> None:
    with client_of(BusyProvider(lambda provider: provider.delete_deployment("plain"))) as client:
        client.deployments.create("base", name="plain", ttl=HOUR)
        clock_of(client).advance(HOUR)
        assert client.deployments.reap() == []


def test_one_that_cannot_be_deleted_does_not_stop_the_others() -> None:
    fake = FakeProvider()
    with client_of(fake) as client:
        for name in ("a", "b", "c", "d"):
            client.deployments.create("base", name=name, ttl=HOUR)
        clock_of(client).advance(HOUR)
        fake.fail_next("get_deployment", ServerError("it hangs", provider="fake"))
        fake.fail_next("delete_deployment", PermissionDeniedError("not you", provider="fake"))
        with pytest.raises(ReapError) as caught:
            client.deployments.reap()
        error = caught.value
        assert error.left == {"fake:a": "it hangs", "fake:b": "not you"}
        assert [one.handle for one in error.reaped] == ["fake:c", "fake:d"]
        assert isinstance(error.__cause__, ServerError)
        for word in ("fake:a: it hangs", "fake:b: not you", "Deleted: fake:c, fake:d"):
            assert word in str(error)
        assert names(client) == {"a", "b"}
        assert [one.name for one in client.deployments.reap()] == ["a", "b"]


def test_a_list_that_fails_deletes_nothing() -> None:
    fake = FakeProvider()
    with client_of(fake) as client:
        client.deployments.create("base", name="plain", ttl=HOUR)
        clock_of(client).advance(HOUR)
        fake.fail_next("list_deployments", ServerError("it hangs", provider="fake"))
        with pytest.raises(ServerError, match="it hangs"):
            client.deployments.reap()
        assert names(client) == {"plain"}


def test_the_asynchronous_client_does_the_same() -> None:
    async def main() -> None:
        fake = FakeProvider()
        async with AsyncFineTuneClient(fake) as client:
            made = await client.deployments.create("base", name="plain", ttl=timedelta(hours=1))
            assert made.expires_at == datetime(2026, 1, 1, 1, tzinfo=UTC)
            assert await client.deployments.reap() == []
            fake.clock.advance(HOUR)
            assert await client.deployments.reap() == [made]
            with pytest.raises(NotFoundError):
                await client.deployments.get("plain")

    asyncio.run(main())
