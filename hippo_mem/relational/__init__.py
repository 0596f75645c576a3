"""What a sentence says: text in, frames (who, what, where, when; what is what) out.

`FrameParser().parse(text)` gives `Frame`s. Knows nothing of stores, questions or the language model.
"""

import hippo_mem.relational.light_import  # noqa: F401  (before the parser's library is)

# isort: split
from hippo_mem.relational.frames import Frame, FrameParser

__all__ = ["Frame", "FrameParser"]
