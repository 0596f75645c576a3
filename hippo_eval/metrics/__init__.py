"""Metrics. In: what was said, wanted, ranked, changed or spent. Out: numbers; None where there is nothing to measure.

    answers   EM raw and normalized, F1, refusals, overlong and malformed answers, contradictions
    ranking   recall@k, MRR                      change   paired flips, forgetting, backward transfer
    habits    write precision and recall, macro reuse, steps saved
    cost      latency percentiles, key-value cache, operations

Routes are judged by `hippo_eval.routes`. Each has an example worked by hand in tests/eval/test_metrics.py. Knows
nothing of runs, intervals or files.
"""

from hippo_eval.metrics.answers import (
    KINDS,
    contradiction_rate,
    contradicts,
    exact_match,
    f1,
    format_faults,
    holds_answer,
    is_refusal,
    kind_of,
    normalize,
    raw_match,
)
from hippo_eval.metrics.change import Flips, backward_transfer, flips, forgetting
from hippo_eval.metrics.cost import ModelShape, forward_flops, kv_cache_bytes, latency, share_saved
from hippo_eval.metrics.habits import WriteScore, reuse_rate, steps_saved, write_score
from hippo_eval.metrics.ranking import (
    answer_rank,
    hit_rate_at_k,
    mean_reciprocal_rank,
    recall_at_k,
    reciprocal_rank,
)

__all__ = [
    "KINDS",
    "Flips",
    "ModelShape",
    "WriteScore",
    "answer_rank",
    "backward_transfer",
    "contradiction_rate",
    "contradicts",
    "exact_match",
    "f1",
    "flips",
    "forgetting",
    "format_faults",
    "forward_flops",
    "hit_rate_at_k",
    "holds_answer",
    "is_refusal",
    "kind_of",
    "kv_cache_bytes",
    "latency",
    "mean_reciprocal_rank",
    "normalize",
    "raw_match",
    "recall_at_k",
    "reciprocal_rank",
    "reuse_rate",
    "share_saved",
    "steps_saved",
    "write_score",
]
