"""Every error that a verb raises.

FineTuneError
├── ConfigurationError (ValueError)       the config, a profile, an argument
├── MissingDependencyError (ImportError)  an extra is not installed
├── UnsupportedError                      this provider cannot do it; names those that can
├── DatasetError                          rows that cannot be read
│   ├── DatasetValidationError            rows that were read and are wrong: `.report`
│   └── DatasetFileError                  a provider refused a dataset file
├── JobFailedError                        the job failed or was cancelled: `.job`, `.events`
├── JobPausedError                        somebody paused the job: `.job`
├── DeploymentFailedError                 the deployment failed: `.deployment`
├── ReapError                             what outlived its `ttl` is left: `.left`, `.reaped`
├── EvaluationStoppedError                one that is compared answers no more: `.answered`
├── WaitTimeoutError (TimeoutError)       waiting took longer than the caller allowed
├── StatusUnavailableError                no contact for 30 minutes; the job may well go on
├── SubmissionUnknownError                a create whose outcome nobody can tell
├── IdempotencyConflictError              the same key with another call
├── CostLimitError                        the estimate is over `max_cost`, or there is none
├── SunsetError                           the provider no longer takes this
└── ProviderError                         what a provider answered, or did not
    ├── AuthenticationError               401
    ├── PermissionDeniedError             403
    ├── NotFoundError                     404
    ├── ConflictError                     409
    ├── RateLimitError                    429: `.retry_after` in seconds
    ├── QuotaExceededError                429 that waiting does not mend
    ├── InvalidRequestError               400, 422: `.param`
    ├── ServerError                       5xx
    ├── ConnectionFailedError             no answer at all
    └── ResponseDecodeError               an answer that cannot be read

Every error pickles, and none carries a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from finetune_sdk.types import DatasetReport, Deployment, Job, JobEvent

Effect = Literal["none", "unknown", "done"]
"""What a failed request may have done at the provider."""


def _rebuild(cls: type[FineTuneError], message: str, state: dict[str, object]) -> FineTuneError:
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class FineTuneError(Exception):
    """Base of all. `str(error)` says what is wrong and what to do next."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), str(self), dict(self.__dict__))


class ConfigurationError(FineTuneError, ValueError):
    """The config file, a profile or an argument is wrong."""


class MissingDependencyError(FineTuneError, ImportError):
    """A package of an extra is not installed.

    Attributes:
        extra: what to install, as in `pip install "finetune-anywhere[local]"`; None where the
            package itself is to be installed.
    """

    def __init__(self, package: str, extra: str | None) -> None:
        wanted = f'"finetune-anywhere[{extra}]"' if extra else package
        super().__init__(
            f"the package `{package}` is needed for this and is not installed; "
            f"run: pip install {wanted}"
        )
        self.package = package
        self.extra = extra


