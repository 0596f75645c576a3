"""The `hippo` command: parse, call, print.

In: words on a command line. Out: text for people on a terminal, JSON for programs, an exit code.
Knows nothing of how anything is remembered, trained or scored; nothing imports it.
"""
