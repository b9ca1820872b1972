"""The processes that train a job together, as its creator settled it.

It lies in the job's folder, so that whoever wakes or resumes the job, with other settings or none,
starts as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Record
from finetune_sdk.providers.local.jobs.slots import Slot
from finetune_sdk.providers.local.options import Parallel

_EACH = "one for each GPU that this machine shows"
_ALONE = "because this machine shows no GPU; `processes` asks for more"
_ASKED = "as `processes` says"


class Team(Record):
    """How a job is launched, where that is not as one process.

    Attributes:
        processes: that train together.
        why: there are so many, in words.
        parallel: how they keep the model, as the look at the job has found; None where nothing
            was looked at.
    """

    processes: int = Field(ge=1)
    why: str = ""
    parallel: Parallel | None = None

    def found(self, settings: Mapping[str, str]) -> Team:
        """The same, with what was found out about the job."""
        name = settings.get("parallel", "").partition(",")[0]
        return self.model_validate({**self.model_dump(), "parallel": name or None})

    @property
    def settings(self) -> dict[str, str]:
        """What is told of it."""
        return {"launcher": "torchrun", "processes": f"{self.processes}, {self.why}"}


def processes_of(folder: JobFolder) -> int:
    """How many processes train a job together.

    Raises:
        ValueError: its folder does not say it in words that can be understood.
    """
    team = Team.of(folder)
    return team.processes if team else 1


def team_of(processes: int | None, machine: Sequence[Slot]) -> Team:
    """The processes of a new job.

    Args:
        processes: that were asked for; None is one for each GPU.
        machine: what there is to train on.

    Raises:
        ConfigurationError: there are not so many GPUs.
    """
    gpus = sum(slot.device is not None for slot in machine)
    if processes is None:
        return Team(processes=gpus or 1, why=_EACH if gpus else _ALONE)
    if gpus and processes > gpus:
        raise ConfigurationError(
            f"`processes` is {processes}, and this machine shows {gpus} GPU(s), of which each "
            f"process needs one; set it to {gpus} or less, or leave it out to use all of them "
            "(CUDA_VISIBLE_DEVICES may hide some)"
        )
    return Team(processes=processes, why=_ASKED)
