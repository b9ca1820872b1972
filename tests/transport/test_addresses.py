"""Addresses that a key may be sent to: one spelling for each, and a reason for what is none."""

from __future__ import annotations

import pytest

from finetune_sdk import ConfigurationError
from finetune_sdk.transport.addresses import address, check_headers, host_of
from finetune_sdk.transport.hosts import is_loopback

EXAMPLE = "https://api.example/v1"
BLANK = "`base_url` has a blank, an accent or a line end in it"
BESIDE = (
    "`base_url` has a user name, a query or a fragment in it; write it without, such as "
    "'https://api.example/v1', and give credentials as `api_key` or `headers`"
)
NONE = "`base_url` is no address; write it as 'https://api.example/v1'"
LONG = "x" * 253


def spelled(url: str) -> str:
    return address(url, word="base_url", example=EXAMPLE)


@pytest.mark.parametrize(
    ("url", "one"),
    [
        ("https://a.example", "https://a.example"),
        (" HTTPS://A.Example/V1/ ", "https://a.example/V1"),
        ("https://a.example//", "https://a.example"),
        ("https://a.example:443/v1", "https://a.example/v1"),
        ("https://a.example:80/v1", "https://a.example:80/v1"),
        ("https://a.example:8443/v1", "https://a.example:8443/v1"),
        ("http://localhost:80/v1/", "http://localhost/v1"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://a_b-c.example", "https://a_b-c.example"),
    ],
)
def test_an_address_has_one_spelling(url: str, one: str) -> None:
    assert spelled(url) == one
    assert spelled(one) == one


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://a.exam ple", BLANK),
        ("https://\u00e4.example", BLANK),
        ("https://a.example/\nx", BLANK),
        ("https://a.example/\u00e4", BLANK),
        ("https://me:secret@a.example", BESIDE),
        ("https://a.example/v1?key=1", BESIDE),
        ("https://a.example/v1#key", BESIDE),
        ("", NONE),
        ("a.example", NONE),
        ("ftp://a.example", NONE),
        ("https://", NONE),
        ("https://[::1", NONE),
        ("https://a.example:99999", NONE),
        ("https://-a.example", NONE),
        ("https://a.example-", NONE),
        ("http://a.example", "`base_url` would send the key to 'a.example' in clear text; write"),
    ],
)
def test_what_is_none_is_told(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        spelled(url)
    assert str(caught.value) == (why if why in (BLANK, BESIDE, NONE) else f"{why} `https://`")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (" https://A.Example:1/x ", "a.example"),
        ("https://[::1]:1/x", "::1"),
        (f"https://{LONG}", LONG),
        (f"https://{LONG}x", ""),
        ("https://a.example:x", ""),
        ("https://a$b", ""),
        ("a.example", ""),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("host", "here"),
    [
        *[(host, True) for host in ("localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1")],
        *[(host, False) for host in ("10.0.0.1", "localhost.example", "a.example", "::2", "")],
    ],
)
def test_which_hosts_are_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_headers_that_can_be_sent() -> None:
    check_headers({})
    check_headers({"X-Team_1": "a b\tc", "~": "", "a": "!", "b": "~"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("a b", "x"), ("", "x"), ("a", "x\n"), ("a", " x"), ("a", "x\u00e9"), ("a:", "x")],
)
def test_the_first_header_that_cannot_be_sent_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_headers({"good": "x", name: value, "b ad": "x"})
    assert str(caught.value) == (
        f"`headers` has {name!r}, whose name or value no header can have (a line end, a blank at "
        "an end, an accent); copy it anew"
    )


def test_of_a_header_with_a_long_name_its_beginning_is_shown() -> None:
    with pytest.raises(ConfigurationError, match=f"^`headers` has '{'n' * 39}, whose name"):
        check_headers({"n" * 60: "\n"})
