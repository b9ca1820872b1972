"""Rows near the formats that are looked at quickly: good ones, and those with a fault or two."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from finetune_sdk.datasets import Content, ImageLimits, RowFormat, RowRules
from tests.datasets.cases import IMAGES, TEXT, picture, said
from tests.datasets.samples import CALL, TOOL, Json
from tests.datasets.test_laws import good_rows, near_forms, near_rows

Rows = st.SearchStrategy[Json]

LOOKED_AT: list[RowFormat] = ["chat", "preference", "preference_trl", "kto"]
CONTENTS: list[Content] = ["image", "tools", "weight", "name"]
PROVIDERS = [None, "openai", "azure_openai", "local"]
SPARE = ImageLimits(per_row=1, bytes=8, rows=1)


def allowing(some: set[Content]) -> frozenset[Content]:
    return frozenset({"text", *some})


def one_of(*choices: Json) -> Rows:
    return st.sampled_from(choices)


rules_of = st.builds(
    RowRules,
    content=st.sets(st.sampled_from(CONTENTS)).map(allowing),
    provider=st.sampled_from(PROVIDERS),
    images=st.none() | st.just(IMAGES) | st.just(SPARE),
)


def merged(*some: Json) -> Json:
    return {key: value for one in some for key, value in one.items()}


def image(url: str, **more: object) -> Json:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def call(name: str, arguments: str, called: str = "call_1") -> Json:
    return {**CALL, "id": called, "function": {"name": name, "arguments": arguments}}


def holding(key: str, values: st.SearchStrategy[list[Json]]) -> Rows:
    return values.map(lambda value: {key: value})


parts: st.SearchStrategy[list[Json]] = st.lists(
    one_of(
        TEXT,
        {**TEXT, "text": ""},
        picture(),
        picture(kind="gif"),
        picture(data="A" * 60),
        image("https://example.org/a.png"),
        image("eggs.png", detail="low"),
    ),
    max_size=3,
)
texts = st.sampled_from(["2 eggs", "salt", "eggs", "a pinch", "", " \n"])
contents: st.SearchStrategy[object] = texts | texts | parts
names = one_of({}, {"name": "ann"}, {"name": ""})
weights = one_of({}, {}, {"weight": 0}, {"weight": 1}, {"weight": 1.0}, {"weight": True})
calls = st.lists(
    one_of(
        CALL,
        call("scale", "{}", "call_2"),
        call("cut", "{}"),
        call("scale", "[]"),
        call("scale", '{"by": NaN}'),
    ),
    min_size=1,
    max_size=2,
)
roles = st.sampled_from(["system", "developer"])
caller: Json = {"role": "assistant"}
beside = one_of({}, {"content": None}, {"content": ""}, {"content": "eggs"})
answered = st.sampled_from(["call_1", "call_2", "call_3"])

users = st.builds(merged, st.builds(said, contents), names)
systems = st.builds(said, contents, roles)
learned = st.builds(merged, st.builds(said, contents, st.just("assistant")), names, weights)
callers = st.builds(merged, st.just(caller), beside, holding("tool_calls", calls))
answers = st.builds(
    merged,
    st.builds(said, contents, st.just("tool")),
    answered.map(lambda name: {"tool_call_id": name}),
)
asked_and_answered = st.tuples(users, learned) | st.tuples(users, callers, answers, learned)


def joined(first: list[Json], pairs: list[tuple[Json, ...]]) -> list[Json]:
    return [*first, *(turn for turns in pairs for turn in turns)]


talks = st.builds(
    joined, st.lists(systems, max_size=1), st.lists(asked_and_answered, min_size=1, max_size=2)
)
any_turns = st.lists(users | systems | learned | callers | answers, max_size=5)
tools = st.sampled_from([[TOOL], [{**TOOL, "function": {"name": "cut"}}], list[Json]()])
rich_rows = st.builds(
    merged,
    holding("messages", talks | any_turns),
    st.just(Json()) | holding("tools", tools),
    one_of({}, {"parallel_tool_calls": True}, {"parallel_tool_calls": False}),
)

asked: st.SearchStrategy[object] = st.lists(users | systems | learned, max_size=3) | texts
reply: st.SearchStrategy[object] = (learned | users).map(lambda turn: [turn]) | texts


def openai_pair(prompt: object, better: object, worse: object) -> Json:
    asked_for = {"messages": prompt}
    return {"input": asked_for, "preferred_output": better, "non_preferred_output": worse}


def trl_pair(prompt: object, better: object, worse: object) -> Json:
    return {"prompt": prompt, "chosen": better, "rejected": worse}


def thumb(prompt: object, answer: object, label: object) -> Json:
    return {"prompt": prompt, "completion": answer, "label": label}


pairs = st.builds(openai_pair, asked, reply, reply)
trl_pairs = st.builds(trl_pair, asked, reply, reply)
thumbs = st.builds(thumb, asked, reply, st.booleans() | st.sampled_from([0, 1]))
near: st.SearchStrategy[Any] = near_rows | near_forms

of_format: dict[RowFormat, Rows] = {
    "chat": rich_rows | rich_rows | rich_rows | near | good_rows["chat"],
    "preference": pairs | near | good_rows["preference"],
    "preference_trl": trl_pairs | near | good_rows["preference"],
    "kto": thumbs | near | good_rows["kto"],
    "prompts": near | good_rows["prompts"],
}
any_rows: Rows = st.one_of(*of_format.values())
sources: st.SearchStrategy[RowFormat] = st.sampled_from([*LOOKED_AT, *LOOKED_AT[:1] * 2])


@st.composite
def of_any(draw: st.DrawFn) -> tuple[RowFormat, Json]:
    """A format, and a row that is near to it."""
    source = draw(sources)
    return source, draw(of_format[source])
