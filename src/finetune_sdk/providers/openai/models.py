"""What can be tuned and what was, and when each ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from finetune_sdk import sunsets
from finetune_sdk.errors import NotFoundError, SunsetError, UnsupportedError
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_wire.holdings import day_of, ended_with_base, model_of
from finetune_sdk.providers._openai_wire.requests import delete, read, segment
from finetune_sdk.providers._openai_wire.values import Table, rows
from finetune_sdk.providers.openai.settings import NAME
from finetune_sdk.sunsets import Sunset, Sunsets
from finetune_sdk.transport import Clock
from finetune_sdk.types import Deployment, Inspection, Model
from finetune_sdk.types.names import base_model

_MODELS = "/models"
_FRESH = timedelta(minutes=10)
_SAID = "the API's own `shutdown_date`"


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models of an account.

    Attributes:
        sunsets: what is known of their ends where the API does not say.
        official: it is OpenAI itself, whose models that can be tuned are known by name.
    """

    talk: Talk
    clock: Clock
    sunsets: Sunsets
    official: bool

    def list(self) -> list[Model]:
        """All that can be tuned, and what was; the list has no pages."""
        said = rows(self.talk.ask(read(_MODELS)).get("data"))
        found = ended_with_base([self._of(one) for one in said])
        return [model for model in found if model is not None and self._tunable(model)]

    def get(self, model_id: str) -> Model:
        """One model.

        Raises:
            NotFoundError: there is none of that id.
        """
        model = self._of(self.talk.ask(read(f"{_MODELS}/{segment(model_id)}")))
        if model is None:
            raise NotFoundError(f"{NAME}: there is no model {model_id!r}", provider=NAME)
        return model

    def delete(self, model_id: str) -> None:
        """Deletes a fine-tuned model; it takes the role of an owner.

        Raises:
            UnsupportedError: it is a base model.
            NotFoundError: there is none of that id.
        """
        if base_model(model_id) == model_id:
            raise UnsupportedError(
                f"{model_id!r} is a base model, which is not ours to delete; nothing was sent"
            )
        self.talk.delete(delete(f"{_MODELS}/{segment(model_id)}"))

    def look(self, name: str, *, known: bool) -> Inspection:
        """When the model of a job ends, and what its caller should know.

        Args:
            name: of the base model, or of one that was made of it.
            known: ask the service for it, too.

        Raises:
            SunsetError: a job is not taken on it any more.
            NotFoundError: there is no such model.
        """
        found = self._asked(name) if known else None
        ends = self.sunsets.of(NAME, name)
        said = self._own(name).shutdown is not None
        if found is not None and not said and found.shutdown_date not in (None, ends.shutdown):
            ends = ends.model_copy(update=_by_api(found.shutdown_date, self._today()))
        if reason := sunsets.ended(ends, self._today()):
            raise SunsetError(f"{NAME} takes no job on {name!r}: {reason}; nothing was sent")
        return Inspection(
            shutdown_date=ends.shutdown,
            warnings=tuple(sunsets.warnings(ends, NAME, name, self._today())),
        )

    def until_listed(self, record: Deployment) -> None:
        """Waits until a model that was just made is there; it may take minutes.

        One that is there for longer is not asked for: its requests say what is wrong.
        """
        made = record.created_at
        if made is None or self.clock.now() - made > _FRESH:
            return
        end, pause = self.clock.monotonic() + _FRESH.total_seconds() / 2, 1.0
        while not self._listed(record.model) and self.clock.monotonic() < end:
            self.clock.sleep(pause)
            pause = min(pause * 2, 15.0)

    def _listed(self, name: str) -> bool:
        try:
            self.get(name)
        except NotFoundError:
            return False
        return True

    def _asked(self, name: str) -> Model | None:
        try:
            return self.get(name)
        except NotFoundError as error:
            if self.official or error.code == "model_not_found":
                raise NotFoundError(
                    f"{NAME}: `model` is {name!r}, and this account has no such model; "
                    "`client.models.list()` (or `finetune models list`) names those that it has",
                    provider=NAME,
                    code="model_not_found",
                    status_code=404,
                    request_id=error.request_id,
                ) from None
            return None  # Another server may list no models at all.

    def _of(self, found: Table) -> Model | None:
        model = model_of(found, provider=NAME)
        if model is None:
            return None
        ends, own = self.sunsets.of(NAME, model.id), self._own(model.id)
        said = own.shutdown or day_of(found.get("shutdown_date"))
        return model.model_copy(
            update={
                "shutdown_date": said or ends.shutdown,
                "new_jobs_end": ends.new_jobs_end,
            }
        )

    def _own(self, name: str) -> Sunset:
        """What the user knows better than the service."""
        return replace(self.sunsets, vendors=False).of(NAME, name)

    def _tunable(self, model: Model) -> bool:
        if not self.official or model.kind == "fine_tuned":
            return True
        # The list of the API has everything that answers, and does not say what can be tuned.
        return model.id in sunsets.packaged()[NAME].models

    def _today(self) -> date:
        return self.clock.now().date()


def _by_api(day: date | None, today: date) -> dict[str, object]:
    return {**Sunset(shutdown=day, source=_SAID, as_of=today).model_dump(exclude_none=True)}
