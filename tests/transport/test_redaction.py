"""What is never told: keys of every shape, wherever they stand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.transport import KEYS, redact

HIDDEN = "[redacted]"
LONG = "aB3" * 20
UPPER = "AB3D" * 4
SAMPLES = {
    "an OpenAI key": [f"{begin}-{LONG}" for begin in ("sk", "rk", "pk", "sk-proj", "sk-svcacct")],
    "a Hugging Face token": [f"hf_{LONG}"],
    "a GitHub token": [f"gh{kind}_{LONG}" for kind in "pousr"],
    "a fine-grained GitHub token": [f"github_pat_{LONG}"],
    "an AWS access key": [f"{begin}{UPPER}" for begin in ("AKIA", "ASIA")],
    "a Google key": [f"AIza{LONG[:35]}"],
    "a Slack token": [f"xox{kind}-{LONG}" for kind in "abeoprs"],
    "a Stripe key": [f"{begin}_live_{LONG}" for begin in ("sk", "rk")],
    "a JSON web token": [f"eyJ{LONG}.eyJ{LONG}.{LONG}-_"],
    "a private key": [f"-----BEGIN {kind}PRIVATE KEY-----" for kind in ("", "RSA ", "OPENSSH ")],
}
KEYS_OF_ALL = [sample for samples in SAMPLES.values() for sample in samples]
AROUND = ["{}", "key={} and", '{{"key": "{}"}}', "({})", "a/{}/b", "{}\n{}", "-{}", "\u00e9 {}!"]


def test_there_is_a_sample_of_every_shape() -> None:
    assert SAMPLES.keys() == KEYS.keys()
    for name, samples in SAMPLES.items():
        assert all(re.search(KEYS[name], sample) for sample in samples)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("key", KEYS_OF_ALL)
def test_a_key_of_every_shape_is_hidden(key: str, around: str) -> None:
    assert redact(around.replace("{}", key)) == around.replace("{}", HIDDEN)


@pytest.mark.parametrize("key", KEYS_OF_ALL)
def test_a_key_behind_bearer_is_hidden(key: str) -> None:
    assert redact(f"Bearer {key};") == f"Bearer {HIDDEN};"


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_what_leads_to_a_token_stays(word: str) -> None:
    assert redact(f"Authorization: {word} abc.DEF~12+/=-") == f"Authorization: {word} {HIDDEN}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host:8080/v1?x", f"https://{HIDDEN}@host:8080/v1?x"),
        ("http://:secret@host", f"http://{HIDDEN}@host"),
        ("https://me:sec@ret:1@host/v1", f"https://{HIDDEN}@host/v1"),
        ("socks5://me:secret@[::1]:1", f"socks5://{HIDDEN}@[::1]:1"),
    ],
)
def test_what_leads_to_a_password_stays(url: str, shown: str) -> None:
    assert redact(f"proxy {url} failed") == f"proxy {shown} failed"


@pytest.mark.parametrize(
    "text",
    [
        "the task-runner-of-the-whole-project failed",
        "https://host:8080/v1",
        "ssh://git@host/x",
        "sk-short",
        "Bearer",
        "Bearer short",
        "desk-aaaaaaaaaaaaaaaaaaaaaaaa",
        "risk_live_aaaaaaaaaaaaaaaaaaaa",
        "AKIA is no key",
        "eyJ",
        "-----BEGIN CERTIFICATE-----",
        "ft:gpt-4.1-mini-2025-04-14:acme::abc12345",
        "ftjob-000000000000000000000001",
    ],
)
def test_what_is_no_key_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\\n", "\\r\\n", " "])
def test_a_private_key_is_hidden_with_its_body(line_end: str) -> None:
    lines = ["-----BEGIN RSA PRIVATE KEY-----", *[LONG + "+/=="] * 3, "Zm9v", ""]
    end = "-----END RSA PRIVATE KEY-----"
    shown = redact(f"key: {line_end.join(lines)}{end} in the file")
    assert shown == f"key: {HIDDEN}{line_end}{end} in the file"


def test_words_behind_a_header_of_a_key_stay() -> None:
    words = " is a header, and what follows are words"
    assert redact(f"-----BEGIN PRIVATE KEY-----{words}") == HIDDEN + words


# Secrets that are named


def test_a_secret_that_is_named_is_hidden_everywhere() -> None:
    assert redact("xhunter2y hunter2", "hunter2") == f"x{HIDDEN}y {HIDDEN}"


def test_no_secret_hides_nothing() -> None:
    assert redact("plain", "", "absent") == "plain"


@pytest.mark.parametrize("secrets", [("abcd", "abcdefgh"), ("abcdefgh", "abcd")])
def test_of_a_secret_that_begins_with_another_nothing_is_left(secrets: tuple[str, str]) -> None:
    assert redact("<abcdefgh>", *secrets) == f"<{HIDDEN}>"


def test_of_a_secret_that_has_another_inside_nothing_is_left() -> None:
    assert redact("<abcdefgh>", "bcd", "abcdefgh") == f"<{HIDDEN}>"


def test_a_private_key_is_hidden_behind_a_word_too() -> None:
    assert redact("key=x-----BEGIN PRIVATE KEY-----\nZm9v") == f"key=x{HIDDEN}\nZm9v"


# Laws

OUTSIDE = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
BREAKS = st.sampled_from([" ", "\n", '"', "'", "(", ")", "<", ">", ";", ",", "="])
"""What ends a word, and so a key."""

PLANTED = st.sampled_from(KEYS_OF_ALL) | st.one_of(
    st.from_regex(r"\Ask-[A-Za-z0-9]{20,60}\Z"),
    st.from_regex(r"\Ahf_[A-Za-z0-9]{20,40}\Z"),
    st.from_regex(r"\Agithub_pat_[A-Za-z0-9_]{40,80}\Z"),
    st.from_regex(r"\AAKIA[A-Z0-9]{16}\Z"),
    st.from_regex(r"\AAIza[A-Za-z0-9_-]{35}\Z"),
    st.from_regex(r"\AeyJ[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{1,20}\Z"),
)


@settings(max_examples=400, deadline=None)
@given(before=OUTSIDE, open_=BREAKS, key=PLANTED, close=BREAKS, after=OUTSIDE)
def test_no_planted_key_survives(before: str, open_: str, key: str, close: str, after: str) -> None:
    assert key not in redact(f"{before}{open_}{key}{close}{after}")


@settings(max_examples=250, deadline=None)
@given(before=OUTSIDE, secret=st.text(min_size=8, max_size=40), after=OUTSIDE)
def test_no_named_secret_survives(before: str, secret: str, after: str) -> None:
    shown = redact(f"{before}{secret}{after}", secret)
    assert secret not in shown.replace(HIDDEN, "\x00")


@settings(max_examples=250, deadline=None)
@given(pieces=st.lists(OUTSIDE | PLANTED | st.sampled_from(AROUND), max_size=6))
def test_what_was_redacted_is_left_as_it_is(pieces: list[str]) -> None:
    once = redact("".join(pieces))
    assert redact(once) == once


@pytest.mark.parametrize("piece", ["://a:", "AKIA", "Bearer ", "\n", "x" * 999 + "@"])
def test_a_megabyte_of_almost_keys_is_left_as_it_is(piece: str) -> None:
    """What it takes, `benchmarks/redaction.py` measures."""
    text = piece * (1_000_000 // len(piece))
    assert redact(text) == text
