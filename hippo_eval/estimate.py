"""How long cells will take on this machine: a few seconds of each kind of work are timed, the rest is counted.

In: configurations. Out: seconds. A forecast, not a figure: nothing reported rests on it. Knows nothing of scores.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from hippo_eval import dummy
from hippo_eval.fresh import lent_model
from hippo_eval.runner import load_suite
from hippo_eval.settings import EvalConfig

# Tokens of a fact, of a question with its turn, and of the system prompt; means over the suites, default model.
_FACT, _QUESTION, _SYSTEM = 18, 30, 22
# What the model reads for a question with memory ON: nothing for most, a few spans of three texts for some.
_READ_ON = 80
# A night, in tokens that pass the model: forward and backward are three forward passes; and what it does once.
_NIGHT_TOKENS_A_FACT, _NIGHT_TOKENS_ONCE = 3_000, 10_000
_BACKWARD = 3.0
_KNOWLEDGE_TOKENS = 5_000
_SHARED = 0.4  # of a cell's time, where another has asked the same questions with memory ON before


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What this machine does: tokens read a second, seconds a step of a batch, seconds to tell and to find."""

    read_tokens_per_s: float
    step_s: float
    tell_s: float
    find_s: float


def calibrate(model: str) -> Speed:
    """Time the model on short texts, twice, the second time counting; about ten seconds.

    Raises: ModelUnavailable.
    """
    if model == dummy.NAME:
        return Speed(read_tokens_per_s=1e7, step_s=1e-6, tell_s=1e-3, find_s=1e-3)
    lm = lent_model(model)
    prompts = [lm.chat_prompt(f"Who put the brass compass number {i} into the drawer of the desk?") for i in range(16)]
    pairs = [(p, f" Marta number {i}") for i, p in enumerate(prompts)]
    read = step = 0.0
    for _ in range(2):
        began = time.perf_counter()
        lm.logprobs_many(pairs, adapter=False)
        read = time.perf_counter() - began
        began = time.perf_counter()
        lm.generate(prompts, max_new_tokens=8)
        step = (time.perf_counter() - began) / 8
    n_tokens = sum(len(lm.encode(p + c)) for p, c in pairs)
    return Speed(read_tokens_per_s=n_tokens / read, step_s=step, tell_s=0.03, find_s=0.03)


def forecast(configs: Sequence[EvalConfig], speed: Speed) -> list[float]:
    """Seconds of each cell, about, when they are measured in this order and share what the reader said."""
    asked: set[tuple[str, int, int, str]] = set()
    found = []
    for config in configs:
        seconds = seconds_of(config, speed)
        if config.is_memory and config.asks_memory:
            questions = (config.suite, config.n, config.seed, config.profile)
            seconds *= _SHARED if questions in asked else 1.0
            asked.add(questions)
        found.append(seconds)
    return found


def seconds_of(config: EvalConfig, speed: Speed) -> float:
    """What a cell will take by itself, about."""
    suite = load_suite(config)
    told, asked = len(suite.teach), len(suite.test)
    read = speed.read_tokens_per_s

    def answering(prompt: int, new: int, n: int = asked) -> float:
        return n * prompt / read + -(-n // config.batch_size) * new * speed.step_s

    if not config.is_memory:
        if config.long_context.enabled:
            contexts = len({t.context_key for t in suite.test}) or 1
            held = min(config.long_context.max_tokens, told * _FACT // contexts)
            # Each step also reads what is held; a step over a thousand tokens takes about twice as long.
            return contexts * held / read + answering(_QUESTION + _SYSTEM, config.max_new_tokens) * (1 + held / 1000)
        facts = config.k * _FACT if config.retrieval.enabled else 0
        return answering(_QUESTION + _SYSTEM + facts, config.max_new_tokens)
    total = told * (speed.tell_s + _FACT / read)
    if config.asks_memory:
        total += asked * (speed.find_s + _READ_ON / read)
    else:
        rounds = 2 if config.compute.pre_metrics else 1
        total += rounds * answering(_QUESTION, 24)
    if config.sleep:
        total += _BACKWARD * (_NIGHT_TOKENS_ONCE + told * _NIGHT_TOKENS_A_FACT) / read / 2
        total += _KNOWLEDGE_TOKENS / read if config.compute.forgetting else 0.0
    return total
