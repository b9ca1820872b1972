"""Inkwell, as finetune-anywhere sees it."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from pydantic import BaseModel

from finetune_inkwell import wire
from finetune_inkwell.wire import NAME, page, page_of, study
from finetune_sdk import Dataset
from finetune_sdk.errors import ConflictError, IdempotencyConflictError
from finetune_sdk.providers.base import (
    CanEstimate,
    CanFindJob,
    CanListMetrics,
    Capabilities,
    FineTuneProvider,
    MethodSupport,
    ProviderSettings,
    Rows,
    read_profile,
)
from finetune_sdk.transport import (
    SYSTEM_CLOCK,
    Answer,
    Attempt,
    Clock,
    Credential,
    Request,
    Service,
    address,
    upload_seconds,
)
from finetune_sdk.types import (
    CostEstimate,
    DatasetFile,
    Job,
    JobEvent,
    JobSpec,
    MethodName,
    Metric,
    NoEstimate,
    Page,
)

URL = "https://api.inkwell.example/v1"
CENTS_PER_LINE, PRICED, USUAL_PASSES = 0.04, date(2026, 11, 1), 3
READS = frozenset({"epochs", "batch_size", "learning_rate"})


class Settings(BaseModel, extra="forbid"):
    """What may stand in a profile."""

    api_key_env: str = "INKWELL_API_KEY"
    base_url: str = URL


class InkwellProvider(FineTuneProvider, CanFindJob, CanListMetrics, CanEstimate):
    """Fine-tunes at Inkwell."""

    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods={MethodName.SUPERVISED: MethodSupport(hyperparameters=READS)},
        fields=frozenset({"suffix", "metadata", "validation_data"}),
        notes={"deployments": "Inkwell serves no models"},
    )
    well_known_hosts: ClassVar[frozenset[str]] = frozenset({"api.inkwell.example"})
    shares_files: ClassVar[bool] = True

    def __init__(
        self, *, api_key: str | None = None, base_url: str = URL, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        import httpx2

        words = "there is no key; set INKWELL_API_KEY, or the variable that `api_key_env` names"
        key = Credential(api_key, source="`api_key` or the environment", missing=words)
        self._url, self._clock = address(base_url, word="base_url", example=URL), clock
        self._http = httpx2.Client(follow_redirects=False)
        self._service = Service(
            self._url, self._send, wire.fault_of, provider=NAME, key=key, clock=clock
        )

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> InkwellProvider:
        said = read_profile(Settings, settings.values, provider=NAME)
        return cls(api_key=settings.environ.get(said.api_key_env), base_url=said.base_url)

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def account(self) -> str:
        return self._url

    def close(self) -> None:
        self._http.close()

    def _send(self, request: Request, attempt: Attempt) -> Answer:
        with self._http.stream(
            request.method,
            self._url + request.path,
            headers={**request.headers, "Inkwell-Key": attempt.key},
            params=request.query,
            json=request.body,
            content=request.content,
            timeout=attempt.seconds,
        ) as got:
            return Answer(got.status_code, got.headers, attempt.read(got.iter_bytes()))

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        rows = b"".join(line + b"\n" for line in dataset.lines())
        begun = Request("upload", "POST", "/scrolls", body={"title": dataset.name, "mark": key})
        scroll = self._service.ask(begun, lambda answer: str(answer["scroll"]))
        path, seconds = f"/scrolls/{scroll}/ink", upload_seconds(len(rows))
        filled = Request("upload", "PUT", path, content=rows, seconds=seconds)
        lines = self._service.ask(filled, lambda answer: int(answer["lines"]))
        return DatasetFile(id=scroll, name=dataset.name, rows=lines, bytes=len(rows))

    def create_job(self, spec: JobSpec, /) -> Job:
        try:
            return self._service.ask(wire.new_study(spec), wire.job_of)
        except ConflictError as error:
            made = self.find_jobs(spec.key, spec=spec) if error.code == wire.TAKEN else []
            if not made:
                raise
            return made[0]

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        asked = page("/studies", 100, None, mark=key)
        listed = self._service.ask(asked, page_of("studies", wire.job_of))
        found = [job for job in listed.items if job.raw["mark"] == key]
        if spec is not None and any(job.raw["call"] != spec.call for job in found):
            raise IdempotencyConflictError(f"the key {key!r} has made a job of another call")
        return found

    def get_job(self, job_id: str, /) -> Job:
        return self._service.ask(Request("read", "GET", study(job_id)), wire.job_of)

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        return self._service.ask(page("/studies", limit, cursor), page_of("studies", wire.job_of))

    def cancel_job(self, job_id: str, /) -> Job:
        return self._service.ask(Request("put", "POST", study(job_id, "/strike")), wire.job_of)

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        asked = page(study(job_id, "/diary"), limit, cursor)
        return self._service.ask(asked, page_of("entries", wire.event_of))

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        asked = page(study(job_id, "/readings"), limit, cursor)
        return self._service.ask(asked, page_of("readings", wire.metric_of))

    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        if rows.count is None:
            return NoEstimate(reason="nobody has counted the rows")
        lines = rows.count * (spec.method.epochs or USUAL_PASSES)
        cost, source = lines * CENTS_PER_LINE / 100, f"{lines:g} lines at {CENTS_PER_LINE} cents"
        return CostEstimate(low=cost, high=cost, source=source, as_of=PRICED)
