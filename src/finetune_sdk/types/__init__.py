"""What flows: frozen pydantic models and enums, no I/O."""

from finetune_sdk.types.checkpoint import Checkpoint
from finetune_sdk.types.cost import CostEstimate
from finetune_sdk.types.dataset import DatasetFile, DatasetReport, Finding
from finetune_sdk.types.deployment import (
    ChatReply,
    Connection,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
)
from finetune_sdk.types.grader import (
    Grader,
    GraderType,
    PythonGrader,
    StringCheckGrader,
    TextSimilarityGrader,
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
from finetune_sdk.types.leftover import Leftover
from finetune_sdk.types.method import (
    DPO,
    KTO,
    ORPO,
    BaseMethod,
    Lora,
    Method,
    MethodName,
    Reinforcement,
    Reward,
    Supervised,
    TrainOn,
)
from finetune_sdk.types.model import Model
from finetune_sdk.types.options import ProviderOptions
from finetune_sdk.types.page import Page

__all__ = [
    "DPO",
    "KTO",
    "ORPO",
    "BaseMethod",
    "ChatReply",
    "Checkpoint",
    "Connection",
    "CostEstimate",
    "DatasetFile",
    "DatasetReport",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStatus",
    "Finding",
    "Grader",
    "GraderType",
    "Handle",
    "Job",
    "JobError",
    "JobEvent",
    "JobProgress",
    "JobSpec",
    "JobStatus",
    "Leftover",
    "Lora",
    "Method",
    "MethodName",
    "Metric",
    "Model",
    "Page",
    "ProviderOptions",
    "PythonGrader",
    "Reinforcement",
    "Reward",
    "StringCheckGrader",
    "Supervised",
    "TextSimilarityGrader",
    "TrainOn",
    "parse_handle",
]
