"""What is asked, turned into what the app of transformers understands. Pure."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from finetune_sdk.providers.local.serving.fields import CHAT_FIELDS, COMPLETION_FIELDS, Rule
from finetune_sdk.providers.local.serving.messages import uses_tools
from finetune_sdk.providers.local.serving.refusal import Refusal, invalid, unsupported
from finetune_sdk.providers.local.serving.shapes import object_of

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"

# OpenAI's own default at this route: its clients count on a short answer.
_COMPLETION_TOKENS = 16


@dataclass(frozen=True, kw_only=True)
class Served:
    """The one model behind the gate.

    Attributes:
        name: what a request names.
        target: what the app calls it.
        tools: its chat template shows tools to it, and its calls can be read.
    """

    name: str
    target: str
    tools: bool = False


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that was understood.

    Attributes:
        body: what the app gets.
        stop: texts that end the answer and are no part of it.
        usage: the stream shall end with a count of its tokens.
    """

    body: bytes
    stop: tuple[str, ...] = ()
    usage: bool = False


def read_request(path: str, raw: bytes, served: Served) -> Request:
    """The request in `raw`, sent to `path`.

    Raises:
        Refusal: it cannot be read, or asks for what would not be honoured.
    """
    asked = {name: value for name, value in parse(raw).items() if value is not None}
    check_model(asked.pop("model", None), served.name)
    fields = _chat(asked, served) if path == CHAT else _completion(asked)
    # Without one the answer would depend on the seed of whoever asked before.
    fields.setdefault("seed", secrets.randbits(63))
    options = cast("Mapping[str, object]", fields.pop("stream_options", {}))
    return Request(
        body=_encode({**fields, "model": served.target}),
        stop=tuple(cast("list[str]", fields.get("stop", []))),
        usage=options.get("include_usage") is True,
    )


def parse(raw: bytes) -> dict[str, object]:
    """The body of a request.

    Raises:
        Refusal: it is no JSON object.
    """
    try:
        body = object_of(json.loads(raw))
    except ValueError:
        raise Refusal(400, "the body is not JSON; send one JSON object in UTF-8") from None
    except RecursionError:
        raise Refusal(400, "the body is nested too deep") from None
    if body is None:
        raise Refusal(400, "the body must be a JSON object")
    return body


def _encode(body: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refusal(400, "the body holds half of a surrogate pair, which is no text") from None


def check_model(model: object, name: str) -> None:
    """Looks whether a request is for the one model that is served under `name`.

    Raises:
        Refusal: it is not.
    """
    if not isinstance(model, str):
        raise invalid("model", model, f"the name of a model; this server has {name!r}")
    if model != name:
        raise Refusal(
            404,
            f"the model {model!r} is not here; this server has {name!r}",
            param="model",
            code="model_not_found",
        )


def _chat(asked: Mapping[str, object], served: Served) -> dict[str, object]:
    fields = _apply(CHAT_FIELDS, asked, needed="messages")
    if "max_tokens" in fields and "max_completion_tokens" in fields:
        raise unsupported("max_tokens", "left out where `max_completion_tokens` is given")
    if fields.pop("tool_choice", "auto") == "none":
        fields.pop("tools", None)
    if not served.tools:
        _refuse_tools(fields)
    return fields


def _completion(asked: Mapping[str, object]) -> dict[str, object]:
    fields = _apply(COMPLETION_FIELDS, asked, needed="prompt")
    return {"max_tokens": _COMPLETION_TOKENS, **fields}


def _apply(
    rules: Mapping[str, Rule], asked: Mapping[str, object], *, needed: str
) -> dict[str, object]:
    if needed not in asked:
        raise invalid(needed, None, "given")
    fields: dict[str, object] = {}
    for name, value in asked.items():
        if name not in rules:
            raise unsupported(name)
        passed = rules[name](name, value)
        if passed is not None:
            fields[name] = passed
    return fields


def _refuse_tools(fields: Mapping[str, object]) -> None:
    messages = cast("list[Mapping[str, object]]", fields["messages"])
    at = next((at for at, message in enumerate(messages) if uses_tools(message)), None)
    param = "tools" if "tools" in fields else None if at is None else f"messages[{at}]"
    if param:
        raise Refusal(
            400,
            f"`{param}` asks for tools, which this model does not know: its chat template has no "
            "place for them, or its calls cannot be read",
            param=param,
            code="unsupported_parameter",
        )
