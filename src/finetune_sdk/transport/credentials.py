"""A key, kept so that it shows up nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NoReturn

from finetune_sdk.errors import AuthenticationError, ConfigurationError, FineTuneError
from finetune_sdk.transport.redaction import redact

_HIDDEN = b"[redacted]"
_SHORTEST_SECRET = 8


class Credential:
    """A key, or a function that gives one; it shows up nowhere."""

    def __init__(
        self,
        key: str | Callable[[], str] | None,
        *,
        source: str,
        missing: str,
        beside: Iterable[str] = (),
        renew: Callable[[], object] = lambda: None,
    ) -> None:
        """Keeps it.

        Args:
            key: None where there is none.
            source: where it is from, in words.
            missing: what to do where there is none, in words.
            beside: other texts that are sent, and may be secrets, too.
            renew: is called before a function that gives keys is asked once more, as the last one
                was refused.

        Raises:
            ConfigurationError: it is no text that fits into a header.
        """
        if isinstance(key, str):
            _check_key(key)
        self._ask: Callable[[], object] = key if callable(key) else (lambda: key)
        self.source = source
        self._missing = missing
        self._seen: tuple[str, ...] = (key,) if isinstance(key, str) else ()
        self._beside = tuple(beside)
        self._renew = renew if callable(key) else None
        self.there = key is not None

    def get(self, provider: str) -> str:
        """The key as it is now.

        Raises:
            AuthenticationError: there is none.
        """
        key = self._asked(provider)
        if not key:
            raise AuthenticationError(f"{provider}: {self._missing}", provider=provider)
        if key not in self._seen:
            _check_key(key)
            self._seen = (*self._seen[-3:], key)
        return key

    def renew(self) -> bool:
        """Whether there may be another key now that one was refused."""
        if self._renew is None:
            return False
        self._renew()
        return True

    def _asked(self, provider: str) -> str | None:
        try:
            key = self._ask()
        except FineTuneError:
            raise
        except Exception as error:  # noqa: BLE001 - anybody's code, such as a vault's
            why = redact(f"raised {type(error).__name__}: {error}", *self._seen)
        else:
            if key is None or isinstance(key, str):
                return key
            why = f"gave a {type(key).__name__}, and no text"
        raise AuthenticationError(
            f"{provider}: the function that gives the key {why}; nothing was sent",
            provider=provider,
        )

    def hide(self, body: bytes) -> bytes:
        """An answer without the keys: some servers repeat what was sent."""
        for secret in (*self._seen, *self._beside):
            # A shorter one is a stand-in for servers that ask for none, and a word of any answer.
            if len(secret) >= _SHORTEST_SECRET:
                for written in {secret, json.dumps(secret)[1:-1]}:
                    body = body.replace(written.encode(), _HIDDEN)
        return body

    def __repr__(self) -> str:
        return "<Credential>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is not copied or pickled")


def _check_key(key: str) -> None:
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            "the API key has a character that no key has (a line end, a blank or an accent); "
            "copy it anew"
        )
