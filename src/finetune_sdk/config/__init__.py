"""`finetune.toml` and the environment -> a profile's settings, model names, trust.

Nothing is read when this is imported, only when a function is called.
"""

from finetune_sdk.config.file import (
    FILE_NAME,
    ConfigFile,
    find_file,
    is_chosen,
    load_file,
    user_folder,
)
from finetune_sdk.config.profile import (
    ResolvedProfile,
    chosen,
    counterparts,
    resolve,
    resolve_model,
)
from finetune_sdk.config.trust import check_trust, trust_host, trusted_hosts

__all__ = [
    "FILE_NAME",
    "ConfigFile",
    "ResolvedProfile",
    "check_trust",
    "chosen",
    "counterparts",
    "find_file",
    "is_chosen",
    "load_file",
    "resolve",
    "resolve_model",
    "trust_host",
    "trusted_hosts",
    "user_folder",
]
