"""A job's words, and all that the Hub knows of them, as one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from finetune_sdk import autotrain
from finetune_sdk.errors import ConfigurationError, ConflictError, UnsupportedError
from finetune_sdk.providers.autotrain.choosing import base_model, estimate, machines, rights, rows
from finetune_sdk.providers.autotrain.choosing.base_model import BaseModel
from finetune_sdk.providers.autotrain.choosing.engine import Decided, decide
from finetune_sdk.providers.autotrain.choosing.estimate import Load
from finetune_sdk.providers.autotrain.choosing.rows import Rows
from finetune_sdk.providers.autotrain.hub import Hub, repos
from finetune_sdk.providers.autotrain.options import AutoTrainOptions
from finetune_sdk.providers.autotrain.order import Machine, Order
from finetune_sdk.providers.autotrain.record import KEY, LABEL, mark
from finetune_sdk.providers.autotrain.runners.jobinfo import labels as labels_of
from finetune_sdk.providers.autotrain.runners.truth import is_weights
from finetune_sdk.providers.autotrain.settings import NAME, AutoTrainSettings, Images
from finetune_sdk.types import NOT_SENT, DatasetFile, JobSpec, Span

EVERY = 5
"""Optimizer steps between two measurements, where nobody says it; few rows are measured at each."""
_FEW = 2**20

_HALF = ("A10G", "L4", "A100", "H100", "H200", "L40S", "RTX PRO 6000")
"""Accelerators that compute in bfloat16."""


class Sizes(NamedTuple):
    """Bytes of rows that are not sent yet, where known."""

    training: int | None = None
    validation: int | None = None


UNKNOWN = Sizes()


class Orders:
    """Makes orders at one Hub, for one profile."""

    def __init__(self, hub: Hub, profile: AutoTrainSettings, images: Images) -> None:
        self._hub, self._profile, self._images = hub, profile, images

    def check_rights(self) -> None:
        """Whether the token may start jobs here.

        Raises:
            PermissionDeniedError: it may not.
        """
        needs = (rights.WRITE, rights.JOBS)
        rights.check(self._hub, needs=needs if self._profile.runner == "jobs" else needs[:1])

    def make(self, spec: JobSpec, *, sizes: Sizes = UNKNOWN, settled: Order | None = None) -> Order:
        """The order of a job.

        Args:
            sizes: of the rows that are not sent yet.
            settled: the order of the same job that its price was told by. Its hardware and its
                timeout hold.

        Raises:
            FineTuneError: the job would be refused, or would fail.
        """
        options = AutoTrainOptions.model_validate(spec.options)
        base = base_model.look(self._hub, spec.model)
        decided = decide(options.engine or self._profile.engine, spec, base, self._profile.runner)
        self._check_revision(spec)
        training = rows.look(self._hub, spec.training_file)
        sent = spec.training_file != NOT_SENT
        # Before rows are looked at, only what does not depend on them is decided.
        bytes_ = _size(spec.training_file, training) or sizes.training or (None if sent else 0)
        measured = self._validation(spec)
        load = _load(spec, options, base, bytes_, _measured(spec, measured, sizes))
        machine, why = self._machine(options, load) if settled is None else self._again(settled)
        took = estimate.seconds(load, machine)
        ended = self._ended(options, took) if settled is None else settled.seconds
        project = project_of(spec, options)
        mapped = self._mapped(spec, options, decided, machine, training)
        counted = _counted(mapped.spec, EVERY if (bytes_ or _FEW) >= _FEW else 1)
        lost = mapped.lost if decided.engine == "autotrain" else _left_out(spec, counted)
        return Order(
            spec=spec,
            namespace=self._hub.namespace,
            project=project,
            engine=decided.engine,
            machine=machine,
            seconds=ended,
            image=options.image or self._image(decided),
            description=counted,
            revision=base.revision,
            settings={
                **mapped.settings,
                "runner": self._profile.runner,
                **_told(decided, machine, why, ended, self._hub.namespace, project),
                **self._container(options, decided),
                **_train_on(spec, decided),
                "logging_steps": str(counted.llm.logging_steps),
            },
            warnings=(
                *lost,
                *_columns((training, measured), mapped.spec),
                *_size_warnings(base, took),
                *_doubts(load, machine, took, ended),
            ),
            took=took,
        )

    def _mapped(
        self,
        spec: JobSpec,
        options: AutoTrainOptions,
        decided: Decided,
        machine: Machine,
        training: Rows | None,
    ) -> autotrain.Mapped:
        """The job in AutoTrain's words."""
        choices = autotrain.Choices(
            gpus=max(machine.gpus, 1),
            mixed_precision=_precision(machine),
            engine=decided.engine,
        )
        return autotrain.of_job(
            spec,
            project=project_of(spec, options),
            username=self._hub.namespace,
            data=training.repo if training else spec.training_file.id,
            columns=options.columns if training is None or training.file is None else None,
            choices=choices,
            train_split=_split(training),
            valid_split="validation" if spec.validation_file else None,
            backend=f"spaces-{machine.name}",
        )

    def rows(self, order: Order) -> Mapping[str, Rows]:
        """Where the rows of an order lie, by what they are for."""
        files = {"train": order.spec.training_file, "validation": order.spec.validation_file}
        return {
            name: found
            for name, file in files.items()
            if file is not None and (found := rows.look(self._hub, file)) is not None
        }

    def _check_revision(self, spec: JobSpec) -> None:
        """Refuses rows of another commit than the newest, which a Space cannot be told of."""
        repo, words = rows.parts(spec.training_file.id)
        if self._profile.runner != "jobs" and (revision := words.get("revision")) is not None:
            raise UnsupportedError(
                f"{NAME}: the rows are those of {repo!r} at {revision!r:.80}, and on a Space "
                'AutoTrain reads the newest commit of a dataset alone; write `runner = "jobs"`, or '
                "leave `revision` out. Nothing was started"
            )

    def _validation(self, spec: JobSpec) -> Rows | None:
        return None if spec.validation_file is None else rows.look(self._hub, spec.validation_file)

    def _image(self, decided: Decided) -> str:
        return self._images.trl if decided.engine == "trl" else self._images.autotrain

    def _container(self, options: AutoTrainOptions, decided: Decided) -> dict[str, str]:
        """The container, where it is another one than ours: it gets the token."""
        image = options.image or self._image(decided)
        usual = Images()
        return {} if image in (usual.trl, usual.autotrain) else {"image": image}

    def _again(self, settled: Order) -> tuple[Machine, str]:
        """The hardware that the price was told by, at no higher price."""
        machine, before = machines.named(machines.listed(self._hub), settled.machine.name), settled
        now, then = machine.per_hour, before.machine.per_hour
        if now is None or (then is not None and now > then):
            raise ConflictError(
                f"{NAME}: {machine.name!r} was {then} US dollars an hour when its price was "
                f"looked up, and is {now} by now; nothing was started. Create it again",
                provider=NAME,
                code="price_changed",
            )
        return machine, before.settings["hardware"].rpartition("; ")[2]

    def _machine(self, options: AutoTrainOptions, load: Load) -> tuple[Machine, str]:
        found = machines.listed(self._hub)
        wish = options.hardware or self._profile.hardware
        if wish is not None:
            machine = machines.named(found, wish)
            _check_quantization(options, machine)
            return machine, "as you said"
        return machines.cheapest(found, load), "estimated to cost least of those that hold it"

    def _ended(self, options: AutoTrainOptions, took: Span | None) -> float:
        ended = options.timeout or self._profile.job_timeout or estimate.timeout(took)
        if ended is None:
            raise ConfigurationError(
                f"{NAME}: nobody can tell how long the job takes, and it has to end some time: "
                "without a `timeout` the Hub ends it after 30 minutes, and what it has learned "
                "goes with it. Say `timeout` in seconds, as in "
                "`options=[AutoTrainOptions(timeout=4 * 3600)]`, or `job_timeout` in the profile"
            )
        return ended

    def check_free(self, spec: JobSpec) -> None:
        """A name that somebody has said is not that of a model, or of a job that runs.

        Raises:
            ConflictError: it is.
        """
        name = spec.options.get("project_name")
        if name is None:
            return
        repo = f"{self._hub.namespace}/{name}"
        found = self._hub.find(lambda api: _names(api, repo), what=f"the model {repo!r}")
        # AutoTrain itself fails on any repository, even an empty one; our program does not.
        if found is not None and (self._profile.runner != "jobs" or any(map(is_weights, found))):
            raise _taken(str(name), f"there is a model {repo!r}")
        if self._profile.runner == "jobs" and (other := self._at_work(str(name), spec.key)):
            raise _taken(str(name), f"the job {other} learns under it")

    def _at_work(self, project: str, key: str) -> str | None:
        """A job of another key that has not ended, and will put its model in the same place."""
        namespace = self._hub.namespace
        wanted = {LABEL: "1", "name": project}
        found: list[Any] = self._hub.ask(
            "read",
            lambda api: [*api.list_jobs(namespace=namespace, labels=wanted)],
            what=f"the jobs of {namespace!r}",
        )
        live = (one for one in found if str(one.status.stage) in ("SCHEDULING", "RUNNING"))
        ids = (str(one.id) for one in live if _is_rival(one, project, key))
        return next(ids, None)


