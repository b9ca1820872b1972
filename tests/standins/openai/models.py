"""The routes of models, and of what they say."""

from __future__ import annotations

from tests.standins.openai.call import Call
from tests.standins.openai.checks import check_texts, wrong
from tests.standins.openai.state import ALIASES, StoredModel
from tests.standins.openai.wire import Json, Refusal, as_list, as_object


def listed(call: Call) -> Json:
    return {"object": "list", "data": [_view(model) for model in call.state.models.values()]}


def retrieve(call: Call) -> Json:
    return _view(_find(call, call.id))


def delete(call: Call) -> Json:
    model = _find(call, call.id)
    if model.job_id is None:
        raise Refusal(403, f"You have insufficient permissions to delete '{model.id}'.")
    del call.state.models[model.id]
    return {"id": model.id, "object": "model", "deleted": True}


def chat(call: Call) -> Json:
    body = call.json()
    check_texts(body, ("model",))
    return reply(call, body, _find(call, body["model"]).id)


def reply(call: Call, body: Json, model: str) -> Json:
    """Says the model's name and what it was told last."""
    messages = as_list(body.get("messages"))
    if not messages:
        raise wrong("messages", "a list of messages", body.get("messages"))
    if body.get("stream"):
        raise Refusal(400, "This service does not stream.", param="stream")
    last = (as_object(messages[-1]) or {}).get("content")
    says = call.state.says
    text = f"{model}: {last}" if says is None else says(model, list(messages))
    # A token a word is near enough to tell long questions from short ones.
    read = 9 if says is None else sum(len(str(one).split()) for one in messages)
    return {
        "id": f"chatcmpl-{call.state.count('chat'):024d}",
        "object": "chat.completion",
        "created": call.state.wall(),
        "model": model,
        "choices": [_choice(text)],
        "usage": {"prompt_tokens": read, "completion_tokens": 3, "total_tokens": read + 3},
        "service_tier": "default",
    }


def _choice(text: str) -> Json:
    message: Json = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}


def _find(call: Call, name: str) -> StoredModel:
    model = call.state.models.get(ALIASES.get(name, name))
    if model is None:
        message = f"The model '{name}' does not exist or you do not have access to it."
        raise Refusal(404, message, param="model", code="model_not_found")
    return model


def _view(model: StoredModel) -> Json:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "shutdown_date": model.shutdown_date,
    }
