"""Images with labels, from the IDX files of MNIST and of sets in the same form.

In: the name of a set ("mnist", "fashion") or a folder with four IDX files. Out: all its images as one tensor, the
official split kept. Knows nothing of tasks or networks.
"""

from hippo_columns.data.cache import DATASETS, DataUnavailable, ImageSet, datasets_home, get, load
from hippo_columns.data.idx import read_idx, write_idx
from hippo_columns.data.sources import Progress

__all__ = [
    "DATASETS",
    "DataUnavailable",
    "ImageSet",
    "Progress",
    "datasets_home",
    "get",
    "load",
    "read_idx",
    "write_idx",
]
