"""Hosts that a config file may name, and those that the user has trusted."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from finetune_sdk.config import check_trust, trust_host, trusted_hosts, user_folder
from finetune_sdk.errors import ConfigurationError

KNOWN = frozenset({"api.vendor.com"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "trusted_hosts"


def check(
    values: Mapping[str, object], *, file: Path, environ: Mapping[str, str] | None = None
) -> None:
    check_trust(values, well_known=KNOWN, environ=environ or {}, trusted_file=file)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"endpoint": "https://api.vendor.com"},
        {"endpoint": "https://API.Vendor.com:443/v1?x=1"},
        {"base_url": "http://localhost:8000/v1"},
        {"base_url": "http://127.0.0.1"},
        {"base_url": "http://127.9.9.9"},
        {"base_url": "http://[::1]:80/"},
        {"name": "evil.com", "number": 3, "on": True},
        {"path": "C:\\models", "model": "org/name", "hub": "hf://org/name"},
    ],
)
def test_the_vendors_hosts_and_this_machine_need_no_trust(
    file: Path, values: Mapping[str, object]
) -> None:
    check(values, file=file)


@pytest.mark.parametrize(
    "values",
    [
        {"endpoint": "https://evil.com"},
        {"anything": "https://evil.com/v1"},
        {"anything": " https://evil.com"},
        {"anything": "HTTPS://evil.com"},
        {"deep": {"er": ["https://evil.com"]}},
        {"base_url": "https://api.vendor.com.evil.com"},
        {"base_url": "https://evilapi.vendor.com"},
        {"base_url": "https://sub.api.vendor.com"},
        {"base_url": "https://localhost.evil.com"},
        {"base_url": "https://evil.com#api.vendor.com"},
        {"base_url": "https://evil.com?api.vendor.com"},
        {"base_url": "https://api.vendor.com."},
        {"base_url": "https://2130706433/"},
    ],
)
def test_another_host_is_refused_and_the_way_on_is_named(
    file: Path, values: Mapping[str, object]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(values, file=file)
    assert "finetune trust " in str(caught.value) or "no plain address" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://api.vendor.com\\@evil.com", "no plain address"),
        ("https://api.vendor.com\\.evil.com", "no plain address"),
        ("https://me@api.vendor.com", "user name"),
        ("https://me:secret@api.vendor.com", "user name"),
        ("https://:@api.vendor.com", "user name"),
        ("https://me:sec/secret@api.vendor.com", "no plain address"),
        ("https:/api.vendor.com", "no plain address"),
        ("https:api.vendor.com", "no plain address"),
        ("https://", "no plain address"),
        ("https://api.vendor.com:x", "no plain address"),
        ("https://api.vendor.com /", "no plain address"),
        ("https://*.vendor.com", "no plain address"),
        ("https://${HOST}/", "no plain address"),
        ("https://api%2evendor.com", "no plain address"),
        ("https://äpi.vendor.com", "no plain address"),
        ("api.vendor.com", "no plain address"),
        ("", "no plain address"),
        ("ftp://api.vendor.com", "no plain address"),
        ("http://api.vendor.com", "clear text"),
        ("http://0.0.0.0", "clear text"),
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(
    file: Path, address: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        check({"endpoint": address}, file=file)
    assert "`endpoint`" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_host_is_trusted_by_its_exact_name(file: Path) -> None:
    assert trust_host("My.Example.com", trusted_file=file) is True
    check({"endpoint": "https://my.example.com/v1"}, file=file)
    for other in ("https://example.com", "https://sub.my.example.com"):
        with pytest.raises(ConfigurationError, match="finetune trust"):
            check({"endpoint": other}, file=file)


def test_trust_does_not_make_clear_text_good(file: Path) -> None:
    trust_host("my.example.com", trusted_file=file)
    with pytest.raises(ConfigurationError, match="clear text"):
        check({"endpoint": "http://my.example.com"}, file=file)


def test_the_environment_trusts_too(file: Path) -> None:
    environ = {"FINETUNE_TRUSTED_HOSTS": "a.example.com, B.example.com ,"}
    check(
        {"endpoint": "https://a.example.com", "url": "https://b.example.com"},
        file=file,
        environ=environ,
    )
    assert trusted_hosts(environ, file) == {"a.example.com", "b.example.com"}


@pytest.mark.parametrize(
    "host",
    ["*", "*.example.com", "https://example.com", "example.com:443", "example.com/v1", "a b", "",
     "-a.com", "me@example.com", "exämple.com"],
)  # fmt: skip
def test_only_an_exact_name_can_be_trusted(file: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="exact host name"):
        trust_host(host, trusted_file=file)
    assert not file.exists()
    if host:
        with pytest.raises(ConfigurationError, match=r"\$FINETUNE_TRUSTED_HOSTS"):
            trusted_hosts({"FINETUNE_TRUSTED_HOSTS": host}, file)


def test_an_address_of_numbers_can_be_trusted(file: Path) -> None:
    for host in ("10.1.2.3", "[fd00::1]"):
        trust_host(host, trusted_file=file)
    check({"a_url": "https://10.1.2.3/", "b_url": "https://[fd00::1]:8443"}, file=file)


def test_trusting_twice_adds_once_and_keeps_what_people_wrote(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("# mine\n\nold.example.com  # the old one\nlast.example.com")
    assert trust_host("new.example.com", trusted_file=file) is True
    assert trust_host("new.example.com", trusted_file=file) is False
    assert file.read_text().startswith("# mine\n\nold.example.com  # the old one\n")
    assert trusted_hosts(None, file) == {"old.example.com", "last.example.com", "new.example.com"}


def test_two_who_trust_at_once_lose_nothing(file: Path) -> None:
    hosts = {f"h{number}.example.com" for number in range(40)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(trust_host, trusted_file=file), hosts))
    assert trusted_hosts(None, file) == hosts


def test_the_file_is_the_users_alone_and_lies_in_their_config(tmp_path: Path) -> None:
    trust_host("my.example.com")
    path = user_folder() / "trusted_hosts"
    assert path.is_relative_to(tmp_path)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"*.example.com\n", b"a b\n", b"\xff\n"])
def test_a_file_that_is_wrong_is_an_error_and_trusts_nobody(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="trusted_hosts"):
        check({"endpoint": "https://a.example.com"}, file=file)


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigurationError, match="cannot be"):
        trust_host("a.example.com", trusted_file=blocked / "trusted_hosts")
