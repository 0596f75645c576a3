"""Other people's data sets, told and asked through the ordinary memory.

In: the folder of a set. Out: its figures. Only the format of the files is read here; what the sentences say is for
memory to understand. Knows nothing of how memories are kept.
"""
