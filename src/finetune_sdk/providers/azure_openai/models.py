"""What can be tuned and what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from finetune_sdk import sunsets
from finetune_sdk.errors import ConflictError, NotFoundError, SunsetError, UnsupportedError
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_wire.holdings import ended_with_base, model_of
from finetune_sdk.providers._openai_wire.requests import delete, read, segment
from finetune_sdk.providers._openai_wire.values import Table, moment, rows, table
from finetune_sdk.providers.azure_openai.settings import NAME
from finetune_sdk.sunsets import Sunsets
from finetune_sdk.types import Model
from finetune_sdk.types.names import base_model

_MODELS = "/models"
_SAID = "the service's own list of models"
_AHEAD = 730
"""Days; nobody need be warned earlier."""


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models of a resource.

    Attributes:
        sunsets: what the user knows of their ends; it wins over what the service says.
    """

    talk: Talk
    sunsets: Sunsets

    def all(self) -> list[Model]:
        """All that can be tuned, as far as the service says, and what was; it has no pages."""
        found = rows(self.talk.ask(read(_MODELS)).get("data"))
        models = ended_with_base([self._of(one) for one in found])
        tunable = map(_can_be_tuned, found)
        pairs = zip(models, tunable, strict=True)
        return [model for model, can in pairs if model is not None and can is not False]

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
        """Deletes a fine-tuned model.

        Raises:
            ConflictError: it is deployed.
            UnsupportedError: it is a base model.
            NotFoundError: there is none of that id.
        """
        if base_model(model_id) == model_id:
            raise UnsupportedError(
                f"{model_id!r} is a base model, which is not ours to delete; nothing was sent"
            )
        try:
            self.talk.delete(delete(f"{_MODELS}/{segment(model_id)}"))
        except ConflictError as error:
            raise ConflictError(
                f"{error}; a model that is deployed is not deleted: `deployments.delete` first",
                provider=NAME,
                code=error.code,
                status_code=error.status_code,
                request_id=error.request_id,
            ) from None

    def ends(self, name: str, now: datetime) -> tuple[date | None, list[str]]:
        """The day on which a model ends, and what its caller should know.

        Raises:
            SunsetError: a job is not taken on it any more.
        """
        found, words = self._asked(name)
        today, own = now.date(), self.sunsets.of(NAME, name)
        ends = own
        if own.shutdown is None and found and found.shutdown_date:
            said = {"shutdown": found.shutdown_date, "source": _SAID, "as_of": today}
            ends = own.model_copy(update=said)
        if reason := sunsets.ended(ends, today):
            raise SunsetError(f"{NAME} takes no job on {name!r}: {reason}; nothing was sent")
        words += sunsets.warnings(ends, NAME, name, today)
        last = found.new_jobs_end if found and own.new_jobs_end is None else None
        return ends.shutdown, words + _until(name, last, today)

    def _asked(self, name: str) -> tuple[Model | None, list[str]]:
        try:
            return self.get(name), []
        except NotFoundError:
            # Nobody has seen yet whether the list has every model that a resource can tune.
            return None, [
                f"`model` is {name!r}, which this resource does not list: if the job is refused, "
                "look at its name and version, and at the resource's region"
            ]

    def _of(self, found: Table) -> Model | None:
        model = model_of(found, provider=NAME)
        if model is None:
            return None
        own, ends = self.sunsets.of(NAME, model.id), table(found.get("deprecation"))
        return model.model_copy(
            update={
                "created_at": model.created_at or moment(found.get("created_at")),
                "shutdown_date": own.shutdown or _day(ends.get("inference")),
                "new_jobs_end": own.new_jobs_end or _day(ends.get("fine_tune")),
            }
        )


def _until(name: str, last: date | None, today: date) -> list[str]:
    """What the end of a model's training means, which is another day than that of its answers.

    Raises:
        SunsetError: it is over.
    """
    if last is None or (last - today).days > _AHEAD:
        return []
    if last <= today:
        raise SunsetError(
            f"{NAME} takes no job on {name!r} since {last} (source: {_SAID}); nothing was sent"
        )
    return [f"no job is taken on {name!r} from {last} on (source: {_SAID})"]


def _can_be_tuned(found: Table) -> bool | None:
    """What the service says of a base model; None of all others."""
    said = table(found.get("capabilities")).get("fine_tune")
    return (
        said
        if isinstance(said, bool) and base_model(str(found.get("id"))) == found.get("id")
        else None
    )


def _day(value: object) -> object:
    at = moment(value)
    return at.astimezone(UTC).date() if at else None
