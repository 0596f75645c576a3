"""Reading with memory on: a question and what was recalled, in; the shortest answer, out.

`reading` decides, `fitting` finds the spans that may answer, `matching` says which memory is about the question,
`superseding` which of two that say the same counts. Knows nothing of stores, of how memories were found, of training.
"""

from hippo_mem.reader.reading import Reader, ReadingModel, reading_prompt
from hippo_mem.reader.trimming import trimmed

__all__ = ["Reader", "ReadingModel", "reading_prompt", "trimmed"]