def _is_rival(found: Any, project: str, key: str) -> bool:
    held = labels_of(found)
    return held.get("name") == project and held.get(KEY) != mark(key)


def _taken(name: str, why: str) -> ConflictError:
    return ConflictError(
        f"{NAME}: the project name {name!r} is taken: {why}; give another `project_name`. Nothing "
        "was started",
        provider=NAME,
        code="project_taken",
    )


def _names(api: Any, repo: str) -> list[str]:
    return repos.names(api.model_info(repo))


def _counted(description: autotrain.AutoTrainSpec, every: int) -> autotrain.AutoTrainSpec:
    """With a number in place of AutoTrain's own choice, so that each measurement has its step."""
    if description.llm.logging_steps > 0:
        return description
    params = description.llm.model_copy(update={"logging_steps": every})
    return description.model_copy(update={"params": params})


def project_of(spec: JobSpec, options: AutoTrainOptions) -> str:
    """The name of a job's project: what is said, or one that the key makes unlike others."""
    return options.project_name or autotrain.project_name(spec.suffix, spec.model, spec.key)


def _size(file: DatasetFile, found: Rows | None) -> int | None:
    return file.bytes or (found.bytes if found else None)


def _measured(spec: JobSpec, found: Rows | None, sizes: Sizes) -> int:
    file = spec.validation_file
    return 0 if file is None else _size(file, found) or sizes.validation or 0


