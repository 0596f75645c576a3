"""MMLU by log-likelihood: five worked examples, the question, and the letter of A to D that the model finds likeliest.

The worked examples of a subject are read once and kept as the model's cache; every question then costs its own tokens.
With a night over the model, its gate judges the whole prompt as always: where it stays shut the base's answer stands,
where it opens the prompt is read again with the adapter. Knows nothing of files.

Source: Hendrycks et al. 2021, § 4 and their evaluate.py (prompt layout, letters compared as next tokens). Differs:
examples are left out from the end when a prompt would not fit the context.

Shapes in this file: P tokens of the examples, Q of the question, d hidden width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hippo_eval.sets.mmlu import LETTERS, Choice, Subject

if TYPE_CHECKING:
    from hippo_mem.lm import LanguageModel

N_SHOTS = 5
_ROOM = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """The letters chosen for one question, as indices 0..3: by the base, and by the model with its night."""

    base: int
    night: int
    spoke: bool


def header(subject: str) -> str:
    """The line that opens every prompt of a subject."""
    return f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}.\n\n"


def written(item: Choice, *, solved: bool) -> str:
    """A question as the model reads it; with its answer where it is a worked example."""
    lines = [item.question, *(f"{letter}. {text}" for letter, text in zip(LETTERS, item.choices, strict=True))]
    return "\n".join(lines) + "\nAnswer:" + (f" {LETTERS[item.answer]}\n\n" if solved else "")


def pick(lm: LanguageModel, subject: Subject, questions: Sequence[Choice], done: Callable[[int], None]) -> list[Picked]:
    """Answer questions of one subject.

    Args:
        questions: some or all of the subject's.
        done: called with the number answered so far.
    """
    import torch

    shared, letters = _letters(lm)
    shots = [written(s, solved=True) for s in subject.shots[:N_SHOTS]]
    opening = header(subject.name)
    found: list[Picked] = []
    longest = max(len(lm.encode(written(q, solved=False))) for q in questions)
    while shots and len(lm.encode(opening + "".join(shots))) + longest > lm.context - _ROOM:
        shots.pop()
    prefix = opening + "".join(shots)
    layers = lm.gate.layers if lm.gate is not None else ()
    with torch.inference_mode(), lm.speaking(False):
        reading = _Prefix(lm, prefix, layers)
    for at, question in enumerate(questions, start=1):
        asked = written(question, solved=False)
        with torch.inference_mode(), lm.speaking(False):
            logits, pooled = reading.ask([*lm.encode(asked), *shared])
        base = max(range(4), key=lambda i: float(logits[letters[i]]))
        night, spoke = base, False
        if lm.adapter_dir is not None:
            spoke = bool(lm.gate.opens(pooled[None])[0]) if lm.gate is not None else True
            if spoke:
                with torch.inference_mode(), lm.speaking(True):
                    whole = torch.tensor([[*lm.encode(prefix), *lm.encode(asked), *shared]])
                    last = lm.decoder(input_ids=whole, use_cache=False).last_hidden_state[:, -1]
                    logits = lm.base.lm_head(last.contiguous())[0].float()
                night = max(range(4), key=lambda i: float(logits[letters[i]]))
        found.append(Picked(base=base, night=night, spoke=spoke))
        done(at)
    return found


def _letters(lm: LanguageModel) -> tuple[list[int], list[int]]:
    """The tokens that " A" to " D" begin with alike (none where a letter is one token), and the one each differs by."""
    spelled = [lm.encode(f" {letter}") for letter in LETTERS]
    n = next(i for i in range(len(spelled[0])) if len({s[i] for s in spelled}) > 1)
    return spelled[0][:n], [s[n] for s in spelled]


class _Prefix:
    """What every question of a subject begins with, read once by the base."""

    def __init__(self, lm: LanguageModel, text: str, layers: Sequence[int]) -> None:
        import torch

        self._lm = lm
        self._layers = tuple(layers)
        ids = lm.encode(text)
        out = lm.decoder(input_ids=torch.tensor([ids]), use_cache=True, output_hidden_states=bool(layers))
        self._n = len(ids)
        self._cache = out.past_key_values
        self._sums = self._sum(out)

    def ask(self, ids: list[int]) -> tuple[Any, Any]:
        """(V,) logits after the prefix and these tokens, and the mean hidden states of both, as the gate reads them."""
        import torch

        out = self._lm.decoder(
            input_ids=torch.tensor([ids]), past_key_values=self._cache, use_cache=True,
            output_hidden_states=bool(self._layers),
        )  # fmt: skip
        self._cache.crop(-len(ids))
        logits = self._lm.base.lm_head(out.last_hidden_state[:, -1].contiguous())[0].float()
        pooled = None
        if self._layers:
            pooled = ((self._sums + self._sum(out)) / (self._n + len(ids))).numpy()
        return logits, pooled

    def _sum(self, out: Any) -> Any:
        """(d * layers,) sums over tokens of the layers that the gate reads."""
        import torch

        if not self._layers:
            return None
        return torch.cat([out.hidden_states[layer][0].float().sum(0) for layer in self._layers])