class UnsupportedError(FineTuneError):
    """This provider cannot do what was asked; nothing was sent.

    Attributes:
        able: names of the providers that can.
    """

    def __init__(self, message: str, *, able: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.able = tuple(able)


class DatasetError(FineTuneError):
    """A dataset that cannot be read."""


class DatasetValidationError(DatasetError):
    """Rows that were read and are wrong. `report` has every finding."""

    SHOWN: ClassVar[int] = 5

    def __init__(self, report: DatasetReport) -> None:
        errors = [f for f in report.findings if f.severity == "error"]
        lines = [f"{report.errors} error(s) in {report.file}, {report.rows} row(s) read:"]
        lines += [f"  {finding}" for finding in errors[: self.SHOWN]]
        if report.errors > self.SHOWN:
            lines.append(f"  ... and {report.errors - self.SHOWN} more")
        super().__init__("\n".join(lines))
        self.report = report


class DatasetFileError(DatasetError):
    """A provider refused a dataset file.

    Attributes:
        code: the provider's own code, where it has one.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class JobFailedError(FineTuneError):
    """The job failed, or somebody cancelled it."""

    def __init__(self, message: str, *, job: Job, events: Sequence[JobEvent] = ()) -> None:
        super().__init__(message)
        self.job = job
        self.events = tuple(events)


class JobPausedError(FineTuneError):
    """Somebody paused the job while it was waited for, or its machine went down."""

    def __init__(self, message: str, *, job: Job) -> None:
        super().__init__(message)
        self.job = job


class DeploymentFailedError(FineTuneError):
    """The deployment failed."""

    def __init__(self, message: str, *, deployment: Deployment) -> None:
        super().__init__(message)
        self.deployment = deployment


class ReapError(FineTuneError):
    """Deployments that outlived their `ttl` could not be deleted; the others were.

    Attributes:
        reaped: those that were deleted, as they last stood.
        left: the handles of those that are left, and why each is.
    """

    def __init__(
        self, message: str, *, reaped: Sequence[Deployment], left: Mapping[str, str]
    ) -> None:
        super().__init__(message)
        self.reaped = tuple(reaped)
        self.left = dict(left)


class EvaluationStoppedError(FineTuneError):
    """One that is compared answers no more. What was answered is kept: compare again to go on.

    Attributes:
        answered: of its answers those that are here.
        total: those that are wanted.
    """

    def __init__(self, message: str, *, answered: int, total: int) -> None:
        super().__init__(message)
        self.answered = answered
        self.total = total


class WaitTimeoutError(FineTuneError, TimeoutError):
    """Waiting took longer than the caller allowed. What was waited for goes on."""


class StatusUnavailableError(FineTuneError):
    """A provider could not be reached for long. The job may well go on; the handle stays good."""

    def __init__(self, message: str, *, handle: str) -> None:
        super().__init__(message)
        self.handle = handle


class SubmissionUnknownError(FineTuneError):
    """A create was sent and nobody can tell whether it arrived."""

    def __init__(self, message: str, *, submission_id: str) -> None:
        super().__init__(message)
        self.submission_id = submission_id


class IdempotencyConflictError(FineTuneError):
    """The same idempotency key was used before, with another call."""


class CostLimitError(FineTuneError):
    """The high end of the estimate is over the limit, or there is no estimate."""


class SunsetError(FineTuneError):
    """The provider no longer takes what was asked; nothing was made.

    Attributes:
        able: names of the providers that take it.
    """

    def __init__(self, message: str, *, able: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.able = tuple(able)


class ProviderError(FineTuneError):
    """What a provider answered, or did not.

    Attributes:
        provider: its name.
        code: the provider's own code, where it has one.
        status_code: of HTTP, where there was an answer.
        request_id: what the provider's support asks for.
        retryable: the same request may work later.
        effect: what the failed request may have done there.
        retry_after: seconds to wait before another try, where the provider said so.
    """

    retryable_by_default: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        code: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        effect: Effect = "none",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.code = code
        self.status_code = status_code
        self.request_id = request_id
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.effect: Effect = effect
        self.retry_after = retry_after


class AuthenticationError(ProviderError):
    """The credential is missing, wrong or expired."""


class PermissionDeniedError(ProviderError):
    """The credential is good and may not do this."""


class NotFoundError(ProviderError):
    """No such job, file, model or deployment."""


class ConflictError(ProviderError):
    """Something of that name is there already, or is busy."""


class RateLimitError(ProviderError):
    """Too many requests; `retry_after` is in seconds, where the provider said so."""

    retryable_by_default = True


class QuotaExceededError(ProviderError):
    """A quota, a budget or a disk is used up; waiting does not mend it."""


class InvalidRequestError(ProviderError):
    """The provider refused the request; `param` names the field, where it said so."""

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        code: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        effect: Effect = "none",
        retry_after: float | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(
            message,
            provider=provider,
            code=code,
            status_code=status_code,
            request_id=request_id,
            retryable=retryable,
            effect=effect,
            retry_after=retry_after,
        )
        self.param = param


class ServerError(ProviderError):
    """The provider failed."""

    retryable_by_default = True


class ConnectionFailedError(ProviderError):
    """The provider could not be reached, or the answer got lost."""

    retryable_by_default = True


class ResponseDecodeError(ProviderError):
    """The provider's answer cannot be read."""

    retryable_by_default = True
