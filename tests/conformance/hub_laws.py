"""What the laws over AutoTrain's runners share: the Hub, and deployments there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from huggingface_hub import constants

from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing import ProviderConformance
from tests.autotrain.deploying import WHOLE
from tests.standins.hub.hub import Hub
from tests.standins.hub.rights import READS


class HubLaws(ProviderConformance):
    """What AutoTrain's runners share: the Hub, and deployments there."""

    hub: Hub

    @pytest.fixture(autouse=True)
    def _endpoints(self, monkeypatch: pytest.MonkeyPatch, _hub: None) -> None:
        place = self.hub.endpoints.url
        monkeypatch.setattr(constants, "INFERENCE_ENDPOINTS_ENDPOINT", place)

    def writes(self, provider: FineTuneProvider) -> int:
        return sum(
            one.method not in ("GET", "HEAD") and not READS.fullmatch(one.path)
            for one in self.hub.requests
        )

    def deploy_words(self, provider: FineTuneProvider) -> Mapping[str, Any]:
        """Where the whole model of a job lies, and not only its adapter."""
        repos = self.hub.repos
        for model in [repos[kind, name] for kind, name in repos if kind == "model"]:
            if "adapter_config.json" in model.head.files:
                model.branches.setdefault("merged", model.head)
                repos.commit(model, WHOLE, branch="merged")
        return {}

    def say_unknown_deployment_word(self, provider: FineTuneProvider, name: str) -> None:
        self.hub.endpoints.say(name, "alien")
