"""What flows: frozen pydantic models and enums, no I/O."""

from finetune_sdk.types.checkpoint import Checkpoint
from finetune_sdk.types.cost import CostEstimate, NoEstimate
from finetune_sdk.types.dataset import (
    NOT_SENT,
    Bin,
    ConversionReport,
    DatasetFile,
    DatasetReport,
    Finding,
    HubDataset,
    Loss,
    Mend,
    MendReport,
    RowFormat,
    TokenReport,
)
from finetune_sdk.types.deployment import (
    ChatReply,
    Connection,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
)
from finetune_sdk.types.export import ExportedFile, ExportedJob, Gap, Lineage
from finetune_sdk.types.grader import (
    Grader,
    GraderMessage,
    GraderType,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
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
from finetune_sdk.types.plan import Inspection, LocalRows, Plan, PlannedJob, Span
from finetune_sdk.types.token import TokenPiece
from finetune_sdk.types.webhook import WebhookEvent

__all__ = [
    "DPO",
    "KTO",
    "NOT_SENT",
    "ORPO",
    "BaseMethod",
    "Bin",
    "ChatReply",
    "Checkpoint",
    "Connection",
    "ConversionReport",
    "CostEstimate",
    "DatasetFile",
    "DatasetReport",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStatus",
    "ExportedFile",
    "ExportedJob",
    "Finding",
    "Gap",
    "Grader",
    "GraderMessage",
    "GraderType",
    "Handle",
    "HubDataset",
    "Inspection",
    "Job",
    "JobError",
    "JobEvent",
    "JobProgress",
    "JobSpec",
    "JobStatus",
    "LabelModelGrader",
    "Leftover",
    "Lineage",
    "LocalRows",
    "Lora",
    "Loss",
    "Mend",
    "MendReport",
    "Method",
    "MethodName",
    "Metric",
    "Model",
    "MultiGrader",
    "NoEstimate",
    "Page",
    "Plan",
    "PlannedJob",
    "ProviderOptions",
    "PythonGrader",
    "Reinforcement",
    "Reward",
    "RowFormat",
    "ScoreModelGrader",
    "Span",
    "StringCheckGrader",
    "Supervised",
    "TextSimilarityGrader",
    "TokenPiece",
    "TokenReport",
    "TrainOn",
    "WebhookEvent",
    "parse_handle",
]
