"""`python -m finetune_sdk.cli`, where the command `finetune` is not on the path."""

import sys

from finetune_sdk.cli import main

if __name__ == "__main__":
    sys.exit(main())
