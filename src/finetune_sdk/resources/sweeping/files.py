"""The rows are uploaded once for all trials."""

from __future__ import annotations

from collections.abc import Sequence

from finetune_sdk.resources.context import Context
from finetune_sdk.resources.drafting import Draft
from finetune_sdk.resources.submit import Files, uploaded
from finetune_sdk.resources.sweeping.drafts import Drafted
from finetune_sdk.types import JobSpec


class SharedFiles:
    """The files of a sweep: uploaded now, or by an earlier try of any of its trials."""

    def __init__(self, context: Context, found: Sequence[Drafted], key: str) -> None:
        self._context, self._found, self._key = context, found, key
        self._sent: JobSpec | None = None

    def of(self, made: Draft) -> Files:
        """Those of one trial; where a lost job is known by its file, they are its own."""
        if not self._context.provider.shares_files:
            return Files(self._context, made)
        return _Shared(self._context, made, self)

    def sent(self) -> JobSpec | None:
        """A spec with the files; None where nobody has uploaded them yet."""
        if self._sent is None:
            desk = self._context.desk()
            tries = (desk.sent(one.spec) for one in self._found)
            self._sent = next((one for one in tries if one is not None), None)
        return self._sent

    def send(self, made: Draft, spec: JobSpec) -> None:
        """Uploads them."""
        # Not under the key of a trial: a file that bears a key's mark is taken for that job's own.
        self._sent = uploaded(self._context, made, spec, key=self._key)


class _Shared(Files):
    """The files of one trial, which all have."""

    def __init__(self, context: Context, made: Draft, shared: SharedFiles) -> None:
        super().__init__(context, made)
        self._shared = shared
        self._anew = False

    def uploaded(self, spec: JobSpec) -> JobSpec:
        self._anew = self._shared.sent() is None
        if self._anew:
            self._shared.send(self.made, spec)
        sent = self._shared.sent() or spec
        files = {"training_file": sent.training_file, "validation_file": sent.validation_file}
        return spec.model_copy(update=files)

    def recheck(self) -> None:
        # What lies at the provider already is as it was, whatever becomes of the file here.
        if self._anew:
            super().recheck()
