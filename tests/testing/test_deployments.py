"""Deployments of the fake: their life, what they answer, and what they refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    CostLimitError,
    DeploymentFailedError,
    FineTuneClient,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.testing import DeploymentScript, FakeProvider
from finetune_sdk.testing.answers import NOT_IN_TABLE
from finetune_sdk.types import JobError
from tests.testing.both import QUESTION, Both, go

Open = Callable[[FakeProvider], Both]
Messages = Sequence[Mapping[str, object]]
CALL = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"town": "Bern"}'},
}


def told(both: Both, question: str = "why?") -> Any:
    both.deployments("create", "base", name="x")
    return both.deployments("chat", "x", [{"role": "user", "content": question}])


# Their life


def test_one_that_takes_its_time_is_waited_for(both: Both) -> None:
    both.fake.enqueue(DeploymentScript(creating=300))
    made = both.deployments("create", "base", name="x")
    assert made.status.value == "creating"
    assert both.deployments("wait", made).status.value == "ready"
    assert 300 <= both.fake.clock.monotonic() < 311
    assert both.deployments("chat", made, QUESTION).content == NOT_IN_TABLE


def test_a_question_waits_for_its_deployment(open_both: Open) -> None:
    both = open_both(FakeProvider(deployment_script=DeploymentScript(creating=300)))
    assert told(both).content == NOT_IN_TABLE
    assert both.fake.clock.monotonic() >= 300


def test_one_that_fails_says_why(both: Both) -> None:
    reason = JobError(code="no_capacity", message="no GPU is left")
    both.fake.enqueue(DeploymentScript(creating=60, outcome="failed", error=reason))
    made = both.deployments("create", "base", name="x")
    with pytest.raises(DeploymentFailedError, match="no GPU is left") as caught:
        both.deployments("wait", made)
    assert caught.value.deployment.error == reason


def test_one_may_go_to_pieces_later(both: Both) -> None:
    both.fake.enqueue(DeploymentScript(creating=60, breaks_after=600))
    made = both.deployments("wait", both.deployments("create", "base", name="x"))
    both.fake.clock.advance(600)
    with pytest.raises(DeploymentFailedError, match="the script says so"):
        both.deployments("chat", made, QUESTION)
    both.deployments("delete", made)
    assert both.deployments("create", "base", name="x").status.value == "ready"


def test_after_a_pause_it_is_made_again(both: Both) -> None:
    both.fake.enqueue(DeploymentScript(creating=60))
    made = both.deployments("wait", both.deployments("create", "base", name="x"))
    assert both.deployments("pause", made).status.value == "paused"
    both.fake.clock.advance(86_400)
    assert both.deployments("resume", made).status.value == "creating"
    assert both.deployments("resume", made).status.value == "creating"
    assert both.deployments("wait", made).status.value == "ready"


def test_the_same_again_takes_no_script_of_another_one(both: Both) -> None:
    both.fake.enqueue(DeploymentScript(), DeploymentScript(outcome="failed"))
    both.deployments("create", "base", name="x")
    assert both.deployments("create", "base", name="x").status.value == "ready"
    assert both.deployments("create", "base", name="y").status.value == "failed"


@pytest.mark.parametrize(("cost", "words"), [(3.0, "3.00 US dollars"), (None, "cannot say")])
def test_an_hour_costs_what_the_test_says(open_both: Open, cost: float | None, words: str) -> None:
    both = open_both(FakeProvider(cost_per_hour=cost))
    with pytest.raises(CostLimitError, match=words):
        both.deployments("create", "base", name="x", max_cost_per_hour=2)
    assert both.deployments("create", "base", name="x").cost_per_hour == cost


# What they answer


def count(messages: Messages) -> str:
    return f"{len(messages)} message(s)"


def whole(messages: Messages) -> Mapping[str, object]:
    return {"content": count(messages)}


async def think(messages: Messages) -> str:
    await asyncio.sleep(0)
    return f"{len(messages)} message(s), in a while"


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        (None, NOT_IN_TABLE),
        ({"why?": "because"}, "because"),
        ({"who?": "me"}, NOT_IN_TABLE),
        ({"why?": {"content": "because"}}, "because"),
        (count, "1 message(s)"),
        (think, "1 message(s), in a while"),
        (whole, "1 message(s)"),
    ],
)
def test_they_answer_from_a_table_or_a_function(open_both: Open, replies: Any, answer: str) -> None:
    reply = told(open_both(FakeProvider(replies=replies)))
    assert (reply.content, reply.finish_reason, reply.model) == (answer, "stop", "x")
    assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)


def test_an_error_may_be_returned_as_well(open_both: Open) -> None:
    both = open_both(FakeProvider(replies=lambda _: RateLimitError("slow", provider="fake")))
    with pytest.raises(RateLimitError, match="slow"):
        told(both)


def test_a_message_in_parts_is_found_by_its_text(open_both: Open) -> None:
    both = open_both(FakeProvider(replies={"why?": "because"}))
    both.deployments("create", "base", name="x")
    parts = [{"type": "text", "text": "wh"}, {"type": "text", "text": "y?"}]
    reply = both.deployments("chat", "x", [{"role": "user", "content": parts}])
    assert reply.content == "because"


@pytest.mark.parametrize("replies", [["a"], "a", {"a": 7}, {7: "a"}, {"a": ValueError()}])
def test_replies_that_are_none_are_told_at_once(replies: Any) -> None:
    with pytest.raises(TypeError):
        FakeProvider(replies=replies)


def test_what_a_function_does_to_its_messages_is_not_what_was_asked(open_both: Open) -> None:
    def rude(messages: Messages) -> str:
        cast("list[object]", messages).clear()
        return "gone"

    both = open_both(FakeProvider(replies=rude))
    assert told(both).content == "gone"
    assert both.fake.chats[0]["messages"] == QUESTION


@pytest.mark.parametrize("message", [{"content": "a", "tool_calls": "zz"}, {"content": 5}])
def test_an_answer_of_another_shape_is_our_error(open_both: Open, message: Any) -> None:
    both = open_both(FakeProvider(replies={"why?": message}))
    with pytest.raises(ResponseDecodeError, match="no chat completion"):
        told(both)


def test_a_line_that_is_down_is_told_at_once(open_both: Open) -> None:
    error = ConnectionFailedError("unplugged", provider="fake")
    both = open_both(FakeProvider(replies={"why?": error}))
    with pytest.raises(ConnectionFailedError, match="no answer from"):
        told(both)
    assert len(both.fake.chats) == 1


def test_a_long_wait_is_told_to_the_second(open_both: Open) -> None:
    error = RateLimitError("slow", provider="fake", retry_after=1_234_567)
    with pytest.raises(RateLimitError) as caught:
        told(open_both(FakeProvider(replies={"why?": error})))
    assert caught.value.retry_after == 1_234_567


def test_a_whole_message_may_call_tools(open_both: Open) -> None:
    both = open_both(FakeProvider(replies={"why?": {"content": None, "tool_calls": [CALL]}}))
    reply = told(both)
    assert (reply.content, reply.finish_reason) == ("", "tool_calls")
    assert reply.tool_calls == (CALL,)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RateLimitError("slow down", provider="fake", retry_after=7), 429),
        (QuotaExceededError("spent", provider="fake"), 429),
        (AuthenticationError("who?", provider="fake"), 401),
        (PermissionDeniedError("not you", provider="fake"), 403),
        (NotFoundError("gone", provider="fake"), 404),
        (ConflictError("busy", provider="fake"), 409),
        (InvalidRequestError("too long", provider="fake", code="string_above_max_length"), 400),
        (ServerError("it hangs", provider="fake"), 500),
        (ServerError("it hangs", provider="fake", status_code=503), 503),
    ],
)
def test_an_error_is_told_by_its_status_and_asked_once(
    open_both: Open, error: ProviderError, status: int
) -> None:
    both = open_both(FakeProvider(replies={"why?": error}))
    with pytest.raises(type(error), match=str(error)) as caught:
        told(both)
    assert (caught.value.status_code, caught.value.retry_after) == (status, error.retry_after)
    assert error.code in (None, caught.value.code)
    assert len(both.fake.chats) == 1


def test_a_function_may_raise_now_and_then(open_both: Open) -> None:
    asked: list[Messages] = []

    def moody(messages: Messages) -> str:
        asked.append(messages)
        if len(asked) == 1:
            raise RateLimitError("slow down", provider="fake")
        return "because"

    both = open_both(FakeProvider(replies=moody))
    with pytest.raises(RateLimitError, match="slow down"):
        told(both)
    assert told(both).content == "because"


def broken(messages: Messages) -> str:
    return str(messages[7])


async def broken_later(messages: Messages) -> str:
    await asyncio.sleep(0)
    return str(messages[7])


@pytest.mark.parametrize("replies", [broken, broken_later])
def test_a_function_that_is_wrong_itself_says_so(
    open_both: Open, replies: Any, caplog: pytest.LogCaptureFixture
) -> None:
    both = open_both(FakeProvider(replies=replies))
    with pytest.raises(ServerError, match="`replies` raised IndexError"):
        told(both)
    assert "`replies` raised" in caplog.text


@pytest.mark.parametrize("reply", [7, None, ["a"]])
def test_a_reply_that_is_none_says_so(open_both: Open, reply: object) -> None:
    both = open_both(FakeProvider(replies=lambda _: reply))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(ServerError, match="a text, a whole message, or our error"):
        told(both)


def test_an_answer_may_be_no_answer(open_both: Open) -> None:
    both = open_both(FakeProvider(replies={"why?": ResponseDecodeError("<html>", provider="x")}))
    with pytest.raises(ResponseDecodeError, match="no choice in it"):
        told(both)


def test_requests_fail_as_other_calls_do(both: Both) -> None:
    both.fake.fail_next("chat", RateLimitError("slow down", provider="fake"))
    with pytest.raises(RateLimitError, match="slow down"):
        told(both)
    assert told(both).content == NOT_IN_TABLE
    assert len(both.fake.chats) == 2


# Through OpenAI's own client


def test_openais_client_talks_to_it_in_streams_too() -> None:
    fake = FakeProvider(replies={"why?": "because of  that"})
    with FineTuneClient(fake) as client:
        client.deployments.create("base", name="x")
        with client.deployments.openai("x") as openai:
            ask: Any = openai.chat.completions.create
            whole = ask(model="x", messages=QUESTION)
            parts = [part.choices[0] for part in ask(model="x", messages=QUESTION, stream=True)]
    assert whole.choices[0].message.content == "because of  that"
    assert whole.usage is None
    assert "".join(part.delta.content or "" for part in parts) == "because of  that"
    assert [part.finish_reason for part in parts][-1] == "stop"
    assert len(parts) > 3


def test_openais_client_gets_as_many_choices_and_parts_as_it_asks_for() -> None:
    fake = FakeProvider(replies={"why?": {"content": "because", "refusal": "no"}})
    with FineTuneClient(fake) as client:
        client.deployments.create("base", name="x")
        with client.deployments.openai("x") as openai:
            ask: Any = openai.chat.completions.create
            words = {"model": "x", "messages": QUESTION, "n": 2}
            whole = ask(**words)
            parts = list(ask(**words, stream=True, stream_options={"include_usage": True}))
    assert [choice.index for choice in whole.choices] == [0, 1]
    assert (parts[-1].choices, parts[-1].usage) == ([], None)
    said = [choice for part in parts for choice in part.choices]
    assert {choice.index for choice in said} == {0, 1}
    assert [choice.delta.refusal for choice in said].count("no") == 2


def test_a_function_that_awaits_answers_on_a_loop_too() -> None:
    async def main() -> str:
        with FineTuneClient(FakeProvider(replies=think)) as client:
            client.deployments.create("base", name="x")
            return client.deployments.chat("x", QUESTION).content

    assert asyncio.run(main()) == "1 message(s), in a while"


@pytest.mark.parametrize("answer", [None, think])
def test_openais_asynchronous_client_does_too(
    answer: Callable[[Messages], Awaitable[str]] | None,
) -> None:
    async def main() -> tuple[str, str]:
        fake = FakeProvider(replies=answer or count)
        async with AsyncFineTuneClient(fake) as client:
            await client.deployments.create("base", name="x")
            async with await client.deployments.openai("x") as openai:
                ask: Any = openai.chat.completions.create
                whole = await ask(model="x", messages=QUESTION)
                parts = [
                    part.choices[0].delta.content or ""
                    async for part in await ask(model="x", messages=QUESTION, stream=True)
                ]
        return whole.choices[0].message.content, "".join(parts)

    whole, streamed = go(main())
    assert whole == streamed
    assert whole.startswith("1 message(s)")


def test_calls_of_tools_stream_whole() -> None:
    fake = FakeProvider(replies=lambda _: {"content": "Let me see.", "tool_calls": [CALL, CALL]})
    with FineTuneClient(fake) as client:
        client.deployments.create("base", name="x")
        with client.deployments.openai("x") as openai:
            ask: Any = openai.chat.completions.create
            parts = [part.choices[0] for part in ask(model="x", messages=QUESTION, stream=True)]
    calls = [call for part in parts for call in part.delta.tool_calls or ()]
    assert [call.index for call in calls] == [0, 1]
    assert json.loads(calls[0].function.arguments) == {"town": "Bern"}
    assert parts[-1].finish_reason == "tool_calls"


def test_who_stays_connected_is_told_when_it_is_gone() -> None:
    import openai as vendor

    fake = FakeProvider()
    with FineTuneClient(fake) as client:
        client.deployments.create("base", name="x")
        with client.deployments.openai("x") as openai:
            ask: Any = openai.chat.completions.create
            with pytest.raises(vendor.NotFoundError, match="no deployment 'y'"):
                ask(model="y", messages=QUESTION)
            with pytest.raises(vendor.NotFoundError, match="serves chat/completions"):
                openai.models.list()
            client.deployments.pause("x")
            with pytest.raises(vendor.InternalServerError, match="is paused"):
                ask(model="x", messages=QUESTION)
            client.deployments.delete("x")
            with pytest.raises(vendor.NotFoundError):
                ask(model="x", messages=QUESTION)


def test_a_server_that_cannot_be_reached_is_no_answer() -> None:
    fake = FakeProvider(replies={"why?": ConnectionFailedError("unplugged", provider="fake")})
    with FineTuneClient(fake) as client:
        client.deployments.create("base", name="x")
        with client.deployments.openai("x").with_options(max_retries=0) as openai:
            ask: Any = openai.chat.completions.create
            with pytest.raises(Exception, match="Connection error"):
                ask(model="x", messages=QUESTION)
