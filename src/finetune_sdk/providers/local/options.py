"""What a local job or deployment alone can say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from finetune_sdk.types.options import ProviderOptions

Precision = Literal["float32", "bfloat16", "float16"]
Parallel = Literal["ddp", "fsdp", "deepspeed"]
Attention = Literal["sdpa", "eager"]
Server = Literal["transformers", "vllm"]


class LocalOptions(ProviderOptions):
    """How to train on this machine. A field left at None is chosen from the hardware and the job.

    Attributes:
        precision: of the arithmetic; weights that are trained stay in float32.
        gradient_checkpointing: spend time to save memory.
        micro_batch_size: rows that are computed at once; the rest of `batch_size` is accumulated.
        group_by_length: put rows of like length in one batch. Less padding, but other rows meet in
            a batch, so what is learned is not the same; off by default.
        shared_prefix: compute once what the rows of a batch begin with alike, and no padding.
        labelled_only: score the tokens that carry loss, and no others.
        attention: `sdpa`, torch's own kernels, or `eager`, written out.
        lr_scheduler: `linear`, `cosine`, `constant` or another name that transformers knows.
        warmup_steps: optimizer steps until the learning rate is at its peak.
        weight_decay: of AdamW.
        max_grad_norm: longer gradients are scaled down to this norm.
        logging_steps: optimizer steps between two metrics.
        threads: CPU threads; all cores by default, shared out where several processes train.
        parallel: how several processes train together: `ddp` keeps a whole copy of the model in
            each, `fsdp` a part of it, `deepspeed` too (ZeRO; it is not tested). By default a copy
            where each device has room for one, else a part.
        save_steps: optimizer steps between two checkpoints; by default one at the end of each
            epoch and every ten minutes.
        keep_checkpoints: so many of the newest are kept, beside the best; 2 by default.
        eval_steps: optimizer steps between two measurements of the validation rows; by default
            they are measured at the end of each epoch.
        early_stopping_patience: stop after so many measurements without a better one; the best
            checkpoint is then what comes out. Needs validation rows.
        report_to: where the numbers go beside the job's own folder; the packages must be
            installed, and `wandb` and `trackio` may send the numbers out.
        chat_template: a Jinja chat template instead of the base model's own.
        trl: further fields of the method's configuration class in TRL, by name; an unknown
            one is an error.
    """

    provider: ClassVar[str] = "local"

    precision: Precision | None = None
    gradient_checkpointing: bool | None = None
    micro_batch_size: Annotated[int, Field(ge=1)] | None = None
    group_by_length: bool | None = None
    shared_prefix: bool | None = None
    labelled_only: bool | None = None
    attention: Attention | None = None
    lr_scheduler: str | None = None
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    logging_steps: Annotated[int, Field(ge=1)] | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    parallel: Parallel | None = None
    save_steps: Annotated[int, Field(ge=1)] | None = None
    keep_checkpoints: Annotated[int, Field(ge=1)] | None = None
    eval_steps: Annotated[int, Field(ge=1)] | None = None
    early_stopping_patience: Annotated[int, Field(ge=1)] | None = None
    report_to: tuple[Literal["tensorboard", "wandb", "trackio"], ...] | None = None
    chat_template: str | None = None
    trl: dict[str, JsonValue] = Field(default_factory=dict)


class LocalDeploymentOptions(ProviderOptions):
    """How to serve on this machine.

    Attributes:
        server: `vllm` answers many at a time and wants a GPU; `transformers` answers one after
            another. None is vLLM where there are a GPU and its command.
        port: on 127.0.0.1; None takes a free one.
        precision: of the weights; None is chosen from the hardware.
        threads: CPU threads; all cores by default. Not with vLLM.
        max_length: tokens of a question and its answer, at most; with vLLM, which sets memory aside
            for the model's whole context otherwise.
        gpu_memory: the share of a GPU's memory that vLLM may take; its own default is 0.9.
    """

    provider: ClassVar[str] = "local"

    server: Server | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    precision: Precision | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    max_length: Annotated[int, Field(ge=1)] | None = None
    gpu_memory: Annotated[float, Field(gt=0, le=1)] | None = None
