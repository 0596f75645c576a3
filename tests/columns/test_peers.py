"""Each peer does what its paper says, and all run over the same tasks and budget."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from hippo_columns.config import NetworkConfig
from hippo_columns.data import ImageSet
from hippo_columns.peers import MethodConfig, PeersConfig, load_peers, run_peer
from hippo_columns.peers.backbone import Perceptron, SpikingLayer
from hippo_columns.peers.distilling import LearningWithoutForgetting
from hippo_columns.peers.gating import ContextGating, random_gates
from hippo_columns.peers.method import Examples
from hippo_columns.peers.penalties import Ewc, SynapticIntelligence
from hippo_columns.peers.rehearsal import DarkExperienceReplay, ExperienceReplay, Reservoir
from hippo_columns.peers.runs import run_peers
from hippo_columns.peers.train import contexts
from hippo_columns.tasks import Task, TaskSpec, build_tasks
from hippo_mem.errors import ConfigError, InputError

SMALL = NetworkConfig(n_inputs=64, prompt_dim=4, n_columns=4, n_base_columns=2, n_hidden=16, n_steps=4)


class Line(torch.nn.Module):
    """A logistic regression without bias: the smallest backbone, whose Fisher information is known by hand."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.tensor(weights))
        self.n_units = len(weights)
        self.gates: Tensor | None = None

    @property
    def trained(self) -> list[Tensor]:
        return [self.weights]

    @property
    def decayed(self) -> list[Tensor]:
        return []

    def logit(self, x: Tensor, context: int) -> Tensor:
        return (x if self.gates is None else x * self.gates[context]) @ self.weights

    def set_gates(self, gates: Tensor) -> None:
        self.gates = gates

    def frozen_copy(self) -> Line:
        return Line(self.weights.tolist()).requires_grad_(False)


def examples(n: int = 6, n_inputs: int = 2, context: int = 0, seed: int = 0) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, n_inputs, generator=generator)
    return Examples(x=x, y=(x[:, 0] > 0).float(), context=context)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# EWC


def test_ewc_fisher_is_that_of_logistic_regression():
    task, line = examples(), Line([0.7, -0.3])
    (found,) = Ewc(line, generator(), strength=1.0, n_fisher=None).fisher(task)
    p = torch.sigmoid(task.x @ line.weights.detach())
    torch.testing.assert_close(found, ((p * (1 - p))[:, None] * task.x**2).mean(0))


def test_ewc_penalty_is_the_sum_over_tasks_of_half_lambda_fisher_distance_squared():
    line = Line([0.7, -0.3])
    ewc = Ewc(line, generator(), strength=3.0, n_fisher=None)
    terms = []
    for context, weights in enumerate(([0.7, -0.3], [-0.2, 0.4])):
        line.weights.data = torch.tensor(weights)
        task = examples(context=context, seed=context)
        terms.append((ewc.fisher(task)[0], torch.tensor(weights)))
        ewc.end_task(task)
    now = torch.tensor([1.0, 2.0], requires_grad=True)
    penalty = sum((3.0 / 2 * f * (now - then) ** 2).sum() for f, then in terms)
    penalty.backward()  # type: ignore[union-attr]
    line.weights.data = now.detach().clone()
    line.weights.grad = torch.tensor([0.5, 0.5])
    ewc.adjust_gradients()
    torch.testing.assert_close(line.weights.grad, now.grad + 0.5)


def test_the_published_fisher_is_the_square_of_a_batchs_mean_gradient():
    task, line = examples(5), Line([0.7, -0.3])
    (found,) = Ewc(line, generator(), strength=1.0, fisher="batches", n_fisher=None).fisher(task)
    weights = torch.tensor([0.7, -0.3], requires_grad=True)
    logit = task.x @ weights
    F.binary_cross_entropy_with_logits(logit, (logit > 0).float().detach()).backward()
    torch.testing.assert_close(found, 5 * weights.grad**2)


# SI


