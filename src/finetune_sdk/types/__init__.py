"""What flows: frozen pydantic models and enums, no I/O."""

from finetune_sdk.types.cost import CostEstimate
from finetune_sdk.types.dataset import DatasetFile, DatasetReport, Finding
from finetune_sdk.types.deployment import (
    ChatReply,
    Connection,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
)
from finetune_sdk.types.handle import Handle, parse_handle
from finetune_sdk.types.job import (
    Job,
    JobError,
    JobEvent,
    JobProgress,
    JobSpec,
    JobStatus,
    Metric,
)
from finetune_sdk.types.method import Lora, Method, MethodName, Supervised, TrainOn
from finetune_sdk.types.model import Model
from finetune_sdk.types.options import ProviderOptions
from finetune_sdk.types.page import Page

__all__ = [
    "ChatReply",
    "Connection",
    "CostEstimate",
    "DatasetFile",
    "DatasetReport",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStatus",
    "Finding",
    "Handle",
    "Job",
    "JobError",
    "JobEvent",
    "JobProgress",
    "JobSpec",
    "JobStatus",
    "Lora",
    "Method",
    "MethodName",
    "Metric",
    "Model",
    "Page",
    "ProviderOptions",
    "Supervised",
    "TrainOn",
    "parse_handle",
]
