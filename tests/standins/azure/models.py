"""The routes of models, and of what a deployment says."""

from __future__ import annotations

from dataclasses import dataclass

from tests.standins.azure.jobs import refuse, service_of
from tests.standins.openai import StoredModel, models
from tests.standins.openai.call import Call
from tests.standins.openai.wire import Json, Refusal

UNDEPLOYED = (
    "The API deployment for this resource does not exist. If you created the deployment within"
    " the last 5 minutes, please wait a moment and try again."
)
TUNE_UNTIL, ANSWER_UNTIL = 1_791_936_000, 1_823_472_000
"""Dates of these stand-ins alone: 2026-10-14 and 2027-10-14."""


@dataclass(frozen=True, slots=True)
class AzureModel(StoredModel):
    """A model of Azure's.

    Attributes:
        tune_until: seconds since 1970; None is not announced.
        answer_until: likewise.
    """

    tune_until: int | None = TUNE_UNTIL
    answer_until: int | None = ANSWER_UNTIL


BASES = (
    AzureModel("gpt-4.1-2025-04-14"),
    AzureModel("gpt-4.1-mini-2025-04-14"),
    AzureModel("gpt-4.1-nano-2025-04-14"),
    AzureModel("gpt-4o-2024-08-06"),
    AzureModel("gpt-4o-mini-2024-07-18"),
    AzureModel("o4-mini-2025-04-16"),
    AzureModel("gpt-5-2025-08-07", tune_until=None),
    AzureModel("gpt-6-luna", tunable=False, tune_until=None, answer_until=None),
)


def base_of(name: str) -> str:
    """The model that a fine-tuned one began as."""
    return name.partition(".ft-")[0]


def listed(call: Call) -> Json:
    # A checkpoint is a job's, and in no list of models.
    found = [one for one in call.state.models.values() if not one.id.startswith("ftchkpt-")]
    return {"object": "list", "data": [_view(call, one) for one in found]}


def retrieve(call: Call) -> Json:
    return _view(call, _find(call))


def delete(call: Call) -> Json:
    model, arm = _find(call), service_of(call).arm
    if arm is not None and arm.deploys(model.id):
        raise Refusal(409, f"The model {model.id} has a deployment.", code="conflict")
    return models.delete(call)


def chat(call: Call) -> Json:
    """Says the name of the model of a deployment, and what it was told last."""
    body, service = call.json(), service_of(call)
    name = body.get("model")
    if not isinstance(name, str):
        raise refuse("The field 'model' is required.", "model")
    found = None if service.arm is None else service.arm.serving(name)
    if found is None:
        raise Refusal(404, UNDEPLOYED, code="DeploymentNotFound")
    said = models.reply(call, body, found.model)
    service.chats[found.name] += 1
    found.used = service.now()
    return said | {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}


def _find(call: Call) -> StoredModel:
    found = call.state.models.get(call.id)
    if found is None:
        raise Refusal(404, f"The model {call.id} was not found.", code="notFound")
    return found


def _view(call: Call, model: StoredModel) -> Json:
    service = service_of(call)
    job = None if model.job_id is None else service.jobs[model.job_id]
    base = base_of(model.id if job is None else str(job.asked["model"]))
    return {
        "id": model.id,
        "object": "model",
        "status": "succeeded",
        "created_at": model.created,
        "capabilities": {
            "fine_tune": base in service.tunable,
            "inference": True,
            "completion": False,
            "chat_completion": True,
            "embeddings": False,
        },
        "lifecycle_status": "generally-available",
        "deprecation": _deprecation(service.models.get(base)),
        **({} if job is None else {"model": base, "fine_tune": job.id}),
    }


def _deprecation(base: StoredModel | None) -> Json:
    if not isinstance(base, AzureModel):
        return {}
    dates = {"fine_tune": base.tune_until, "inference": base.answer_until}
    return {name: date for name, date in dates.items() if date is not None}
