"""Azure OpenAI as a state machine on loopback: tokens, the data plane, and Resource Manager.

    with Azure(clock, tmp_path) as azure:
        client = openai.OpenAI(api_key=azure.data.key, base_url=azure.data.url)

Jobs go by the clock and by their `JobCourse`, deployments by the settings of `Arm`; a `Fault` of
the stand-in of OpenAI is what goes wrong, at each of the three. A `Reply` without a body is
worded as OpenAI's: `azure_error` makes one of Azure's.
"""

from tests.standins.azure.arm import Arm
from tests.standins.azure.authority import Authority, Token
from tests.standins.azure.checks import azure_error
from tests.standins.azure.cloud import Azure
from tests.standins.azure.deployment import Operation, StoredDeployment
from tests.standins.azure.door import Asked
from tests.standins.azure.job import AzureJob, unsafe_data, unsafe_model
from tests.standins.azure.models import AzureModel
from tests.standins.azure.service import AzureService

__all__ = [
    "Arm",
    "Asked",
    "Authority",
    "Azure",
    "AzureJob",
    "AzureModel",
    "AzureService",
    "Operation",
    "StoredDeployment",
    "Token",
    "azure_error",
    "unsafe_data",
    "unsafe_model",
]