def test_the_path_integral_of_si_is_the_loss_drop():
    """Small steps downhill on L = a (w0 - 3)^2 + b (w1 + 1)^2: ω sums to what was gained, each to its own part."""
    line, target, curvature = Line([0.0, 0.0]), torch.tensor([3.0, -1.0]), torch.tensor([1.0, 0.25])
    si = SynapticIntelligence(line, generator(), strength=1.0)
    optimizer = torch.optim.SGD([line.weights], lr=1e-3)
    before = (curvature * (line.weights.detach() - target) ** 2).clone()
    for _ in range(500):
        optimizer.zero_grad()
        (curvature * (line.weights - target) ** 2).sum().backward()
        si.adjust_gradients()
        optimizer.step()
        si.after_step()
    after_ = curvature * (line.weights.detach() - target) ** 2
    torch.testing.assert_close(si.path[0], before - after_, rtol=2e-3, atol=1e-4)
    change = line.weights.detach().clone()
    path = si.path[0].clone()
    si.end_task(examples())
    torch.testing.assert_close(si.importance[0], path / (change**2 + 0.1))
    assert float(si.path[0].abs().sum()) == 0.0


def test_si_pulls_back_to_where_the_last_task_ended_and_keeps_the_losss_own_gradient():
    line = Line([1.0, 2.0])
    si = SynapticIntelligence(line, generator(), strength=2.0)
    si.end_task(examples())
    si.importance[0] = torch.tensor([0.5, 0.0])
    line.weights.data = torch.tensor([1.5, 9.0])
    line.weights.grad = torch.tensor([0.1, 0.1])
    si.adjust_gradients()
    torch.testing.assert_close(line.weights.grad, torch.tensor([0.1 + 2 * 2.0 * 0.5 * 0.5, 0.1]))
    line.weights.data -= 0.1
    si.after_step()
    torch.testing.assert_close(si.path[0], torch.tensor([0.01, 0.01]))


# LwF


def test_lwf_answers_old_contexts_as_before_on_new_images():
    line = Line([0.7, -0.3])
    lwf = LearningWithoutForgetting(line, generator(), temperature=2.0, weight=0.5)
    task = examples(context=1, seed=1)
    alone = lwf.loss(task.x, task.y, 1)
    torch.testing.assert_close(alone, F.binary_cross_entropy_with_logits(task.x @ line.weights, task.y))
    lwf.end_task(examples())
    teacher = (task.x @ line.weights).detach()
    line.weights.data = torch.tensor([0.1, 0.9])
    now = (task.x @ line.weights).detach()
    wanted = 4 * F.binary_cross_entropy_with_logits(now / 2, torch.sigmoid(teacher / 2))
    torch.testing.assert_close(lwf.distillation(task.x).detach(), wanted)
    new = F.binary_cross_entropy_with_logits(now, task.y)
    torch.testing.assert_close(lwf.loss(task.x, task.y, 1).detach(), new + 0.5 * wanted)


def test_lwf_is_content_when_nothing_changed():
    line = Line([0.7, -0.3])
    lwf = LearningWithoutForgetting(line, generator(), weight="by_tasks")
    lwf.end_task(examples())
    lwf.distillation(examples(seed=1).x).backward()
    torch.testing.assert_close(line.weights.grad, torch.zeros(2), atol=1e-6, rtol=0)


# Rehearsal


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 12))
def test_a_reservoir_holds_what_it_can_and_nothing_twice(portions: list[int], capacity: int):
    reservoir, offered = Reservoir(capacity, generator()), 0
    for n in portions:
        ids = torch.arange(offered, offered + n).float()
        reservoir.offer(ids[:, None], ids, ids, 0)
        offered += n
    assert len(reservoir) == min(capacity, offered)
    kept = reservoir.draw(len(reservoir))
    assert len(set(kept.y.tolist())) == len(reservoir)
    assert torch.equal(kept.x.squeeze(1), kept.y)


def test_a_reservoir_is_uniform_over_all_it_was_offered():
    counts, source = np.zeros(40), generator()
    for _ in range(1500):
        reservoir = Reservoir(8, source)
        for part in torch.arange(40.0).split(7):
            reservoir.offer(part[:, None], part, part, 0)
        counts[reservoir.draw(8).y.long().numpy()] += 1
    # Each is kept with chance 8/40: 300 of 1500 times, deviation 15.5; chi-square of 39 degrees stays below 73 in
    # 999 of 1000 cases.
    assert counts.sum() == 8 * 1500
    chi_square = (((counts - 300) ** 2) / 300 / (1 - 8 / 40)).sum()
    assert chi_square < 73


def test_a_reservoir_without_limit_keeps_all_and_an_empty_one_says_so():
    reservoir = Reservoir(None, generator())
    with pytest.raises(InputError, match="nothing was offered"):
        reservoir.draw(1)
    reservoir.offer(torch.zeros(20, 1), torch.arange(20.0), torch.zeros(20), 3)
    assert sorted(reservoir.draw(20).y.tolist()) == list(range(20))
    assert len(reservoir.draw(50).y) == 50
    assert set(reservoir.draw(5).context.tolist()) == {3}
    with pytest.raises(ConfigError, match="got 0"):
        Reservoir(0, generator())


