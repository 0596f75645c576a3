"""`python -m hippo_cli` is `hippo`."""

from hippo_cli.main import entry

entry()
