"""An error in OpenAI's shape."""

from __future__ import annotations

import json
from collections.abc import Callable


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What the server answers instead of a reply.

    Attributes:
        status: of HTTP.
        param: the field of the request that is wrong, where it is one.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the wire's own name
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.param = param
        self.code = code

    def cleaned(self, clean: Callable[[str], str]) -> Refusal:
        """The same with its message cleaned."""
        return Refusal(
            self.status, clean(str(self)), type=self.type, param=self.param, code=self.code
        )

    def body(self) -> bytes:
        """The JSON that OpenAI's clients read."""
        error = {
            "message": str(self),
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return json.dumps({"error": error}).encode()


def unsupported(param: str, allowed: str | None = None) -> Refusal:
    """A field, or a value of it, that this server would not honour."""
    if allowed is None:
        message = f"`{param}` is not supported by a local deployment; leave it out"
        return Refusal(400, message, param=param, code="unsupported_parameter")
    message = f"`{param}` must be {allowed} at a local deployment"
    return Refusal(400, message, param=param, code="unsupported_value")


def invalid(param: str, value: object, allowed: str) -> Refusal:
    """A field that holds what it never may."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    message = f"`{param}` must be {allowed}, not {shown}"
    return Refusal(400, message, param=param, code="invalid_value")
