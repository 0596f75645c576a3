"""Evaluation: what is told and asked, by whom it is answered, and how right that is.

In: a preset and a suite, or anyone's files. Out: figures, with every answer beside them. `hippo_eval.harness` is the
way in for programs, `hippo_eval.runner` for scripts. Knows nothing of how memories are kept or nights trained.
"""
