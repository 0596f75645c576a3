"""Spiking columns that learn one task after another, and sleep.

In: tasks of images with one binary answer each. Out: one network that answers all of them, its masks, and what it kept
and lost on the way. Of the language model's memory only `hippo_mem.replay` is used here: which samples come again is
decided by the same code for both. Knows nothing of language.
"""
