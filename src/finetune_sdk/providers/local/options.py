"""What a local job or deployment alone can say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from finetune_sdk.types.options import ProviderOptions

Precision = Literal["float32", "bfloat16", "float16"]


class LocalOptions(ProviderOptions):
    """How to train on this machine. A field left at None is chosen from the hardware and the job.

    Attributes:
        precision: of the arithmetic; weights that are trained stay in float32.
        gradient_checkpointing: spend time to save memory.
        micro_batch_size: rows that are computed at once; the rest of `batch_size` is accumulated.
        group_by_length: put rows of like length in one batch; less padding, same loss terms.
        lr_scheduler: `linear`, `cosine`, `constant` or another name that transformers knows.
        warmup_steps: optimizer steps until the learning rate is at its peak.
        weight_decay: of AdamW.
        max_grad_norm: longer gradients are scaled down to this norm.
        logging_steps: optimizer steps between two metrics.
        threads: CPU threads; all cores by default.
        chat_template: a Jinja chat template instead of the base model's own.
        trl: further fields of TRL's `SFTConfig`, by name; an unknown one is an error.
    """

    provider: ClassVar[str] = "local"

    precision: Precision | None = None
    gradient_checkpointing: bool | None = None
    micro_batch_size: Annotated[int, Field(ge=1)] | None = None
    group_by_length: bool | None = None
    lr_scheduler: str | None = None
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    logging_steps: Annotated[int, Field(ge=1)] | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    chat_template: str | None = None
    trl: dict[str, JsonValue] = Field(default_factory=dict)


class LocalDeploymentOptions(ProviderOptions):
    """How to serve on this machine.

    Attributes:
        port: on 127.0.0.1; None takes a free one.
        precision: of the weights; None is chosen from the hardware.
        threads: CPU threads; all cores by default.
    """

    provider: ClassVar[str] = "local"

    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    precision: Precision | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
