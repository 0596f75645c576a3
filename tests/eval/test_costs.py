"""What answers cost is counted where it happens, and priced by the model's shape."""

import pytest

from hippo_eval.cells import ItemRow
from hippo_eval.cost import cost_of
from hippo_eval.metrics.cost import ModelShape, forward_flops, kv_cache_bytes
from hippo_eval.shared_prefix import PrefixReader
from hippo_eval.suites.items import Suite, TeachItem
from hippo_eval.token_meter import TokenMeter
from hippo_mem.lm import LanguageModel

SHAPE = ModelShape(n_layers=2, n_heads=4, n_kv_heads=2, head_width=8, width=32, vocabulary=100, n_params=5000)


def test_the_meter_counts_tokens_read_and_generated_without_padding(tiny: LanguageModel) -> None:
    meter = TokenMeter(tiny.base, tiny.tokenizer.pad_token_id)
    tiny.generate(["not watched"], max_new_tokens=2)
    with meter.watch() as whole:
        with meter.watch() as read:
            tiny.surprise(["abc", "abcdef"])
        assert (read.n_read, read.longest) == (4 + 7, 7)  # a byte a token, and the beginning of text
        assert read.n_generated == 0
        with meter.watch() as wrote:
            said = tiny.generate(["ab", "abcd"], max_new_tokens=5)
    assert wrote.n_read == 6
    # the first token comes of reading, the last is not read again
    assert 0 <= wrote.n_generated <= 2 * 4
    assert wrote.longest <= 4 + 4
    assert whole.n_read == read.n_read + wrote.n_read
    assert len(said) == 2


def test_what_prompts_share_is_read_once_and_changes_no_answer(tiny: LanguageModel) -> None:
    facts = "\n".join(f"Story {i}: somebody did something." for i in range(8))
    questions = ["Who did it?", "What was done in story 7, and where, please?", "Which story?"]
    prompts = [tiny.chat_prompt(f"{facts}\n\n{q}") for q in questions]
    head = prompts[0][: prompts[0].rindex(questions[0])]
    reader, meter = PrefixReader(tiny), TokenMeter(tiny.base, tiny.tokenizer.pad_token_id)
    plain = tiny.generate(prompts, max_new_tokens=8)
    with meter.watch() as first:
        assert reader.generate(prompts, max_new_tokens=8, head=head) == plain
    with meter.watch() as second:
        assert reader.generate(prompts[:2], max_new_tokens=8, head=head) == plain[:2]
    n_head = len(tiny.encode(head))
    own = sum(len(tiny.encode(p)) - n_head for p in prompts)
    said = 8 * len(prompts)  # at most; all prompts stand in one row, so what is said is read on
    assert n_head - 8 < first.n_read - own < n_head + 16 + said
    assert second.n_read < n_head / 2
    with meter.watch() as short:
        assert reader.generate(["ab", "abc"], max_new_tokens=3, head="a") == tiny.generate(
            ["ab", "abc"], max_new_tokens=3
        )
    assert short.n_read == 2 * 5


def rows(n_in_call: int = 1) -> list[ItemRow]:
    return [
        ItemRow(
            id=i, phase="on", prompt="w " * 4, gold="x", answer="y z", context_key="k", latency_ms=ms, prompt_tokens=10,
            generated_tokens=2, context_tokens=12, n_in_call=n_in_call,
        )
        for i, ms in enumerate((10.0, 20.0, 30.0))
    ]  # fmt: skip


def test_costs_are_held_against_a_context_of_everything_told() -> None:
    teach = tuple(TeachItem(fact="w " * 50, context_key=key) for key in ("k", "k", "other"))
    suite = Suite(name="s", version=1, seed=0, teach=teach, test=())
    cost = cost_of(rows(), suite, lambda text: len(text.split()), SHAPE)
    assert cost["latency"]["p50_ms"] == 20.0
    assert cost["tokens"] == {"read": 10, "generated": 2, "held": 12}
    assert cost["long_context_tokens"] == 2 * 50 + 4
    assert cost["kv_cache_bytes"]["mean"] == kv_cache_bytes(SHAPE, 12)
    assert cost["flops"]["mean"] == forward_flops(SHAPE, 10, 2)
    assert cost["flops_saved"] == pytest.approx(1 - forward_flops(SHAPE, 10, 2) / forward_flops(SHAPE, 104, 2))
    assert cost["kv_cache_saved"] == pytest.approx(1 - 12 / 106)
    assert cost_of(rows(), suite, lambda text: len(text.split()), SHAPE, isolate=False)["long_context_tokens"] == 154
    assert "flops" not in cost_of(rows(), suite, len, None)
    assert cost_of(rows(16), suite, len, SHAPE)["latency"]["of"] == "shares of batches"
