"""The quick engine: a quantized export of the base that onnxruntime decodes, without torch in the process.

In: a model's folder, a night's folder. Out: an `Engine`. The base's weights are exported once and shared by all users;
a night's adapter is read from its own folder and given to the same graph as inputs, so a night in force costs a few
megabytes and no second model, and deleting a night leaves nothing of it here. Knows nothing of memories.
"""

from hippo_mem.lm.quick.home import EngineHome, EngineUnavailable
from hippo_mem.lm.quick.runtime import QuickEngine

__all__ = ["EngineHome", "EngineUnavailable", "QuickEngine"]
