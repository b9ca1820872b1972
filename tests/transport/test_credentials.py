"""A key is kept so that it shows up nowhere, and what gives none says so."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from finetune_sdk import AuthenticationError, ConfigurationError, SunsetError
from finetune_sdk.transport.credentials import Credential

KEY = "the-key-of-a-vault"
NO_KEY = (
    "the API key has a character that no key has (a line end, a blank or an accent); copy it anew"
)


def of(key: str | Callable[[], str] | None) -> Credential:
    return Credential(key, source="the vault", missing="set `OPENAI_API_KEY`")


def fails(credential: Credential) -> str:
    with pytest.raises(AuthenticationError) as caught:
        credential.get("openai")
    assert caught.value.provider == "openai"
    return str(caught.value)


@pytest.mark.parametrize("key", [KEY, lambda: KEY])
def test_a_key_is_given(key: str | Callable[[], str]) -> None:
    credential = of(key)
    assert credential.get("openai") == KEY
    assert (credential.there, credential.source) == (True, "the vault")


def test_where_there_is_none_the_way_to_one_is_told() -> None:
    assert not of(None).there
    for key in (None, "", lambda: ""):
        assert fails(of(key)) == "openai: set `OPENAI_API_KEY`"


@pytest.mark.parametrize("key", ["a b", "a\n", "a\u00e9", " "])
def test_what_fits_no_header_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        of(key)
    assert str(caught.value) == NO_KEY
    with pytest.raises(ConfigurationError) as caught:
        of(lambda: key).get("openai")
    assert str(caught.value) == NO_KEY


def test_a_function_that_gives_no_text_is_told() -> None:
    def number() -> str:
        return 5  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    assert fails(of(number)) == (
        "openai: the function that gives the key gave a int, and no text; nothing was sent"
    )


def test_a_function_that_fails_is_told_without_the_keys_that_it_gave() -> None:
    answers = [KEY]

    def vault() -> str:
        if answers:
            return answers.pop()
        raise OSError(f"{KEY} is refused")

    credential = of(vault)
    credential.get("openai")
    assert fails(credential) == (
        "openai: the function that gives the key raised OSError: [redacted] is refused; nothing "
        "was sent"
    )


def test_an_error_of_ours_comes_out_as_it_is() -> None:
    ours = SunsetError("it has ended")

    def vault() -> str:
        raise ours

    with pytest.raises(SunsetError) as caught:
        of(vault).get("openai")
    assert caught.value is ours


# Once one was refused


def test_a_key_that_is_a_text_is_not_renewed() -> None:
    asked: list[str] = []
    credential = Credential(KEY, source="", missing="", renew=lambda: asked.append("again"))
    assert not credential.renew()
    assert not of(None).renew()
    assert asked == []


def test_a_function_is_told_before_it_is_asked_once_more() -> None:
    asked: list[str] = []
    credential = Credential(lambda: KEY, source="", missing="", renew=lambda: asked.append("again"))
    assert credential.renew()
    assert asked == ["again"]
    assert of(lambda: KEY).renew()


# What is told


def test_an_answer_is_shown_without_what_was_sent() -> None:
    credential = Credential(KEY, source="", missing="", beside=("8letters", "7letter"))
    shown = credential.hide(f"{KEY} {KEY} 8letters 7letter".encode())
    assert shown == b"[redacted] [redacted] [redacted] 7letter"


def test_of_a_function_the_last_four_keys_are_hidden() -> None:
    keys = [f"{KEY}-{number}-" for number in range(5)]
    given = iter([*keys, *keys[-1:]])
    credential = of(lambda: next(given))
    for _ in range(6):
        credential.get("openai")
    assert credential.hide("|".join(keys).encode()) == (
        f"{keys[0]}|[redacted]|[redacted]|[redacted]|[redacted]".encode()
    )


def test_before_it_is_asked_a_function_hides_nothing() -> None:
    assert of(lambda: KEY).hide(KEY.encode()) == KEY.encode()


def test_it_is_neither_shown_nor_copied() -> None:
    credential = of(KEY)
    assert repr(credential) == "<Credential>"
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"^a credential is not copied or pickled$"):
            copied(credential)
