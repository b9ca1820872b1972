"""What a grader cannot do."""

from __future__ import annotations


class GraderError(ValueError):
    """A grader that cannot grade; says which and why."""


class MissingFieldError(GraderError):
    """A template names a field that the row does not have."""


class UngradableError(GraderError):
    """The answer lacks what the grader looks at: it is graded 0, since a model may write so."""
