"""Lists, which servers end in many ways, and some in none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.errors import ResponseDecodeError
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.values import Table, text
from finetune_sdk.types import Page
from tests.openai.test_wire_jobs import JSON

Ask = Callable[[str | None], Table]


def read(found: Table) -> str | None:
    return text(found.get("id"))


def rows(*ids: object) -> list[dict[str, object]]:
    return [{"id": id_} for id_ in ids]


def page(answer: Table, *, limit: int = 3, cursor: str | None = None) -> Page[str]:
    return page_of(answer, read, limit=limit, cursor=cursor, provider="openai")


def listed(ask: Ask, *, limit: int = 3, most: int = 50) -> Iterator[str]:
    """All items of a list, as callers read it."""
    cursor: str | None = None
    for _ in range(most):
        found = page(ask(cursor), limit=limit, cursor=cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return
    raise AssertionError("the list does not end")


def test_the_next_page_comes_after_the_last_item() -> None:
    found = page({"data": rows("a", "b"), "has_more": True})
    assert found == Page(("a", "b"), "b")


def test_the_last_page_says_so() -> None:
    assert page({"data": rows("a", "b", "c"), "has_more": False}) == Page(("a", "b", "c"), None)


@pytest.mark.parametrize("said", [{}, {"has_more": None}, {"has_more": "yes"}, {"has_more": 1}])
def test_a_server_that_does_not_say_is_asked_on_while_pages_are_full(said: Table) -> None:
    assert page({"data": rows("a", "b", "c"), **said}).next_cursor == "c"
    assert page({"data": rows("a", "b"), **said}).next_cursor is None


def test_a_page_without_items_is_the_last() -> None:
    assert page({"data": [], "has_more": True}) == Page((), None)


@pytest.mark.parametrize(
    "answer", [{"data": None}, {"data": {"id": "a"}}, {"data": "x"}, {"has_more": True}, {}]
)
def test_an_answer_that_is_no_list_is_not_an_empty_one(answer: Table) -> None:
    """Who looks for a lost job would else be told that there is none."""
    with pytest.raises(ResponseDecodeError, match="openai: the answer is no list"):
        page(answer)


def test_what_is_no_item_is_passed_over() -> None:
    odd: list[Any] = [None, 7, "x", [], {}, {"id": None}, *rows("a")]
    assert page({"data": odd, "has_more": True}) == Page(("a",), "a")


def test_an_item_without_an_id_does_not_end_the_list() -> None:
    found = page({"data": [*rows("a", "b"), {"object": "job"}], "has_more": True})
    assert found == Page(("a", "b"), "b")


def test_a_page_of_items_without_ids_is_the_last() -> None:
    assert page({"data": [{}, {"id": 7}], "has_more": True}) == Page((), None)


def test_what_came_before_the_cursor_was_given_already() -> None:
    found = page({"data": rows("a", "b", "c"), "has_more": True}, cursor="b")
    assert found == Page(("c",), "c")


def test_a_server_that_passes_over_the_cursor_ends() -> None:
    answer = {"data": rows("a", "b", "c"), "has_more": True}
    assert list(listed(lambda _: answer)) == ["a", "b", "c"]


def test_a_page_that_ends_with_the_cursor_is_the_last() -> None:
    assert page({"data": rows("a", "b"), "has_more": True}, cursor="b") == Page((), None)


def test_a_cursor_that_is_not_on_the_page_is_of_the_page_before() -> None:
    assert page({"data": rows("d"), "has_more": False}, cursor="c") == Page(("d",), None)


# Laws


def server(ids: list[str], *, size: int, says: bool, deaf: bool, extra: list[object]) -> Ask:
    """A server of a list: it may not say whether there is more, or not listen to the cursor."""

    def ask(cursor: str | None) -> Table:
        start = 0 if cursor is None or deaf else ids.index(cursor) + 1
        shown: list[object] = [*rows(*ids[start : start + size]), *extra]
        more = start + size < len(ids) or deaf
        return {"data": shown, "has_more": more} if says else {"data": shown}

    return ask


@settings(max_examples=250, deadline=None)
@given(
    count=st.integers(0, 30),
    size=st.integers(1, 10),
    says=st.booleans(),
    extra=st.lists(st.sampled_from([None, 7, "x", {}, {"id": None}]), max_size=2),
)
def test_every_item_comes_once_and_in_order(
    count: int, size: int, says: bool, extra: list[object]
) -> None:
    ids = [f"id{n}" for n in range(count)]
    ask = server(ids, size=size, says=says, deaf=False, extra=extra)
    assert list(listed(ask, limit=size)) == ids


@settings(max_examples=150, deadline=None)
@given(count=st.integers(0, 30), size=st.integers(1, 10), says=st.booleans())
def test_a_deaf_server_gives_its_first_page_once(count: int, size: int, says: bool) -> None:
    ids = [f"id{n}" for n in range(count)]
    ask = server(ids, size=size, says=says, deaf=True, extra=[])
    assert list(listed(ask, limit=size)) == ids[:size]


@settings(max_examples=200, deadline=None)
@given(
    answer=st.dictionaries(st.sampled_from(["data", "has_more", "x"]), JSON | st.lists(JSON)),
    cursor=st.none() | st.text(max_size=5),
)
def test_whatever_an_answer_is_it_is_a_page(answer: Table, cursor: str | None) -> None:
    if isinstance(answer.get("data"), list):
        found = page(answer, cursor=cursor)
        assert found.next_cursor is None or found.next_cursor != cursor
    else:
        with pytest.raises(ResponseDecodeError):
            page(answer, cursor=cursor)
