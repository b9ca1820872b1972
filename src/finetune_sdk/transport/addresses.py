"""Addresses that a key may be sent to, and headers that can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.transport.hosts import is_loopback

# RFC 9110, 5.1 and 5.5, without what is outside of ASCII.
_HEADER = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PORTS = {"http": 80, "https": 443}
_HEADER_VALUE = r"(?:[!-~](?:[\t -~]*[!-~])?)?"


def address(url: str, *, word: str, example: str) -> str:
    """An address that a key may be sent to, in the one spelling that it has.

    Scheme and host in small letters, no port that goes without saying, no slash at its end.

    Args:
        url: as somebody has written it.
        word: what it is called there, for messages.
        example: a good one, for messages.

    Raises:
        ConfigurationError: it is none, has a name or a query in it, or would send the key in clear
            text to another machine.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    # None of these shows the address: a password may stand where nobody looks for one.
    if not url.isascii() or not url.strip().isprintable() or " " in url.strip():
        raise ConfigurationError(f"`{word}` has a blank, an accent or a line end in it")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ConfigurationError(
            f"`{word}` has a user name, a query or a fragment in it; write it without, such as "
            f"{example!r}, and give credentials as `api_key` or `headers`"
        )
    host = host_of(url)
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"`{word}` is no address; write it as {example!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"`{word}` would send the key to {host!r} in clear text; write `https://`"
        )
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}{port}{parts.path.rstrip('/')}"


def host_of(url: str) -> str:
    """The host of an address, in lower case; empty where it has none."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
        _ = parts.port
    except ValueError:
        return ""
    plain = re.fullmatch(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:.]+", host)
    return host if plain else ""


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuses headers that cannot be sent.

    Raises:
        ConfigurationError: names the first one, and shows nothing of what is in it.
    """
    for name, value in headers.items():
        # Else the library below shows the whole of it in its error.
        if not re.fullmatch(_HEADER, name) or not re.fullmatch(_HEADER_VALUE, value):
            raise ConfigurationError(
                f"`headers` has {name!r:.40}, whose name or value no header can have (a line end, "
                "a blank at an end, an accent); copy it anew"
            )
