"""Reading with memory on: a question and what was recalled, in; the shortest answer, out.

`reading` decides between the rules (`by_rules`) and the model that was taught to read `notes` (`lessons`). Of the rules
`fitting` finds the spans that may answer, `matching` says which memory is about the question, and `superseding` which
of two that say the same counts. `grounds` says of either's answer whether the note had enough to do with the question.
Knows nothing of stores, of how memories were found, of training.
"""

from hippo_mem.reader.by_rules import reading_prompt
from hippo_mem.reader.grounds import is_own
from hippo_mem.reader.reading import Asked, Reader, ReadingModel, open_to_doubt
from hippo_mem.reader.trimming import trimmed

__all__ = ["Asked", "Reader", "ReadingModel", "is_own", "open_to_doubt", "reading_prompt", "trimmed"]
