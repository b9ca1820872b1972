"""A real server with a real, tiny model: what OpenAI's own client gets from it."""

from __future__ import annotations

from collections.abc import Generator

import httpx2
import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from finetune_sdk.providers.local.serving.deployments import LocalDeployments
from finetune_sdk.types import Connection, DeploymentSpec

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]

CONTEXT = 256
"""Tokens that the tiny model can read; it never ends by itself."""


@pytest.fixture
def client(connection: Connection) -> Generator[OpenAI]:
    with OpenAI(base_url=connection.base_url, api_key=connection.api_key, max_retries=0) as client:
        yield client


def greedy(client: OpenAI, *, max_tokens: int = 24, stop: str | None = None) -> ChatCompletion:
    return client.chat.completions.create(
        model="recipes", messages=MESSAGES, temperature=0, max_tokens=max_tokens, stop=stop
    )


def content(reply: ChatCompletion) -> str:
    return reply.choices[0].message.content or ""


def streamed(client: OpenAI, *, stop: str | None = None) -> str:
    with client.chat.completions.create(
        model="recipes", messages=MESSAGES, temperature=0, max_tokens=24, stop=stop, stream=True
    ) as stream:
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def test_greedy_answers_are_the_same_every_time(client: OpenAI) -> None:
    reply = greedy(client)
    assert reply.model == "recipes"
    assert reply.usage is not None
    assert reply.usage.completion_tokens <= 24
    assert content(reply) == content(greedy(client)) != ""


def test_a_stream_says_the_same_as_a_whole_answer(client: OpenAI) -> None:
    # A last character that is cut in the middle is shown by the one and not by the other.
    whole = content(greedy(client)).rstrip("\N{REPLACEMENT CHARACTER}")
    assert streamed(client).rstrip("\N{REPLACEMENT CHARACTER}") == whole


def test_a_temperature_and_a_seed_are_honoured(client: OpenAI) -> None:
    def sampled(seed: int | None) -> str:
        reply = client.chat.completions.create(
            model="recipes", messages=MESSAGES, temperature=1.5, seed=seed, max_tokens=24
        )
        return content(reply)

    assert sampled(7) == sampled(7)
    # Chance may repeat one answer, and not every one of them.
    assert len({sampled(seed) for seed in (1, 2, 3, None, None)}) > 2
    assert sampled(7) != content(greedy(client))


def test_the_limit_of_tokens_is_honoured(client: OpenAI) -> None:
    reply = greedy(client, max_tokens=3)
    assert reply.usage is not None
    assert (reply.usage.completion_tokens, reply.choices[0].finish_reason) == (3, "length")


def test_a_stop_is_honoured_and_no_part_of_the_answer(client: OpenAI) -> None:
    whole = content(greedy(client))
    at = len(whole) // 2
    stop = whole[at : at + 2]
    wanted = whole[: whole.index(stop)]
    reply = greedy(client, stop=stop)
    assert (content(reply), reply.choices[0].finish_reason) == (wanted, "stop")
    assert streamed(client, stop=stop) == wanted


def test_an_answer_ends_where_the_models_context_does(client: OpenAI) -> None:
    reply = greedy(client, max_tokens=10**6)
    assert reply.usage is not None
    assert reply.usage.total_tokens == CONTEXT
    with pytest.raises(BadRequestError) as error:
        client.chat.completions.create(
            model="recipes", messages=[{"role": "user", "content": "x " * CONTEXT}]
        )
    assert error.value.code == "context_length_exceeded"


def test_a_text_completion_works_whole_and_streamed(client: OpenAI) -> None:
    whole = client.completions.create(model="recipes", prompt="hello", temperature=0, max_tokens=8)
    with client.completions.create(
        model="recipes", prompt="hello", temperature=0, max_tokens=8, stream=True
    ) as stream:
        chunks = list(stream)
    assert {chunk.model for chunk in chunks} == {whole.model} == {"recipes"}
    text = "".join(chunk.choices[0].text for chunk in chunks)
    assert whole.choices[0].text.startswith(text.rstrip("\N{REPLACEMENT CHARACTER}"))


def test_the_model_is_listed_by_its_name(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["recipes"]


def test_a_wrong_key_and_another_model_are_refused(
    client: OpenAI, connection: Connection, spec: DeploymentSpec
) -> None:
    with (
        OpenAI(base_url=connection.base_url, api_key="sk-wrong") as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.models.list()
    with pytest.raises(NotFoundError) as error:
        client.chat.completions.create(model=spec.model, messages=MESSAGES)
    assert error.value.code == "model_not_found"


def test_what_it_does_not_honour_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as error:
        client.chat.completions.create(model="recipes", messages=MESSAGES, n=2)
    assert error.value.param == "n"


def test_the_folders_stay_inside(
    connection: Connection, served: LocalDeployments, spec: DeploymentSpec
) -> None:
    headers = {"authorization": f"Bearer {connection.api_key}"}
    body = {"model": "recipes", "messages": MESSAGES, "max_tokens": 2}
    told = ""
    for fields in ({}, {"stream": True}, {"messages": [{"role": "user", "content": "x" * 99_999}]}):
        reply = httpx2.post(
            f"{connection.base_url}/chat/completions", headers=headers, json={**body, **fields}
        )
        told += f"{reply.status_code} {reply.headers} {reply.text}"
    assert told.count("recipes") >= 2
    assert spec.model not in told
    assert str(served.home.root) not in told


def test_only_loopback_is_listened_on(connection: Connection) -> None:
    assert connection.base_url.startswith("http://127.0.0.1:")
    assert connection.api_key not in repr(connection)
