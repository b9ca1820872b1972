"""An adapter is merged into its base model and then served."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from openai import OpenAI

from finetune_sdk.providers.local.serving.deployments import LocalDeployments
from finetune_sdk.types import Connection, DeploymentSpec, DeploymentStatus
from tests.serving.conftest import settled


def make_adapter(base: Path, folder: Path) -> Path:
    """Writes an adapter that changes what the model says."""
    torch, transformers, peft = map(import_module, ("torch", "transformers", "peft"))
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    config = peft.LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    peft.get_peft_model(model, config).save_pretrained(str(folder))
    return folder


def greedy(connection: Connection) -> str:
    with OpenAI(base_url=connection.base_url, api_key=connection.api_key) as client:
        reply = client.chat.completions.create(
            model=connection.model,
            messages=[{"role": "user", "content": "hello"}],
            temperature=0,
            max_tokens=16,
        )
    return reply.choices[0].message.content or ""


# peft 0.21 asks transformers 5.23 by a name that is on its way out.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_is_served_merged(
    deployments: LocalDeployments, connection: Connection, model: Path, tmp_path: Path
) -> None:
    adapter = make_adapter(model, tmp_path / "adapter")
    deployments.create(DeploymentSpec(name="tuned", model=str(adapter)))
    ready = settled(deployments, "tuned")
    assert ready.status is DeploymentStatus.READY, ready.error
    assert greedy(deployments.connect("tuned")) != greedy(connection)
