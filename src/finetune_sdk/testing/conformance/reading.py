"""Laws of what jobs tell, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from finetune_sdk.providers.base import CanListMetrics, CanReadLogs
from finetune_sdk.testing.conformance.bench import ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.types import JobEvent, JobStatus, Metric, Page

T = TypeVar("T")


class ReadingLaws(ConformanceBench):
    """Events, metrics, logs, and lists of jobs."""

    @law()
    def test_events_come_once_and_in_order(self, tmp_path: Path) -> None:
        """`jobs.events` tells each event of a finished job once, oldest first.

        `wait(on_event=...)` promises the same to whoever mails or logs them.
        """
        with self._client(tmp_path) as client:
            job = self._succeeded(client)
            events = list(client.jobs.events(job))
            assert events
            assert len({event.id for event in events}) == len(events)
            assert [e.created_at for e in events] == sorted(e.created_at for e in events)
            assert [JobEvent.from_json(event.to_json()) for event in events] == events

    @law()
    def test_events_are_the_same_page_by_page(self, tmp_path: Path) -> None:
        """`list_events` gives pages of at most `limit` events, newest first, and ends.

        A job of days says thousands of things; what is new is read from the newest page alone.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            paged = pages(lambda at: provider.list_events(job.id, limit=2, cursor=at), size=2)
            assert [event.id for event in paged] == [e.id for e in client.jobs.events(job)][::-1]

    @law()
    def test_events_are_followed_to_the_end_of_a_job(self, tmp_path: Path) -> None:
        """`jobs.events(follow=True)` tells all that a job says until it ends, each once.

        It is how people watch: what is said between two looks must not be lost.
        """
        with self._client(tmp_path) as client:
            # Following has no timeout: only now it is sure that a short job ends.
            self._succeeded(client)
            job = self._create(client, "short")
            followed = [event.id for event in client.jobs.events(job, follow=True)]
            assert client.jobs.get(job).status is JobStatus.SUCCEEDED
            assert followed == [event.id for event in client.jobs.events(job)]

    @law(CanListMetrics)
    def test_metrics_are_in_the_order_of_their_steps(self, tmp_path: Path) -> None:
        """`list_metrics` gives numbers with names, oldest first, and the same in pages.

        Comparisons and sweeps choose by them, by name and split.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanListMetrics)
            found = list(client.jobs.metrics(job))
            assert found
            assert [one.step for one in found] == sorted(one.step for one in found)
            assert all(one.name for one in found)
            assert [Metric.from_json(one.to_json()) for one in found] == found
            paged = pages(lambda at: provider.list_metrics(job.id, limit=3, cursor=at))
            assert list(paged) == found

    @law(CanReadLogs)
    def test_logs_can_be_read(self, tmp_path: Path) -> None:
        """`read_logs` gives the lines of the training itself, without ends of lines, and ends.

        It is the last thing to look at when a job failed.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanReadLogs)
            lines = list(client.jobs.logs(job))
            assert not any("\n" in line for line in lines)
            paged = pages(lambda at: provider.read_logs(job.id, limit=2, cursor=at))
            assert list(paged) == lines

    @law()
    def test_pages_hold_every_job_once_and_newest_first(self, tmp_path: Path) -> None:
        """`list_jobs` gives pages of at most `limit` jobs, newest first, each job once, and ends.

        What was lost is found by reading the list to its end.
        """
        with self._client(tmp_path) as client:
            made = [client.jobs.cancel(self._create(client, "endless")).id for _ in range(3)]
            provider = client.provider
            paged = pages(lambda at: provider.list_jobs(limit=1, cursor=at), size=1)
            assert [job.id for job in paged] == made[::-1]
            assert [job.id for job in client.jobs.list(limit=2)] == made[:0:-1]


def pages(read: Callable[[str | None], Page[T]], *, size: int | None = None) -> Iterator[T]:
    """All items of a list.

    Args:
        read: gives a page.
        size: no page may be longer; None is for lists that come whole from their service.
    """
    cursor: str | None = None
    for _ in range(1000):
        page = read(cursor)
        assert size is None or len(page.items) <= size, "a page is longer than its `limit`"
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
    raise AssertionError("the list does not end")
