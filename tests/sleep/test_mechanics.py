"""The quick paths of training equal the plain ones: packing, grouped attention, the fused MLP, soft targets."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model

from hippo_mem.lm import LanguageModel
from hippo_mem.sleep.fused_mlp import fusable, fused
from hippo_mem.sleep.packing import pack
from hippo_mem.sleep.soft_targets import divergence, soft_targets
from hippo_mem.sleep.vocabulary_loss import plain_head, vocabulary_loss

SEQUENCES = [[5, 9, 20, 31], [5, 9, 20, 8, 9], [40, 41, 42, 43, 44, 45, 46], [5, 9, 20, 12, 60], [90, 91, 92, 4]]
MLP = ["gate_proj", "up_proj", "down_proj"]


def adapted(lm: LanguageModel, targets: list[str] = MLP, **options: float) -> torch.nn.Module:
    torch.manual_seed(1)
    peft = get_peft_model(
        lm.base, LoraConfig(r=4, lora_alpha=8, target_modules=targets, **options), autocast_adapter_dtype=False
    )
    for name, parameter in peft.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.05)
    return peft


def states(lm: LanguageModel, sequences: list[list[int]], row: int) -> list[torch.Tensor]:
    packed = pack(sequences, torch.float32, row)
    out = lm.decoder(
        input_ids=packed.ids, position_ids=packed.positions, attention_mask=packed.mask, use_cache=False
    ).last_hidden_state
    return [packed.rows(out, i, 0, len(s)) for i, s in enumerate(sequences)]


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=20),
    openings=st.lists(st.integers(0, 1), min_size=20, max_size=20),
    row=st.integers(1, 64),
)
@settings(max_examples=80, deadline=None)
def test_every_token_sees_its_own_sequence_and_nothing_else(lengths: list[int], openings: list[int], row: int) -> None:
    sequences = [
        [1 + o, 7, 8][:n] + [100 * (i + 1) + j for j in range(n - 3)]
        for i, (n, o) in enumerate(zip(lengths, openings, strict=False))
    ]
    packed = pack(sequences, torch.float32, row)
    ids, positions = packed.ids[..., None], packed.positions[..., None]
    for i, sequence in enumerate(sequences):
        n = len(sequence)
        assert packed.rows(ids, i, 0, n)[:, 0].tolist() == sequence
        assert packed.rows(positions, i, 0, n)[:, 0].tolist() == list(range(n))
        seen = packed.rows(packed.mask[:, 0], i, 0, n) == 0  # (n, T): what each of its tokens looks at
        row_ids = packed.ids[packed.places[i][0]]
        for j in range(n):
            assert sorted(row_ids[seen[j]].tolist()) == sorted(sequence[: j + 1])


def test_nothing_to_pack_is_refused() -> None:
    for wrong in ([], [[1], []]):
        with pytest.raises(ValueError, match="nothing to pack"):
            pack(wrong, torch.float32)


def test_packed_rows_give_what_single_rows_give(tiny: LanguageModel) -> None:
    with torch.no_grad():
        for one, many in zip([states(tiny, [s], 1)[0] for s in SEQUENCES], states(tiny, SEQUENCES, 8), strict=True):
            torch.testing.assert_close(many, one, atol=1e-5, rtol=1e-4)


def gradients(lm: LanguageModel, peft: torch.nn.Module, *, quick: bool) -> tuple[float, dict[str, torch.Tensor]]:
    for parameter in peft.parameters():
        parameter.grad = None
    ours = lm.base.config._attn_implementation
    if quick:
        with fused(lm.decoder.layers) as n:
            assert n == lm.n_layers
            loss = torch.cat(states(lm, SEQUENCES, 8)).square().mean()
            loss.backward()
    else:
        lm.base.config._attn_implementation = "eager"
        loss = torch.cat(states(lm, SEQUENCES, 8)).square().mean()
        loss.backward()
        lm.base.config._attn_implementation = ours
    return loss.item(), {n: p.grad.clone() for n, p in peft.named_parameters() if p.grad is not None}


def test_quick_and_plain_training_steps_have_the_same_gradients(tiny: LanguageModel) -> None:
    peft = adapted(tiny)
    plain_loss, plain = gradients(tiny, peft, quick=False)
    quick_loss, quick = gradients(tiny, peft, quick=True)
    assert quick_loss == pytest.approx(plain_loss, rel=1e-5)
    assert quick.keys() == plain.keys()
    assert len(plain) == 3 * 2 * tiny.n_layers
    for name, value in plain.items():
        torch.testing.assert_close(quick[name], value, atol=1e-6, rtol=1e-3)


def test_the_quick_path_leaves_the_model_as_it_was(tiny: LanguageModel) -> None:
    adapted(tiny)
    with fused(tiny.decoder.layers):
        assert all("forward" in vars(block.mlp) for block in tiny.decoder.layers)
    assert all("forward" not in vars(block.mlp) for block in tiny.decoder.layers)


@pytest.mark.parametrize(
    ("targets", "options"), [(["q_proj", "up_proj"], {}), (MLP, {"lora_dropout": 0.1})], ids=["partial", "dropout"]
)
def test_blocks_of_another_shape_keep_the_librarys_forward(
    tiny: LanguageModel, targets: list[str], options: dict[str, float]
) -> None:
    adapted(tiny, targets, **options)
    assert not any(fusable(block.mlp) for block in tiny.decoder.layers)


def test_the_base_diverges_from_itself_by_what_its_top_tokens_leave_out(tiny: LanguageModel) -> None:
    tokens = tiny.encode("The harbor was quiet.")
    vocabulary = len(tiny.tokenizer)
    (exact,) = soft_targets(tiny, [(tokens, 0)], vocabulary)
    with torch.no_grad():
        hidden = tiny.decoder(input_ids=torch.tensor([tokens]), use_cache=False).last_hidden_state[0]
        logits = tiny.base.lm_head(hidden)
    assert divergence(logits, exact).item() == pytest.approx(0.0, abs=1e-4)
    assert divergence(logits + 3 * torch.randn_like(logits), exact).item() > 0.1


def test_soft_targets_start_where_they_are_asked_to(tiny: LanguageModel) -> None:
    tokens = tiny.encode("one two three")
    (target,) = soft_targets(tiny, [(tokens, 4)], 5)
    assert target.top.shape == (len(tokens) - 4, 5)
    assert target.probabilities.sum(1).tolist() == pytest.approx([1.0] * (len(tokens) - 4), rel=1e-5)


def test_the_vocabulary_loss_and_its_gradient_are_the_librarys() -> None:
    torch.manual_seed(3)
    head, targets, weights = torch.randn(50, 8), torch.tensor([3, 0, 49]), torch.tensor([1.0, 0.5, 0.0])
    rows = torch.randn(3, 8, requires_grad=True)
    other = rows.detach().clone().requires_grad_(True)
    total, losses = vocabulary_loss(rows, head, targets, weights)
    expected = torch.nn.functional.cross_entropy(other @ head.T, targets, reduction="none")
    torch.testing.assert_close(losses, expected.detach())
    (2 * total).backward()
    (2 * (expected * weights).sum()).backward()
    torch.testing.assert_close(rows.grad, other.grad)


def test_only_a_bare_head_is_fused(tiny: LanguageModel) -> None:
    assert plain_head(tiny.base) is tiny.base.lm_head.weight
    tiny.base.config.final_logit_softcapping = 30.0
    assert plain_head(tiny.base) is None
