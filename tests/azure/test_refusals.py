"""What Resource Manager refuses, as people read it, to the last word."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from finetune_sdk.providers.azure_openai import refusals

PLACE = "https://management.azure.com"


@pytest.mark.parametrize(
    ("status", "kind", "effect"),
    [
        (400, InvalidRequestError, "none"),
        (401, AuthenticationError, "none"),
        (403, PermissionDeniedError, "none"),
        (404, NotFoundError, "none"),
        (408, ServerError, "unknown"),
        (409, ConflictError, "none"),
        (412, ConflictError, "none"),
        (418, ProviderError, "none"),
        (422, InvalidRequestError, "none"),
        (425, ProviderError, "unknown"),
        (429, RateLimitError, "none"),
        (499, ProviderError, "none"),
        (399, ProviderError, "unknown"),
        (500, ServerError, "unknown"),
        (503, ServerError, "unknown"),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[ProviderError], effect: str) -> None:
    error = refusals.refusal(status, "Code", "No. ", headers={"x-ms-request-id": "req-1"}, wait=2.5)
    assert type(error) is kind
    assert (error.provider, error.code, error.status_code) == ("azure_openai", "Code", status)
    assert (error.effect, error.request_id, error.retry_after) == (effect, "req-1", 2.5)
    assert str(error).startswith(f"azure_openai: Resource Manager answered {status}: No")


SAID = "azure_openai: Resource Manager answered"


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (400, "Bad", f"{SAID} 400: No"),
        (
            404,
            "ResourceNotFound",
            f"{SAID} 404: No; look at `subscription_id`, `resource_group` and `account`",
        ),
        (404, "DeploymentNotFound", f"{SAID} 404: No"),
        (
            404,
            None,
            f"{SAID} 404: No, and not as Resource Manager does; look at `management_url`, and for "
            "a proxy on the way",
        ),
        (
            400,
            "InsufficientQuota",
            f"{SAID} 400: No; ask for more in the portal under Quotas, say a smaller `capacity` "
            "or another `sku`, or delete a deployment that nobody needs",
        ),
        (
            403,
            "AuthorizationFailed",
            f"{SAID} 403: No; a role that trains may not deploy: it takes Foundry Owner, "
            "Cognitive Services OpenAI Contributor, or any role with "
            "`Microsoft.CognitiveServices/accounts/deployments/write`, on this resource",
        ),
    ],
)
def test_a_refusal_is_a_sentence(status: int, code: str | None, sentence: str) -> None:
    error = refusals.refusal(status, code, "No.", headers={}, wait=None)
    assert (str(error), error.request_id, error.retry_after) == (sentence, None, None)


@pytest.mark.parametrize("code", ["InsufficientQuota", "QuotaExceeded", "InsufficientResources"])
def test_a_quota_is_one_whatever_the_status(code: str) -> None:
    for status in (400, 409, 429):
        error = refusals.refusal(status, code, "No.", headers={}, wait=None)
        assert isinstance(error, QuotaExceededError)


def test_a_refusal_tells_no_secret_and_no_novel() -> None:
    key = "sk-" + "a1" * 20
    error = refusals.refusal(400, key, key, headers={"x-ms-request-id": key}, wait=None)
    assert key not in f"{error} {error.code} {error.request_id}"
    assert error.code == error.request_id == "[redacted]"
    long = refusals.refusal(400, "Bad", "x" * 5000, headers={}, wait=None)
    assert str(long) == f"{SAID} 400: {'x' * 1000}"


@pytest.mark.parametrize(
    ("left", "effect", "hint"),
    [
        (True, "unknown", ""),
        (False, "none", "; look at the network, and at `cloud` or `management_url`"),
    ],
)
def test_no_answer_is_a_sentence(left: bool, effect: str, hint: str) -> None:
    error = refusals.lost(OSError("reset"), place=PLACE, left=left)
    assert str(error) == f"azure_openai: no answer from {PLACE}: reset{hint}"
    assert (error.provider, error.effect) == ("azure_openai", effect)
    wordless = refusals.lost(TimeoutError(), place=PLACE, left=True)
    assert str(wordless).endswith(": TimeoutError")
    wordy = refusals.lost(OSError("x" * 400), place=PLACE, left=True)
    assert str(wordy).endswith(f": {'x' * 300}")


def test_an_answer_that_cannot_be_read_is_a_sentence() -> None:
    error = refusals.unreadable("it is html", place=PLACE)
    assert str(error) == (
        f"azure_openai: the answer of {PLACE} cannot be read (it is html); look at "
        "`management_url`, and for a proxy on the way"
    )
    assert (error.provider, error.effect) == ("azure_openai", "unknown")


def test_a_busy_account_may_be_asked_again() -> None:
    error = refusals.busy()
    assert str(error) == (
        "azure_openai: the resource is at another operation, and does one at a time; nothing was "
        "changed, try it again later"
    )
    assert (error.code, error.status_code) == ("RequestConflict", 409)
    assert (error.provider, error.retryable) == ("azure_openai", True)


class _PackageError(Exception):
    """As azure-core raises them: words of its own, and those of the answer where it has some."""

    def __init__(self, message: object = None, error: object = None) -> None:
        super().__init__("")
        self.message, self.error = message, error


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (_PackageError("m", SimpleNamespace(code="C", message="W")), ("C", "W")),
        (_PackageError("m", SimpleNamespace(code="C", message=None)), ("C", "m")),
        (_PackageError("m"), (None, "m")),
        (_PackageError(), (None, "_PackageError")),
        (OSError("x"), (None, "OSError")),
        (_PackageError("m", SimpleNamespace()), (None, "m")),
    ],
)
def test_code_and_words_of_an_error_are_found(
    error: Exception, parts: tuple[str | None, str]
) -> None:
    assert refusals.parts(error) == parts


@pytest.mark.parametrize(
    ("code", "words", "of_it"),
    [
        (None, "", True),
        ("ResourceNotFound", "accounts/a", True),
        ("ResourceNotFound", "accounts/a/deployments/d", False),
        ("DeploymentNotFound", "accounts/a", False),
    ],
)
def test_what_is_not_there_is_the_resource_or_a_deployment(
    code: str | None, words: str, of_it: bool
) -> None:
    assert refusals.of_resource(code, words) is of_it