def _load(
    spec: JobSpec, options: AutoTrainOptions, base: BaseModel, bytes_: int | None, measured: int
) -> Load:
    return Load(
        parameters=base.parameters,
        adapters=spec.method.lora is not False,
        quantization=options.quantization,
        bytes=bytes_,
        measured=measured,
        epochs=spec.method.epochs or 1.0,
    )


def _split(training: Rows | None) -> str:
    if training is None or training.file is not None:
        return "train"
    return f"{training.config}:{training.split}" if training.config else training.split


def _precision(machine: Machine) -> Literal["bf16", "fp16"] | None:
    if machine.gpus == 0:
        return None
    return "bf16" if any(name in machine.accelerator.upper() for name in _HALF) else "fp16"


def _check_quantization(options: AutoTrainOptions, machine: Machine) -> None:
    if options.quantization in ("int4", "int8") and machine.gpus == 0:
        raise UnsupportedError(
            f"{NAME}: `quantization` is {options.quantization!r}, which needs a CUDA GPU, and "
            f"{machine.name!r} has none; choose another `hardware`, or leave it out"
        )


def _told(
    decided: Decided, machine: Machine, why: str, ended: float, namespace: str, project: str
) -> dict[str, str]:
    price = f", {machine.per_hour:.2f} US dollars an hour" if machine.per_hour is not None else ""
    return {
        "engine": f"{decided.engine}; {decided.why}",
        "hardware": f"{machine.name}{price}; {why}",
        "timeout": f"{_long(ended)}, when the job is ended",
        "repository": f"{namespace}/{project}, private",
    }


def _long(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _doubts(load: Load, machine: Machine, took: Span | None, ended: float) -> Iterator[str]:
    """What most likely ends without a model, and costs all the same."""
    if took is not None and ended < took.low:
        yield (
            f"the job is ended after {_long(ended)}, and is estimated to take {_long(took.low)} at "
            "least: it would be ended before it has a model; say a longer `timeout`, or a faster "
            "`hardware`"
        )
    room = machine.memory * max(machine.gpus, 1)
    if load.parameters and room and load.memory > room:
        yield (
            f"{machine.name!r} has {room / 1e9:.0f} GB, and the job is estimated to need "
            f"{load.memory / 1e9:.0f} GB: it would run out of memory; say a larger `hardware`, "
            'learn with LoRA, or write `quantization="int4"`'
        )


def _train_on(spec: JobSpec, decided: Decided) -> dict[str, str]:
    """What is learned where nobody says it: the engines differ."""
    if spec.method.name != "supervised" or getattr(spec.method, "train_on", None) is not None:
        return {}
    if decided.engine == "trl":
        return {"train_on": "assistant, what TRL does"}
    return {"train_on": "all, what AutoTrain does"}


def _left_out(spec: JobSpec, description: autotrain.AutoTrainSpec) -> Iterator[str]:
    """What TRL does not do of what was asked; what it cannot do at all is refused by this.

    Raises:
        ConfigurationError: the rows have other columns than TRL reads.
        UnsupportedError: no argument of TRL says it.
    """
    run = description.to_trl(train_on=getattr(spec.method, "train_on", None))
    # The others tell of AutoTrain's own ways, which nobody has asked for.
    return (note for note in run.notes if note.startswith("`"))


def _columns(held: Iterable[Rows | None], description: autotrain.AutoTrainSpec) -> Iterator[str]:
    wanted = [name for name in description.data.column_mapping.values() if isinstance(name, str)]
    for one in held:
        warning = None if one is None else rows.check_columns(one, wanted)
        if warning is not None:
            yield warning


def _size_warnings(base: BaseModel, took: Span | None) -> Iterator[str]:
    if base.parameters is None:
        yield f"the Hub does not say how large {base.id!r} is, so nobody can tell how long it takes"
    elif took is None:
        yield "nobody can tell how long the job takes"
