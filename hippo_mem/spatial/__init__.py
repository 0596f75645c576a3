"""The map of places and procedures (SMPD) [place cells and grid cells of the hippocampal formation].

In: what was told, as events, places and moves, trajectories. Out: places with coordinates, routes, answers to
questions about space, macros worth reusing. Knows nothing of episodes, of the gate or of the language model.
"""

from hippo_mem.spatial.macros import MacroLib
from hippo_mem.spatial.places import PlaceGraph
from hippo_mem.spatial.planner import NoRoute

__all__ = ["MacroLib", "NoRoute", "PlaceGraph"]
