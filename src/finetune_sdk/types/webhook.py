"""What a provider calls to say that a job has ended."""

from __future__ import annotations

from datetime import datetime

from pydantic import computed_field

from finetune_sdk.types._base import Document
from finetune_sdk.types.job import JobStatus


class WebhookEvent(Document):
    """A signed word of a provider about a job. The job itself is read with `jobs.get`.

    Attributes:
        id: of the word; a provider may send one twice.
        job_id: of the job that it speaks of.
        status: what has become of the job.
        type: the provider's own word.
    """

    id: str
    provider: str
    profile: str | None = None
    job_id: str
    status: JobStatus
    type: str
    created_at: datetime | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def handle(self) -> str:
        """The string that finds the job from any process: `profile:id`."""
        return f"{self.profile or self.provider}:{self.job_id}"