def test_er_weighs_old_and_new_alike_and_asks_each_old_sample_in_its_context():
    line = Line([0.7, -0.3])
    line.set_gates(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    er = ExperienceReplay(line, generator(), capacity=None)
    old, new = examples(context=0), examples(context=1, seed=1)
    assert er.n_replayed == 0
    er.end_task(old)
    assert er.n_replayed == 1
    loss_old = F.binary_cross_entropy_with_logits(old.x[:, 0] * 0.7, old.y)
    loss_new = F.binary_cross_entropy_with_logits(new.x[:, 1] * -0.3, new.y)
    torch.testing.assert_close(er.loss(new.x, new.y, 1).detach(), 0.5 * (loss_old + loss_new))


def test_der_keeps_the_logits_of_when_the_task_was_learned():
    line = Line([0.7, -0.3])
    der = DarkExperienceReplay(line, generator(), capacity=1, alpha=2.0, beta=3.0)
    old, new = examples(1), examples(4, seed=1)
    then = float((old.x @ line.weights.detach())[0])
    der.end_task(old)
    line.weights.data = torch.tensor([-1.0, 0.5])
    now = (old.x @ line.weights).detach()
    wanted = (
        F.binary_cross_entropy_with_logits((new.x @ line.weights).detach(), new.y)
        + 2.0 * (now.item() - then) ** 2
        + 3.0 * F.binary_cross_entropy_with_logits(now, old.y)
    )
    torch.testing.assert_close(der.loss(new.x, new.y, 0).detach(), wanted)


# XdG


def test_gates_are_fixed_random_and_leave_a_fifth():
    gates = random_gates(3, 100, 0.8, generator())
    assert gates.sum(1).tolist() == [20.0, 20.0, 20.0]
    assert not torch.equal(gates[0], gates[1])
    with pytest.raises(ConfigError, match="leaves none on"):
        random_gates(1, 10, 1.0, generator())


@pytest.mark.parametrize("kind", ["spiking", "mlp"])
def test_what_is_gated_off_learns_nothing(kind: str):
    backbone = (
        SpikingLayer(dataclasses.replace(SMALL, n_base_columns=4), torch.randn(2, 4, generator=generator()), seed=0)
        if kind == "spiking"
        else Perceptron((0, 1), side=8, n_hidden=20)
    )
    method = ContextGating(backbone, generator(), n_contexts=2)
    task = examples(32, 64)
    method.loss(task.x.abs(), task.y, 0).backward()
    assert backbone.gates is not None
    off = backbone.gates[0] == 0
    if isinstance(backbone, SpikingLayer):
        rows = backbone.network.base.input_weight.grad.flatten(0, 1)
    else:
        rows, off = backbone.first.weight.grad, off[:20]
    assert float(rows[off].abs().sum()) == 0.0
    assert float(rows[~off].abs().sum()) > 0.0


# The runner


A = TaskSpec(name="a", dataset="glyphs", classes=(0, 1))
B = TaskSpec(name="b", dataset="glyphs", classes=(2, 3))
AP = TaskSpec(name="ap", dataset="glyphs", classes=(5, 4), kind="pair", consolidate_into="a")
METHODS = (
    MethodConfig(method="naive", label="naive"),
    MethodConfig(method="joint", label="joint"),
    MethodConfig(method="ewc", label="EWC", strength=10.0, n_fisher=50),
    MethodConfig(method="si", label="SI", strength=1.0),
    MethodConfig(method="lwf", label="LwF"),
    MethodConfig(method="er", label="ER-20", capacity=20),
    MethodConfig(method="der++", label="DER++-all"),
    MethodConfig(method="xdg", label="XdG"),
)
CONFIG = PeersConfig(
    name="small", tasks=(A, B, AP), methods=METHODS, network=SMALL, epochs=3, batch_size=16, lr=0.01, n_hidden=32
)


@pytest.fixture(scope="module")
def tasks(glyphs: ImageSet) -> tuple[Task, ...]:
    return build_tasks(CONFIG.tasks, {"glyphs": glyphs})


def test_contexts_say_who_is_told_what(tasks: tuple[Task, ...]):
    assert contexts(tasks, "task") == (0, 1, 2)
    assert contexts(tasks, "parent") == (0, 1, 0)
    assert contexts(tasks, "one") == (0, 0, 0)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
@pytest.mark.parametrize("backbone", ["spiking", "mlp"])
def test_every_peer_learns_tests_after_each_task_and_keeps_to_the_budget(
    tasks: tuple[Task, ...], method: MethodConfig, backbone: str
):
    config = dataclasses.replace(CONFIG, backbone=backbone, n_samples=2400)
    result = run_peer(config, tasks, "task", method, seed=0)
    assert 2400 <= result.n_samples <= 2400 + 3 * 2 * config.batch_size
    assert result.matrix.shape == (1 if method.method == "joint" else 3, 3)
    assert result.test_mean == pytest.approx(np.mean([result.test[t.name] for t in tasks]))
    # The task that was trained last is known, whatever happened to the others.
    assert result.test["ap"] > 0.8
    assert set(result.val) == set(result.train) == {"a", "b", "ap"}
    if method.method != "joint":
        assert np.isnan(result.matrix[0, 1:]).all()
        assert result.bwt is not None


def test_the_same_seed_gives_the_same_run_and_what_is_rehearsed_is_not_overwritten(glyphs: ImageSet):
    # One prompt for both, and class 1 is the second class of a but the first one of ap: only one task can have it.
    specs = (A, dataclasses.replace(AP, classes=(1, 2)))
    tasks = build_tasks(specs, {"glyphs": glyphs})
    config = dataclasses.replace(CONFIG, tasks=specs, epochs=6, lr=0.02, decay=False)
    naive, _, _, _, _, _, der, _ = METHODS
    first, again = (run_peer(config, tasks, "parent", naive, seed=1) for _ in range(2))
    assert np.array_equal(first.matrix, again.matrix, equal_nan=True)
    assert first.test["ap"] > 0.9
    assert first.test["a"] < 0.6
    rehearsed = run_peer(config, tasks, "parent", der, seed=1)
    assert rehearsed.test["a"] > 0.7


def test_runs_are_kept_and_only_what_is_missing_is_run(glyph_folder: Path, tmp_path: Path):
    specs = tuple(dataclasses.replace(spec, dataset=str(glyph_folder)) for spec in (A, B, AP))
    config = dataclasses.replace(CONFIG, tasks=specs, methods=METHODS[:2], scenarios=("task",), n_samples=300)
    told: list[tuple[str, int, int]] = []
    first = run_peers(config, [0, 1], tmp_path, progress=lambda *a: told.append(a))
    assert [s["label"] for s in first] == ["naive", "joint"] * 2
    assert told[-1] == ("done", 4, 4)
    file = tmp_path / "small" / "task" / "naive" / "0" / "summary.json"
    kept = json.loads(file.read_text())
    assert kept["test_acc_mean"] == pytest.approx(np.mean(list(kept["test_acc"].values())))
    assert (file.parent / "acc_matrix.csv").read_text().splitlines()[0] == "stage,a,b,ap"
    file.write_text(json.dumps({**kept, "seconds": -1.0}))
    assert run_peers(config, [0], tmp_path)[0]["seconds"] == -1.0
    changed = dataclasses.replace(config, lr=0.02)
    assert run_peers(changed, [0], tmp_path)[0]["seconds"] > 0
    with pytest.raises(InputError, match="no method is labelled 'EWC'; known: naive, joint"):
        run_peers(config, [0], tmp_path, only=["EWC"])


def test_every_error_of_a_file_is_named(tmp_path: Path):
    file = tmp_path / "peers.yaml"
    file.write_text("name: x\ntasks: [{name: a}]\nmethods: [{method: ewk, label: e}]\n")
    with pytest.raises(ConfigError, match=r"methods\.0.*'ewk'"):
        load_peers(file)
    file.write_text("name: x\ntasks: [{name: a}]\nmethods: [{method: si, label: e}, {method: ewc, label: e}]\nlr: -1\n")
    with pytest.raises(ConfigError, match=r"labelled 'e'.*lr must be above 0, got -1"):
        load_peers(file)
    file.write_text("name: x\ntasks: [{name: a}]\nmethods: [{method: si, label: e}]\nepoch: 1\n")
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        load_peers(file)
    file.write_text("name: x\nmethods: []\n")
    with pytest.raises(ConfigError, match="tasks, methods must be given"):
        load_peers(file)


def test_the_configurations_of_the_repository_can_be_read():
    files = sorted((Path(__file__).resolve().parents[2] / "configs" / "peers").glob("*.yaml"))
    assert files
    for file in files:
        assert load_peers(file).pairs
