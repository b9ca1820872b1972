"""The one place where the version stands, and the name under which it is installed."""

__version__ = "0.1.0"

DISTRIBUTION = "finetune-anywhere"
