"""Azure OpenAI's data plane: OpenAI's service, with all that Azure does differently."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from finetune_sdk.transport import Clock
from tests.standins.azure import files, jobs, models
from tests.standins.azure.authority import Authority
from tests.standins.azure.job import Shown, Words, hex32
from tests.standins.openai import Answer, OpenAIService, StoredFile, StoredJob
from tests.standins.openai.course import metrics
from tests.standins.openai.service import ROUTES, Routes
from tests.standins.openai.wire import Json, Refusal, answered

if TYPE_CHECKING:
    from tests.standins.azure.arm import Arm

KEY = "standin0key0of0azure0123456789abcdef"
UNDER = re.compile(r"(?:/api/projects/[^/]+)?/openai/v1(/.*)")
AUDIENCES = ("https://ai.azure.com", "https://cognitiveservices.azure.com")
DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a"
    " valid key for an active subscription and use a correct regional API endpoint for your"
    " resource."
)
CODES = {
    400: "invalidPayload",
    403: "forbidden",
    404: "notFound",
    405: "notFound",
    409: "conflict",
    413: "invalidPayload",
}
JOB = ("fine_tuning", "jobs", "*")
COPY = (*JOB, "checkpoints", "*", "copy")
OWN: Routes = {
    ("POST", "files"): files.create,
    ("GET", "files"): files.listed,
    ("GET", "files", "*"): files.retrieve,
    ("POST", "fine_tuning", "jobs"): jobs.create,
    ("GET", "fine_tuning", "jobs"): jobs.listed,
    ("POST", *JOB, "pause"): jobs.pause,
    ("POST", *COPY): jobs.copy,
    ("GET", *COPY): jobs.copied,
    ("GET", "models"): models.listed,
    ("GET", "models", "*"): models.retrieve,
    ("DELETE", "models", "*"): models.delete,
    ("POST", "chat", "completions"): models.chat,
}
ALL: Routes = {**ROUTES, **OWN}
WITHOUT_UPLOADS: Routes = {key: route for key, route in ALL.items() if key[1] != "uploads"}


class AzureService(OpenAIService):
    """Azure's service of files, jobs, models and chat, by its v1 API.

    Settings hold for what is made from now on.

    Attributes:
        authority: whose tokens it lets in, besides its key.
        arm: where its deployments are. Without, none answers.
        takes_uploads: it knows `/uploads`.
        words: whose words its jobs' states are.
        metadata: what becomes of a job's metadata.
        ignores: hyperparameters that it accepts and passes over.
        shows: which hyperparameters a job shows.
        tunable: the models that jobs may start from, and what was made of them.
        largest: bytes of a file.
        resuming: seconds that a job reads `resuming`.
        copying: seconds that the copy of a checkpoint takes.
        copies: by the job's and the checkpoint's id.
        chats: answered chat calls by the deployment's name.
    """

    root: ClassVar[str] = "/openai/v1"
    new_file: ClassVar[type[StoredFile]] = files.AzureFile

    def __init__(
        self,
        clock: Clock | None = None,
        key: str = KEY,
        *,
        authority: Authority | None = None,
        uploads: bool = False,
        keep_bytes: bool = True,
        strict_files: bool = False,
        file_delay: float = 0.0,
    ) -> None:
        super().__init__(
            clock, key, keep_bytes=keep_bytes, strict_files=strict_files, file_delay=file_delay
        )
        self.authority = authority
        self.arm: Arm | None = None
        self.takes_uploads = uploads
        self.words: Words = "azure"
        self.metadata: Literal["kept", "dropped", "refused"] = "dropped"
        self.ignores: set[str] = set()
        self.shows: Shown = "all"
        self.tunable = {base.id for base in models.BASES if base.tunable}
        self.largest = 512 * 1024**2
        self.resuming = 0.0
        self.copying = 60.0
        self.copies: dict[tuple[str, str], jobs.Copy] = {}
        self.chats: Counter[str] = Counter()
        self._models = {base.id: base for base in models.BASES}

    @property
    def endpoint(self) -> str:
        """The resource's own address."""
        return self.url.removesuffix(self.root)

    def project(self, name: str) -> str:
        """What a client takes as its `base_url` for a project of the resource."""
        return f"{self.endpoint}/api/projects/{name}{self.root}"

    @property
    def routes(self) -> Routes:
        return ALL if self.takes_uploads else WITHOUT_UPLOADS

    def relative(self, path: str) -> str | None:
        found = UNDER.fullmatch(path)
        return None if found is None else found[1]

    def admit(self, headers: Mapping[str, str]) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token if scheme.lower() == "bearer" else ""
        if self.key not in (headers.get("api-key"), token) and not self._vouched(token):
            raise Refusal(401, DENIED, code="401")

    def refused(self, refusal: Refusal) -> Answer:
        status, said = refusal.answer.status, refusal.answer.json()["error"]
        code = said["code"] or CODES[status]
        own = "_" not in code
        told: Json = {"code": code if own else CODES[status], "message": said["message"]}
        if said["param"] is not None:
            told["param"] = said["param"]
        return answered({"error": {**told, "inner_error": {} if own else {"code": code}}}, status)

    def mark(self, number: int) -> dict[str, str]:
        return {"apim-request-id": f"{number:08x}-0000-4000-8000-57a2d1000000"}

    def tunes(self, model: str) -> bool:
        """Jobs may start from it."""
        return model in self.models and models.base_of(model) in self.tunable

    def deployable(self, name: str, version: str) -> bool:
        """It has a model, or a checkpoint, of this name."""
        if name in self.models or f"{name}-{version}" in self.models:
            return True
        now = self.now()
        return any(row["id"] == name for job in self.jobs.values() for row in job.checkpoints(now))

    def file_id(self) -> str:
        return f"file-{hex32(str(self.count('file')))}"

    def result(self, job: StoredJob) -> tuple[str, bytes]:
        return "results.csv", _results(job)

    def _vouched(self, token: str) -> bool:
        authority = self.authority
        return authority is not None and any(authority.valid(token, one) for one in AUDIENCES)


def _results(job: StoredJob) -> bytes:
    steps = range(1, job.course.steps + 1)
    if job.kind == "reinforcement":
        lines = ["step,train_reward_mean,valid_reward_mean"]
        lines += [f"{step},{step / 1000},{step / 1100:.4f}" for step in steps]
        return "\n".join([*lines, ""]).encode()
    lines = ["step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy"]
    for step in steps:
        cells = [f"{value}" for value in metrics(step, validated=job.validated).values()]
        lines.append(",".join([str(step), *cells, *[""] * (4 - len(cells))]))
    return "\n".join([*lines, ""]).encode()
