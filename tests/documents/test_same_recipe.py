"""The plans on the page of the same recipe are what the providers say, on their stand-ins."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

import httpx
import openai
import pytest
import respx

from finetune_sdk.cli import main
from finetune_sdk.transport import SYSTEM_CLOCK
from tests.autotrain.hubs import add_model
from tests.documents import desk
from tests.documents.blocks import ROOT, blocks, commands
from tests.standins.azure.service import AzureService
from tests.standins.hub import Hub
from tests.standins.openai import OpenAIService

PAGE = ROOT / "docs" / "same-recipe.md"
KEY = "sk-canarycanarycanarycanary"
# This machine's clock may be past the days on which the services end.
_SAID = 'source = "a test"\nas_of = 2026-01-01\n'
OPEN = "".join(
    f"\n[sunsets.{place}]\nnew_jobs_end = 2100-01-01\n{_SAID}"
    f'[sunsets.{place}.models."gpt-4.1-mini-2025-04-14"]\nshutdown = 2100-01-01\n{_SAID}'
    for place in ("openai", "azure_openai")
)

pytestmark = pytest.mark.skipif(
    int(openai.__version__.partition(".")[0]) < 3,
    reason="openai below 3 is not on httpx2, which alone can be led",
)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """The page's own files, and behind their addresses the stand-ins."""
    hub = Hub(SYSTEM_CLOCK, tmp_path)
    add_model(hub, "HuggingFaceTB/SmolLM2-135M-Instruct", "llama")
    azure = AzureService(SYSTEM_CLOCK)
    with OpenAIService(SYSTEM_CLOCK, key=KEY) as service, azure, hub:
        desk.lay(tmp_path, blocks(PAGE), provider="fake")
        (config,) = (one.text for one in blocks(PAGE, "toml") if one.title == "finetune.toml")
        config = config.replace("https://my-resource.openai.azure.com", azure.endpoint)
        autotrain = 'provider = "autotrain"'
        config = config.replace(autotrain, f'{autotrain}\nendpoint = "{hub.url}"')
        (tmp_path / "finetune.toml").write_text(config + OPEN)
        monkeypatch.chdir(tmp_path)
        for name, value in (
            ("OPENAI_API_KEY", KEY),
            ("AZURE_OPENAI_API_KEY", azure.key),
            ("HF_TOKEN", hub.token),
        ):
            monkeypatch.setenv(name, value)
        with respx.mock(using="httpcore2", assert_all_called=False) as router:
            router.route(host="127.0.0.1").pass_through()
            router.route(host="api.openai.com").mock(side_effect=partial(led, service))
            yield


def led(service: OpenAIService, asked: httpx.Request) -> httpx.Response:
    """What the stand-in answers to a request to OpenAI's own address."""
    path = asked.url.raw_path.decode()
    answer = service.handle(asked.method, path, dict(asked.headers), asked.content)
    return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


@pytest.mark.usefixtures("places")
def test_the_plans_are_what_the_places_say(capfd: pytest.CaptureFixture[str]) -> None:
    (block,) = (one for one in blocks(PAGE, "console") if one.marks[0] == "compared")
    (command,) = commands(block)
    assert main(command.words[1:]) == 0
    printed, _ = capfd.readouterr()
    assert lines(printed) == lines(command.output)


def lines(text: str) -> list[str]:
    """All but the days on which models end, which are moved here."""
    told = text.strip("\n").splitlines()
    return [line.rstrip() for line in told if not line.startswith("shuts down")]
