"""Keeping memories on disk. In: rows and vectors. Out: the same after a crash, or a clear error.

`Database` is the truth (SQLite), `VectorIndex` is derived from it (FAISS), `ledger` remembers which night learned
what. Knows nothing of what makes an event worth keeping, of ranking, or of language models.
"""

from hippo_mem.storage.database import Database
from hippo_mem.storage.index import VectorIndex

__all__ = ["Database", "VectorIndex"]
