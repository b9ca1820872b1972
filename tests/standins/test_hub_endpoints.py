"""The stand-in of Inference Endpoints, driven by Hugging Face's own package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError

from finetune_sdk.testing import VirtualClock
from tests.standins.hub import Hub
from tests.standins.hub.driving import HfApi, client, other, status
from tests.standins.hub.endpoint import EndpointCourse

MODEL, NAME = "alice/soup", "soup"


@pytest.fixture
def hub(clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(clock, tmp_path) as hub:
        monkeypatch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", hub.endpoints.url)
        hub.repos.add("model", MODEL, {"model.safetensors": b"weights"})
        yield hub


@pytest.fixture
def api(hub: Hub) -> HfApi:
    return client(hub, hub.token)


def make(api: HfApi, **more: Any) -> Any:
    asked: dict[str, Any] = {
        "repository": MODEL,
        "framework": "pytorch",
        "accelerator": "gpu",
        "vendor": "aws",
        "region": "us-east-1",
        "instance_type": "nvidia-l4",
        "instance_size": "x1",
        "namespace": "alice",
    }
    return api.create_inference_endpoint(**{"name": NAME, **asked, **more})


def seen(api: HfApi) -> Any:
    return api.get_inference_endpoint(NAME, namespace="alice")


def refused(call: Callable[[], object]) -> int:
    with pytest.raises(HfHubHTTPError) as caught:
        call()
    return status(caught.value)


def test_one_starts_by_the_clock_and_sleeps_when_nobody_asks(
    hub: Hub, api: HfApi, clock: VirtualClock
) -> None:
    made = make(api, min_replica=0, scale_to_zero_timeout=15)
    assert (made.status, made.url) == ("pending", None)
    states = list[str]()
    for _ in range(5):
        clock.advance(60)
        states.append(seen(api).status)
    assert states == ["initializing", "initializing", "running", "running", "running"]
    assert seen(api).url == f"{hub.url}/endpoints/alice/{NAME}"
    clock.advance(24 * 3600)
    assert seen(api).status == "scaledToZero"
    assert hub.endpoints[NAME].billed == 120 + 900
    assert hub.endpoints.cost(NAME) == pytest.approx(1020 / 3600 * 0.8)


def test_one_that_fails_says_why(hub: Hub, api: HfApi, clock: VirtualClock) -> None:
    hub.endpoints.add_course(EndpointCourse(outcome="failed", message="out of memory"))
    make(api)
    clock.advance(3600)
    assert (seen(api).status, seen(api).raw["status"]["message"]) == ("failed", "out of memory")
    assert hub.endpoints[NAME].billed == 120


def test_pausing_ends_the_bill_until_it_is_resumed(
    hub: Hub, api: HfApi, clock: VirtualClock
) -> None:
    make(api)
    clock.advance(605)
    assert api.pause_inference_endpoint(NAME, namespace="alice").status == "paused"
    clock.advance(3600)
    assert hub.endpoints[NAME].billed == 600
    assert api.resume_inference_endpoint(NAME, namespace="alice").status == "pending"
    again = api.resume_inference_endpoint(NAME, namespace="alice")
    assert (again.status, hub.endpoints[NAME].starts) == ("pending", 2)
    clock.advance(200)
    asleep = api.scale_to_zero_inference_endpoint(NAME, namespace="alice")
    assert asleep.status == "scaledToZero"


def test_a_name_is_taken_once_and_free_when_it_is_gone(hub: Hub, api: HfApi) -> None:
    make(api)
    assert refused(lambda: make(api)) == 409
    api.delete_inference_endpoint(NAME, namespace="alice")
    assert refused(lambda: seen(api)) == 404
    assert refused(lambda: api.delete_inference_endpoint(NAME, namespace="alice")) == 404
    make(api)
    assert [one.name for one in api.list_inference_endpoints("alice")] == [NAME]
    assert len(hub.endpoints.gone) == 1


@pytest.mark.parametrize(
    "words",
    [
        {"name": "Soup"},
        {"type": "open"},
        {"instance_type": "nvidia-z9"},
        {"accelerator": "cpu"},
        {"repository": "alice/nothing"},
        {"revision": "0123456789"},
        {"instance_size": "x4"},
        {"instance_type": "nvidia-h200", "instance_size": "x8"},
    ],
)
def test_what_it_does_not_take_is_not_made(hub: Hub, api: HfApi, words: dict[str, Any]) -> None:
    assert refused(lambda: make(api, custom_image={"vLLM": {"url": "v"}}, **words)) == 400
    assert len(hub.endpoints) == 0


def test_who_may_not_or_cannot_pay_makes_nothing(hub: Hub, api: HfApi) -> None:
    assert refused(lambda: make(other(hub, name="alice", role="read"))) == 403
    assert refused(lambda: make(other(hub, name="alice", can_pay=False))) == 402
    assert refused(lambda: make(other(hub))) == 403
    assert refused(lambda: make(client(hub, False))) == 401
    assert len(hub.endpoints) == 0
    make(api)
    assert refused(lambda: seen(other(hub))) == 403


def test_the_list_of_machines_knows_what_is_used(hub: Hub, api: HfApi) -> None:
    make(api, secrets={"KEY": "secret"}, env={"A": "b"})
    listed = api.list_inference_endpoints_hardware(namespace="alice")
    used = {one.id: one.used_accelerators for one in listed}
    assert used["aws-us-east-1-nvidia-l4-x1"] == 1
    assert used["aws-us-east-1-nvidia-a10g-x1"] == 0
    assert seen(api).raw["model"]["secrets"] == {}
    assert seen(api).raw["model"]["env"] == {"A": "b"}
    assert hub.endpoints[NAME].spec["model"]["secrets"] == {"KEY": "secret"}
