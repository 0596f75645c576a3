"""Episodic memory [hippocampus]: single events, kept once. In: texts with vectors and a verdict. Out: traces.

Knows nothing of how vectors are made, of what is worth keeping, or of how ranks are fused.
"""

from hippo_mem.episodic.rows import Draft
from hippo_mem.episodic.store import EpisodicStore

__all__ = ["Draft", "EpisodicStore"]
