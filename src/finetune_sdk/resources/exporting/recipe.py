"""A job in the words of `finetune run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from finetune_sdk.resources.guard import RATES
from finetune_sdk.types import Job
from finetune_sdk.types.names import base_model

NAME = "recipe.yaml"


def text_of(job: Job, files: Mapping[str, str]) -> str:
    """The recipe as YAML.

    Args:
        job: that was exported.
        files: names of its files in the folder, by `training` and `validation`.
    """
    words: dict[str, object] = {"model": job.model, **dict(_data(job, files))}
    method = _method(job)
    optional = {
        "method": method or None,
        "suffix": job.suffix,
        "seed": job.seed,
        "metadata": dict(job.metadata) or None,
        # A rate and a factor on a provider's own are not read everywhere: left out there, and told.
        "strict": False if RATES & method.keys() else None,
    }
    words |= {name: value for name, value in optional.items() if value is not None}
    # Newer stubs of PyYAML leave a part of its type open.
    body = yaml.safe_dump(words, sort_keys=False, allow_unicode=True, width=100)  # pyright: ignore[reportUnknownMemberType]
    # A name from outside with a line end in it must not get out of its comment.
    told = ("".join(c for c in line if c.isprintable()) for line in _comments(job, method, files))
    comments = (f"# {line}".rstrip() for line in told)
    return "\n".join((*comments, body))


def _data(job: Job, files: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for role, file in (("training", job.training_file), ("validation", job.validation_file)):
        if role in files:
            yield f"{role}_data", files[role]
        elif file is not None:
            yield f"{role}_data", {"id": file.id}


def _method(job: Job) -> dict[str, object]:
    if job.method is None:
        return {}
    dumped = job.method.model_dump(mode="json", exclude_none=True, exclude={"type"})
    return {"type": job.method.name.value, **{name: _plain(dumped[name]) for name in dumped}}


def _plain(value: object) -> object:
    # Passes are a fraction with us; three of them are 3 for people.
    return int(value) if isinstance(value, float) and not value % 1 else value


def _comments(job: Job, method: Mapping[str, object], files: Mapping[str, str]) -> Iterator[str]:
    yield f"The job {job.handle}, as it was. `finetune migrate` makes it again elsewhere and says"
    yield "what becomes of each word of it; from the folder that holds this file:"
    yield ""
    yield "    finetune migrate . --to local --model HuggingFaceTB/SmolLM2-135M-Instruct"
    yield ""
    yield "This file is for changing those words first. As they are, with a model of that place:"
    yield ""
    yield f"    finetune run {NAME} --profile local --model HuggingFaceTB/SmolLM2-135M-Instruct"
    yield ""
    yield f'or say once which model stands for it: [models."{job.model}"] in finetune.toml.'
    if base_model(job.model) != job.model:
        yield f"The model was itself made of {base_model(job.model)}."
    if job.method is None:
        yield "How it learned could not be read; job.json has it in the provider's own words."
    if {"batch_size", "learning_rate_multiplier"} & method.keys():
        yield "The hyperparameters are those in effect; the provider may have chosen some of them"
        yield "itself, for its own model: leave those out elsewhere."
    if rates := sorted(RATES & method.keys()):
        yield f"strict is false: where `{rates[0]}` is not read it is left out, and the job"
        yield f"says so. Set `{next(iter(RATES - {rates[0]}))}` to choose one there."
    if "training" not in files:
        yield "The rows could not be had (lineage.json says why): give your own file here."
