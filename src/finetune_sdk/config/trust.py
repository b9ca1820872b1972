"""Hosts that the user trusts with a key.

A project's own config file could name any host and so have the user's key sent there. A host in a
file must be the vendor's, this machine, or one that the user has trusted by its exact name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import cast

from finetune_sdk.config.file import user_folder
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.transport import redact
from finetune_sdk.transport.hosts import is_loopback

_HOST = r"\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?"
# Stricter than any HTTP library, so that none can read another host out of it than we do.
_ADDRESS = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(?::[0-9]{{1,5}})?(?:[/?#][^\s\\]*)?", re.IGNORECASE
)
_BARE_HOST = re.compile(rf"(?:{_HOST})|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
_LOOKS_LIKE_URL = re.compile(r"[\x00-\x20]*https?:", re.IGNORECASE)
_USERINFO = re.compile(r"[^:]*:[/\\]*[^/?#\\]*@")


def check_trust(
    values: Mapping[str, object],
    *,
    well_known: Collection[str],
    environ: Mapping[str, str],
    trusted_file: Path | None = None,
) -> None:
    """Refuses settings of a config file that name a host which nobody vouched for.

    Args:
        values: the profile's own table.
        well_known: the vendor's own hosts.
        environ: `FINETUNE_TRUSTED_HOSTS` holds exact names between commas.
        trusted_file: a name a line; by default the one that `finetune trust` writes.

    Raises:
        ConfigurationError: a host is not trusted, an address cannot be read, carries a user name,
            or would send a key in clear text.
    """
    addresses = list(_addresses(values))
    if not addresses:
        return
    trusted = {host.lower() for host in well_known} | trusted_hosts(environ, trusted_file)
    for place, text in addresses:
        if fault := _fault(text, trusted):
            raise ConfigurationError(redact(f"the profile's `{place}` {fault}"))


def trusted_hosts(
    environ: Mapping[str, str] | None = None, trusted_file: Path | None = None
) -> frozenset[str]:
    """The hosts that the user has trusted, in the file and, where given, in the environment.

    Raises:
        ConfigurationError: one of them is no exact host name, or the file cannot be read.
    """
    given = (environ or {}).get("FINETUNE_TRUSTED_HOSTS", "").split(",")
    path = trusted_file or _default_file()
    found = {_exact(host, "$FINETUNE_TRUSTED_HOSTS") for host in given if host.strip()}
    found |= {_exact(host, f"{path}:{line}") for line, host in _lines(path)}
    return frozenset(found)


def trust_host(host: str, *, trusted_file: Path | None = None) -> bool:
    """Adds a host to the user's trusted ones; False when it was there already.

    Raises:
        ConfigurationError: it is no exact host name, or the file cannot be written.
    """
    path = trusted_file or _default_file()
    name = _exact(host, "`host`")
    if name in trusted_hosts(None, path):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _append(path, name)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
    return True


def _default_file() -> Path:
    return user_folder() / "trusted_hosts"


def _append(path: Path, name: str) -> None:
    # One write in append mode: two who trust at once lose nothing, and a link stays a link.
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        if size:
            os.lseek(handle, size - 1, os.SEEK_SET)
        unended = size > 0 and os.read(handle, 1) != b"\n"
        os.write(handle, (b"\n" if unended else b"") + name.encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path}: cannot be read as a list of trusted hosts") from None
    for number, line in enumerate(text.splitlines(), 1):
        if (host := line.partition("#")[0]).strip():
            yield number, host


def _exact(host: str, source: str) -> str:
    name = host.strip()
    if not _BARE_HOST.fullmatch(name):
        raise ConfigurationError(
            redact(
                f"{source}: {name!r} is no exact host name; write it alone, without scheme, port, "
                "path or `*`, such as `my-resource.openai.azure.com`"
            )
        )
    return _plain(name)


def _plain(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]")


def _addresses(value: object, place: str = "", key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            yield from _addresses(inner, f"{place}.{name}" if place else name, name)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(cast("list[object]", value)):
            yield from _addresses(inner, f"{place}[{number}]", key)
    elif isinstance(value, str) and (_LOOKS_LIKE_URL.match(value) or _takes_address(key)):
        yield place, value


def _takes_address(key: str) -> bool:
    return key.lower().endswith(("endpoint", "url"))


def _fault(text: str, trusted: Collection[str]) -> str | None:
    if _USERINFO.match(text):
        return (
            "carries a user name in its address, and a config file holds no credentials; "
            "write the address without it"
        )
    found = _ADDRESS.fullmatch(text)
    if not found:
        # Not shown: a password may stand in it at a place where nobody looks for one.
        return "is no plain address; write `https://host/path`"
    host = _plain(found["host"])
    if is_loopback(host):
        return None
    if found["scheme"].lower() == "http":
        return f"would send a key to {host!r} in clear text; write `https://`"
    if host in trusted:
        return None
    return (
        f"names the host {host!r}, which you have not trusted, and your key would be sent there; "
        f"if it is yours, run `finetune trust {host}` (or add it to $FINETUNE_TRUSTED_HOSTS)"
    )
