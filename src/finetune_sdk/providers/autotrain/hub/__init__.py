"""Requests to the Hugging Face Hub, through its own package.

talk      one call, by the policy
hook      the limits that the package has not
failures  what a call that failed comes to
repos     repositories: what is in them, and what is put there

The package is imported on first use.
"""

from finetune_sdk.providers.autotrain.hub.talk import Hub

__all__ = ["Hub"]
