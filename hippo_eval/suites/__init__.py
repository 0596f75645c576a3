"""Suites: facts that are told and questions about them, generated or read from files.

In: a name, a size and a seed, or two JSONL files. Out: a `Suite`. Knows nothing of models or scores.
"""
